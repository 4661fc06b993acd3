"""The fault server before a real target: what passes unchanged, and what goes wrong on demand."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from acme_sdk.errors import FatalError, RetriableError
from acme_sdk.testing.faults import Answer, Fault, FaultServer, Replay

NEVER = Fault(Answer(500), first=10**9)
DOCUMENT = {"results": list(range(1000))}


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent, compressed."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            sent = b""
            while size := int(self.rfile.readline(), 16):
                sent += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/moved":
            self.send_response(307)
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        shown = {
            "path": self.path,
            "host": self.headers["Host"],
            "key": self.headers["X-Key"],
            "sent": sent.decode(),
        }
        body = gzip.compress(json.dumps(shown | DOCUMENT).encode())
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - the base class's name for it

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("body", [b"some text", iter([b"some ", b"text"])])
def test_requests_and_answers_pass_unchanged(target, body):
    with FaultServer(NEVER) as server, server.session() as session:
        server.arm()
        response = session.post(f"{target}/a%20b?c=d&c=e", data=body, headers={"X-Key": "k"})
    assert response.url == f"{target}/a%20b?c=d&c=e"
    shown = response.json()
    assert shown["path"] == "/a%20b?c=d&c=e"
    assert (shown["host"], shown["key"], shown["sent"]) == (target.removeprefix("http://"), "k", "some text")
    assert [(request.method, request.faulted) for request in server.requests] == [("POST", False)]


def test_redirects_are_followed_by_the_session(target):
    with FaultServer(NEVER) as server, server.session() as session:
        server.arm()
        assert session.post(f"{target}/moved", data=b"x").json()["path"] == "/"
    assert len(server.requests) == 2


def test_nothing_happens_before_it_is_armed(target):
    with FaultServer(Fault(Answer(500))) as server, server.session() as session:
        assert session.get(target).status_code == 200
        server.arm()
        with pytest.raises(RetriableError):
            session.get(target).json()


def test_a_fault_happens_to_the_requests_it_is_meant_for(target):
    with FaultServer(Fault(Answer(404), first=2, times=2)) as server, server.session() as session:
        server.arm()
        assert [session.get(target).status_code for _ in range(4)] == [200, 404, 404, 200]


def test_a_page_is_replayed_out_of_memory_and_leaves_nothing_there(target):
    replay = Replay(Answer(200, body=b"page"), Answer(200, body=b"last"), first=2, times=1000)
    with FaultServer(replay) as server, server.session() as session:
        server.arm()
        told = [session.get(target).content for _ in range(1002)]
    assert json.loads(told[0])["path"] == "/"
    assert told[1:] == [b"page"] * 1000 + [b"last"]
    assert (server.asked, len(server.requests)) == (1002, 1)


def test_half_an_answer_is_no_json_whatever_its_encoding(target):
    with FaultServer(Fault(None)) as server, server.session() as session:
        server.arm()
        with pytest.raises(FatalError) as caught:
            session.get(target).json()
    assert caught.value.code == "http.not_json"


def test_a_target_that_is_not_there_is_a_lost_connection():
    with FaultServer(NEVER) as server, server.session() as session, pytest.raises(RetriableError):
        session.post("http://127.0.0.1:1/", data=b"x")

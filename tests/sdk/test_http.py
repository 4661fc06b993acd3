"""`self.http` against real servers on loopback: what it repeats, waits for, says and sends."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from acme_sdk.errors import FatalError, RetriableError
from acme_sdk.http import HttpSession
from acme_sdk.http import session as http


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


Handle = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """Answers the first requests as scripted, the rest with the last of the script."""

    script: list[Handle]
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                owner.seen.append(
                    Seen(self.command, self.path, dict(self.headers.items()), body, time.monotonic())
                )
                owner.script[min(len(owner.seen), len(owner.script)) - 1](self)

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "PATCH", "POST"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


def answer(status: int, body: bytes = b'{"ok": true}', **headers: str) -> Handle:
    def handle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        sent = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in sent.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
        request.wfile.flush()

    return handle


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def stay_silent(request: BaseHTTPRequestHandler) -> None:
    time.sleep(60)
    request.close_connection = True


def cut_off(request: BaseHTTPRequestHandler) -> None:
    answer(200, b'{"results": [1, 2', Content_Length="1000")(request)
    request.close_connection = True


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*script: Handle) -> Server:
        servers.append(Server(list(script)))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpSession]:
    """A session whose growing pauses are short; what a server asks for is still waited for."""
    monkeypatch.setattr(http, "PAUSE_S", 0.01)
    with HttpSession() as session:
        yield session


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_repeated(serve, session, status):
    server = serve(answer(status), answer(status), answer(200))
    assert session.get(server.url).json() == {"ok": True}
    assert len(server.seen) == 3


def test_a_lost_connection_is_repeated(serve, session):
    server = serve(hang_up, answer(200))
    assert session.get(server.url).status_code == 200
    assert len(server.seen) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 501])
def test_what_would_fail_in_the_same_way_is_not_repeated(serve, session, status):
    server = serve(answer(status))
    assert session.get(server.url).status_code == status
    assert len(server.seen) == 1


def test_repeating_ends_and_the_status_can_be_looked_at(serve, session):
    server = serve(answer(503))
    response = session.get(server.url)
    assert (response.status_code, response.ok, bool(response)) == (503, False, False)
    assert len(server.seen) == 1 + http.RETRIES


def test_pauses_grow(serve, monkeypatch):
    pauses = []
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=pauses.append))
    server = serve(answer(500), answer(500), answer(500), answer(500), answer(200))
    with HttpSession() as session:
        session.get(server.url)
    for pause, usual in zip(pauses[-3:], (1, 2, 4), strict=True):
        assert usual <= pause <= usual + http.PAUSE_S


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_retry_after_is_waited_for(serve, session, method, status):
    server = serve(answer(status, Retry_After="1"), answer(200))
    assert session.request(method, server.url).status_code == 200
    assert server.seen[1].at - server.seen[0].at >= 1


def test_retry_after_is_capped(serve, monkeypatch):
    monkeypatch.setattr(http, "LONGEST_WAIT_S", 1)
    server = serve(answer(429, Retry_After="86400"), answer(200))
    with HttpSession() as session:
        assert session.get(server.url).status_code == 200
    assert 1 <= server.seen[1].at - server.seen[0].at < 60


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("failure", [answer(500), answer(502), answer(503), answer(504)])
def test_what_may_have_been_written_is_not_written_twice(serve, session, method, failure):
    server = serve(failure, answer(200))
    assert session.request(method, server.url, json={"a": 1}).status_code >= 500
    assert len(server.seen) == 1


def test_a_post_whose_answer_is_lost_is_not_repeated(serve, session):
    server = serve(hang_up, answer(200))
    with pytest.raises(RetriableError) as caught:
        session.post(server.url, json={"a": 1})
    assert (caught.value.code, len(server.seen)) == ("connect.lost", 1)


def test_a_post_with_an_idempotency_key_is_repeated(serve, session):
    server = serve(hang_up, answer(502), answer(409, Retry_After="0"), answer(200))
    key = {"Idempotency-Key": "k"}
    assert session.post(server.url, json={"a": 1}, headers=key).status_code == 200
    assert [seen.headers["Idempotency-Key"] for seen in server.seen] == ["k"] * 4
    # Not for good: the next one is another request.
    server = serve(answer(409, Retry_After="0"))
    assert session.post(server.url, json={"a": 1}).status_code == 409
    assert len(server.seen) == 1


def test_a_post_that_was_refused_for_its_rate_is_repeated_with_its_body(serve, session):
    server = serve(answer(429), answer(200))
    assert session.post(server.url, json={"a": 1}).status_code == 200
    assert [json.loads(seen.body) for seen in server.seen] == [{"a": 1}, {"a": 1}]


def test_silence_ends_in_a_timeout(serve, session):
    server = serve(stay_silent)
    with pytest.raises(RetriableError) as caught:
        session.post(f"{server.url}/slow?key=hunter2", timeout=0.3)
    assert caught.value.code == "timeout"
    assert str(caught.value) == f"POST {server.url}/slow: no answer in time"


def test_every_call_has_a_timeout(serve, monkeypatch):
    monkeypatch.setattr(http, "READ_TIMEOUT_S", 0.2)
    server = serve(stay_silent)
    with HttpSession() as session, pytest.raises(RetriableError) as caught:
        session.post(server.url)
    assert caught.value.code == "timeout"


def test_nobody_listens(session):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and not listening
        port = bound.getsockname()[1]
        with pytest.raises(RetriableError) as caught:
            session.get(f"http://user:hunter2@127.0.0.1:{port}/data?api_key=hunter2")
    assert caught.value.code == "connect.refused"
    assert str(caught.value) == f"GET http://127.0.0.1:{port}/data: connection refused"
    assert caught.value.hint


def test_an_unknown_host(session):
    with pytest.raises(RetriableError) as caught:
        session.get("http://no-such-host.invalid/")
    assert caught.value.code == "dns.not_found"


def test_no_address_at_all(session):
    with pytest.raises(FatalError) as caught:
        session.get("localhost:8080/data?key=hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, FatalError), (404, FatalError), (429, RetriableError), (500, RetriableError)]
)
@pytest.mark.parametrize(
    "ask", [lambda response: response.json(), lambda response: response.raise_for_status()]
)
def test_an_error_page_is_not_data(serve, session, status, kind, ask):
    server = serve(answer(status, b'{"results": []}'))
    response = session.get(f"{server.url}/data", params={"api_key": "hunter2"})
    with pytest.raises(kind) as caught:
        ask(response)
    assert caught.value.code == f"http.{status}"
    assert str(caught.value).startswith(f"GET {server.url}/data answered {status}")
    assert "hunter2" not in f"{caught.value!r}{caught.value}{caught.value.hint}"
    assert caught.value.__cause__ is None


def test_truncated_json_is_an_error_that_says_where(serve, session):
    server = serve(answer(200, b'{"results": [1, 2'))
    with pytest.raises(FatalError) as caught:
        session.get(f"{server.url}/data?api_key=hunter2").json()
    assert caught.value.code == "http.not_json"
    assert "17 bytes of application/json that are not JSON" in str(caught.value)
    assert "at character 17" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_page_of_html_is_no_json(serve, session):
    server = serve(answer(200, b"<html>Sign in</html>", Content_Type="text/html"))
    with pytest.raises(FatalError, match="text/html that are not JSON"):
        session.get(server.url).json()


def test_an_answer_that_breaks_off_is_a_lost_connection(serve, session):
    server = serve(cut_off)
    with pytest.raises(RetriableError) as caught:
        session.get(f"{server.url}/data?api_key=hunter2")
    assert caught.value.code == "connect.lost"
    assert "hunter2" not in str(caught.value)


def test_a_redirect_to_another_host_carries_no_credentials(serve, session):
    target = serve(answer(200))
    first = serve(answer(302, Location=f"{target.url}/elsewhere"))
    session.headers["X-Api-Key"] = "hunter2"
    sent = {"Authorization": "Bearer hunter2", "Private-Token": "hunter2", "Accept": "application/json"}
    # Another port is another host.
    session.get(first.url, headers=sent, cookies={"session": "hunter2"})
    assert "hunter2" in str(first.seen[0].headers)
    assert "hunter2" not in str(target.seen[0].headers)
    assert target.seen[0].headers["Accept"] == "application/json"


def test_a_redirect_within_the_host_keeps_them(serve, session):
    server = serve(answer(302, Location="/data/"), answer(200))
    session.get(f"{server.url}/data", headers={"X-Api-Key": "hunter2"})
    assert [seen.headers["X-Api-Key"] for seen in server.seen] == ["hunter2", "hunter2"]


def test_the_face_shows_the_same_classes():
    import acme.sdk.http
    import acme_sdk.http

    assert acme.sdk.http.__all__ == acme_sdk.http.__all__
    assert all(getattr(acme.sdk.http, name) is getattr(acme_sdk.http, name) for name in acme_sdk.http.__all__)

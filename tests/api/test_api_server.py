"""The server behind ``acme api``: its workers, how they end, and what clients can do to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.api.command import ACME, Server, running_server
from tests.api.rogues import hang, rogue

LOOPBACK = ("--egress-allow", "127.0.0.0/8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server"), "--workers", "2", *LOOPBACK) as server:
        yield server


def probes(worker: psutil.Process) -> list[psutil.Process]:
    return [child for child in worker.children() if "acme_sdk.worker" in child.cmdline()]


def test_a_worker_that_is_killed_in_the_middle_of_a_test(server: Server) -> None:
    server.wait_until(lambda: len(server.workers()) == 2)
    with ThreadPoolExecutor() as pool, rogue(hang) as silent:
        tests = [pool.submit(server.test, silent.port) for _ in range(2)]
        for _ in tests:
            assert silent.came.acquire(timeout=120)
        # These are all that a caller gets, of all workers together.
        assert {server.test(silent.port).status_code for _ in range(8)} == {429}

        killed = next(worker for worker in server.workers() if probes(worker))
        ours = probes(killed)
        killed.kill()
        server.wait_until(lambda: sum(test.done() for test in tests) >= len(ours))
        ended = [test for test in tests if test.done()]
        assert len(ended) == len(ours)
        for test in ended:
            assert isinstance(test.exception(), requests.ConnectionError)
        assert server.get("/api/v1/connectors").status_code == 200
        server.wait_until(lambda: not any(probe.is_running() for probe in ours))
        server.wait_until(lambda: len(server.workers()) == 2)
        server.wait_until(lambda: not [*Path(tempfile.gettempdir()).glob(f"acme-test-{killed.pid}-*")])
        # The places of the one that was killed are free again.
        again = [pool.submit(server.test, silent.port) for _ in ours]
        for _ in again:
            assert silent.came.acquire(timeout=120)
    assert {test.result().status_code for test in (*again, *tests) if test not in ended} == {200}


def test_nothing_is_open_in_the_process_that_forks(server: Server) -> None:
    assert server.process.num_threads() == 1
    assert [c.status for c in server.process.net_connections()] == [psutil.CONN_LISTEN]


def test_what_is_registered_or_deleted_is_so_in_all_workers_at_once(server: Server) -> None:
    def names() -> set[str]:
        # A connection of its own, which any worker may accept.
        return {item["name"] for item in server.get("/api/v1/connectors").json()["data"]}

    for number in range(20):
        name = f"lake_{number}"
        body = {"name": name, "type": "parquet", "role": "destination", "config": {"path": name}}
        assert server.request("POST", "/api/v1/connectors", json=body).status_code == 201
        assert all(name in names() for _ in range(4))
        gone = server.request("DELETE", f"/api/v1/connectors/{name}", headers={"If-Match": "*"})
        assert gone.status_code == 204
        assert all(name not in names() for _ in range(4))


def test_no_line_of_the_log_is_lost_or_torn_when_the_server_stops(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "2") as server:
        with ThreadPoolExecutor(8) as pool:
            sent = {f"request-{number}" for number in range(400)}
            ask = partial(server.get, "/api/v1/connectors")
            answers = [pool.submit(ask, headers={"X-Request-Id": one}) for one in sent]
            assert {answer.result().status_code for answer in answers} == {200}
        server.stop()
        lines = [line["request_id"] for line in server.lines() if "request_id" in line]
    assert (set(lines), len(lines)) == (sent, len(sent))


def test_slow_clients_hold_nobody_up(server: Server) -> None:
    address = urlsplit(server.url)
    slow = [socket.create_connection((address.hostname, address.port)) for _ in range(40)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(
                b"POST /api/v1/connectors/test HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
                if number % 2
                else b"GET /api/v1/connectors HTTP/1.1\r\nHost: localh"
            )
        assert {server.get("/api/v1/connectors").status_code for _ in range(10)} == {200}
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n", 400, "request.malformed"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431, "request.headers_too_large"),
        (b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000, 413, "request.too_large"),
    ],
    ids=["no request", "large headers", "a large body"],
)
def test_what_is_refused_before_the_application(server: Server, sent: bytes, status: int, code: str) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=120) as connection:
        connection.sendall(sent)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.%d %d " % (head[7] - 48, status))
    assert b"Content-Type: application/problem+json" in head
    assert b"X-Content-Type-Options: nosniff" in head
    problem = json.loads(body)
    assert problem["code"] == code
    server.wait_until(lambda: any(line.get("request_id") == problem["request_id"] for line in server.lines()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_what_it_has_begun_before_it_stops(tmp_path: Path, number: signal.Signals) -> None:
    release = threading.Event()
    with (
        ThreadPoolExecutor() as pool,
        rogue(lambda *_: release.wait(120)) as waiting,
        running_server(tmp_path, "--workers", "2", *LOOPBACK) as server,
    ):
        test = pool.submit(server.test, waiting.port)
        assert waiting.came.acquire(timeout=120)
        idle = requests.Session()
        assert idle.get(server.url + "/livez", timeout=120).status_code == 200
        server.process.send_signal(number)
        server.wait_until(lambda: not is_taken(server))
        assert not test.done()
        release.set()
        assert test.result().json()["data"]["status"] == "failed"
        assert server.process.wait(120) == 0
        for place in ("/dev/shm", tempfile.gettempdir()):
            assert not [*Path(place).glob(f"acme-metrics-{server.process.pid}-*")]


def is_taken(server: Server) -> bool:
    address = urlsplit(server.url)
    with socket.socket() as connection:
        return connection.connect_ex((address.hostname, address.port)) == 0


def test_workers_that_cannot_begin_end_the_server(tmp_path: Path) -> None:
    (tmp_path / "connectors.yaml").write_text("connectors: {}\n")

    done = subprocess.run(
        [ACME, "api", "--port", "0", "--dagster-home", tmp_path / "none", "--workers", "2"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("DAGSTER_")},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 1
    assert "there is no folder" in done.stderr
    assert "Traceback" not in done.stderr

"""The steps of a check: what a connector says, what the HTTP session says, what one that hangs was at."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.connectors.parquet import ParquetDestination
from acme_sdk.health import check_health
from acme_sdk.lifecycle import open_connector
from acme_sdk.probe import Probe, run_probes
from acme_sdk.steps import Steps

STEPPING = """
import time
from acme.sdk import FatalError, Row, SourceConnector

class Stepping(SourceConnector):
    @classmethod
    def config_schema(cls):
        return {"url": {"type": "string", "default": ""}, "order": {"type": "string", "default": "good"}}

    def setup(self, config):
        self.step("resolve")
        self.order, self.url = config["order"], config["url"]
        if self.order == "counting":
            self.step = 7  # an attribute of the author's own

    def extract(self, last_run=None):
        yield Row(id=1)

    def health_check(self):
        if self.url:
            return self.http.get(self.url).status_code == 200
        self.step("authenticate")
        if self.order == "failing":
            raise FatalError("no such user", code="auth.failed")
        self.step("query")
        if self.order == "hanging":
            time.sleep(4000)
        return True
"""


def asked(folder: Path, **config: str) -> list[tuple[str, str]]:
    (folder / "stepping.py").write_text(STEPPING)
    [result] = run_probes([Probe("x", "stepping", "source", config, folder=str(folder), timeout=3)])
    assert all(step.latency_ms >= 0 for step in result.report.steps)
    return [(step.name, step.result) for step in result.report.steps]


@pytest.mark.parametrize(
    ("order", "results"),
    [
        ("good", ["passed", "passed", "passed"]),
        ("failing", ["passed", "failed"]),
        ("hanging", ["passed", "passed", "failed"]),
    ],
)
def test_a_report_says_how_far_the_check_came(tmp_path: Path, order: str, results: list[str]) -> None:
    assert asked(tmp_path, order=order) == list(
        zip(["resolve", "authenticate", "query"], results, strict=False)
    )


class _Fine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Fine)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("order", ["good", "counting"])
def test_the_http_session_says_its_steps_itself(
    tmp_path: Path, server: ThreadingHTTPServer, order: str
) -> None:
    found = asked(tmp_path, url=f"http://localhost:{server.server_port}/health", order=order)
    assert found == [("resolve", "passed"), ("connect", "passed"), ("query", "passed")]


@pytest.mark.parametrize("kind", [DuckDBDestination, ParquetDestination])
def test_files_are_opened_and_asked(
    tmp_path: Path, kind: type[DuckDBDestination | ParquetDestination]
) -> None:
    def steps(path: Path) -> list[tuple[str, str]]:
        noted = Steps()
        with open_connector(kind, {"path": str(path)}, steps=noted) as connector:
            report = check_health(connector)
        return [(step.name, step.result) for step in noted.taken(failed=report.code is not None)]

    with open_connector(DuckDBDestination, {"path": str(tmp_path / "file")}) as made, made.connection():
        pass
    target = tmp_path / ("file" if kind is DuckDBDestination else "folder")
    assert steps(target) == [("open", "passed"), ("query", "passed")]
    assert steps(tmp_path / "nowhere" / "x") == [("open", "failed")]


@given(st.lists(st.sampled_from("abc"), min_size=1))
def test_steps_stand_in_the_order_in_which_they_first_began(names: list[str]) -> None:
    steps = Steps()
    for name in names:
        steps.begin(name)
    assert [step.name for step in steps.taken(failed=False)] == list(dict.fromkeys(names))
    assert [step.name for step in steps.taken(failed=True) if step.result == "failed"] == [names[-1]]


def test_made_up_steps_do_not_fill_a_report() -> None:
    steps = Steps()
    for number in range(1000):
        steps.begin(f"row {number}")
    assert len(steps.taken(failed=True)) == 20

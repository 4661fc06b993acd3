"""`extraction.odd_record` where records are nested, few, or looked up one by one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from acme.sdk.testing import Job, Result, run

SOURCE = """
from acme.sdk import AcmeError, Row, SourceConnector


class Stock(SourceConnector):
    def setup(self, config):
        self.url = config["url"]

    def extract(self, last_run=None):
        for record in self.http.get(f"{self.url}/parts").json()["data"]:
            part = record["attributes"]
"""
DROPS = """
            try:
                weight = float(part["weight"])
            except (TypeError, ValueError):
                continue
            yield Row(id=record["id"], weight=weight)
"""
LEAVES_OUT = """
            if part["weight"] is None or not isinstance(part["weight"], float):
                continue
            yield Row(id=record["id"], weight=part["weight"])
"""
RAISES = """
            yield Row(id=record["id"], weight=float(part["weight"]))
"""
REJECTS = """
            try:
                row = Row(id=record["id"], weight=float(part["weight"]))
            except (TypeError, ValueError) as error:
                self.reject(record, str(error))
            else:
                yield row
"""
LOOKS_UP = """
            try:
                more = self.http.get(f"{self.url}/parts/{part['name']}").json()
            except AcmeError:
                continue  # removed in the meantime
            yield Row(id=record["id"], **more)
"""


class Parts(BaseHTTPRequestHandler):
    """``/parts`` and ``/parts/NAME``."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    count = 0

    def do_GET(self) -> None:
        parts = {f"part {n}": {"name": f"part {n}", "weight": n / 2} for n in range(1, self.count + 1)}
        found = {"data": [{"id": n, "attributes": part} for n, part in enumerate(parts.values(), 1)]}
        if name := unquote(self.path.removeprefix("/parts").removeprefix("/")):
            found = parts.get(name)
        body = json.dumps(found).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(request) -> Iterator[str]:
    handler = type("Some", (Parts,), {"count": getattr(request, "param", 20)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def checked(tmp_path, url, body) -> Result:
    file = tmp_path / "stock.py"
    file.write_text(SOURCE + body)
    only = ("extraction.odd_record",)
    [result] = [event for event in run(Job(file, {"url": url}, only=only)) if isinstance(event, Result)]
    return result


@pytest.mark.parametrize("url", [20, 3], indirect=True)
def test_a_dropped_record_is_told_with_its_field_and_the_line(tmp_path, url):
    result = checked(tmp_path, url, DROPS)
    assert result.outcome == "failed"
    assert "'attributes.weight' is missing" in result.message
    assert [frame.source for frame in result.frames] == ['weight = float(part["weight"])']


@pytest.mark.parametrize("body", [LEAVES_OUT, RAISES, REJECTS, LOOKS_UP])
def test_what_is_meant_passes(tmp_path, url, body):
    result = checked(tmp_path, url, body)
    assert (result.outcome, result.message) == ("passed", "")


@pytest.mark.parametrize("url", [2], indirect=True)
def test_two_records_are_too_few_to_tell(tmp_path, url):
    result = checked(tmp_path, url, DROPS)
    assert result.outcome == "skipped"
    assert "three records" in result.message

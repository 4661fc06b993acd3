"""The connector and the workspace that the README shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from acme_orchestration.registry.current import read_workspace
from acme_sdk.config import validate_config
from acme_sdk.plugins import load_file

README = (Path(__file__).parents[2] / "README.md").read_text()


def block(language: str) -> str:
    """The README's only block of code in a language."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return str(code)


class HelpDesk(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.headers["Authorization"] == "Bearer key" or self.path == "/health"
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(json.dumps([{"id": 1, "path": self.path}]).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def help_desk() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), HelpDesk) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_connector_works(tmp_path: Path, help_desk: str) -> None:
    (tmp_path / "tickets.py").write_text(block("python"))
    kind = load_file(tmp_path / "tickets.py")["source"]
    connector = kind()
    connector.setup(validate_config(kind.config_schema(), {"api_url": help_desk, "api_key": "key"}))
    assert connector.health_check() is True
    assert [dict(row) for row in connector.extract()] == [{"id": 1, "path": "/tickets"}]


def test_the_workspace_has_no_fault(tmp_path: Path) -> None:
    (tmp_path / "connectors.yaml").write_text(block("yaml"))
    workspace = read_workspace(tmp_path / "connectors.yaml")
    assert {name: entry.fault for name, entry in (workspace.connectors | workspace.pipelines).items()} == {
        "help_desk": None,
        "warehouse": None,
        "ticket-analytics": None,
    }

"""A connector for each style of the API playground, tested as a user would test it: by the command."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import fivetran_api_playground as playground
import pytest
from werkzeug.serving import make_server

ACME = [sys.executable, "-c", "from acme.cli import main; main()", "test-connector"]
CONNECTORS = Path(__file__).parent / "connectors"
# Users that are let in, and how many rows there are for them.
LOGINS = {
    "api_key": {"api_key": playground.API_KEY},
    "http_basic": {
        "username": playground.HTTP_BASIC_USERNAME,
        "password": playground.HTTP_BASIC_PASSWORD,
    },
    "http_bearer": {"token": playground.HTTP_BEARER_TOKEN},
    "session_token": {
        "username": playground.SESSION_AUTH_USERNAME,
        "password": playground.SESSION_AUTH_PASSWORD,
    },
}
ROWS = {**dict.fromkeys(LOGINS, 20), "departments": 8}
ALL = 200


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The playground, answering in a thread: its own command asks a registry for updates first."""
    playground.app.config.update(RATE_LIMITING_ENABLED=True, RATE_LIMIT_CAPACITY=50, RATE_LIMIT_RPS=100)
    # Its handlers sort a list that they share: one request at a time.
    server = make_server("127.0.0.1", 0, playground.app)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("file", sorted(CONNECTORS.glob("*.py")), ids=lambda file: file.stem)
def test_the_connector_passes(url, file):
    login = LOGINS.get(file.stem, {})
    done = subprocess.run(
        [*ACME, str(file), "--config", "-", "--json"],
        input=json.dumps({"url": url, **login}),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    report = json.loads(done.stdout)
    problems = {check["id"]: check["message"] for check in report["checks"] if check["outcome"] == "failed"}
    assert (done.returncode, problems) == (0, {}), done.stderr
    passed = {check["id"] for check in report["checks"] if check["outcome"] == "passed"}
    wanted = {
        "extraction.ends",
        "extraction.repeatable",
        "http.server_error",
        "http.rate_limit",
        "http.truncated",
    }
    assert wanted <= passed
    assert ("secrets.output" in passed) == bool(login)
    assert report["rows"] == ROWS.get(file.stem, ALL)

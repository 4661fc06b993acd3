"""``acme api``: the server as it is started."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from acme.cli import main

WORKSPACE = "connectors: {users_db: {type: postgres, role: source}}\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "connectors.yaml").write_text(WORKSPACE)
    return tmp_path


def test_it_serves_until_it_is_told_to_stop(workspace: Path) -> None:
    server = subprocess.Popen(
        [
            *(sys.executable, "-c", "from acme.cli import main; main()"),
            *("api", "--port", "0", "--dagster-home", workspace / "home"),
            *("--dagster-url", "http://127.0.0.1:9"),  # where nobody answers
        ],
        cwd=workspace,
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"},
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        response = requests.get(found[0] + "/api/v1/connectors", timeout=120)
        assert [item["name"] for item in response.json()["data"]] == ["users_db"]
        assert "Server" not in response.headers
        for host, status in (("evil.test", 421), ("LocalHost:8000", 200), ("[::1]:8000", 200)):
            answer = requests.get(found[0] + "/openapi.json", headers={"Host": host}, timeout=120)
            assert answer.status_code == status
        server.send_signal(signal.SIGTERM)
        assert server.wait(120) == 0
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "api.example.com"])
def test_it_listens_on_loopback_only(workspace: Path, host: str) -> None:
    result = CliRunner().invoke(main, ["api", "--host", host, "--dagster-home", str(workspace / "home")])

    assert result.exit_code == 2
    assert "--host" in result.output
    assert "loopback" in result.output


def test_a_port_that_is_taken(workspace: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(
            main,
            [
                *("api", "--port", str(port), "--dagster-home", str(workspace / "home")),
                *("--file", str(workspace / "connectors.yaml")),
            ],
        )

    assert result.exit_code == 1
    assert f"127.0.0.1:{port}" in result.output
    assert "--port" in result.output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--egress-allow", "10.0.0.0/99"], "10.0.0.0/99"), (["--file", "none.yaml"], "none.yaml")],
)
def test_what_is_wrong_is_said_at_the_start(workspace: Path, arguments: list[str], reason: str) -> None:
    home = str(workspace / "home")
    file = str(workspace / "connectors.yaml")

    result = CliRunner().invoke(
        main, ["api", "--dagster-home", home, "--port", "0", "--file", file, *arguments]
    )

    assert result.exit_code == 1
    assert reason in result.output

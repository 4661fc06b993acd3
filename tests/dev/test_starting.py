"""What ``acme dev`` says when it cannot start."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from acme_orchestration.dev.home import DevHome
from acme_orchestration.dev.ports import free_port
from tests.running_dev import ACME

REPOSITORY = Path(__file__).parents[2]


def acme_dev(workspace: Path, home: Path, **ports: int) -> subprocess.CompletedProcess[str]:
    ports = {name: free_port() for name in ("ui", "api", "postgres")} | ports
    options = [argument for name, port in ports.items() for argument in (f"--{name}-port", str(port))]
    return subprocess.run(
        [ACME, "dev", "--home", home, *options],
        cwd=workspace, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("server", ["ui", "api", "postgres"])
def test_a_taken_port_is_named_with_the_option_that_changes_it(tmp_path: Path, server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = acme_dev(REPOSITORY, tmp_path / "home", **{server: port})
    assert done.returncode == 2
    assert f"port {port} is taken: choose another with --{server}-port" in done.stderr


def test_one_port_for_two_servers_is_refused(tmp_path: Path) -> None:
    port = free_port()
    done = acme_dev(REPOSITORY, tmp_path / "home", ui=port, api=port)
    assert done.returncode == 2
    assert "a port of its own" in done.stderr


def test_a_folder_without_a_workspace_is_refused(tmp_path: Path) -> None:
    done = acme_dev(tmp_path, tmp_path / "home")
    assert done.returncode == 2
    assert f"there is no connectors.yaml in {tmp_path}" in done.stderr.replace("\n", "")


def test_two_do_not_share_a_home(tmp_path: Path) -> None:
    with DevHome(tmp_path / "home").lock():
        done = acme_dev(REPOSITORY, tmp_path / "home")
    assert done.returncode == 2
    assert "another acme dev runs in" in done.stderr

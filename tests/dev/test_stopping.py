"""How ``acme dev`` ends, with an empty workspace, which starts faster."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.running_dev import RunningDev
from tests.servers import server_folder


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningDev]:
    (tmp_path / "connectors.yaml").write_text("connectors: {}\n")
    (tmp_path / "workspace.yaml").write_text("load_from:\n  - python_file: empty.py\n")
    (tmp_path / "empty.py").write_text("import dagster\n\ndefs = dagster.Definitions()\n")
    with server_folder() as folder:
        running = RunningDev(tmp_path, folder / "home")
        try:
            running.wait_until_ready()
            yield running
        finally:
            running.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_process(running: RunningDev, number: signal.Signals) -> None:
    processes = running.descendants()
    names = {" ".join(process.cmdline()) for process in processes}
    for part in ("dagster_webserver", "dagster._daemon", "acme api", "bin/postgres"):
        assert any(part in name for name in names), names

    assert running.stop(number) == 0
    assert [process for process in processes if is_alive(process)] == []


def test_when_one_process_dies_its_log_is_shown_and_the_rest_is_stopped(running: RunningDev) -> None:
    processes = running.descendants()
    api = next(process for process in processes if "api" in process.cmdline())
    api.kill()

    assert running.wait() == 1
    assert "API ended with exit code -9" in running.output
    assert "Connector API on" in running.output  # from its log
    assert [process for process in processes if is_alive(process)] == []


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE

"""Dagster's daemon on a workspace, with its code server, and what they use."""

from __future__ import annotations

import os
import signal
import subprocess
import sysconfig
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType

import psutil
from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, SensorInstigatorData

from acme_orchestration.instance.cursor import HEALTH_SENSOR, read_cursor, read_doubts, write_cursor

__all__ = ["Daemon", "Usage"]

_BIN = Path(sysconfig.get_path("scripts"))


@dataclass(frozen=True)
class Usage:
    """What the daemon and its code servers use at one moment, between two ticks.

    Attributes:
        processes: How many there are, the daemon included.
        threads: Of all of them.
        files: Open files and sockets of all of them.
        daemon_mb: Resident memory of the daemon, in MiB.
        code_server_mb: The same of its code servers together.
    """

    processes: int
    threads: int
    files: int
    daemon_mb: float
    code_server_mb: float


class Daemon:
    """A running daemon.

    Args:
        folder: The workspace.
        home: Dagster's home, which must hold ``dagster.yaml``.
        log: The file its output is appended to.
    """

    def __init__(self, folder: Path, home: Path, log: Path) -> None:
        self.instance = DagsterInstance.from_config(str(home))
        self._log = log
        self._folder = folder
        self._env = os.environ | {"DAGSTER_HOME": str(home)}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Daemon:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.instance.dispose()

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [_BIN / "dagster-daemon", "run", "-w", "workspace.yaml"],
                cwd=self._folder,
                env=self._env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop it and its code servers."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it by SIGKILL, and only then its code servers, which a real crash would leave to time out."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        for child in children:
            with_suppressed_kill(child)
        self._process = None

    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def usage(self) -> Usage:
        """Return what it uses; wait until no tick is under way."""
        assert self._process is not None
        while self.is_in_tick():
            time.sleep(0.2)
        root = psutil.Process(self._process.pid)
        children = root.children(recursive=True)
        everything = [root, *children]
        return Usage(
            processes=len(everything),
            threads=sum(process.num_threads() for process in everything),
            files=sum(process.num_fds() for process in everything),
            daemon_mb=root.memory_info().rss / 2**20,
            code_server_mb=sum(process.memory_info().rss for process in children) / 2**20,
        )

    def is_in_tick(self) -> bool:
        """Whether probes run just now: their worker is a process of its own."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        return any("acme_sdk.worker" in " ".join(_command(child)) for child in children)

    def ticks(self) -> list[InstigatorTick]:
        """Return the health sensor's ticks that have ended, oldest first."""
        state = self._sensor()
        if state is None:
            return []
        ticks = self.instance.get_ticks(state.instigator_origin_id, state.selector_id)
        return sorted((tick for tick in ticks if tick.end_timestamp), key=lambda tick: tick.timestamp)

    def move_cursor(self, by: timedelta) -> None:
        """Move the times at which the health sensor remembers to have checked."""
        state = self._sensor()
        assert state is not None
        data = state.instigator_data
        assert isinstance(data, SensorInstigatorData)
        checked = {name: at + by for name, at in read_cursor(data.cursor).items()}
        moved = data._replace(cursor=write_cursor(checked, read_doubts(data.cursor)))
        self.instance.update_instigator_state(state.with_data(moved))

    def cursor(self) -> str:
        """Return the health sensor's cursor."""
        state = self._sensor()
        return getattr(state.instigator_data, "cursor", None) or "" if state else ""

    def _sensor(self) -> InstigatorState | None:
        states = self.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        return next((state for state in states if state.instigator_name == HEALTH_SENSOR), None)


def with_suppressed_kill(process: psutil.Process) -> None:
    """Kill a process that may be gone."""
    try:
        process.kill()
        process.wait()
    except psutil.NoSuchProcess:
        return


def _command(process: psutil.Process) -> list[str]:
    try:
        command: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return []
    return command

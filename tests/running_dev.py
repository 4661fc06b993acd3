"""An ``acme dev`` that runs, as a user would have it."""

from __future__ import annotations

import os
import signal
import subprocess
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from acme_orchestration.dev.home import DevHome
from acme_orchestration.dev.ports import free_port
from acme_orchestration.dev.postgres import PostgresServer

__all__ = ["ACME", "RunningDev"]

ACME = Path(sysconfig.get_path("scripts")) / "acme"

_READY_TIMEOUT_S = 280
_STOP_TIMEOUT_S = 200


@dataclass
class RunningDev:
    """One ``acme dev`` on free ports.

    Attributes:
        workspace: The folder it runs in.
        home: The folder it keeps its data in.
    """

    workspace: Path
    home: Path

    def __post_init__(self) -> None:
        ui, api, postgres = free_port(), free_port(), free_port()
        self.ui_url = f"http://127.0.0.1:{ui}"
        self.api_url = f"http://127.0.0.1:{api}"
        self._postgres_port = postgres
        self._output = self.home.with_suffix(".output")
        with self._output.open("wb") as file:
            self._process = subprocess.Popen(
                [
                    ACME, "dev", "--home", self.home, "--ui-port", str(ui), "--api-port", str(api),
                    "--postgres-port", str(postgres),
                ],
                cwd=self.workspace,
                env={key: value for key, value in os.environ.items() if not key.startswith("DAGSTER_")},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def postgres(self) -> PostgresServer:
        """Its database server, to be looked into, stopped and started."""
        return DevHome(self.home).postgres(self._postgres_port)

    @property
    def output(self) -> str:
        """All that it has printed so far."""
        return self._output.read_text()

    def wait_until_ready(self) -> None:
        """Return when it says that it is ready."""
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while "Ready after" not in self.output:
            assert self._process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.2)

    def descendants(self) -> list[psutil.Process]:
        """All processes that come from it; Postgres, which detaches itself, among them."""
        postmaster = psutil.Process(int((self.home / "postgres" / "postmaster.pid").read_text().split()[0]))
        children = psutil.Process(self._process.pid).children(recursive=True)
        return [*children, postmaster, *postmaster.children(recursive=True)]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send it a signal and return its exit code."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return its exit code when it has ended."""
        return self._process.wait(_STOP_TIMEOUT_S)

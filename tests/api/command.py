"""``acme api`` as a user starts it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

__all__ = ["Server", "running_server"]

ACME = Path(sysconfig.get_path("scripts")) / "acme"
_WAIT_S = 120


@dataclass
class Server:
    """A running ``acme api``.

    Attributes:
        url: Where it listens, without the path.
        process: Its arbiter.
        log: The file with its standard error.
    """

    url: str
    process: psutil.Popen
    log: Path

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=_WAIT_S, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def test(self, port: int, **options: Any) -> requests.Response:
        """Test a connection to a port of loopback."""
        body = {"type": "postgres", "connection": f"postgresql://u:canary-71@127.0.0.1:{port}/db"}
        return self.request("POST", "/api/v1/connectors/test", json=body, **options)

    def workers(self) -> list[psutil.Process]:
        return [child for child in self.process.children() if child.status() != psutil.STATUS_ZOMBIE]

    def lines(self) -> list[dict[str, Any]]:
        """All lines of the log; each must be a JSON document."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def wait_until(self, holds: Callable[[], Any]) -> Any:
        """Return what comes of a question as soon as that is true."""
        deadline = time.monotonic() + _WAIT_S
        while not (found := holds()):
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return int(self.process.wait(_WAIT_S))


@contextmanager
def running_server(folder: Path, *options: str, workspace: str = "connectors: {}\n") -> Iterator[Server]:
    """Run ``acme api`` on a free port, with a Dagster home of its own.

    Args:
        folder: Where its files are.
        options: Further options.
        workspace: The text of its ``connectors.yaml``, unless there is one.
    """
    (folder / "home").mkdir(exist_ok=True, parents=True)
    if not (folder / "connectors.yaml").exists():
        (folder / "connectors.yaml").write_text(workspace)
    log = folder / "server.log"
    with log.open("w") as errors:
        process = psutil.Popen(
            [ACME, "api", "--port", "0", "--dagster-home", folder / "home", *options],
            cwd=folder,
            env={
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("DAGSTER_", "ACME_"))
            },
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        line = process.stdout.readline()
        found = re.search(r"http://[^/]+", line)
        assert found, line + log.read_text()
        yield Server(found[0], process, log)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in (*process.children(recursive=True), process):
                one.kill()
        process.wait()
        process.stdout.close()

"""The servers that are measured, each in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from acme_orchestration.dev.ports import free_port

__all__ = ["Server", "api_server", "stored_bytes", "webserver"]

_BIN = Path(sys.executable).parent
_STORED = Path(__file__).with_name("stored.py")


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    pid: int


@contextmanager
def api_server(folder: Path, home: Path, *options: str) -> Iterator[Server]:
    """Run ``acme api``, with further options."""
    command = [str(_BIN / "acme"), "api", "--port", "0", "--dagster-home", str(home), *options]
    with _printing(command, folder) as server:
        yield Server(server.url.removesuffix("/docs"), server.pid)


@contextmanager
def stored_bytes(file: Path) -> Iterator[str]:
    """Run the endpoint that sends a file; yields its address."""
    with _printing([sys.executable, str(_STORED), file.name], file.parent) as server:
        yield server.url


@contextmanager
def webserver(folder: Path, home: Path) -> Iterator[str]:
    """Run Dagster's webserver on the workspace; yields its address as soon as it has loaded it."""
    port = free_port()
    command = [str(_BIN / "dagster-webserver"), "-h", "127.0.0.1", "-p", str(port), "-w", "workspace.yaml"]
    with _process(command, folder, home):
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 300
        while True:
            try:
                if requests.get(f"{url}/server_info", timeout=300).ok:
                    break
            except requests.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield url


@contextmanager
def _printing(command: Sequence[str], folder: Path) -> Iterator[Server]:
    with _process(command, folder) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise SystemExit(f"{command[0]} did not start: {line}")
        yield Server(found[0], process.pid)


@contextmanager
def _process(
    command: Sequence[str], folder: Path, home: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    env = None if home is None else {"DAGSTER_HOME": str(home), "PATH": str(_BIN)}
    with (folder / "servers.log").open("a") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)

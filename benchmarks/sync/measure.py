"""What a command costs: time, CPU and memory of its processes, CPU of the database server."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.sync.server import Server

__all__ = ["Measurement", "measure"]

_SAMPLE_S = 0.05


@dataclass(frozen=True)
class Measurement:
    """One run of a command.

    Attributes:
        wall_s: Seconds from its start to its end.
        cpu_s: CPU seconds of it and of all processes that it waited for.
        server_cpu_s: CPU seconds of the database server meanwhile.
        peak_mb: The most memory that its processes had at once, in MiB: sampled, the sum of their resident
            sets, so that what two of them share counts twice.
        exit_code: Its exit code; a signal's negative number.
        output: What it printed, without its errors.
    """

    wall_s: float
    cpu_s: float
    server_cpu_s: float
    peak_mb: float
    exit_code: int
    output: str


def measure(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    server: Server,
    timeout_s: float,
) -> Measurement:
    """Run a command in a folder and return what it cost; its output is kept in the folder's logs.

    Args:
        command: The program and its arguments.
        environment: All its environment variables.
        folder: Where it runs; ``output.log`` and ``errors.log`` go there.
        server: The database server it talks to.
        timeout_s: Seconds after which it is killed, with all of its processes.
    """
    with (folder / "output.log").open("wb") as output, (folder / "errors.log").open("wb") as errors:
        before = server.cpu_s()
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
        memory = _Memory(process.pid)
        killer = threading.Timer(timeout_s, _kill, [process.pid])
        killer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            wall_s = time.perf_counter() - started
            killer.cancel()
            memory.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
    return Measurement(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        server_cpu_s=server.cpu_s() - before,
        peak_mb=memory.peak / 2**20,
        exit_code=process.returncode,
        output=(folder / "output.log").read_text(errors="replace"),
    )


class _Memory:
    """Samples the memory of a process and all below it, in a thread of its own."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, args=[pid], daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self, pid: int) -> None:
        try:
            root = psutil.Process(pid)
            while not self._ended.is_set():
                self.peak = max(self.peak, sum(map(_resident, [root, *root.children(recursive=True)])))
                self._ended.wait(_SAMPLE_S)
        except psutil.NoSuchProcess:
            return


def _resident(process: psutil.Process) -> int:
    try:
        resident: int = process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
    return resident


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return

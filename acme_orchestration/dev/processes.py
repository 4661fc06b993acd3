"""Child processes with a log each: started, watched, and stopped with all that they started themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from acme_sdk.errors import FatalError

__all__ = ["ChildProcess"]

_POLL_S = 0.05
_TAIL_LINES = 15


class ChildProcess:
    """A running program, the leader of a process group of its own.

    Args:
        name: What people call it, e.g. ``Dagster``.
        command: Program and arguments.
        env: All of its environment.
        cwd: The folder it runs in.
        log: The file its output is appended to.
    """

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C in the terminal reaches only us, and we stop things in order.
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise if the program has ended.

        Raises:
            FatalError: It has; the error has the last lines of its log (code ``dev.process``).
        """
        code = self._process.poll()
        if code is not None:
            raise self.failure(f"ended with exit code {code}")

    def failure(self, what: str) -> FatalError:
        """Return an error about this program, with the last lines of its log.

        Args:
            what: What is wrong with it, e.g. ``does not answer``.
        """
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        return FatalError(
            f"{self.name} {what}; the last lines of its log:\n{tail}",
            code="dev.process",
            hint=f"the whole log is {self.log}",
        )

    def stop(self, grace_s: float = 10) -> None:
        """Stop the program and every process in its group; returns when none is left.

        The program is first asked like by Ctrl-C, then its whole group with SIGTERM, then SIGKILL.

        Args:
            grace_s: Seconds until the next, harder way.
        """
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._group_ended(number, grace_s / 2):
                return

    def _group_ended(self, number: signal.Signals, timeout_s: float) -> bool:
        """Send a signal to the group and tell whether it is gone in time."""
        deadline = time.monotonic() + timeout_s
        try:
            os.killpg(self._process.pid, number)
            while time.monotonic() < deadline:
                # Reap the leader, whose zombie would keep the group alive.
                self._process.poll()
                os.killpg(self._process.pid, 0)
                time.sleep(_POLL_S)
        except ProcessLookupError:
            return True
        return False

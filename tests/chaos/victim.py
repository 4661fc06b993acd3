"""A sync in a process of its own, and the moments at which it is struck."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["After", "Line", "Moment", "Once", "Victim"]

# No run may take longer, whatever goes on beside it.
_PATIENCE_S = 120.0
_POLL_S = 0.005


@dataclass(frozen=True)
class Line:
    """A line that a run wrote, and when, in seconds since it was ready to begin."""

    at: float
    text: str


class Victim:
    """A running sync; as a context manager it is gone at the end of the block.

    Args:
        spec: What `tests.chaos.runner` is told.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.lines: list[Line] = []
        self._changed = threading.Condition()
        self._began = time.monotonic()
        self._give_up = self._began + _PATIENCE_S
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.runner", json.dumps(spec)],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Victim:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._errors.close()

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def wait_for_line(self, text: str, nth: int = 1) -> bool:
        """Wait for a line to come for the n-th time; tell whether it did before the run ended."""
        with self._changed:
            while sum(line.text == text for line in self.lines) < nth:
                if not self._reader.is_alive():
                    return False
                self._check_time()
                self._changed.wait(0.05)
        return True

    def wait_until(self, condition: Callable[[], bool]) -> bool:
        """Wait for something to be so; tell whether it was before the run ended."""
        while not condition():
            if not self.is_running:
                return False
            self._check_time()
            time.sleep(_POLL_S)
        return True

    def sleep_until(self, seconds: float) -> None:
        """Sleep until so long after it was ready, or until it has ended."""
        self.wait_until(lambda: time.monotonic() - self._began >= seconds)

    def kill(self) -> bool:
        """End the process with SIGKILL; tell whether it had not ended by itself."""
        if struck := self.is_running:
            self._process.kill()
        code = self._process.wait()
        self._reader.join()
        return struck and code < 0

    def wait(self) -> int:
        """Wait for the process to end by itself; return its exit code."""
        self.wait_until(lambda: False)
        self._reader.join()
        return self._process.wait()

    def errors(self) -> str:
        """What it wrote to standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for text in stdout:
                with self._changed:
                    if text.strip() == "ready":
                        self._began = time.monotonic()
                    self.lines.append(Line(time.monotonic() - self._began, text.strip()))
                    self._changed.notify_all()

    def _check_time(self) -> None:
        if time.monotonic() > self._give_up:
            raise TimeoutError(f"a sync did not come to an end in {_PATIENCE_S:.0f} s: {self.lines[-3:]}")


class Moment(Protocol):
    """When to strike."""

    def wait(self, victim: Victim) -> None:
        """Return when it has come, or the run has ended."""


@dataclass(frozen=True)
class After:
    """A time after the run was ready to begin, in seconds."""

    seconds: float

    def wait(self, victim: Victim) -> None:
        if victim.wait_for_line("ready"):
            victim.sleep_until(self.seconds)


@dataclass(frozen=True)
class Once:
    """Right after the run said something for the n-th time, or after something is seen from outside.

    Attributes:
        text: The line; ``None`` for something that is seen.
        nth: How often the line must come.
        delay: Seconds to wait then.
        seen: What is seen.
    """

    text: str | None
    nth: int = 1
    delay: float = 0.0
    seen: Callable[[], bool] | None = None

    def wait(self, victim: Victim) -> None:
        come = victim.wait_until(self.seen) if self.seen else victim.wait_for_line(self.text or "", self.nth)
        if come:
            time.sleep(self.delay)

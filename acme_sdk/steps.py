"""The steps of a check: what it does, one after the other, how long each takes, and which one fails."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Literal

__all__ = ["Step", "Steps"]

# More than any check has: names that are made up anew each time must not fill a report.
_MOST = 20


@dataclass(frozen=True)
class Step:
    """One step of a check that was made.

    Attributes:
        name: What was done, e.g. ``connect``.
        result: ``passed``, or ``failed`` for the one that the check ended with.
        latency_ms: How long it took, in milliseconds.
    """

    name: str
    result: Literal["passed", "failed"]
    latency_ms: int


class Steps:
    """Notes which step a check is at; for any thread.

    A step lasts until the next one begins. One that begins once more, as with a second address that is tried,
    goes on in its old place.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, float] = {}
        self._present: str | None = None
        self._since = 0.0

    def begin(self, name: str) -> None:
        """Say what is done from here on."""
        with self._lock:
            self._pause()
            if name in self._spent or len(self._spent) < _MOST:
                self._spent.setdefault(name, 0.0)
                self._present = name

    def taken(self, *, failed: bool) -> tuple[Step, ...]:
        """Return the steps up to now.

        Args:
            failed: Whether the check ended with a failure, which is that of the step it was at.
        """
        with self._lock:
            self._pause()
            guilty = self._present if failed else None
            return tuple(
                Step(name, "failed" if name == guilty else "passed", round(spent * 1000))
                for name, spent in self._spent.items()
            )

    def _pause(self) -> None:
        now = time.perf_counter()
        if self._present is not None:
            self._spent[self._present] += now - self._since
        self._since = now

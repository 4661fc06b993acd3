"""How often what was loaded so far is kept, while an extraction goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass

__all__ = ["CommitInterval", "Pace"]


@dataclass(frozen=True)
class CommitInterval:
    """When a checkpoint is worth a commit: after so many rows or so much time since the last one.

    Attributes:
        rows: Rows; a load costs some queries, in BigQuery some seconds, whatever its size.
        seconds: Seconds.
    """

    rows: int = 100_000
    seconds: float = 60.0

    def at_most(self, other: CommitInterval) -> CommitInterval:
        """Return the shorter of two intervals, in rows and in time."""
        return CommitInterval(min(self.rows, other.rows), min(self.seconds, other.seconds))


class Pace:
    """Counts rows and time since the last time that it was reset.

    Args:
        interval: How much of them makes it due.
    """

    def __init__(self, interval: CommitInterval) -> None:
        self._interval = interval
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._rows = 0
        self._since = time.monotonic()

    def add(self, rows: int) -> None:
        """Count some rows."""
        self._rows += rows

    def due(self, pending: int = 0) -> bool:
        """Tell whether enough rows came, with some that are not counted yet, or enough time went by."""
        waited = time.monotonic() - self._since
        return self._rows + pending >= self._interval.rows or waited >= self._interval.seconds

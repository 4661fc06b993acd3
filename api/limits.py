"""How much one caller, or one target, may ask of the server at a time, and how deep a document may be."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["MAX_DEPTH", "Places", "PlacesTakenError", "is_deep"]

#: How many objects and arrays of a document may lie in one another.
MAX_DEPTH = 32


class PlacesTakenError(Exception):
    """There is no place free, or none for this caller or this target."""


class Places:
    """A limited number of places. No one gets more than half of them, as long as there are two.

    Args:
        number: How many there are.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._share = max(1, number // 2)
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, holder: str) -> Iterator[None]:
        """Hold a place for the time of a ``with`` block.

        Args:
            holder: Whom it counts for, e.g. a caller or a target.

        Raises:
            PlacesTakenError: None is free, or none for this holder.
        """
        with self._lock:
            if self._taken.total() >= self._number or self._taken[holder] >= self._share:
                raise PlacesTakenError
            self._taken[holder] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[holder] -= 1
                if not self._taken[holder]:
                    del self._taken[holder]


def is_deep(document: object) -> bool:
    """Tell whether a JSON document is deeper than `MAX_DEPTH`."""
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)

"""How much one caller, or one target, may ask of the server at a time, and how deep a document may be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from api.quotas.shared import SharedMemory

if TYPE_CHECKING:
    from api.quotas.rates import Rates

__all__ = ["MAX_DEPTH", "Limits", "Places", "PlacesTakenError", "is_deep"]

#: How many objects and arrays of a document may lie in one another.
MAX_DEPTH = 32

_TESTS = 4
_DIGEST = 16


class PlacesTakenError(Exception):
    """There is no place free, or none for this caller or this target."""


class Places:
    """A limited number of places. No one gets more than half of them, as long as there are two.

    They are those of all processes that are forked off later; the places of one that is killed are free.

    Args:
        number: How many there are.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._share = max(1, number // 2)
        # Who holds each place that is locked.
        self._holders = SharedMemory(number * _DIGEST)
        self._ours: set[int] = set()

    @contextmanager
    def taken(self, holder: str) -> Iterator[None]:
        """Hold a place for the time of a ``with`` block.

        Args:
            holder: Whom it counts for, e.g. a caller or a target.

        Raises:
            PlacesTakenError: None is free, or none for this holder.
        """
        place = self._take(blake2b(holder.encode(), digest_size=_DIGEST).digest())
        try:
            yield
        finally:
            with self._holders:
                self._ours.remove(place)
                self._holders.free(place)

    def _take(self, holder: bytes) -> int:
        with self._holders as holders:
            free = [n for n in range(self._number) if n not in self._ours and self._holders.hold(n)]
            held = [holders[_bytes_of(n)] for n in range(self._number) if n not in free]
            is_allowed = bool(free) and held.count(holder) < self._share
            for place in free[1:] if is_allowed else free:
                self._holders.free(place)
            if not is_allowed:
                raise PlacesTakenError
            holders[_bytes_of(free[0])] = holder
            self._ours.add(free[0])
            return free[0]


def _bytes_of(place: int) -> slice:
    return slice(place * _DIGEST, (place + 1) * _DIGEST)


def _places() -> Places:
    return Places(_TESTS)


@dataclass(frozen=True)
class Limits:
    """What limits callers in all workers together; made before they are forked off.

    Attributes:
        tests: Places for connection tests; no caller gets more than half of them.
        targets: The same ones; no target gets more than half of them.
        rates: How often a caller may ask; ``None`` for as often as it likes.
    """

    tests: Places = field(default_factory=_places)
    targets: Places = field(default_factory=_places)
    rates: Rates | None = None


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

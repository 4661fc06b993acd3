"""The counts of rate limits, in memory that all workers share."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Iterator
from hashlib import blake2b
from mmap import mmap

from limits.storage import Storage

from api.shared import SharedMemory

__all__ = ["RateTable"]

# Whom it counts, until when by the machine's monotonic clock, and how many.
_ROW = struct.Struct("<16sdQ")
_BUCKET = 8
_BUCKETS = 4096


class RateTable(Storage):
    """A storage of `limits` for one machine: exact over all processes that are forked off later.

    It has a fixed size. Where too many come together, who asked least is forgotten.
    """

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._rows = SharedMemory(_BUCKETS * _BUCKET * _ROW.size)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What goes wrong in it: nothing that `limits` has to know about."""
        return OSError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a request, and return how many there were in its window.

        Args:
            key: Whom it counts for.
            expiry: How long a window is, in seconds; it begins with the first request.
            amount: How many it counts as.
        """
        digest, now = _digest(key), time.monotonic()
        with self._rows as rows:
            place, until, count = _find(rows, digest, now)
            if place is None:
                place, until, count = _least(rows, digest, now), now + expiry, 0
            _ROW.pack_into(rows, place, digest, until, count + amount)
            return count + amount

    def get(self, key: str) -> int:
        """Return how many there were in the present window."""
        with self._rows as rows:
            return _find(rows, _digest(key), time.monotonic())[2]

    def get_expiry(self, key: str) -> float:
        """Return when the present window ends, in seconds of the system's clock."""
        now = time.monotonic()
        with self._rows as rows:
            return time.time() + max(0.0, _find(rows, _digest(key), now)[1] - now)

    def check(self) -> bool:
        """Tell that it works."""
        return True

    def clear(self, key: str) -> None:
        """Forget the present window."""
        with self._rows as rows:
            place = _find(rows, _digest(key), time.monotonic())[0]
            if place is not None:
                _ROW.pack_into(rows, place, bytes(16), 0.0, 0)

    def reset(self) -> None:
        """Forget all."""
        with self._rows as rows:
            rows[:] = bytes(len(rows))


def _digest(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=16).digest()


def _bucket(digest: bytes) -> range:
    start = int.from_bytes(digest[:4], "little") % _BUCKETS * _BUCKET * _ROW.size
    return range(start, start + _BUCKET * _ROW.size, _ROW.size)


def _rows_of(rows: mmap, digest: bytes) -> Iterator[tuple[int, bytes, float, int]]:
    for place in _bucket(digest):
        yield place, *_ROW.unpack_from(rows, place)


def _find(rows: mmap, digest: bytes, now: float) -> tuple[int | None, float, int]:
    """Return where the present window is, when it ends, and its count."""
    for place, whose, until, count in _rows_of(rows, digest):
        if whose == digest and until > now:
            return place, until, count
    return None, now, 0


def _least(rows: mmap, digest: bytes, now: float) -> int:
    """Return the place that can be done without best: an old one, or that of who asked least."""
    return min(_rows_of(rows, digest), key=lambda row: -math.inf if row[2] <= now else row[3])[0]

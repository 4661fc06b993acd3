"""The counts of rate limits, in memory that all workers share."""

from __future__ import annotations

import math
import multiprocessing
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from mmap import mmap

__all__ = ["RateTable"]

# Whom it counts, until when by the machine's monotonic clock, and how many.
_ROW = struct.Struct("<16sdQ")
_BUCKET = 8
_BUCKETS = 4096
# Longer than a count takes.
_PATIENCE_S = 0.1


class RateTable:
    """Counts for one machine: exact over all processes that are forked off later.

    It has a fixed size. Where too many come together, who asked least is forgotten.
    """

    def __init__(self) -> None:
        self._rows = mmap(-1, _BUCKETS * _BUCKET * _ROW.size)
        # Where nobody else has it, it is taken without a call of the system, at which threads would change.
        self._lock = multiprocessing.get_context("fork").Lock()

    def count(self, key: str, window_s: float, amount: int = 1) -> tuple[int, float]:
        """Count a request.

        Args:
            key: Whom it counts for.
            window_s: How long a window is, in seconds; it begins with the first request.
            amount: How many it counts as.

        Returns:
            How many there were in the present window, with this one, and in how many seconds that ends.
        """
        digest, now = _digest(key), time.monotonic()
        with self._alone():
            place, until, before = _find(self._rows, digest, now)
            if place is None:
                place, until, before = _least(self._rows, digest, now), now + window_s, 0
            _ROW.pack_into(self._rows, place, digest, until, before + amount)
        return before + amount, until - now

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # A process that is killed may never give it back: then whoever waits for it does.
        self._lock.acquire(timeout=_PATIENCE_S)
        try:
            yield
        finally:
            with suppress(ValueError):  # it was given back meanwhile
                self._lock.release()


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

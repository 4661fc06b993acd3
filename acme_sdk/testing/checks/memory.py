"""Does an extraction take no more memory when there are more rows?"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from acme_sdk.testing.extraction import Read
from acme_sdk.testing.faults import FaultServer
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.paging import Paging
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_PAGES = 60
_MOST_ROWS = 1_000_000
_EARLY_ROWS = 1_000
_EARLY_PAGES = 8
_MANY_ROWS = 20_000
_FEW_REQUESTS = 5
_LONGEST_S = 1.0
# Less is the noise of an interpreter and of the fault server in it.
_NOISE_BYTES = 1 << 19
_KEPT_SHARE = 0.5
_SAMPLE = 50


@check(
    "memory.streaming",
    "rows come as they are read, not all at the end",
    hint="yield the rows of a page before the next one is asked for, instead of collecting them in a list",
    role="source",
    needs=["extraction.repeatable"],
)
def streaming(subject: Subject) -> None:
    """Between any two rows, only some requests are sent."""
    requests, rows = len(subject.exchanges), subject.baseline.rows
    if requests >= _FEW_REQUESTS and rows >= _MANY_ROWS and subject.requests_before_first_row == requests:
        raise Problem(f"the first of {rows:,} rows came after the last of {requests:,} requests")
    paging = Paging.of(subject.exchanges)
    if paging is None:
        if requests >= _FEW_REQUESTS and rows >= _MANY_ROWS:
            return
        raise Skip(f"it takes a target with several pages, or {_MANY_ROWS:,} rows, to tell")
    gap = before = 0
    with _repeating(subject, paging, _PAGES) as (server, reads):
        for _ in reads:
            gap, before = max(gap, server.asked - before), server.asked
            if before > paging.numbers[0] + _PAGES // 2:
                break
    if gap > _PAGES // 2:
        raise Problem(f"a target with more pages was asked for {gap:,} of them before their first row came")


@check(
    "memory.flat",
    "memory does not grow with the number of rows",
    hint="keep nothing of a row that was yielded",
    role="source",
    needs=["memory.streaming", "http.endless"],
)
def flat(subject: Subject) -> None:
    """What is allocated between an early and a late row is much less than the rows in between."""
    paging = Paging.of(subject.exchanges)
    if paging is None:
        if subject.baseline.rows < _MANY_ROWS:
            raise Skip(f"it takes a target with several pages, or {_MANY_ROWS:,} rows, to tell")
        with subject.open() as connector:
            _must_be_flat(subject.read(connector), subject.baseline.rows // 4)
        return
    on_page = paging.rows_on(0)
    with _repeating(subject, paging, _MOST_ROWS // on_page) as (_, reads):
        _must_be_flat(reads, min(_EARLY_ROWS, _EARLY_PAGES * on_page))


@contextmanager
def _repeating(subject: Subject, paging: Paging, pages: int) -> Iterator[tuple[FaultServer, Iterator[Read]]]:
    """Extract from a target whose first page comes many times."""
    with (
        FaultServer(paging.replay(pages)) as server,
        subject.open(http=server.session()) as connector,
        subject.watching(),
    ):
        server.arm()
        reads = subject.read(connector)
        try:
            yield server, _until_error(reads)
        finally:
            reads.close()  # type: ignore[attr-defined]  # read() is a generator


def _until_error(reads: Iterator[Read]) -> Iterator[Read]:
    """Yield what comes; a connector may well refuse to read one page twice."""
    try:
        yield from reads
    except Exception:  # noqa: BLE001 - what came before it can be judged
        return


def _must_be_flat(reads: Iterator[Read], early: int) -> None:
    tracemalloc.start()
    try:
        until = time.monotonic() + _LONGEST_S
        at_first = size = number = 0
        for number, read in enumerate(reads, 1):
            if number <= _SAMPLE:
                size += _size(read.item)
            if number == early:
                at_first = tracemalloc.get_traced_memory()[0]
            if number % 100 == 0 and time.monotonic() > until:
                break
        grown = tracemalloc.get_traced_memory()[0] - at_first
    finally:
        tracemalloc.stop()
    later = (number - early) * size // max(1, min(number, _SAMPLE))
    if not at_first or later < 2 * _NOISE_BYTES:
        raise Skip("too few rows came in the time that there is to tell")
    if grown > _NOISE_BYTES + later * _KEPT_SHARE:
        raise Problem(
            f"while {number - early:,} rows of about {later >> 20} MiB went by, "
            f"memory grew by {grown >> 20} MiB and was not given back"
        )


def _size(value: Any) -> int:
    """Return about how many bytes a value takes."""
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        return size + sum(_size(item) for item in value.values())
    return size + sum(map(_size, value)) if isinstance(value, list) else size

"""Does an extraction take no more memory when there are more rows?"""

from __future__ import annotations

import gc
import linecache
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from acme_sdk.position import Position
from acme_sdk.source import SourceConnector
from acme_sdk.testing.faults import FaultServer
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.frames import is_authors
from acme_sdk.testing.paging import Paging
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_PAGES = 60
_MOST_ROWS = 1_000_000
# Long pages, so that the time goes into rows instead of requests.
_ROWS_ON_PAGE = 2_000
_MANY_ROWS = 20_000
_FEW_REQUESTS = 5
# Enough for a million rows, where they come as fast as Python makes them; longer where too few came to tell.
_USUAL_S = 2.0
_LONGEST_S = 5.0
_ENOUGH_ROWS = 100_000
_LINE_S = 0.5
_MARK_S = 0.01
# A process whose rows come and go stays within 0.1 MiB.
_NOISE_BYTES = 2 << 20
# What grew by so much has shown what it does: the machine's memory need not be filled.
_ENOUGH_BYTES = 64 << 20
_DEPTH = 16
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
    with _repeating(subject, paging, _PAGES) as (server, items):
        for _ in items:
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
    """The process takes no more memory late in a long extraction than early in it."""
    with _long_extraction(subject) as items:
        watch = _watched(items)
    if not watch.tells:
        raise Skip("too few rows came in the time that there is to tell")
    if watch.grown <= _NOISE_BYTES:
        return
    with _long_extraction(subject) as items:
        line = _line_that_keeps(items, subject.file)
    raise Problem(
        f"while {watch.rows:,} rows went by, memory grew by {watch.grown >> 20} MiB and was not given back"
        + (f"; most of what stays was made in {line}" if line else "")
    )


@contextmanager
def _long_extraction(subject: Subject) -> Iterator[Iterator[Any]]:
    """Extract from a target of a million rows, or from the real one if it has many."""
    paging = Paging.of(subject.exchanges)
    if paging is None:
        if subject.baseline.rows < _MANY_ROWS:
            raise Skip(f"it takes a target with several pages, or {_MANY_ROWS:,} rows, to tell")
        with subject.open() as connector:
            yield _items(subject, connector)
        return
    on_page = paging.rows_on(0)
    longer = max(1, _ROWS_ON_PAGE // on_page)
    with _repeating(subject, paging, _MOST_ROWS // (on_page * longer), longer) as (_, items):
        yield items


@contextmanager
def _repeating(
    subject: Subject, paging: Paging, pages: int, longer: int = 1
) -> Iterator[tuple[FaultServer, Iterator[Any]]]:
    """Extract from a target whose first page comes many times, itself a multiple of its length."""
    with (
        FaultServer(paging.replay(pages, longer)) as server,
        subject.open(http=server.session()) as connector,
        subject.watching(),
    ):
        server.arm()
        with closing(_until_error(_items(subject, connector))) as items:
            yield server, items


def _items(subject: Subject, connector: SourceConnector) -> Iterator[Any]:
    """Return what comes of all streams, by as few steps for each row as there can be."""
    streams = subject.streams(connector)
    return chain.from_iterable(subject.read_stream(connector, stream, Position()) for stream in streams)


def _until_error(items: Iterator[Any]) -> Generator[Any]:
    """Yield what comes; a connector may well refuse to read one page twice."""
    try:
        yield from items
    except Exception:  # noqa: BLE001 - what came before it can be judged
        return


@dataclass(frozen=True)
class _Watch:
    """What was seen of the memory while rows went by.

    Attributes:
        rows: How many rows went by between an early and a late time.
        grown: By how many bytes the process grew meanwhile.
        tells: Whether it would have grown by more than noise if all rows had been kept.
    """

    rows: int
    grown: int
    tells: bool


def _watched(items: Iterator[Any]) -> _Watch:
    """Let rows go by, for some seconds at most, and measure the process now and then."""
    import psutil

    process = psutil.Process()
    marks: list[tuple[int, int]] = []
    number = size = 0
    gc.collect()
    gc.freeze()  # what there is already would only delay the collection of what comes
    try:
        begun = marked = time.monotonic()
        for number, item in enumerate(items, 1):
            if number <= _SAMPLE:
                size += _size(item)
            if number % 100 == 0 and (now := time.monotonic()) > marked + _MARK_S:
                marks.append((number, process.memory_info().rss))
                marked = now
                longest = _USUAL_S if number >= _ENOUGH_ROWS else _LONGEST_S
                if now > begun + longest or marks[-1][1] > marks[0][1] + _ENOUGH_BYTES:
                    break
    finally:
        gc.unfreeze()
    part = len(marks) // 8
    early, late = marks[2 * part : 3 * part], marks[7 * part :]
    if not early:
        return _Watch(0, 0, tells=False)
    rows = late[0][0] - early[-1][0]
    grown = min(taken for _, taken in late) - max(taken for _, taken in early)
    return _Watch(rows, grown, tells=rows * size // _SAMPLE > 2 * _NOISE_BYTES)


def _line_that_keeps(items: Iterator[Any], file: Path) -> str:
    """Return the author's line in which most of what stays was made; nothing if it was in no line."""
    tracemalloc.start(_DEPTH)
    try:
        until = time.monotonic() + _LINE_S
        for number, _ in enumerate(items):
            if number % 100 == 0 and time.monotonic() > until:
                break
        made = tracemalloc.take_snapshot().statistics("traceback")
    finally:
        tracemalloc.stop()
    kept: Counter[tuple[str, int]] = Counter()
    for statistic in made:
        for frame in reversed(statistic.traceback):
            if is_authors(Path(frame.filename), file):
                kept[frame.filename, frame.lineno] += statistic.size
                break
    for (name, line), _ in kept.most_common(1):
        return f"{Path(name).name}:{line}: {linecache.getline(name, line).strip()}"
    return ""


def _size(value: Any) -> int:
    """Return about how many bytes a value takes."""
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        return size + sum(_size(item) for item in value.values())
    return size + sum(map(_size, value)) if isinstance(value, list) else size

"""Is a batch written whole, whatever its size, and counted truly?"""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from acme_sdk.row import Row
from acme_sdk.testing.arrivals import Sent, observed
from acme_sdk.testing.checks.destination.loading import call, load, write_modes
from acme_sdk.testing.findings import Problem
from acme_sdk.testing.registry import check
from acme_sdk.testing.samples import awkward_rows, fresh_ids, sample_rows
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

# One row, a part or several of the usual sizes, and one row less or more than that.
_SIZES = (1, 9, 99, 100, 101, 1000, 1001)
_LONGEST_S = 5.0


@check(
    "destination.count",
    "load() returns how many rows it wrote",
    hint='return the number of rows that the target confirmed: `return response.json()["rows_written"]`',
    role="destination",
    needs=["lifecycle.setup"],
)
def count(subject: Subject) -> None:
    """Three rows are written, and counted as three."""
    with subject.open() as connector:
        load(connector, sample_rows(3), write_modes(subject)[0])


@check(
    "destination.batches",
    "a batch of any size is written whole, and each row once",
    hint="look at where load() splits a batch, and at what it sends again",
    role="destination",
    needs=["destination.count"],
)
def batches(subject: Subject) -> None:
    """Batches around the usual sizes of parts, as many as a few seconds hold.

    Where the target cannot be read back, what it took over ``self.http`` is counted.
    """
    mode = write_modes(subject)[0]
    given: list[list[Row]] = []
    arrived: Counter[int] = Counter()
    with observed(subject) as (connector, arrivals):
        for rows in _of_growing_size(fresh_ids()):
            given.append(copy.deepcopy(rows))
            load(connector, rows, mode)
            # Earlier ones, too: what is not forgotten in between is written again.
            now = arrivals.arrived(list(chain.from_iterable(given)))
            arrived.update({number: len(records) for number, records in now.items()})
    if isinstance(arrivals, Sent) and not arrived:
        return  # it is sent in a form of its own
    for rows in given:
        lost = sum(arrived[row["id"]] == 0 for row in rows)
        repeated = sum(arrived[row["id"]] > 1 for row in rows)
        for count, what in ((lost, "did not arrive"), (repeated, "arrived more than once")):
            if count:
                raise Problem(f"of a batch of {len(rows):,}, {count:,} row{'s' * (count > 1)} {what}")


@check(
    "destination.empty",
    "an empty batch is taken, and counted as 0 rows",
    hint="return 0 for an empty list, before anything is asked of the target",
    role="destination",
    needs=["destination.modes"],
)
def empty(subject: Subject) -> None:
    """An extraction without news is no error."""
    with subject.open() as connector:
        for mode in write_modes(subject):
            load(connector, [], mode)


@check(
    "destination.repeat",
    "the same batch can be loaded twice",
    hint="the engine hands over a batch again when it cannot know if it was written",
    role="destination",
    needs=["destination.modes"],
)
def repeat(subject: Subject) -> None:
    """In each write mode, by one instance and by a new one."""
    for mode in write_modes(subject):
        for _ in range(2):
            with subject.open() as connector:
                load(connector, sample_rows(3), mode)
                load(connector, sample_rows(3), mode, "nothing new")


@check(
    "destination.untouched",
    "load() leaves the rows as they are",
    hint="copy what you change: `payload = [row.to_dict() for row in rows]`",
    role="destination",
    needs=["destination.values", "destination.modes"],
)
def untouched(subject: Subject) -> None:
    """The engine may need them again: for another attempt, or to say which one was refused."""
    for mode in write_modes(subject):
        with subject.open() as connector:
            given = [*sample_rows(2), *awkward_rows().values()]
            rows, before = list(given), copy.deepcopy(given)
            call(connector, rows, mode)
            if len(rows) != len(before) or any(
                now is not then for now, then in zip(rows, given, strict=True)
            ):
                raise Problem(f"load() changed the list of rows that it was given, in mode {mode.value}")
            changed = next((n for n, (a, b) in enumerate(zip(given, before, strict=True), 1) if a != b), None)
            if changed is not None:
                raise Problem(f"load() changed row {changed} that it was given, in mode {mode.value}")


def _of_growing_size(start: int) -> Iterator[list[Row]]:
    """Yield batches of plain rows, until the next one is likely to take too long."""
    spent, row_took = 0.0, 0.0
    for size in _SIZES:
        if spent + row_took * size > _LONGEST_S:
            return
        began = time.monotonic()
        yield sample_rows(size, start)
        took = time.monotonic() - began
        start, spent = start + size, spent + took
        if size > 1:  # the first one may have set things up, and any may have met with a busy machine
            row_took = min(row_took or took, took / size)

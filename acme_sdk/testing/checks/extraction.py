"""Does extract() give rows that can be stored, and the same ones each time?"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product, starmap
from typing import Any

from acme_sdk.errors import FatalError
from acme_sdk.position import Position
from acme_sdk.source import BatchSource
from acme_sdk.testing.exactness import copied_fields, inexact_values
from acme_sdk.testing.extraction import Extraction
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.listings import Listing
from acme_sdk.testing.oddities import Change, Trial
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

# A column can hold these; about all else the engine is asked, which costs the import of Arrow.
_PLAIN = frozenset({"str", "int", "float", "bool", "dict", "list", "datetime with a zone", "Decimal", "date"})
# What comes in place of a value, to see whether the record is dropped.
_ODD_VALUES = (None, "n/a")


@check(
    "extraction.ends",
    "a full extraction works and ends",
    hint="extract(None) must yield everything once, then return",
    role="source",
    needs=["lifecycle.setup"],
)
def ends(subject: Subject) -> None:
    """Everything of every stream is read once; what was seen is kept for the other checks."""
    assert subject.baseline is not None  # noqa: S101 - extracts, the first time


@check(
    "extraction.rows",
    "extract() yields Row objects",
    hint="wrap each record: `yield Row(record)`",
    role="source",
    needs=["extraction.ends"],
)
def rows(subject: Subject) -> None:
    """No dictionary, no None, no text, and no row that is filled again with the next record."""
    for stream, odd in _with_rows(subject).not_a_row.items():
        kind = type(odd.value).__name__
        what = "None" if odd.value is None else f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
        where = subject.where(stream)
        raise Problem(f"{where}extract() yielded {what} instead of a Row, the first as number {odd.row}")
    for stream, number in subject.baseline.same_row.items():
        raise Problem(
            f"{subject.where(stream)}row {number} is the very object that was yielded before it: rows are "
            "written together, and each would have the values of the last",
            "make a new one for each record: `yield Row(record)`",
        )


@check(
    "extraction.values",
    "columns and values are of types that can be stored",
    hint="turn it into text, a number, a date, bytes, or lists and dictionaries of these",
    role="source",
    needs=["extraction.rows"],
)
def values(subject: Subject) -> None:
    """A sync can make columns of the rows."""
    for (stream, column), kinds in _with_rows(subject).kinds.items():
        for kind, first in kinds.items():
            if kind in _PLAIN and isinstance(column, str):
                continue
            if error := _refusal([{column: first.value}]):
                raise Problem(
                    f"{subject.where(stream)}row {first.row}, column {column!r}: "
                    f"{error.message.partition(': ')[2]}",
                    error.hint,
                )


@check(
    "extraction.columns",
    "each column keeps its type",
    hint="turn the values of a column into one type before they are yielded",
    role="source",
    needs=["extraction.values"],
)
def columns(subject: Subject) -> None:
    """A column does not hold numbers in one row and text in another."""
    for (stream, column), kinds in _with_rows(subject).kinds.items():
        (kind, first), *others = kinds.items()
        for other, later in others:
            if _refusal([{column: first.value}, {column: later.value}]):
                raise Problem(
                    f"{subject.where(stream)}column {column!r} is {kind} in row {first.row} "
                    f"and {other} in row {later.row}"
                )


@check(
    "extraction.repeatable",
    "a second extraction gives as many rows as the first",
    hint="keep nothing of an extraction in the class or the module; if the data changes, use a quiet target",
    role="source",
    needs=["extraction.ends"],
)
def repeatable(subject: Subject) -> None:
    """A new connector of the same class starts from the beginning."""
    first, second = subject.baseline, subject.again
    for stream in {**first.counts, **second.counts}:
        if (before := first.counts[stream]) != (after := second.counts[stream]):
            raise Problem(
                f"{subject.where(stream)}the first extraction gave {before:,} rows, the second {after:,}"
            )


@check(
    "extraction.last_run",
    "extract() takes the time of the last run",
    hint="last_run is a datetime in UTC that knows its time zone: compare it with one that does, too",
    role="source",
    needs=["extraction.rows"],
)
def last_run(subject: Subject) -> None:
    """With the present time, an extraction works and gives no more rows than a full one."""
    if issubclass(subject.kind, BatchSource):
        raise Skip(f"{subject.kind.__name__} reads batches by a cursor, not by last_run")
    seen = subject.extract(Position(last_run=datetime.now(UTC)))
    if seen.rows > subject.baseline.rows:
        raise Problem(
            f"with last_run at the present, extract() gave {seen.rows:,} rows, "
            f"more than the {subject.baseline.rows:,} of a full extraction"
        )
    for stream, odd in seen.not_a_row.items():
        raise Problem(
            f"{subject.where(stream)}with last_run, extract() yielded {type(odd.value).__name__} "
            "instead of a Row"
        )


@check(
    "extraction.odd_record",
    "an odd record is not dropped in silence",
    hint="do not `continue` after an error: let it through, yield the row with None in that column, "
    "or put the record aside with `self.reject(record, reason)`",
    role="source",
    needs=["extraction.repeatable", "extraction.rows", "streams.names"],
)
def odd_record(subject: Subject) -> None:
    """Some records, far from the first and the last, hold null or a text in one of their fields."""
    listings = _listings(subject)
    changes = [list(starmap(Change, product(listing.fields, _ODD_VALUES))) for listing in listings]
    trial = Trial.until_the_end(subject, listings, changes, "extraction.odd_record")
    if trial.error is None and (dropped := trial.dropped(subject.baseline)):
        raise Problem(
            f"a record with {' and '.join(map(str, dropped.changes))} is missing, "
            "and the extraction ended without an error: "
            f"{type(dropped.error).__name__} was caught ({dropped.error})"
        ) from dropped.error


@check(
    "extraction.exact",
    "values arrive as the target sent them",
    hint="JSON is UTF-8, and its integers may have more digits than a float: leave both to response.json(); "
    "tell a missing value by `is None`, for 0 is one that is there",
    role="source",
    needs=["extraction.repeatable", "extraction.rows", "streams.names"],
)
def exact(subject: Subject) -> None:
    """Text of any language, 0 and large integers come through where a field comes as it is."""
    listings = _listings(subject)
    copied = [copied_fields(listing, subject.baseline) for listing in listings]
    if not any(copied):
        raise Skip("no field of the records comes as it is")
    changes = [[Change(field, value) for field, _, values in own for value in values] for own in copied]
    trial = Trial.until_the_end(subject, listings, changes, "extraction.exact")
    for stream, column, sent, came in inexact_values(trial, copied) if trial.error is None else ():
        raise Problem(
            f"{subject.where(stream)}column {column!r}: the target sent {sent!r}, and {came!r} is in the row"
        )


def _listings(subject: Subject) -> list[Listing]:
    if not subject.exchanges:
        raise Skip("extract() does not use self.http")
    if listings := Listing.all_of(subject):
        return listings
    raise Skip("no answer has a list of three records or more, with values that differ, that came as rows")


def _with_rows(subject: Subject) -> Extraction:
    seen: Extraction = subject.baseline
    if not seen.rows:
        raise Skip("there were no rows to look at: use a target that has some")
    return seen


def _refusal(records: list[dict[Any, Any]]) -> FatalError | None:
    """Return why a sync could not make columns of some records."""
    from acme_sdk.columns import RowBatcher

    try:
        RowBatcher("this source").convert(records)
    except FatalError as error:
        return error
    return None

"""Does extract() give rows that can be stored, and the same ones each time?"""

from __future__ import annotations

from datetime import UTC, datetime

from acme_sdk.connector import BatchSource
from acme_sdk.testing.extraction import Extraction
from acme_sdk.testing.registry import Problem, Skip, check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []


@check(
    "extraction.ends",
    "a full extraction works and ends",
    hint="extract(None) must yield everything once, then return",
    role="source",
    needs=["lifecycle.setup"],
)
def ends(subject: Subject) -> None:
    """Everything is read once; what was seen is kept for the other checks."""
    assert subject.baseline is not None  # noqa: S101 - extracts, the first time


@check(
    "extraction.rows",
    "extract() yields Row objects",
    hint="wrap each record: `yield Row(record)`",
    role="source",
    needs=["extraction.ends"],
)
def rows(subject: Subject) -> None:
    """No dictionary, no None, no text."""
    seen = _with_rows(subject)
    if odd := seen.not_a_row:
        article = "an" if odd.kind[0].lower() in "aeiou" else "a"
        what = "None" if odd.kind == "NoneType" else f"{article} {odd.kind}"
        raise Problem(f"extract() yielded {what} instead of a Row, the first as number {odd.row}")


@check(
    "extraction.values",
    "columns and values are of types that can be stored",
    hint="turn it into text, a number, a date, bytes, or lists and dictionaries of these",
    role="source",
    needs=["extraction.rows"],
)
def values(subject: Subject) -> None:
    """Every value is one of those that `Row` lists."""
    seen = _with_rows(subject)
    if odd := seen.not_a_name:
        raise Problem(f"row {odd.row}: the column {odd.column} has a name that is {odd.kind}, not text")
    if odd := seen.not_a_value:
        raise Problem(f"row {odd.row}, column {odd.column!r}: a value of type {odd.kind} cannot be stored")


@check(
    "extraction.columns",
    "each column keeps its type",
    hint="turn the values of a column into one type before they are yielded",
    role="source",
    needs=["extraction.values"],
)
def columns(subject: Subject) -> None:
    """A column does not hold numbers in one row and text in another."""
    for column, types in _with_rows(subject).types.items():
        families = {_family(kind): (kind, row) for kind, row in reversed(types.items())}
        if len(families) > 1:
            (first, at), (other, later) = sorted(families.values(), key=lambda found: found[1])[:2]
            raise Problem(
                f"column {column!r} is {first.__name__} in row {at} and {other.__name__} in row {later}"
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
    first, second = subject.baseline.rows, subject.extract().rows
    if first != second:
        raise Problem(f"the first extraction gave {first:,} rows, the second {second:,}")


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
    seen = subject.extract(datetime.now(UTC))
    if seen.rows > subject.baseline.rows:
        raise Problem(
            f"with last_run at the present, extract() gave {seen.rows:,} rows, "
            f"more than the {subject.baseline.rows:,} of a full extraction"
        )
    if seen.not_a_row:
        raise Problem(f"with last_run, extract() yielded {seen.not_a_row.kind} instead of a Row")


def _with_rows(subject: Subject) -> Extraction:
    seen: Extraction = subject.baseline
    if not seen.rows:
        raise Skip("there were no rows to look at: use a target that has some")
    return seen


def _family(kind: type) -> str:
    """Types between which a column may change without harm have one family."""
    if issubclass(kind, bool):
        return "bool"
    if kind.__name__ in {"int", "float", "Decimal"}:
        return "number"
    if issubclass(kind, datetime):
        return "datetime"
    if issubclass(kind, (dict, list)):
        return "json"
    return kind.__name__

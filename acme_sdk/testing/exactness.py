"""Values that careless hands change, and whether they come out of an extraction as they went in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from acme_sdk.row import Row
from acme_sdk.testing.documents import Path, find
from acme_sdk.testing.extraction import Extraction
from acme_sdk.testing.listings import ROWS_LOOKED_AT, Listing
from acme_sdk.testing.oddities import Trial

__all__ = ["Copied", "Inexact", "copied_fields", "inexact_values"]

# Beyond ASCII, beyond two bytes, and of no case. More digits than a float has. What is as good as nothing.
_BEYOND_ASCII = " 漢字𝄞"
_BEYOND_FLOAT = 2**53 + 1


class Copied(NamedTuple):
    """A field of the records that a column holds as it is.

    Attributes:
        field: Where in the record.
        column: The column.
        values: What to put there, to see what becomes of it.
    """

    field: Path
    column: str
    values: tuple[Any, ...]


class Inexact(NamedTuple):
    """A value that came out as another.

    Attributes:
        stream: The stream.
        column: The column.
        sent: What the target sent.
        came: What is in the row.
    """

    stream: str
    column: str
    sent: Any
    came: Any


def copied_fields(listing: Listing, usual: Extraction) -> list[Copied]:
    """Return the fields of a list's records that come as they are.

    Args:
        listing: The list.
        usual: An extraction in which nothing was changed.
    """
    rows = _by_key(listing, usual)
    pairs = [(record, rows[key]) for key, record in listing.records.items() if key in rows]
    return [
        Copied(field, column, values)
        for field in listing.fields
        if (values := _telling(*(find(record, field) for record, _ in pairs)))
        if (column := _column(field, pairs)) is not None
    ]


def inexact_values(trial: Trial, copied: Sequence[Sequence[Copied]]) -> Iterator[Inexact]:
    """Yield the values that came out changed.

    Args:
        trial: An extraction from a target that has telling values in some records.
        copied: The fields that come as they are, by list.
    """
    listings = trial.oddities.listings
    rows = [_by_key(listing, trial.seen) for listing in listings]
    columns = [{field: column for field, column, _ in own} for own in copied]
    for odd, changes in trial.oddities.records.items():
        if (row := rows[odd.listing].get(odd.key)) is None:
            continue
        for change in changes:
            column = columns[odd.listing][change.field]
            if row.get(column) != change.value:
                yield Inexact(listings[odd.listing].stream, column, change.value, row.get(column))


def _by_key(listing: Listing, seen: Extraction) -> dict[str, Row]:
    return {str(row.get(listing.column)): row for row in seen.kept.get(listing.stream, [])[:ROWS_LOOKED_AT]}


def _column(field: Path, pairs: Sequence[tuple[Any, Row]]) -> str | None:
    """Return the column that has the very values of a field; one of its name first."""
    if not pairs:
        return None
    for column in sorted(pairs[0][1], key=lambda column: column != field[-1]):
        if all(_same(find(record, field), row.get(column)) for record, row in pairs):
            return column
    return None


def _same(sent: Any, came: Any) -> bool:
    return type(sent) is type(came) and bool(sent == came)


def _telling(*values: Any) -> tuple[Any, ...]:
    """Return values of the same type as those of a field; none if they are of several."""
    present = [value for value in values if value is not None]
    kinds = set(map(type, present))
    if kinds == {str}:
        return (f"{present[0]}{_BEYOND_ASCII}",)
    if kinds == {int}:
        return (0, _BEYOND_FLOAT)
    return (0.0,) if kinds == {float} else ()

"""The page about types, made of what became of all columns."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from tests.types.arrivals import Outcome
from tests.types.origins import NAMES, PYTHON_NAMES, RowsOrigin, TableOrigin

__all__ = ["page"]

_TEXTS = ("text", "character varying", "character", '"char"', "name", "mood")

_KINDS = {"mood": "an enum", "positive": "a domain on `numeric(8,3)`", "pair": "a composite type"}

# A column of which nothing is known but NULL.
_WITHOUT_VALUES = {name for name, column in PYTHON_NAMES.items() if not column.values}

_PAGE = """\
# Data types

What becomes of each type in each destination. A value arrives as it is, in the nearest type that holds it
exactly, or the sync stops: no value is rounded, cut off or replaced. The tables are made by
`pytest tests/types --write`, which syncs all these columns, with the values at the ends of each type and
`NULL`, and reads them back.

- **as text**: the value as Postgres prints it, respectively as Python's `str()`.
- **refused**: the sync fails with the column's name, and nothing is loaded. A *type* is refused before the
  first row is read, where the source knows its columns; a *value* when it comes, with the value or its row.

## From Postgres

{types}

\\* Not read back: the emulator that stands in for BigQuery has no `BIGNUMERIC`.

Values of `json` keep their spelling everywhere but in BigQuery, which keeps their meaning. An `enum` is
text, since its type is particular to a database, as is every type that the target's server lacks.

### Values that not every destination has

{values}

## From rows

A source of rows needs no schema: these are the columns that Python's values become.

{rows}

\\* Not read back, as above. Digits and scale are those that the values need.

### Values that not every column has

{row_values}

Between a column's first and last batch its type may widen, and then all values count: see
[syncs](sync.md#types).
"""


def page(table: TableOrigin, tables: dict[str, Outcome], rows: dict[str, Outcome]) -> str:
    """Return the page.

    Args:
        table: The table of Postgres.
        tables: What became of its columns, by destination.
        rows: What became of the columns of rows, by destination.
    """
    arrow = {name: _arrow(table.schema.field(name).type) for name in NAMES}
    plain = [name for name, column in NAMES.items() if not column.special]
    special = [name for name, column in NAMES.items() if column.special]
    row_plain = [name for name, column in PYTHON_NAMES.items() if not column.special]
    row_special = [name for name, column in PYTHON_NAMES.items() if column.special]
    origin = RowsOrigin()
    return _PAGE.format(
        types=_table(
            ["Postgres", "Arrow", *_arrows(tables)],
            (
                [_kind(name), arrow[name], *(_column(o, name, _is_text(name)) for o in tables.values())]
                for name in plain
            ),
        ),
        values=_table(
            ["Type", "Value", *_arrows(tables)],
            (
                [
                    _kind(name),
                    NAMES[name].special,
                    *(_value(o, name, _is_text(name)) for o in tables.values()),
                ]
                for name in special
            ),
        ),
        rows=_table(
            ["Python", "Arrow", *_arrows(rows)],
            (
                [
                    PYTHON_NAMES[name].kind,
                    _arrow(origin.arrow_type(name)),
                    *(_column(o, name, _is_text_in_rows(name)) for o in rows.values()),
                ]
                for name in row_plain
            ),
        ),
        row_values=_table(
            ["Type", "Value", *_arrows(rows)],
            (
                [
                    PYTHON_NAMES[name].kind,
                    PYTHON_NAMES[name].special,
                    *(_value(o, name, _is_text_in_rows(name)) for o in rows.values()),
                ]
                for name in row_special
            ),
        ),
    )


def _arrows(outcomes: dict[str, Outcome]) -> list[str]:
    return [f"→ {target}" for target in outcomes]


def _kind(name: str) -> str:
    kind = NAMES[name].kind
    return _KINDS.get(kind, f"`{kind}`")


def _is_text(name: str) -> bool:
    return NAMES[name].kind.partition("(")[0] in _TEXTS


def _is_text_in_rows(name: str) -> bool:
    values = [value for value in PYTHON_NAMES[name].values if value is not None]
    return all(isinstance(value, str) for value in values)


def _arrow(kind: pa.DataType | None) -> str:
    if kind is None:
        return ""
    if isinstance(kind, pa.OpaqueType):
        return "opaque text"
    return f"`{kind.extension_name if isinstance(kind, pa.BaseExtensionType) else kind}`"


def _column(outcome: Outcome, name: str, is_text: bool) -> str:
    """What a column becomes."""
    if name in outcome.refused:
        return "refused"
    if name not in outcome.found:
        return "no column" if name in _WITHOUT_VALUES else "`BIGNUMERIC` *"
    found = outcome.found[name]
    if found.is_text and not is_text:
        return f"`{found.type}`, as text"
    if found.type == "INT64" and "timedelta" in PYTHON_NAMES.get(name, NAMES.get(name)).kind:  # type: ignore[union-attr]
        return "`INT64`, microseconds"
    return f"`{found.type}`"


def _value(outcome: Outcome, name: str, is_text: bool) -> str:
    """Whether a value arrives."""
    if name in outcome.refused:
        return "refused"
    if name not in outcome.found:
        return "*"
    return "as text" if outcome.found[name].is_text and not is_text else "same"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)

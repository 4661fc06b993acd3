"""The page about types, made of what became of all columns."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tests.types.arrivals import Outcome
from tests.types.origins import NAMES, PYTHON_NAMES, RowsOrigin, TableOrigin

__all__ = ["page"]

_TEXTS = ("text", "character varying", "character", '"char"', "name", "mood")

_KINDS = {"mood": "an enum", "positive": "a domain on `numeric(8,3)`", "pair": "a composite type"}

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


@dataclass(frozen=True)
class _Line:
    """A column, or a value that is special, on the page.

    Attributes:
        name: The column's name.
        kind: Its type in the source.
        special: What is special about its values.
        arrow: Its type in Arrow, if it has one.
        is_text: Whether it is text in the source.
    """

    name: str
    kind: str
    special: str
    arrow: pa.DataType | None
    is_text: bool


def page(table: TableOrigin, tables: dict[str, Outcome], rows: dict[str, Outcome]) -> str:
    """Return the page.

    Args:
        table: The table of Postgres.
        tables: What became of its columns, by destination.
        rows: What became of the columns of rows, by destination.
    """
    of_table = [
        _Line(
            name,
            _KINDS.get(column.kind, f"`{column.kind}`"),
            column.special,
            table.schema.field(name).type,
            column.kind.partition("(")[0] in _TEXTS,
        )
        for name, column in NAMES.items()
    ]
    of_rows = [
        _Line(
            name,
            column.kind,
            column.special,
            RowsOrigin().arrow_type(name),
            all(isinstance(value, str) for value in column.values),
        )
        for name, column in PYTHON_NAMES.items()
    ]
    return _PAGE.format(
        types=_types("Postgres", of_table, tables),
        values=_values(of_table, tables),
        rows=_types("Python", of_rows, rows),
        row_values=_values(of_rows, rows),
    )


def _types(source: str, lines: list[_Line], outcomes: dict[str, Outcome]) -> str:
    """The table of types."""
    head = [source, "Arrow", *(f"→ {target}" for target in outcomes)]
    plain = [line for line in lines if not line.special]
    cells = [[_column(outcome, line) for outcome in outcomes.values()] for line in plain]
    return _table(
        head, [[line.kind, _arrow(line.arrow), *rest] for line, rest in zip(plain, cells, strict=True)]
    )


def _values(lines: list[_Line], outcomes: dict[str, Outcome]) -> str:
    """The table of special values."""
    head = ["Type", "Value", *(f"→ {target}" for target in outcomes)]
    special = [line for line in lines if line.special]
    cells = [[_value(outcome, line) for outcome in outcomes.values()] for line in special]
    return _table(head, [[line.kind, line.special, *rest] for line, rest in zip(special, cells, strict=True)])


def _arrow(kind: pa.DataType | None) -> str:
    if kind is None:
        return ""
    if isinstance(kind, pa.OpaqueType):
        return "opaque text"
    return f"`{kind.extension_name if isinstance(kind, pa.BaseExtensionType) else kind}`"


def _column(outcome: Outcome, line: _Line) -> str:
    """What a column becomes."""
    if line.name in outcome.refused:
        return "refused"
    found = outcome.found.get(line.name)
    if found is None:
        return "no column" if pa.types.is_null(line.arrow) else "`BIGNUMERIC` *"
    if found.is_text and not line.is_text:
        return f"`{found.type}`, as text"
    if found.type == "INT64" and pa.types.is_duration(line.arrow):
        return "`INT64`, microseconds"
    return f"`{found.type}`"


def _value(outcome: Outcome, line: _Line) -> str:
    """Whether a value arrives."""
    if line.name in outcome.refused:
        return "refused"
    found = outcome.found.get(line.name)
    if found is None:
        return "*"
    return "as text" if found.is_text and not line.is_text else "same"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)

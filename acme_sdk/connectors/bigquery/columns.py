"""Which columns a load has: how they are staged, and what they become in the target.

A later batch may bring a column in a wider type. Staged columns keep their type; the wider values get another
staged column, and publishing takes whichever of the two has the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from acme_sdk.connectors.bigquery.names import check_column, quoted, text_literal
from acme_sdk.connectors.bigquery.types import STAGED, bigquery_type, holds
from acme_sdk.errors import FatalError

__all__ = ["Columns", "StagedColumn", "TargetColumn", "moved", "names"]


@dataclass(frozen=True)
class StagedColumn:
    """A column of the staging table.

    Attributes:
        staged_name: Its name there.
        name: The column's name in the source.
        type: The BigQuery type that its values are meant for.
    """

    staged_name: str
    name: str
    type: str

    @property
    def arrow_type(self) -> pa.DataType:
        """The type of its values in Parquet."""
        return STAGED[self.type][0]

    @property
    def sql_type(self) -> str:
        """Its type in the staging table."""
        return STAGED[self.type][1]


@dataclass(frozen=True)
class TargetColumn:
    """A column of the target.

    Attributes:
        name: Its name there.
        type: Its type there.
        expression: Its value for a staged row ``s``.
    """

    name: str
    type: str
    expression: str


class Columns:
    """The columns of one load, which only grow.

    Args:
        existing: The target's columns and types; empty when it is yet to be made.
        may_widen: Whether a column of the target may get a wider type.
    """

    def __init__(self, existing: Mapping[str, str], *, may_widen: bool = False) -> None:
        self._may_widen = may_widen
        self._existing = {name.lower(): (name, kind) for name, kind in existing.items()}
        self._staged: dict[tuple[str, str], StagedColumn] = {}

    @property
    def staged(self) -> list[StagedColumn]:
        """All staged columns, in the order in which they came."""
        return list(self._staged.values())

    def learn(self, schema: pa.Schema) -> list[StagedColumn]:
        """Take in a batch's columns and return those that the staging table lacks.

        Raises:
            FatalError: BigQuery cannot hold a column's name or type, or the target's column of this name does
                not hold such values.
        """
        seen = {column.name.lower(): column.name for column in self.staged}
        fresh: dict[tuple[str, str], StagedColumn] = {}
        for field in schema:
            check_column(field.name)
            if (other := seen.setdefault(field.name.lower(), field.name)) != field.name:
                raise FatalError(
                    f"the columns {other!r} and {field.name!r} are one to BigQuery, whatever their case",
                    code="column.name",
                    hint="rename one of them in the source",
                )
            kind = bigquery_type(field)
            if kind is not None and (field.name, kind) not in self._staged:
                column = StagedColumn(f"c{len(self._staged) + len(fresh)}", field.name, kind)
                fresh[field.name, kind] = column
        learnt = self._staged | fresh
        for name in {name for name, _ in fresh}:
            self._target_type(name, [kind for known, kind in learnt if known == name])
        self._staged = learnt
        return list(fresh.values())

    def find(self, field: pa.Field) -> StagedColumn | None:
        """Return where a batch's column is staged; ``None`` for one that is ``NULL`` throughout."""
        kind = bigquery_type(field)
        return None if kind is None else self._staged[field.name, kind]

    def target(self) -> list[TargetColumn]:
        """Return the columns that the target needs for the staged rows."""
        by_name: dict[str, list[StagedColumn]] = {}
        for column in self.staged:
            by_name.setdefault(column.name, []).append(column)
        return [self._target(name, columns) for name, columns in by_name.items()]

    def is_new(self, column: TargetColumn) -> bool:
        """Tell whether the target lacks a column so far."""
        return column.name.lower() not in self._existing

    def widened(self) -> list[TargetColumn]:
        """Return the columns of the target that need another type than they have."""
        present = ((column, self._existing.get(column.name.lower())) for column in self.target())
        return [column for column, known in present if known is not None and known[1] != column.type]

    def _target(self, name: str, columns: list[StagedColumn]) -> TargetColumn:
        kind = self._target_type(name, [column.type for column in columns])
        values = [_converted(column, kind) for column in columns]
        known, _ = self._existing.get(name.lower(), (name, kind))
        return TargetColumn(known, kind, values[0] if len(values) == 1 else f"COALESCE({', '.join(values)})")

    def _target_type(self, name: str, kinds: list[str]) -> str:
        """The type that holds values of all these types: the target's own, if it is there."""
        _, existing = self._existing.get(name.lower(), (name, None))
        if existing and self._may_widen:
            kinds = [existing, *kinds]
        for candidate in [existing] if existing and not self._may_widen else kinds:
            if all(holds(candidate, kind) for kind in kinds):
                return candidate
        in_target = existing and not self._may_widen
        code = "schema.type_mismatch" if in_target else "schema.type_changed"
        raise _mismatch(name, existing or kinds[0], kinds[-1], code)


def moved(columns: Mapping[str, str], existing: Mapping[str, str]) -> list[TargetColumn]:
    """Return the columns that a target needs for the rows of another table ``s``.

    Args:
        columns: That table's columns and types.
        existing: The target's; empty when it is yet to be made.

    Raises:
        FatalError: A column of the target does not hold such values (code ``schema.type_mismatch``).
    """
    present = {name.lower(): (name, kind) for name, kind in existing.items()}
    needed = []
    for name, kind in columns.items():
        known, target = present.get(name.lower(), (name, kind))
        if not holds(target, kind):
            raise _mismatch(name, target, kind, "schema.type_mismatch")
        needed.append(TargetColumn(known, target, _cast(f"s.{quoted(name)}", name, kind, target)))
    return needed


def _mismatch(name: str, present: str, kind: str, code: str) -> FatalError:
    return FatalError(
        f"column {name!r} is {present} and cannot hold {kind} exactly",
        code=code,
        hint="change the type of the table's column, or drop the table to have it made anew",
    )


def _converted(column: StagedColumn, kind: str) -> str:
    """The SQL of a staged column's value in the target's type."""
    value = f"s.{column.staged_name}"
    if column.type == "JSON":
        return f"PARSE_JSON({value}, wide_number_mode=>'round')"
    return _cast(value, column.name, column.type, kind)


def _cast(value: str, name: str, present: str, kind: str) -> str:
    """The SQL of a value in another type, which fails where that is not exact."""
    if present == kind:
        return value
    cast = f"CAST({value} AS {kind})"
    if kind != "FLOAT64":
        return cast
    message = text_literal(f"column {name!r}: an integer is too large to be exact as FLOAT64")
    return f"IF({value} IS NULL OR SAFE_CAST({cast} AS INT64) = {value}, {cast}, ERROR({message}))"


def names(columns: list[TargetColumn], alias: str | None = None) -> str:
    """Return quoted column names with commas between them, each with the alias if one is given."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{quoted(column.name)}" for column in columns)

"""Nested records taken apart: into rows of a stream's table and of child tables, a row for each list item.

A nested dictionary becomes columns ``address__city``. A list becomes a table of its own: its dictionaries
are rows, anything else is in their column ``value``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa

from acme_sdk.columns import RowBatcher
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import RECORD_ID, position_columns
from acme_sdk.sync.record_ids import record_ids

__all__ = ["KEY_PREFIX", "ROOT", "Path", "Unnesting", "is_nested"]

#: The keys that lead to a table's rows.
Path = tuple[str, ...]
ROOT: Path = ()
#: How the columns of a child table begin that hold its record's primary key.
KEY_PREFIX = "_acme_key_"
_VALUE = "value"
_OURS: Path = ("", "a column of ours")


@dataclass
class _Table:
    """One table in the making.

    Attributes:
        path: The keys that lead to it.
        depth: In how many lists its rows are.
        batcher: Makes columns of its rows.
        names: Its columns' names by the keys that lead to them.
        taken: The other way round.
        rows: The rows of the present batch.
        records: For each, the number of the record that it comes from.
        positions: For each, its place in each list that it is in.
    """

    path: Path
    depth: int
    batcher: RowBatcher
    names: dict[Path, str] = field(default_factory=dict)
    taken: dict[str, Path] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    positions: list[Path | tuple[int, ...]] = field(default_factory=list)

    def add(self, record: int, positions: tuple[int, ...]) -> dict[str, Any]:
        """Begin a row."""
        row: dict[str, Any] = {}
        self.rows.append(row)
        self.records.append(record)
        self.positions.append(positions)
        return row

    def columns(self) -> dict[str, pa.Array]:
        """Return the columns of the rows, those left out that never had a value."""
        if not any(self.rows) and not self.batcher.schema.names:
            return {}
        batch = self.batcher.convert(self.rows)
        return dict(zip(batch.schema.names, batch.columns, strict=True))

    def clear(self) -> None:
        """Forget the rows."""
        self.rows, self.records, self.positions = [], [], []


class Unnesting:
    """Takes the records of one stream apart, batch after batch.

    Args:
        stream: The stream's name, for errors.
        key: Columns that identify a record; child tables have them too.
    """

    def __init__(self, stream: str, key: tuple[str, ...]) -> None:
        self._stream = stream
        self._key = key
        self._root = self._table(ROOT, 0)
        self._children: dict[Path, _Table] = {}
        self._taken: dict[str, Path] = {}

    def depth(self, path: Path) -> int:
        """Return in how many lists the rows of a child table are."""
        return self._children[path].depth

    def take_apart(self, batch: pa.RecordBatch) -> dict[Path, pa.RecordBatch]:
        """Return the rows of the stream's table, first, and those of the child tables that have some.

        Raises:
            ConfigurationError: Two columns or tables would have the same name (code ``name.collision``), or
                the primary key is nested data (``nested.key``).
            FatalError: A column has values that no type holds exactly (code ``row.mixed_types``).
        """
        flat = {f.name: batch.column(i) for i, f in enumerate(batch.schema) if not is_nested(f.type)}
        nested = {f.name: _values(batch.column(i)) for i, f in enumerate(batch.schema) if is_nested(f.type)}
        for name in flat:
            self._column(self._root, (name,))
        if missing := [name for name in self._key if name in nested]:
            raise ConfigurationError(
                f"stream {self._stream!r}, column {missing[0]!r}: nested data cannot be a primary key",
                code="nested.key",
                hint="choose other columns, or load nested data as JSON",
            )
        self._root.rows = [{} for _ in range(batch.num_rows)]
        for name, values in nested.items():
            for record, value in enumerate(values):
                self._put(self._root, self._root.rows[record], (name,), value, record, ())
        ids = record_ids(batch)
        parts = {ROOT: _batch(flat | self._root.columns() | {RECORD_ID: ids})}
        for path, child in self._children.items():
            if child.rows:
                parts[path] = self._child_rows(child, ids, flat)
                child.clear()
        return parts

    def _child_rows(self, child: _Table, ids: pa.Array, flat: Mapping[str, pa.Array]) -> pa.RecordBatch:
        records = pa.array(child.records, pa.int64())
        links = {RECORD_ID: ids.take(records)}
        links |= {KEY_PREFIX + name: flat[name].take(records) for name in self._key if name in flat}
        for index, name in enumerate(position_columns(child.depth)):
            links[name] = pa.array([places[index] for places in child.positions], pa.int64())
        typed = {name: array for name, array in child.columns().items() if not pa.types.is_null(array.type)}
        return _batch(links | typed)

    def _put(
        self,
        table: _Table,
        row: dict[str, Any],
        path: Path,
        value: Any,
        record: int,
        positions: tuple[int, ...],
    ) -> None:
        """Put a value into a row of a table, or into other tables as far as it has lists."""
        if isinstance(value, dict):
            for key, item in value.items():
                self._put(table, row, (*path, str(key)), item, record, positions)
        elif isinstance(value, list):
            child = self._child(table.path + path, len(positions) + 1)
            for number, item in enumerate(value):
                places = (*positions, number)
                child_row = child.add(record, places)
                members = item if isinstance(item, dict) else {_VALUE: item}
                for key, member in members.items():
                    self._put(child, child_row, (str(key),), member, record, places)
        elif value is not None:
            row[self._column(table, path)] = value

    def _child(self, path: Path, depth: int) -> _Table:
        child = self._children.get(path)
        if child is None:
            self._require_free(self._taken, path, "tables")
            child = self._children[path] = self._table(path, depth)
        return child

    def _column(self, table: _Table, path: Path) -> str:
        name = table.names.get(path)
        if name is None:
            name = table.names[path] = self._require_free(table.taken, path, "columns")
        return name

    def _require_free(self, taken: dict[str, Path], path: Path, what: str) -> str:
        name = "__".join(path)
        other = taken.setdefault(name, path)
        if other != path:
            shown = " and ".join(repr(".".join(one)) if one[0] else one[1] for one in (other, path))
            raise ConfigurationError(
                f"stream {self._stream!r}: the {what} {shown} would both be {name!r}",
                code="name.collision",
                hint="load the stream's nested data as JSON, or rename one in the source",
            )
        return name

    def _table(self, path: Path, depth: int) -> _Table:
        table = _Table(path, depth, RowBatcher(".".join((self._stream, *path))))
        ours = [RECORD_ID, *position_columns(depth)]
        ours += [KEY_PREFIX + name for name in self._key] if path else []
        table.taken = dict.fromkeys(ours, _OURS)
        return table


def is_nested(kind: pa.DataType) -> bool:
    """Tell whether a column holds dictionaries or lists, or JSON, which may be such."""
    return isinstance(kind, pa.JsonType) or pa.types.is_nested(kind)


def _values(array: pa.Array) -> list[Any]:
    if not isinstance(array.type, pa.JsonType):
        return list(array.to_pylist(maps_as_pydicts="strict"))
    texts = array.to_pylist()
    return [None if text is None else json.loads(text, parse_float=_number) for text in texts]


def _number(text: str) -> float | Decimal:
    """Return a number with a point as a float, if that is exact."""
    exact, number = Decimal(text), float(text)
    return number if Decimal(repr(number)) == exact else exact


def _batch(columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

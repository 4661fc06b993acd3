"""Rows to columns and back: from the dictionaries that a source yields to Arrow record batches.

Types are learnt from the values; `acme_sdk.values` says which Python type becomes which Arrow type. A column
with values of two types takes the type that holds both exactly (`acme_sdk.arrow.widen`); to have none is an
error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any, NoReturn

import pyarrow as pa

from acme_sdk import compute as pc
from acme_sdk.arrow import widen
from acme_sdk.cells import take_apart
from acme_sdk.errors import FatalError
from acme_sdk.row import Row
from acme_sdk.values import CONVERSION_ERRORS, array_of

__all__ = ["BATCH_ROWS", "RowBatcher", "to_rows"]

BATCH_ROWS = 10_000

# Beyond this a float does not hold each integer.
_EXACT_IN_FLOAT = 2**53


class RowBatcher:
    """Makes record batches out of one stream's rows, with a schema that only grows.

    A later batch may have wider types than an earlier one, and more columns, in which earlier rows count as
    ``NULL``.

    Args:
        stream: The stream's name, for errors.
        schema: The columns that are known beforehand; their types stay as they are.
        batch_rows: How many rows make a batch.
    """

    def __init__(self, stream: str, *, schema: pa.Schema | None = None, batch_rows: int = BATCH_ROWS) -> None:
        self._stream = stream
        self._batch_rows = batch_rows
        self._declared = schema if schema is not None else pa.schema([])
        self._types: dict[str, pa.DataType] = {field.name: field.type for field in self._declared}
        self._largest: dict[str, int] = {}
        self._rows = 0

    @property
    def schema(self) -> pa.Schema:
        """The columns known so far, in the order in which they first came."""
        return pa.schema(list(self._types.items()))

    def batches(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[pa.RecordBatch]:
        """Cut rows into batches; no rows, no batch."""
        iterator = iter(rows)
        while chunk := list(islice(iterator, self._batch_rows)):
            yield self.convert(chunk)

    def convert(self, rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
        """Make one batch of some rows, which follow those of the call before.

        Raises:
            FatalError: A row is no mapping of names to values (``row.invalid``), a value fits no column
                (``row.value``), or a column has types that do not go together (``row.mixed_types``).
        """
        own = self._checked(rows)
        names = list(self._types)
        columns = take_apart(own, names) if names else None
        if columns is None:
            names = self._names(own)
            columns = take_apart(own, names) or []
        arrays = [self._column(name, *column) for name, column in zip(names, columns, strict=True)]
        self._rows += len(rows)
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _checked(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        if set(map(type, rows)) <= {Row, dict}:
            return list(rows)  # type: ignore[arg-type]  # the classes were looked at
        for index, row in enumerate(rows):
            if not isinstance(row, Mapping):
                self._fail(
                    "row.invalid",
                    f"is {type(row).__name__}, not a Row",
                    index,
                    hint="yield Row({...}) with the columns' names as keys",
                )
        return [dict(row) for row in rows]

    def _names(self, rows: list[dict[str, Any]]) -> list[str]:
        """All columns, known and new."""
        names = list(dict.fromkeys(chain(self._types, chain.from_iterable(rows))))
        if set(map(type, names)) <= {str} and names:
            return names
        for index, row in enumerate(rows):
            for name in row:
                if not isinstance(name, str):
                    self._fail("row.invalid", f"has a key that is {type(name).__name__}, not str", index)
        if not names:
            self._fail("row.invalid", "has no columns", 0)
        return [str(name) for name in names]

    def _column(self, name: str, values: list[Any], classes: set[type]) -> pa.Array:
        """Make a column's array and widen the column's type where the values need it."""
        known = self._types.get(name, pa.null())
        if not classes:
            self._types[name] = known
            return pa.nulls(len(values), known)
        declared = name in self._declared.names
        try:
            if declared and pa.types.is_nested(known):
                return pa.array(values, known)
            array = array_of(values, classes, known)
        except CONVERSION_ERRORS:
            self._blame(name, values)
        target = widen(known, array.type)
        if target is None:
            self._fail_mixed(name, values, known, array.type)
        target = known if declared and not pa.types.is_null(known) else target
        self._check_floats(name, known, target, array)
        try:
            converted = array if array.type == target else array.cast(target)
        except pa.ArrowException:
            self._fail(
                "row.value",
                f"a value does not fit the type {target} of the column without loss",
                _first(values, lambda value: array_of([value], {type(value)}).cast(target)),
                name,
            )
        self._types[name] = target
        return converted

    def _check_floats(self, name: str, known: pa.DataType, target: pa.DataType, array: pa.Array) -> None:
        """Integers that went out as such must be exact when their column becomes one of floats."""
        if pa.types.is_int64(array.type):
            bounds = pc.min_max(array)
            largest = max(abs(bounds["min"].as_py()), abs(bounds["max"].as_py()))
            self._largest[name] = max(self._largest.get(name, 0), largest)
        if target == pa.float64() and known == pa.int64() and self._largest.get(name, 0) > _EXACT_IN_FLOAT:
            self._fail(
                "row.mixed_types",
                "is float, but earlier rows have integers that are too large to be exact as float",
                0,
                name,
                hint="yield Decimal or str for this column",
            )

    def _blame(self, name: str, values: list[Any]) -> NoReturn:
        """Raise the error for the first value that is the reason why a column has no array."""
        index = _first(values, lambda value: array_of([value], {type(value)}))
        if index is not None:
            kind = type(values[index]).__name__
            self._fail(
                "row.value",
                f"a value of type {kind} cannot be held",
                index,
                name,
                hint="use None, bool, int, float, Decimal, str, bytes, date, time, datetime, timedelta, "
                "UUID, or lists and dictionaries of what JSON has; a time of day has no zone",
            )
        first = next(value for value in values if value is not None)
        index = _first(values, lambda value: array_of([first, value], {type(first), type(value)}))
        self._fail_types(name, _describe(first), _describe(values[index or 0]), index or 0)

    def _fail_mixed(self, name: str, values: list[Any], known: pa.DataType, seen: pa.DataType) -> NoReturn:
        index = next(i for i, value in enumerate(values) if value is not None)
        self._fail_types(
            name, str(known), str(seen), index
        )  # Arrow's names: the rows that gave `known` are gone

    def _fail_types(self, name: str, known: str, seen: str, index: int) -> NoReturn:
        self._fail(
            "row.mixed_types",
            f"is {seen}, but earlier rows have {known}; no type holds both exactly",
            index,
            name,
            hint="convert the values of this column to one type in the source",
        )

    def _fail(
        self, code: str, what: str, index: int | None, column: str | None = None, hint: str | None = None
    ) -> NoReturn:
        where = f"stream {self._stream!r}, row {self._rows + (index or 0) + 1}"
        where += f", column {column!r}: " if column is not None else ": it "
        raise FatalError(where + what, code=code, hint=hint) from None


def to_rows(batch: pa.RecordBatch) -> list[Row]:
    """Return a batch's rows, JSON columns read."""
    columns = []
    for array in batch.columns:
        values = array.to_pylist()
        if array.type == pa.json_():
            values = [None if text is None else json.loads(text) for text in values]
        columns.append(values)
    names = batch.schema.names
    return [Row(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _describe(value: Any) -> str:
    if isinstance(value, datetime):
        return "datetime with a zone" if value.tzinfo else "datetime without a zone"
    return type(value).__name__


def _first(values: list[Any], convert: Callable[[Any], object]) -> int | None:
    """Return the index of the first value that cannot be converted."""
    for index, value in enumerate(values):
        try:
            if value is not None:
                convert(value)
        except CONVERSION_ERRORS:
            return index
    return None

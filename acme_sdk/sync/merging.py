"""One schema for batches that do not know of each other: those of partitions, and of several attempts."""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa

from acme_sdk import compute as pc
from acme_sdk.arrow import widen
from acme_sdk.errors import FatalError

__all__ = ["GrowingSchema"]

# Beyond this a float does not hold each integer.
_EXACT_IN_FLOAT = 2**53


class GrowingSchema:
    """Columns that only grow, by new ones and by wider types.

    Args:
        stream: The stream's name, for errors.
        schema: The columns that are known beforehand.
    """

    def __init__(self, stream: str, schema: pa.Schema | None = None) -> None:
        self._stream = stream
        self._types: dict[str, pa.DataType] = {field.name: field.type for field in schema or ()}
        self._largest: dict[str, int] = {}

    @property
    def schema(self) -> pa.Schema:
        """The columns so far."""
        return pa.schema(list(self._types.items()))

    def fit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch with all columns known so far, in their types.

        Raises:
            FatalError: A column's type and the one it had do not go together (code ``row.mixed_types``).
        """
        for field, array in zip(batch.schema, batch.columns, strict=True):
            self._types[field.name] = self._widened(field, array)
        schema = self.schema
        if batch.schema.equals(schema):
            return batch
        names = set(batch.schema.names)
        arrays = [
            self._cast(batch.column(name), name)
            if name in names
            else pa.nulls(batch.num_rows, self._types[name])
            for name in schema.names
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _widened(self, field: pa.Field, array: pa.Array) -> pa.DataType:
        known = self._types.get(field.name, pa.null())
        if field.type == pa.int64() and len(array) > array.null_count:
            bounds = pc.min_max(array)
            largest = max(abs(bounds["min"].as_py()), abs(bounds["max"].as_py()))
            self._largest[field.name] = max(self._largest.get(field.name, 0), largest)
        target = field.type if known == field.type else widen(known, field.type)
        inexact = (
            target == pa.float64()
            and known == pa.int64()
            and self._largest.get(field.name, 0) > _EXACT_IN_FLOAT
        )
        if target is None or inexact:
            self._fail(field.name, str(field.type), str(known))
        return target

    def _cast(self, array: pa.Array, name: str) -> pa.Array:
        target = self._types[name]
        try:
            return array if array.type == target else array.cast(target)
        except pa.ArrowException:
            self._fail(name, str(array.type), str(target))

    def _fail(self, column: str, seen: str, known: str) -> NoReturn:
        raise FatalError(
            f"stream {self._stream!r}, column {column!r}: is {seen}, but earlier rows have {known}; no type"
            " holds both exactly",
            code="row.mixed_types",
            hint="convert the values of this column to one type in the source",
        ) from None

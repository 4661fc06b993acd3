"""Rows that a load reads again, and that the table holds already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from math import isfinite
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa

from acme_sdk import compute as pc
from acme_sdk.arrow import storage
from acme_sdk.ordering import not_below

__all__ = ["HeldRows"]

_LITTLE_AT_ONCE = {"batch_size": 10_000, "batch_readahead": 1, "fragment_readahead": 1, "use_threads": False}
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_TIMES = (pa.types.is_timestamp, pa.types.is_time, pa.types.is_duration)


class HeldRows:
    """Those of a table's rows whose cursor has a value or a higher one.

    Memory holds a digest of each, some 100 bytes. There are few, as a rule: the value is where the load
    before ended, less the overlap. Digests are of values, whatever their type: 1, 1.0 and 1.00 are the same.

    Args:
        files: The table's files, which all have the same columns.
        cursor: The cursor's columns.
        start: The value: columns of the cursor, the first ones or all, each with its text.
        key: The primary key; a row is held if one of the same key and cursor is. Without a key, rows are told
            apart by all their columns, and counted.
    """

    def __init__(
        self,
        files: list[Path],
        cursor: Sequence[str],
        start: Sequence[tuple[str, str]],
        key: tuple[str, ...],
    ) -> None:
        self._cursor = cursor
        self._first = cursor[0]
        self._start = start
        self._names = list(dict.fromkeys((*key, *cursor))) if key else None
        self._highest: pa.Scalar | None = None
        self._digests: Counter[bytes] = Counter()
        if files:
            self._read(files)

    def without(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of a batch that the table does not hold."""
        if self._highest is None or not set(self._cursor) <= set(batch.schema.names):
            return batch
        if any(pa.types.is_null(batch.schema.field(name).type) for name, _ in self._start):
            return batch
        reach = pc.and_(
            self._in_reach(batch), pc.less_equal(_comparable(batch.column(self._first)), self._highest)
        )
        indices = pc.indices_nonzero(pc.fill_null(reach, fill_value=False))
        again = [
            index
            for index, digest in zip(indices.to_pylist(), self._digests_of(batch.take(indices)), strict=True)
            if self._take(digest)
        ]
        if not again:
            return batch
        return batch.filter(pc.invert(pc.is_in(pa.array(range(batch.num_rows)), pa.array(again))))

    def _take(self, digest: bytes) -> bool:
        """Tell whether there is such a row; without a key it then counts as one less."""
        if digest not in self._digests:
            return False
        if self._names is None:
            self._digests[digest] -= 1
            if not self._digests[digest]:
                del self._digests[digest]
        return True

    def _read(self, files: list[Path]) -> None:
        import pyarrow.dataset as ds  # half a second, where pandas is installed

        table = ds.dataset(files, format="parquet")
        if not set(self._cursor) <= set(table.schema.names):
            return
        kind = table.schema.field(self._first).type
        # Row groups that end before the cursor's value are passed over, where their statistics can tell.
        after = None if kind == pa.uuid() else ds.field(self._first) >= _value(self._start[0][1], kind)
        names = None if self._names is None else [name for name in self._names if name in table.schema.names]
        for batch in table.to_batches(columns=names, filter=after, **_LITTLE_AT_ONCE):
            self._learn(batch.filter(self._in_reach(batch)))

    def _in_reach(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Tell which rows of a batch have the cursor's value or a higher one."""
        columns = [batch.column(name) for name, _ in self._start]
        values = [_value(text, column.type) for (_, text), column in zip(self._start, columns, strict=True)]
        return not_below([_comparable(column) for column in columns], values)

    def _learn(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            highest = pc.max(_comparable(batch.column(self._first)))
            self._highest = highest if self._highest is None else max(highest, self._highest, key=_as_py)
            self._digests.update(self._digests_of(batch))

    def _digests_of(self, batch: pa.RecordBatch) -> list[bytes]:
        names = sorted(self._names or batch.schema.names)
        # What has no value is left out, so that columns that came later do not count for rows before.
        columns = [(name, _values(batch.column(name))) for name in names if name in batch.schema.names]
        return [
            blake2b(
                repr([(name, values[row]) for name, values in columns if values[row] is not None]).encode(),
                digest_size=16,
            ).digest()
            for row in range(batch.num_rows)
        ]


def _as_py(value: pa.Scalar) -> Any:
    return value.value if isinstance(value, pa.TimestampScalar) else value.as_py()


def _comparable(array: pa.Array) -> pa.Array:
    array = storage(array)
    return array.cast(pa.binary()) if pa.types.is_fixed_size_binary(array.type) else array


def _value(text: str, kind: pa.DataType) -> pa.Scalar:
    """The value that a cursor's text stands for, as `_comparable` has it."""
    return pa.scalar(UUID(text).bytes) if kind == pa.uuid() else pa.scalar(text).cast(kind)


def _values(array: pa.Array) -> list[Any]:
    """An array's values in a form that does not depend on how wide its type is."""
    array = storage(array)
    if any(is_time(array.type) for is_time in _TIMES):
        factor = _NANOSECONDS[array.type.unit]
        integers = array.cast(pa.int32() if array.type.bit_width == 32 else pa.int64())
        return [None if value is None else value * factor for value in integers.to_pylist()]
    return [_exact(value) for value in array.to_pylist()]


def _exact(value: Any) -> Any:
    if isinstance(value, float | Decimal) and isfinite(value):
        value = Fraction(value)
        return int(value) if value.denominator == 1 else value
    return value

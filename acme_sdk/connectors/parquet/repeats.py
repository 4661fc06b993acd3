"""Rows of child tables that came before: records that are equal have the same id, and share their items."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from acme_sdk import compute as pc
from acme_sdk.arrow import storage

__all__ = ["repeated_rows", "without"]

# How many rows memory holds the keys of.
_ROWS_AT_ONCE = 500_000
_BYTES = 256
_NUMBER = "number"


def repeated_rows(staged: Sequence[Path], held: Sequence[Path], key: Sequence[str]) -> pa.Int64Array:
    """Return which rows came before, by their number over all staged files, ascending.

    Ids are digests, of which any first byte is as frequent as another: so many rows are looked at in several
    passes, each over the ids that begin with some bytes.

    Args:
        staged: Files of rows that came now. A row came before if one of the same key did.
        held: Files of rows that came earlier. A row came before if its record is there: all its items are.
        key: The columns that identify a row, first the record's id.
    """
    rows = sum(pq.read_metadata(path).num_rows for path in (*staged, *held)) if staged else 0
    passes = min(rows // _ROWS_AT_ONCE + 1, _BYTES)
    bounds = [number * _BYTES // passes for number in range(passes + 1)]
    found = [
        _repeated(_keys(staged, key, *share), _keys(held, key[:1], *share), key) for share in pairwise(bounds)
    ]
    numbers = pa.concat_arrays(found)
    return numbers.take(pc.sort_indices(numbers))


def without(batches: Iterable[pa.RecordBatch], numbers: pa.Int64Array) -> Iterator[pa.RecordBatch]:
    """Yield batches without the rows of some numbers, counted over all of them; the numbers are ascending."""
    begin = 0
    positions = numbers.to_pylist()
    for batch in batches:
        end = begin + batch.num_rows
        first, last = bisect_left(positions, begin), bisect_left(positions, end)
        if last > first:
            left_out = pc.is_in(pa.array(range(begin, end)), numbers.slice(first, last - first))
            batch = batch.filter(pc.invert(left_out))
        yield batch
        begin = end


def _repeated(staged: pa.Table, held: pa.Table, key: Sequence[str]) -> pa.Int64Array:
    first = staged.group_by(list(key), use_threads=False).aggregate([(_NUMBER, "min")])[f"{_NUMBER}_min"]
    again = pc.is_in(staged[key[0]], held[key[0]])
    repeated = pc.or_(again, pc.invert(pc.is_in(staged[_NUMBER], first)))
    return staged[_NUMBER].filter(repeated).combine_chunks()


def _keys(files: Sequence[Path], key: Sequence[str], lowest: int, end: int) -> pa.Table:
    """Read the keys of those rows whose ids begin with a byte from ``lowest`` on and below ``end``."""
    begun = pa.array([bytes([byte]) for byte in range(lowest, end)])
    schema = pa.schema([(key[0], pa.binary(16)), *((name, pa.int64()) for name in key[1:])])
    parts = [schema.append(pa.field(_NUMBER, pa.int64())).empty_table()]
    number = 0
    for path in files:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(columns=list(key), use_threads=False):
                columns = {name: storage(batch.column(name)) for name in key}
                columns[_NUMBER] = pa.array(range(number, number + batch.num_rows), pa.int64())
                rows = pa.table(columns)
                number += batch.num_rows
                if end - lowest < _BYTES:
                    rows = rows.filter(pc.is_in(pc.binary_slice(rows[key[0]], 0, 1), begun))
                parts.append(rows)
    return pa.concat_tables(parts)

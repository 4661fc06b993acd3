r"""Bytes as Postgres writes them (``\x0102…``, ``8d3c…-…``), whole columns at a time.

The digits of all rows lie one after the other in an Arrow column, so that one call converts them all.
"""

from __future__ import annotations

import pyarrow as pa

from acme_sdk import compute as pc

__all__ = ["text_from_bytes", "text_from_uuids"]

_UUID_BYTES = 16


def text_from_uuids(values: pa.FixedSizeBinaryArray) -> pa.StringArray:
    """Return UUIDs as 32 digits each, which Postgres reads, too."""
    start = values.offset * _UUID_BYTES
    data = memoryview(values.buffers()[1])[start : start + len(values) * _UUID_BYTES]
    digits = pa.py_buffer(data.hex().encode())
    fixed = pa.Array.from_buffers(pa.binary(2 * _UUID_BYTES), len(values), [None, digits])
    return _with_nulls_of(values, fixed.cast(pa.binary()).cast(pa.string()))


def text_from_bytes(values: pa.LargeBinaryArray) -> pa.LargeStringArray:
    r"""Return ``bytea`` text, ``\x`` and two digits a byte."""
    digits = pa.py_buffer(_data(values, pa.int64()).hex().encode())
    starts = _starts(values, pa.int64())
    offsets = pc.multiply(pc.subtract(starts, starts[0]), 2)
    encoded = pa.Array.from_buffers(pa.large_string(), len(values), [None, offsets.buffers()[1], digits])
    prefix = pa.scalar(r"\x", pa.large_string())
    return _with_nulls_of(
        values, pc.binary_join_element_wise(prefix, encoded, pa.scalar("", pa.large_string()))
    )


def _starts(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Where each value begins in the column's data, and where the last one ends."""
    return pa.Array.from_buffers(kind, len(array) + 1, [None, array.buffers()[1]], offset=array.offset)


def _data(array: pa.Array, kind: pa.DataType) -> memoryview:
    """All values, one after the other."""
    if not len(array) or array.buffers()[2] is None:
        return memoryview(b"")
    starts = _starts(array, kind)
    return memoryview(array.buffers()[2])[starts[0].as_py() : starts[len(array)].as_py()]


def _with_nulls_of(original: pa.Array, values: pa.Array) -> pa.Array:
    if not original.null_count:
        return values
    # Not pa.scalar(): that imports pandas, if it is installed.
    return pc.if_else(original.is_valid(), values, pa.nulls(1, values.type)[0])

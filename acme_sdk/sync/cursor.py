"""The values of a cursor's column, and how they are kept as text.

The text is what Arrow prints, which Arrow and SQL databases read back without loss: ISO 8601 for dates and
times (an instant in UTC, with ``Z``), digits for numbers.
"""

from __future__ import annotations

import math
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from acme_sdk import compute as pc
from acme_sdk.errors import ConfigurationError

__all__ = [
    "cursor_value",
    "decode_cursor",
    "encode_cursor",
    "parse_cursor",
    "step_back",
]

# How a value of a type is written.
_EXAMPLES = (
    (pa.types.is_timestamp, "2026-01-31T12:00:00"),
    (pa.types.is_date, "2026-01-31"),
    (pa.types.is_integer, "4711"),
    (pa.types.is_floating, "47.11"),
    (pa.types.is_decimal, "47.11"),
)


def encode_cursor(value: pa.Scalar, kind: pa.DataType) -> str:
    """Return a column's value as text.

    Args:
        value: The value, of the type that ``kind`` stores.
        kind: The column's type.
    """
    if kind == pa.uuid():
        return str(UUID(bytes=value.as_py()))
    if not pa.types.is_timestamp(kind):
        return str(pc.cast(value, pa.string()).as_py())
    if kind.tz is not None:
        value = pc.cast(value, pa.timestamp(kind.unit, "UTC"))
    return str(pc.cast(value, pa.string()).as_py()).replace(" ", "T")


def decode_cursor(text: str, kind: pa.DataType) -> pa.Scalar:
    """Return the value that `encode_cursor` made the text of.

    Raises:
        pa.ArrowException, ValueError: The text is no value of the type.
    """
    if kind == pa.uuid():
        return pa.FixedSizeBinaryArray.from_buffers(
            kind.storage_type, 1, [None, pa.py_buffer(UUID(text).bytes)]
        )[0]
    return pc.cast(_text(text), kind)


def _text(text: str) -> pa.Scalar:
    """A text as Arrow has it. ``pa.scalar`` would import pandas, where it is installed, which takes long."""
    content = text.encode()
    ends = len(content).to_bytes(8, sys.byteorder)
    return pa.StringArray.from_buffers(1, pa.py_buffer(bytes(4) + ends[:4]), pa.py_buffer(content))[0]


def cursor_value(text: str, kind: pa.DataType) -> Any:
    """Return the value that a cursor's text stands for, as rows have it."""
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(text)  # as_py() gives pandas' own type where that is installed
    return UUID(text) if kind == pa.uuid() else decode_cursor(text, kind).as_py()


def parse_cursor(value: str, kind: pa.DataType, where: str) -> str:
    """Return a value that somebody wrote as `encode_cursor` writes it.

    An instant without a zone is taken for UTC.

    Args:
        value: The value.
        kind: The cursor's type.
        where: Stream and cursor, for the error.

    Raises:
        ConfigurationError: It is no value of that type (code ``cursor.invalid``).
    """
    try:
        found = _decoded_leniently(value, kind)
        if not (pa.types.is_floating(kind) and math.isnan(found.as_py())):
            return encode_cursor(found, kind)
    except (pa.ArrowException, ValueError):
        pass
    example = next((text for test, text in _EXAMPLES if test(kind)), None)
    raise ConfigurationError(
        f"{where}: {value!r} is no value of its type {kind}",
        code="cursor.invalid",
        hint=f"write it like {example}" if example else "write a value that the column could have",
    )


def _decoded_leniently(value: str, kind: pa.DataType) -> pa.Scalar:
    try:
        return decode_cursor(value, kind)
    except pa.ArrowException:
        if not (pa.types.is_timestamp(kind) and kind.tz):
            raise
        return pa.scalar(value).cast(pa.timestamp(kind.unit)).cast(kind)


def step_back(text: str, kind: pa.DataType, overlap: timedelta | int | float) -> str:
    """Return the cursor value that lies so far before another.

    Args:
        text: A cursor value.
        kind: Its type.
        overlap: A `timedelta` for dates and timestamps, a number for numbers. Where the type is coarser, the
            step is the next longer one that it has, and it ends at the lowest value of the type.

    Raises:
        ConfigurationError: The overlap does not go with the type (code ``overlap.type``).
    """
    is_time = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not (is_time if isinstance(overlap, timedelta) else is_number):
        raise ConfigurationError(
            f"an overlap of {overlap!r} does not go with a cursor of type {kind}",
            code="overlap.type",
            hint="use a timedelta for dates and timestamps, a number for numbers",
        )
    value = decode_cursor(text, kind)
    if isinstance(overlap, timedelta):
        return encode_cursor(_earlier(value, kind, overlap), kind)
    if pa.types.is_integer(kind):
        floor = 0 if pa.types.is_unsigned_integer(kind) else -(2 ** (kind.bit_width - 1))
        return encode_cursor(pa.scalar(max(value.as_py() - math.ceil(overlap), floor), kind), kind)
    if pa.types.is_floating(kind):
        return encode_cursor(pa.scalar(value.as_py() - overlap, kind), kind)
    return str(value.as_py() - Decimal(str(overlap)))


def _earlier(value: pa.Scalar, kind: pa.DataType, overlap: timedelta) -> pa.Scalar:
    if pa.types.is_date(kind):
        days = -(-overlap // timedelta(days=1))
        first = (value.cast(pa.date32()).as_py() - date.min).days
        return pa.scalar(value.cast(pa.date32()).as_py() - timedelta(days=min(days, first))).cast(kind)
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
    microseconds = overlap // timedelta(microseconds=1)
    ticks = -(-microseconds * per_second // 10**6)
    return pa.scalar(max(value.value - ticks, -(2**63) + 1), pa.int64()).cast(kind)

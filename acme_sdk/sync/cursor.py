"""The cursor: the highest value of a column that was loaded, and how it is kept as text.

The text is what Arrow prints, which Arrow and SQL databases read back without loss: ISO 8601 for dates and
times (an instant in UTC, with ``Z``), digits for numbers.
"""

from __future__ import annotations

import math
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from acme_sdk.arrow import storage
from acme_sdk.errors import ConfigurationError

__all__ = ["HighWaterMark", "decode_cursor", "encode_cursor"]


class HighWaterMark:
    """The highest value of one column over all batches of a sync.

    Args:
        stream: The stream's name, for errors.
        field: The column.
        start: The mark of the sync before, as text, or ``None``; the mark never falls below it.
    """

    def __init__(self, stream: str, field: str, start: str | None = None) -> None:
        self._where = f"stream {stream!r}, cursor {field!r}"
        self._field = field
        self._text = start

    @property
    def text(self) -> str | None:
        """The mark as text; ``None`` if there was no value yet."""
        return self._text

    def update(self, batch: pa.RecordBatch) -> None:
        """Take a batch's values into account.

        Raises:
            ConfigurationError: The column's type has no order that a cursor could follow, or is not that of
                the mark before (code ``cursor.type``).
        """
        column = batch.column(self._field)
        if column.null_count == len(column):
            return
        if not _is_ordered(column.type):
            raise ConfigurationError(
                f"{self._where}: a column of type {column.type} cannot be a cursor",
                code="cursor.type",
                hint="choose a column of numbers, text, dates, timestamps or UUIDs",
            )
        values = storage(column)
        highest = pc.max(values)
        if self._text is not None:
            try:
                before = decode_cursor(self._text, column.type)
            except (pa.ArrowException, ValueError):
                raise ConfigurationError(
                    f"{self._where}: its type is now {column.type}, and the value kept so far is none of it",
                    code="cursor.type",
                    hint="run once with --full-refresh",
                ) from None
            highest = pc.max(pa.array([before, highest], values.type))
        if not (pa.types.is_floating(column.type) and math.isnan(highest.as_py())):
            self._text = encode_cursor(highest, column.type)


def encode_cursor(value: pa.Scalar, kind: pa.DataType) -> str:
    """Return a column's value as text.

    Args:
        value: The value, of the type that ``kind`` stores.
        kind: The column's type.
    """
    if kind == pa.uuid():
        return str(UUID(bytes=value.as_py()))
    if not pa.types.is_timestamp(kind):
        return str(value.cast(pa.string()).as_py())
    if kind.tz is not None:
        value = value.cast(pa.timestamp(kind.unit, "UTC"))
    return str(value.cast(pa.string()).as_py()).replace(" ", "T")


def decode_cursor(text: str, kind: pa.DataType) -> pa.Scalar:
    """Return the value that `encode_cursor` made the text of.

    Raises:
        pa.ArrowException, ValueError: The text is no value of the type.
    """
    if kind == pa.uuid():
        return pa.scalar(UUID(text).bytes, kind.storage_type)
    return pa.scalar(text).cast(kind)


def _is_ordered(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_date,
        pa.types.is_timestamp,
    )
    return kind == pa.uuid() or any(test(kind) for test in tests)

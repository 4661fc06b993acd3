"""The highest value of a cursor that was loaded."""

from __future__ import annotations

import pyarrow as pa

from acme_sdk.arrow import storage
from acme_sdk.cursor import CursorField, cursor_columns
from acme_sdk.encoded import Columns
from acme_sdk.errors import ConfigurationError
from acme_sdk.ordering import highest, precedes
from acme_sdk.sync.cursor_type import CursorType

__all__ = ["HighWaterMark"]


class HighWaterMark:
    """The highest value of a cursor over all batches of a sync.

    A row that lacks the value of a column of the cursor does not count.

    Args:
        stream: The stream's name, for errors.
        field: The cursor.
        start: The mark of the sync before, as text, or ``None``; the mark never falls below it.
    """

    def __init__(self, stream: str, field: CursorField, start: str | None = None) -> None:
        self._stream = stream
        self._field = field
        self._text = start

    @property
    def text(self) -> str | None:
        """The mark as text; ``None`` if there was no value yet."""
        return self._text

    def update(self, batch: Columns) -> None:
        """Take a batch's values into account.

        Raises:
            ConfigurationError: A column's type has no order that a cursor could follow, or is not that of
                the mark before (code ``cursor.type``).
        """
        names = cursor_columns(self._field)
        columns = [batch.column(name) for name in names]
        if any(column.null_count == len(column) for column in columns):
            return
        for name, column in zip(names, columns, strict=True):
            if not _is_ordered(column.type):
                raise ConfigurationError(
                    f"stream {self._stream!r}, cursor {name!r}: a column of type {column.type} cannot be a"
                    " cursor",
                    code="cursor.type",
                    hint="choose a column of numbers, text, dates, timestamps or UUIDs",
                )
        found = highest([storage(column) for column in columns])
        if found is None:
            return
        cursor = CursorType(self._field, tuple(column.type for column in columns))
        if self._text is not None:
            before = self._decoded(self._text, cursor)
            found = before if precedes(found, before) else found
        self._text = cursor.encode(found)

    def _decoded(self, text: str, cursor: CursorType) -> tuple[pa.Scalar, ...]:
        try:
            return cursor.decode(text)
        except (pa.ArrowException, ValueError):
            raise ConfigurationError(
                f"stream {self._stream!r}, cursor {self._field!r}: its type is now {cursor}, and the value"
                " kept so far is none of it",
                code="cursor.type",
                hint="run once with --full-refresh",
            ) from None


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

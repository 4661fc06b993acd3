"""Ordered streams: how far along its cursor a part has been read."""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from acme_sdk.arrow import storage
from acme_sdk.encoded import Columns
from acme_sdk.errors import FatalError
from acme_sdk.sync.cursor import decode_cursor, encode_cursor

__all__ = ["Ascent"]


class Ascent:
    """The cursor values of one part, which never go down.

    Args:
        where: Names stream and part, for errors.
        field: The cursor column.
        begin: The value that the part is read from, as text; ``None`` to take any value as the first.
        passed: The value that an earlier sync or attempt came to, as text: values below it, which an overlap
            brings again, are no progress.
    """

    def __init__(self, where: str, field: str, begin: str | None, passed: str | None) -> None:
        self._where = where
        self._field = field
        self._last = begin
        self._passed = passed
        self._rows = 0
        self._last_row = 0
        self.mark: str | None = None
        """The value that was reached, as text; ``None`` if that is no progress."""

    def follow(self, batch: Columns) -> None:
        """Take the next batch into account.

        Raises:
            FatalError: A value is lower than one before it, or missing after one (code ``cursor.disorder``).
        """
        column = batch.column(self._field)
        self._rows += batch.num_rows
        values = storage(column)
        if self._last is None:
            # No value has been reached as long as there is none.
            missing = pc.index(values.is_valid(), True).as_py()
            values = values.slice(len(values) if missing < 0 else missing)
        if len(values) == 0:
            return
        begin = self._rows - len(values) + 1
        if not _follows(self._last, values[:1], column.type):
            self._fail(begin, self._last_row)
        fine = _ascend(values[:-1], values[1:])
        if (index := pc.index(fine, False).as_py()) >= 0:
            self._fail(begin + index + 1, begin + index)
        self._last, self._last_row = encode_cursor(values[-1], column.type), self._rows
        if _follows(self._passed, values[-1:], column.type):
            self.mark = self._last

    def _fail(self, row: int, before: int) -> NoReturn:
        other = f"that of row {before}" if before else "the value that the sync goes on from"
        raise FatalError(
            f"{self._where}, row {row}: its cursor {self._field!r} is missing or lower than {other}, but the"
            " stream is declared as ordered",
            code="cursor.disorder",
            hint=f"read by ascending {self._field!r}, with no value missing, from the position's cursor on,"
            " or drop ordered",
        )


def _follows(text: str | None, value: pa.Array, kind: pa.DataType) -> bool:
    """Tell whether a value, alone in its array, may follow that of a text; any may if there is none."""
    if text is None:
        return True
    before = pa.array([decode_cursor(text, kind)], value.type)
    return bool(_ascend(before, value)[0].as_py())


def _ascend(before: pa.Array, after: pa.Array) -> pa.Array:
    """Tell for each pair of values whether the second may follow the first; a missing one and NaN may not."""
    return pc.fill_null(pc.greater_equal(after, before), False)

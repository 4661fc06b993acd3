"""Ordered streams: how far along its cursor a part has been read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import pyarrow as pa

from acme_sdk import compute as pc
from acme_sdk.arrow import storage
from acme_sdk.cursor import CursorField, cursor_columns
from acme_sdk.encoded import Columns
from acme_sdk.errors import FatalError
from acme_sdk.ordering import has_all, not_below, precedes
from acme_sdk.sync.cursor_type import CursorType

__all__ = ["Ascent"]


class Ascent:
    """The cursor values of one part, which never go down.

    Args:
        where: Names stream and part, for errors.
        field: The cursor.
        begin: The value that the part is read from, as text; ``None`` to take any value as the first.
        passed: The value that an earlier sync or attempt came to, as text: values below it, which an overlap
            brings again, are no progress.
    """

    def __init__(self, where: str, field: CursorField, begin: str | None, passed: str | None) -> None:
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
        columns = [batch.column(name) for name in cursor_columns(self._field)]
        cursor = CursorType(self._field, tuple(column.type for column in columns))
        values = [storage(column) for column in columns]
        complete = has_all(values)
        self._rows += batch.num_rows
        if self._last is None:
            # No value has been reached as long as there is none.
            first = pc.index(complete, True).as_py()
            values = _cut(values, len(complete) if first < 0 else first)
            complete = has_all(values)
        if not len(complete):
            return
        begin = self._rows - len(complete) + 1
        if not complete[0].as_py() or not _follows(self._last, values, 0, cursor):
            self._fail(begin, self._last_row)
        ascending = not_below(_cut(values, 1), [column[:-1] for column in values])
        fine = pc.and_(pc.fill_null(ascending, False), complete[1:])
        if (index := pc.index(fine, False).as_py()) >= 0:
            self._fail(begin + index + 1, begin + index)
        self._last, self._last_row = cursor.encode(column[-1] for column in values), self._rows
        if _follows(self._passed, values, -1, cursor):
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


def _follows(text: str | None, values: Sequence[pa.Array], row: int, cursor: CursorType) -> bool:
    """Tell whether a row's value may follow that of a text; any may if there is none."""
    return text is None or not precedes([column[row] for column in values], cursor.decode(text))


def _cut(columns: Sequence[pa.Array], start: int) -> list[pa.Array]:
    return [column.slice(start) for column in columns]

"""Cursors: one column, or several that are compared one after the other.

A cursor's value travels as text. That of several columns is a JSON array of one text for each; an array of
fewer stands for all values that begin with them, so that ``["2026-01-31"]`` lies before
``["2026-01-31", "1"]``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

__all__ = ["CursorField", "cursor_columns", "cursor_field_of", "join_cursor", "not_below_sql", "split_cursor"]

#: The name of a column, or of several that make up the cursor together.
CursorField: TypeAlias = str | tuple[str, ...]


def cursor_columns(field: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns of a cursor field; none of ``None``."""
    return (field,) if isinstance(field, str) else tuple(field or ())


def cursor_field_of(columns: Sequence[str]) -> CursorField | None:
    """Return the one form that a cursor field of some columns has: a plain name if there is only one."""
    return None if not columns else columns[0] if len(columns) == 1 else tuple(columns)


def split_cursor(text: str, field: str | Sequence[str]) -> tuple[str, ...]:
    """Return the texts of a cursor value's columns: all of them, or the first ones.

    >>> split_cursor('["2026-01-31T12:00:00", "7"]', ("updated_at", "id"))
    ('2026-01-31T12:00:00', '7')
    >>> split_cursor("7", "id")
    ('7',)

    Raises:
        ValueError: The text is no value of such a cursor.
    """
    columns = cursor_columns(field)
    if len(columns) == 1:
        return (text,)
    values = json.loads(text)
    if not isinstance(values, list) or not 0 < len(values) <= len(columns):
        raise ValueError(f"no array of at most {len(columns)} values")
    if not all(isinstance(value, str) for value in values):
        raise ValueError("the values are not all text")
    return tuple(values)


def join_cursor(texts: Sequence[str], field: str | Sequence[str]) -> str:
    """Return the text of a cursor value; the reverse of `split_cursor`."""
    return texts[0] if len(cursor_columns(field)) == 1 else json.dumps(list(texts), ensure_ascii=False)


def not_below_sql(pairs: Sequence[tuple[str, str]]) -> str:
    """Return the SQL condition that columns, compared one after the other, are not below some values.

    It is what ``(a, b) >= (x, y)`` means in standard SQL, for databases that do not have that.

    >>> not_below_sql([("a", "1"), ("b", "2")])
    'a >= 1 AND (a > 1 OR (b >= 2))'

    Args:
        pairs: Column and value, as SQL; at least one pair.
    """
    (column, value), *rest = pairs
    if not rest:
        return f"{column} >= {value}"
    return f"{column} >= {value} AND ({column} > {value} OR ({not_below_sql(rest)}))"

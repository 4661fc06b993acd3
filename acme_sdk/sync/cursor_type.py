"""What the text of a cursor's value means, with the types of its columns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Any

import pyarrow as pa

from acme_sdk.cursor import CursorField, cursor_columns, join_cursor, split_cursor
from acme_sdk.errors import ConfigurationError
from acme_sdk.ordering import precedes
from acme_sdk.sync.cursor import cursor_value, decode_cursor, encode_cursor, parse_cursor, step_back

__all__ = ["CursorType"]


@dataclass(frozen=True)
class CursorType:
    """A cursor with the types of its columns.

    A value has as many parts as there are columns, or fewer: then it stands for all that begin with them.

    Attributes:
        field: The cursor.
        kinds: The types of its columns.
    """

    field: CursorField
    kinds: tuple[pa.DataType, ...]

    @classmethod
    def find(cls, field: CursorField | None, schema: pa.Schema | None) -> CursorType | None:
        """Return a cursor with the types of a schema; ``None`` if that lacks one of its columns."""
        names = cursor_columns(field)
        if field is None or schema is None or not set(names) <= set(schema.names):
            return None
        return cls(field, tuple(schema.field(name).type for name in names))

    def __str__(self) -> str:
        """Return the types as errors show them."""
        return ", ".join(map(str, self.kinds))

    def encode(self, values: Iterable[pa.Scalar]) -> str:
        """Return a value, of the types that the columns store, as text."""
        texts = [encode_cursor(value, kind) for value, kind in zip(values, self.kinds, strict=False)]
        return join_cursor(texts, self.field)

    def decode(self, text: str) -> tuple[pa.Scalar, ...]:
        """Return the value that `encode` made the text of.

        Raises:
            pa.ArrowException, ValueError: The text is no value of the types.
        """
        texts = split_cursor(text, self.field)
        return tuple(decode_cursor(part, kind) for part, kind in zip(texts, self.kinds, strict=False))

    def value(self, text: str) -> Any:
        """Return the value of a text as rows have it: of several columns, a tuple."""
        texts = split_cursor(text, self.field)
        values = tuple(cursor_value(part, kind) for part, kind in zip(texts, self.kinds, strict=False))
        return values[0] if len(self.kinds) == 1 else values

    def parse(self, written: str, stream: str) -> str:
        """Return a value that somebody wrote as `encode` writes it.

        Args:
            written: The value; of several columns a JSON array, or a value of the first.
            stream: The stream's name, for errors.

        Raises:
            ConfigurationError: It is no value of the cursor (code ``cursor.invalid``).
        """
        names = cursor_columns(self.field)
        parts = [written] if len(names) == 1 else _parts(written)
        if not 0 < len(parts) <= len(names) or not all(isinstance(part, str) for part in parts):
            raise ConfigurationError(
                f"stream {stream!r}, cursor {self.field!r}: {written!r} is no value of it",
                code="cursor.invalid",
                hint="write a JSON array of a value for each column, or for the first of them",
            )
        texts = [
            parse_cursor(part, kind, f"stream {stream!r}, cursor {name!r}")
            for part, name, kind in zip(parts, names, self.kinds, strict=False)
        ]
        return join_cursor(texts, self.field)

    def lowest(self, texts: Iterable[str]) -> str:
        """Return the lowest of some values; there must be one."""
        return reduce(
            lambda one, other: other if precedes(self.decode(other), self.decode(one)) else one, texts
        )

    def step_back(self, text: str, overlap: timedelta | int | float) -> str:
        """Return the value that lies so far before another in the first column, whatever the others have.

        Raises:
            ConfigurationError: The overlap does not go with the type (code ``overlap.type``).
        """
        first = split_cursor(text, self.field)[0]
        return join_cursor([step_back(first, self.kinds[0], overlap)], self.field)


def _parts(written: str) -> list[Any]:
    """The values of an array, numbers as they are written; anything else is one of the first column."""
    try:
        found = json.loads(written, parse_int=str, parse_float=str)
    except ValueError:
        return [written]
    return found if isinstance(found, list) else [written]

"""Which rows of two extractions are the same record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from acme_sdk.catalog import Stream

__all__ = ["identities", "identity", "is_lasting", "key_of"]


def key_of(stream: Stream, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of a row's primary key, ``None`` for a column that is not there."""
    return tuple(row.get(column) for column in stream.primary_key)


def identity(stream: Stream, row: Mapping[str, Any]) -> Hashable:
    """Return what tells a record from others: its primary key, or all of it."""
    return repr(key_of(stream, row)) if stream.primary_key else _text(row)


def identities(stream: Stream, rows: Iterable[Mapping[str, Any]]) -> Counter[Hashable]:
    """Count the records in some rows."""
    return Counter(identity(stream, row) for row in rows)


def is_lasting(stream: Stream, first: list[Any], second: list[Any]) -> bool:
    """Tell whether records can be recognized: two extractions of the same data look the same."""
    return identities(stream, first) == identities(stream, second)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return repr(sorted((str(name), _text(item)) for name, item in value.items()))
    return repr(value)

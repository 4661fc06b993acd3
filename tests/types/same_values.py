"""Whether a value that a target has is the one that the source had."""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pyarrow as pa

__all__ = ["is_printed", "is_value"]


def is_printed(kind: pa.DataType, printed: str | None, found: Any) -> bool:
    """Tell whether a value is the one that Postgres prints so.

    Args:
        kind: The column's type in Arrow.
        printed: The value as Postgres prints it.
        found: The value as the target has it, or as the target prints it.
    """
    if printed is None or found is None:
        return printed is found
    if isinstance(found, str):
        same_json = kind == pa.json_() and _read_json(found) == _read_json(printed)
        return same_json or _BC.sub(r"\1 BC", found) == printed
    if pa.types.is_float32(kind):
        return _is_equal(struct.unpack("f", struct.pack("f", float(printed)))[0], found)
    read = next(read for matches, read in _READERS if matches(kind))
    return _is_equal(read(printed), found)


def is_value(value: Any, found: Any) -> bool:
    """Tell whether a value is the one that a row had.

    Args:
        value: The value in the row.
        found: The value as the target has it; one that it has no type for as text, or as microseconds.
    """
    if value is None or found is None:
        return value is found
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, dict | list | tuple):
        read = json.loads(found) if isinstance(found, str) else found
        return bool(read == json.loads(json.dumps(value, default=_plain)))
    if isinstance(value, timedelta) and isinstance(found, int):
        return value == timedelta(microseconds=found)
    if isinstance(value, datetime) and isinstance(found, datetime):
        # An instant is the same in any zone.
        return (value.tzinfo is None) == (found.tzinfo is None) and value == found
    if (
        isinstance(value, int | Decimal)
        and not isinstance(value, bool)
        and isinstance(found, Decimal | float | str)
    ):
        return Decimal(found) == value
    if isinstance(value, UUID) and isinstance(found, str):
        return str(value) == found
    return _is_equal(bytes(value) if isinstance(value, bytearray) else value, found)


# DuckDB has the era behind the day, Postgres at the end.
_BC = re.compile(r" \(BC\)(.*)")


def _read_json(text: str) -> Any:
    """JSON whose objects keep all their members, and whose numbers keep all their digits."""
    return json.loads(text, object_pairs_hook=lambda pairs: ("object", pairs), parse_float=Decimal)


_READERS: list[tuple[Callable[[pa.DataType], bool], Callable[[str], Any]]] = [
    (pa.types.is_boolean, lambda text: {"t": True, "f": False}[text]),
    (pa.types.is_integer, int),
    (pa.types.is_floating, float),
    (pa.types.is_decimal, Decimal),
    (pa.types.is_binary, lambda text: bytes.fromhex(text.removeprefix("\\x"))),
    (pa.types.is_date, date.fromisoformat),
    (pa.types.is_time, time.fromisoformat),
    (pa.types.is_timestamp, datetime.fromisoformat),
    (lambda kind: bool(kind == pa.uuid()), UUID),
]


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, date) else str(value)


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        # The sign of 0 counts, and NaN is itself.
        return repr(one) == repr(other)
    return type(one) is type(other) and bool(one == other)

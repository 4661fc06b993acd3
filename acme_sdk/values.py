"""Python values to one Arrow array, exactly or not at all.

=====================  =====================================================
Python                 Arrow
=====================  =====================================================
``bool``               ``bool``
``int``                ``int64``; ``decimal`` beyond 64 bits
``float``              ``float64``
``Decimal``            ``decimal128`` or ``decimal256``, just wide enough
``str``, ``bytes``     ``string``, ``binary``
``datetime``           ``timestamp[us]``; with a zone ``timestamp[us, UTC]``
``date``, ``time``     ``date32``, ``time64[us]``
``timedelta``          ``duration[us]``
``UUID``               ``arrow.uuid``
``dict``, ``list``     ``arrow.json``: JSON text
=====================  =====================================================

Integers go with floats that hold them exactly, and with decimals; no other two types of the table share an
array. Arrow's own inference is not used: it takes a ``datetime`` for a ``date`` and mixes text with bytes in
silence.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID

import pyarrow as pa

from acme_sdk.arrow import decimal_type

__all__ = ["CONVERSION_ERRORS", "array_of"]

CONVERSION_ERRORS = (pa.ArrowException, ValueError, TypeError, OverflowError, RecursionError)
"""What `array_of` raises on values that have no array."""

_ANY_DECIMAL = pa.decimal128(38)
_NONE = type(None)

_TYPES: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    Decimal: _ANY_DECIMAL,
    str: pa.string(),
    bytes: pa.binary(),
    bytearray: pa.binary(),
    datetime: pa.timestamp("us"),
    date: pa.date32(),
    time: pa.time64("us"),
    timedelta: pa.duration("us"),
    UUID: pa.uuid(),
    dict: pa.json_(),
    list: pa.json_(),
    tuple: pa.json_(),
}


def array_of(values: Sequence[Any], classes: set[type]) -> pa.Array:
    """Return the array of some values, of which at least one is not ``None``.

    Args:
        values: The values.
        classes: Their classes: ``set(map(type, values))``.

    Raises:
        TypeError: A class has no Arrow type, or the classes do not go together.
        pa.ArrowException, ValueError, OverflowError, RecursionError: A value does not fit.
    """
    kinds = {_kind(cls) for cls in classes if cls is not _NONE}
    if kinds == {pa.int64()}:
        return _integers(values)
    if kinds <= {_ANY_DECIMAL, pa.int64()}:
        return _decimals(values)
    if kinds == {pa.float64(), pa.int64()}:
        return pa.array(values, pa.float64())
    if len(kinds) > 1:
        raise TypeError("types that do not go together")
    kind = kinds.pop()
    if kind == pa.json_():
        return pa.array([None if value is None else _json(value) for value in values], pa.string()).cast(kind)
    if pa.types.is_timestamp(kind) and _zoned(values):
        return pa.array(values, pa.timestamp("us", "UTC"))
    if pa.types.is_time(kind) and _zoned(values):
        raise TypeError("a time of day with a zone")
    return pa.array(values, kind)


def _kind(cls: type) -> pa.DataType:
    for base in cls.__mro__:
        if base in _TYPES:
            return _TYPES[base]
    raise TypeError(f"no column holds {cls.__name__}")


def _integers(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.int64())
    except (OverflowError, pa.ArrowInvalid):
        return _decimals(values)


def _decimals(values: Sequence[Any]) -> pa.Array:
    """Decimals travel as text: pyarrow converts their objects fifty times slower."""
    numbers = [None if value is None else Decimal(value) for value in values]
    whole = max((number.adjusted() + 1 for number in numbers if number), default=1)
    exponents = {number.as_tuple().exponent for number in numbers if number is not None}
    scale = max((-exponent for exponent in exponents if isinstance(exponent, int)), default=0)
    kind = decimal_type(max(whole, 1), max(scale, 0))
    if kind is None:
        raise OverflowError("more than 76 digits")
    return pa.array([None if number is None else str(number) for number in numbers], pa.string()).cast(kind)


def _zoned(values: Sequence[Any]) -> bool:
    """Tell whether times have a zone.

    Raises:
        TypeError: Some have, some have not.
    """
    zones = set(map(type, map(attrgetter("tzinfo"), filter(None, values))))
    if zones > {_NONE}:
        raise TypeError("some with a zone, some without")
    return zones != {_NONE}


def _plain(value: Any) -> Any:
    """What JSON has no type for, as text that loses nothing."""
    for kinds, text in _AS_TEXT:
        if isinstance(value, kinds):
            return text(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON has no {type(value).__name__}")


_AS_TEXT: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((Decimal, UUID, timedelta), str),
    ((datetime, date, time), lambda value: value.isoformat()),
    ((bytes, bytearray), lambda value: b64encode(value).decode()),
)

_json = json.JSONEncoder(
    default=_plain, ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode

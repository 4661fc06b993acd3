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
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID

import pyarrow as pa

from acme_sdk.arrow import decimal_type
from acme_sdk.json_text import write_json

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


def array_of(values: list[Any], classes: set[type], known: pa.DataType | None = None) -> pa.Array:
    """Return the array of some values, of which at least one is not ``None``.

    Args:
        values: The values.
        classes: The classes of those that are not ``None``.
        known: The type of values before; decimals that it holds exactly take it.

    Raises:
        TypeError: A class has no Arrow type, or the classes do not go together.
        pa.ArrowException, ValueError, OverflowError, RecursionError: A value does not fit.
    """
    kinds = set(map(_kind, classes))
    if kinds == {pa.int64()}:
        return _integers(values)
    if kinds <= {_ANY_DECIMAL, pa.int64()}:
        array = _as_known_decimals(values, classes, known)
        return _decimals(values) if array is None else array
    if kinds == {pa.float64(), pa.int64()}:
        return pa.array(values, pa.float64())
    if len(kinds) > 1:
        raise TypeError("types that do not go together")
    kind = kinds.pop()
    if kind == pa.json_():
        return _json_texts(values).cast(kind)
    if pa.types.is_timestamp(kind):
        return _instants(values) if classes == {datetime} else _timestamps(values)
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


def _as_known_decimals(
    values: Sequence[Any], classes: set[type], known: pa.DataType | None
) -> pa.Array | None:
    """Return decimals in the type of those before; ``None`` if they need another one."""
    if known is None or not pa.types.is_decimal(known) or not classes <= {Decimal, int}:
        return None
    try:
        return pa.array(values, known)
    except pa.ArrowInvalid:
        return None


def _decimals(values: Sequence[Any]) -> pa.Array:
    """Decimals of a type to be found travel as text: pyarrow is far slower at finding one."""
    numbers = [None if value is None else Decimal(value) for value in values]
    whole = max((number.adjusted() + 1 for number in numbers if number), default=1)
    exponents = {number.as_tuple().exponent for number in numbers if number is not None}
    scale = max((-exponent for exponent in exponents if isinstance(exponent, int)), default=0)
    kind = decimal_type(max(whole, 1), max(scale, 0))
    if kind is None:
        raise OverflowError("more than 76 digits")
    return pa.array([None if number is None else str(number) for number in numbers], pa.string()).cast(kind)


def _instants(values: Sequence[datetime | None]) -> pa.Array:
    """Times as what has passed since the epoch, which Python computes faster than pyarrow asks for zones.

    Raises:
        TypeError: Some have a zone, some have not.
    """
    zoned = next(value for value in values if value is not None).tzinfo is not None
    epoch = datetime(1970, 1, 1, tzinfo=UTC if zoned else None)
    passed = [None if value is None else value - epoch for value in values]
    return pa.array(passed, pa.duration("us")).view(pa.timestamp("us", "UTC" if zoned else None))


def _timestamps(values: Sequence[Any]) -> pa.Array:
    """Times of a class that somebody made of `datetime`."""
    return pa.array(values, pa.timestamp("us", "UTC" if _zoned(values) else None))


def _zoned(values: Sequence[Any]) -> bool:
    """Tell whether times have a zone.

    Raises:
        TypeError: Some have, some have not.
    """
    zones = set(map(type, map(attrgetter("tzinfo"), filter(None, values))))
    if zones > {_NONE}:
        raise TypeError("some with a zone, some without")
    return zones != {_NONE}


def _json_texts(values: list[Any]) -> pa.Array:
    places, texts = write_json(values, _json)
    valid = pa.array([value is not None for value in values], pa.bool_()).buffers()[1]
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(places), pa.py_buffer(texts), valid)


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

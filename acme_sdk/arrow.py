"""Arrow types: which one holds the values of two, and what an extension type stores."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["decimal_type", "storage", "widen"]

# How many decimal digits the integers of a width have.
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}
_UNITS = ("s", "ms", "us", "ns")
_MAX_DECIMAL128 = 38
_MAX_DECIMAL256 = 76


def widen(known: pa.DataType, seen: pa.DataType) -> pa.DataType | None:
    """Return the smallest type that holds the values of both exactly; ``None`` when there is none.

    64-bit integers and floats meet in ``float64``, which is exact up to 2⁵³: who casts looks at the values
    (a safe cast of Arrow does).

    >>> widen(pa.int32(), pa.int64())
    DataType(int64)
    >>> widen(pa.int64(), pa.string()) is None
    True
    """
    known, seen = _plain(known), _plain(seen)
    if known == seen or pa.types.is_null(seen):
        return known
    if pa.types.is_null(known):
        return seen
    if _is_number(known) and _is_number(seen):
        return _widen_numbers(known, seen)
    if pa.types.is_timestamp(known) and pa.types.is_timestamp(seen):
        # A time with a zone is an instant, one without is not: neither holds the other.
        if (known.tz is None) != (seen.tz is None):
            return None
        return pa.timestamp(_finest(known, seen), known.tz and "UTC")
    if pa.types.is_time(known) and pa.types.is_time(seen):
        return pa.time64(_finest(known, seen)) if _finest(known, seen) in ("us", "ns") else pa.time32("ms")
    if pa.types.is_duration(known) and pa.types.is_duration(seen):
        return pa.duration(_finest(known, seen))
    return None


def decimal_type(whole: int, scale: int) -> pa.DataType | None:
    """Return the decimal type with so many digits before and after the point; ``None`` above 76 in all."""
    precision = max(whole + scale, 1)
    if precision > _MAX_DECIMAL256:
        return None
    return (pa.decimal128 if precision <= _MAX_DECIMAL128 else pa.decimal256)(precision, scale)


def storage(array: pa.Array) -> pa.Array:
    """Return what an extension array stores; any other array as it is."""
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _plain(kind: pa.DataType) -> pa.DataType:
    """The one type for all layouts of the same values."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    return pa.date32() if pa.types.is_date(kind) else kind


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _finest(known: pa.DataType, seen: pa.DataType) -> str:
    return _UNITS[max(_UNITS.index(known.unit), _UNITS.index(seen.unit))]


def _widen_numbers(known: pa.DataType, seen: pa.DataType) -> pa.DataType | None:
    if pa.types.is_integer(known) and pa.types.is_integer(seen):
        return _widen_integers(known, seen)
    if pa.types.is_decimal(known) or pa.types.is_decimal(seen):
        if pa.types.is_floating(known) or pa.types.is_floating(seen):
            return None
        wholes, scales = zip(_digits(known), _digits(seen), strict=True)
        return decimal_type(max(wholes), max(scales))
    return pa.float64()


def _widen_integers(known: pa.DataType, seen: pa.DataType) -> pa.DataType | None:
    if pa.types.is_signed_integer(known) == pa.types.is_signed_integer(seen):
        return max(known, seen, key=lambda kind: kind.bit_width)
    signed, unsigned = (known, seen) if pa.types.is_signed_integer(known) else (seen, known)
    for kind in (pa.int16(), pa.int32(), pa.int64()):
        if kind.bit_width > unsigned.bit_width and kind.bit_width >= signed.bit_width:
            return kind
    return decimal_type(_DIGITS[64], 0)


def _digits(kind: pa.DataType) -> tuple[int, int]:
    """Digits before and after the point."""
    if pa.types.is_decimal(kind):
        return kind.precision - kind.scale, kind.scale
    return (19 if kind == pa.int64() else _DIGITS[kind.bit_width]), 0

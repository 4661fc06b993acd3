"""Types: which Arrow type a Postgres column becomes, and which column an Arrow type becomes.

What Arrow has no exact type for travels as ``arrow.opaque`` text with the vendor ``PostgreSQL``: the value as
Postgres prints it, which a Postgres target reads back, and every other target keeps as text.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from acme_sdk.arrow import decimal_type
from acme_sdk.errors import FatalError

__all__ = [
    "INTEGERS",
    "VENDOR",
    "PostgresType",
    "arrow_field",
    "binary_form",
    "column_type",
    "holds",
    "is_nested",
    "widened",
    "wire_type",
]

VENDOR = "PostgreSQL"

# Arrow has one JSON type, Postgres two: the field's metadata tells json from jsonb.
_TYPE_KEY = b"postgres.type"

_SIMPLE: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "text": pa.string(),
    "varchar": pa.string(),
    "bpchar": pa.string(),
    "name": pa.string(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "uuid": pa.uuid(),
    "json": pa.json_(),
    "jsonb": pa.json_(),
}


# What the catalog calls types that are printed by another name.
_CATALOG_NAMES = {
    "boolean": "bool",
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "double precision": "float8",
    "time without time zone": "time",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}


@dataclass(frozen=True)
class PostgresType:
    """The type of a column as the catalog has it; of a domain, the type it is based on.

    Attributes:
        name: ``typname`` when it is a built-in type, otherwise empty.
        printed: The type as ``format_type`` prints it without a modifier.
        modifier: ``atttypmod``, -1 for none.
        is_enum: Whether it is an enumeration.
    """

    name: str
    printed: str
    modifier: int = -1
    is_enum: bool = False


def arrow_field(column: str, kind: PostgresType, nullable: bool = True) -> pa.Field:
    """Return the Arrow field that holds a column's values exactly."""
    metadata = {_TYPE_KEY: kind.name.encode()} if kind.name in ("json", "jsonb") else None
    return pa.field(column, _arrow_type(kind), nullable, metadata)


def _arrow_type(kind: PostgresType) -> pa.DataType:
    if kind.is_enum:
        return pa.string()
    if kind.name == "numeric" and kind.modifier >= 4:
        precision, scale = _precision_and_scale(kind.modifier)
        # A scale below 0 stands for zeros before the point, one above the precision for zeros after it.
        if decimal := decimal_type(max(precision - scale, 0), max(scale, 0)):
            return decimal
    return _SIMPLE.get(kind.name) or pa.opaque(pa.string(), kind.printed, VENDOR)


def wire_type(kind: PostgresType) -> str | None:
    """Return the type in whose binary form a column is read.

    Text of all kinds, and enumerations, have the form of ``text``. ``None`` stands for forms that we do not
    read, so that the server has to send what it prints.
    """
    if kind.is_enum or _SIMPLE.get(kind.name) == pa.string():
        return "text"
    return kind.name if kind.name in _SIMPLE or kind.name == "numeric" else None


def binary_form(printed: str) -> str:
    """Return the type whose binary form the values of a column have, as `wire_type` calls it.

    Args:
        printed: The column's type as ``format_type`` prints it; a modifier does not count.
    """
    base = _base(printed)
    return _CATALOG_NAMES.get(base, base)


def _precision_and_scale(modifier: int) -> tuple[int, int]:
    packed = modifier - 4  # 16 bits of precision, then a scale of 11 bits with a sign
    return packed >> 16 & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024


def column_type(field: pa.Field) -> str:
    """Return the SQL type of the column that holds a field's values exactly.

    Opaque types of Postgres are given by name, which says nothing about whether the server has them.

    Raises:
        FatalError: No Postgres type holds such values (code ``type.unsupported``).
    """
    kind = field.type
    if isinstance(kind, pa.OpaqueType):
        return (
            str(kind.type_name)
            if kind.vendor_name == VENDOR
            else column_type(field.with_type(kind.storage_type))
        )
    if isinstance(kind, pa.UuidType):
        return "uuid"
    if isinstance(kind, pa.JsonType):
        return "json" if (field.metadata or {}).get(_TYPE_KEY) == b"json" else "jsonb"
    if isinstance(kind, pa.BaseExtensionType):
        return column_type(field.with_type(kind.storage_type))
    if pa.types.is_dictionary(kind):
        return column_type(field.with_type(kind.value_type))
    if is_nested(kind):
        return "jsonb"
    if pa.types.is_decimal(kind):
        # A negative scale needs Postgres 15; plain numeric holds such values everywhere.
        return f"numeric({kind.precision},{kind.scale})" if 0 <= kind.scale <= kind.precision else "numeric"
    for matches, name in _COLUMN_TYPES:
        if matches(kind):
            return name
    raise FatalError(
        f"column {field.name!r}: Postgres has no type for {kind}",
        code="type.unsupported",
        hint="convert the column in the source, e.g. to text",
    )


def is_nested(kind: pa.DataType) -> bool:
    """Tell whether values of a type are lists, structs or maps, which become JSON."""
    return bool(pa.types.is_nested(kind)) and not pa.types.is_dictionary(kind)


_COLUMN_TYPES = (
    (pa.types.is_boolean, "boolean"),
    (lambda t: t in (pa.int8(), pa.uint8(), pa.int16()), "smallint"),
    (lambda t: t in (pa.uint16(), pa.int32()), "integer"),
    (lambda t: t in (pa.uint32(), pa.int64()), "bigint"),
    (lambda t: t == pa.uint64(), "numeric(20,0)"),
    (lambda t: t in (pa.float16(), pa.float32()), "real"),
    (pa.types.is_float64, "double precision"),
    (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t), "text"),
    (
        lambda t: (
            pa.types.is_binary(t)
            or pa.types.is_large_binary(t)
            or pa.types.is_binary_view(t)
            or pa.types.is_fixed_size_binary(t)
        ),
        "bytea",
    ),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time without time zone"),
    (lambda t: pa.types.is_timestamp(t) and t.tz is None, "timestamp without time zone"),
    (pa.types.is_timestamp, "timestamp with time zone"),
    (pa.types.is_duration, "interval"),
    (pa.types.is_null, "text"),
)


def holds(target: str, staged: str) -> bool:
    """Tell whether a column takes every value of another type unchanged, or refuses it with an error.

    Args:
        target: The column's type as ``format_type`` prints it.
        staged: The type of the values, likewise.
    """
    if target == staged:
        return True
    to, of = _base(target), _base(staged)
    if of == "numeric" and to == "numeric":
        scale, needed = _scale(target), _scale(staged)
        return scale is None or (needed is not None and needed <= scale)
    return to in _WIDER.get(of, ())


# Integers also go into narrower ones: Postgres refuses a value out of range rather than change it.
INTEGERS = ("smallint", "integer", "bigint")
_INTEGER_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_WIDER: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(INTEGERS, (*INTEGERS, "numeric")),
    "real": ("double precision",),
    "text": ("character varying", "citext"),
    "character varying": ("text",),
    "json": ("jsonb",),
    "jsonb": ("json",),
    "date": ("timestamp without time zone",),
}


def widened(one: str, other: str) -> str | None:
    """Return the smallest type that holds the values of both; ``None`` when there is none.

    Integers and floats meet in ``double precision``, which is exact up to 2⁵³: who casts looks at the values.
    """
    kinds = {_base(one), _base(other)}
    if kinds <= set(INTEGERS):
        return max(one, other, key=INTEGERS.index)
    if kinds <= {*INTEGERS, "numeric"}:
        return _widened_numeric(one, other)
    if kinds <= {*INTEGERS, "real", "double precision"}:
        return "double precision"
    if holds(one, other):
        return one
    return other if holds(other, one) else None


def _widened_numeric(one: str, other: str) -> str:
    sizes = [_digits(one), _digits(other)]
    if None in sizes:
        return "numeric"
    wholes, scales = zip(*filter(None, sizes), strict=True)
    return f"numeric({max(wholes) + max(scales)},{max(scales)})"


def _digits(printed: str) -> tuple[int, int] | None:
    """Digits before and after the point; ``None`` when they are not limited."""
    if printed in _INTEGER_DIGITS:
        return _INTEGER_DIGITS[printed], 0
    if (scale := _scale(printed)) is None:
        return None
    return int(printed.partition("(")[2].partition(",")[0]) - scale, scale


def _base(printed: str) -> str:
    return printed.partition("(")[0]


def _scale(printed: str) -> int | None:
    """The scale of ``numeric(12,2)``; ``None`` when it is not limited."""
    return int(printed.rstrip(")").partition(",")[2]) if "(" in printed else None

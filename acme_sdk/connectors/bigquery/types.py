"""Types: which BigQuery type holds an Arrow column exactly, and how its values travel there.

Values travel as Parquet. Load jobs take no JSON from Parquet, so JSON travels as text and is parsed when the
rows are published.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pyarrow as pa

from acme_sdk.arrow import storage
from acme_sdk.connectors.bigquery.json_values import check_json
from acme_sdk.errors import FatalError

__all__ = ["STAGED", "bigquery_type", "holds", "staged"]

#: How a column of each type is held in Parquet, and in SQL until the rows are published.
STAGED: dict[str, tuple[pa.DataType, str]] = {
    "BIGNUMERIC": (pa.decimal256(76, 38), "BIGNUMERIC"),
    "BOOL": (pa.bool_(), "BOOL"),
    "BYTES": (pa.binary(), "BYTES"),
    "DATE": (pa.date32(), "DATE"),
    "DATETIME": (pa.timestamp("us"), "DATETIME"),
    "FLOAT64": (pa.float64(), "FLOAT64"),
    "INT64": (pa.int64(), "INT64"),
    "JSON": (pa.string(), "STRING"),
    "NUMERIC": (pa.decimal128(38, 9), "NUMERIC"),
    "STRING": (pa.string(), "STRING"),
    "TIME": (pa.time64("us"), "TIME"),
    "TIMESTAMP": (pa.timestamp("us", "UTC"), "TIMESTAMP"),
}

# Digits before and after the point.
_NUMERIC = (29, 9)
_BIGNUMERIC = (38, 38)

_WIDER = {
    ("INT64", "NUMERIC"),
    ("INT64", "BIGNUMERIC"),
    ("INT64", "FLOAT64"),
    ("NUMERIC", "BIGNUMERIC"),
}


def bigquery_type(field: pa.Field) -> str | None:
    """Return the type of the column that holds a field's values exactly.

    ``None`` when the field has no values that would need one: it is ``NULL`` throughout.

    Raises:
        FatalError: BigQuery has no such type (code ``type.unsupported``).
    """
    kind = field.type
    if isinstance(kind, pa.UuidType):
        return "STRING"
    if isinstance(kind, pa.JsonType):
        return "JSON"
    if isinstance(kind, pa.Bool8Type):
        return "BOOL"
    if isinstance(kind, pa.BaseExtensionType):
        return bigquery_type(field.with_type(kind.storage_type))
    if pa.types.is_dictionary(kind):
        return bigquery_type(field.with_type(kind.value_type))
    if pa.types.is_null(kind):
        return None
    if pa.types.is_decimal(kind):
        return _decimal(field)
    for matches, name in _TYPES:
        if matches(kind):
            return name
    raise _unsupported(field)


def holds(target: str, source: str) -> bool:
    """Tell whether a column takes values of another type unchanged, or refuses them with an error."""
    return target == source or (source, target) in _WIDER


def staged(field: pa.Field, array: pa.Array) -> pa.Array:
    """Return a column's values in the type in which they travel.

    Args:
        field: The column; `bigquery_type` has a type for it.
        array: Its values.

    Raises:
        FatalError: A value is finer than its type in BigQuery, such as a nanosecond, or is no JSON that
            BigQuery holds exactly (code ``load.value``).
    """
    name = bigquery_type(field)
    assert name is not None  # noqa: S101 - the caller leaves out columns without a type
    try:
        values = _converted(array, STAGED[name][0])
    except (pa.ArrowException, ValueError, TypeError, KeyError):
        raise _inexact(field, f"a value of type {field.type} does not fit {name} without loss") from None
    if isinstance(field.type, pa.JsonType):
        try:
            check_json(values)
        except ValueError as error:
            raise _inexact(field, str(error)) from None
    return values


def _converted(array: pa.Array, target: pa.DataType) -> pa.Array:
    kind = array.type
    if isinstance(kind, pa.UuidType):
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], target)
    if isinstance(array, pa.ExtensionArray):
        return _converted(storage(array), target)
    if pa.types.is_dictionary(kind):
        return _converted(array.dictionary_decode(), target)
    if _is_nested(kind):
        return pa.array([_json(value) for value in array.to_pylist(maps_as_pydicts="strict")], target)
    if pa.types.is_duration(kind):
        return array.cast(pa.duration("us")).cast(target)
    if pa.types.is_fixed_size_binary(kind):
        return array.cast(pa.binary())
    return array.cast(target)


def _decimal(field: pa.Field) -> str:
    whole, scale = field.type.precision - field.type.scale, field.type.scale
    for name, (most_whole, most_scale) in (("NUMERIC", _NUMERIC), ("BIGNUMERIC", _BIGNUMERIC)):
        if whole <= most_whole and scale <= most_scale:
            return name
    raise _unsupported(field)


def _inexact(field: pa.Field, reason: str) -> FatalError:
    return FatalError(
        f"column {field.name!r}: {reason}",
        code="load.value",
        hint="round the values in the source, or pass them as text",
    )


def _unsupported(field: pa.Field) -> FatalError:
    return FatalError(
        f"column {field.name!r}: BigQuery has no type that holds {field.type} exactly",
        code="type.unsupported",
        hint="convert the column in the source, e.g. to text",
    )


def _is_nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind))


def _json(value: Any) -> str | None:
    if value is None:
        return None
    return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


_TYPES = (
    (pa.types.is_boolean, "BOOL"),
    (lambda t: t == pa.uint64(), "NUMERIC"),
    (pa.types.is_integer, "INT64"),
    (pa.types.is_floating, "FLOAT64"),
    (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t), "STRING"),
    (
        lambda t: (
            pa.types.is_binary(t)
            or pa.types.is_large_binary(t)
            or pa.types.is_binary_view(t)
            or pa.types.is_fixed_size_binary(t)
        ),
        "BYTES",
    ),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME"),
    (lambda t: pa.types.is_timestamp(t) and t.tz is None, "DATETIME"),
    (pa.types.is_timestamp, "TIMESTAMP"),
    (pa.types.is_duration, "INT64"),
    (_is_nested, "JSON"),
)

"""Ids of records: a digest of what they hold, so that the same record has the same id in every run."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import pyarrow as pa

__all__ = ["record_ids"]

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_BYTES = 16


def record_ids(batch: pa.RecordBatch) -> pa.Array:
    """Return an id for each record: a UUID.

    It depends on names and values alone: not on the order of columns, on columns without a value, or on how
    wide a column's type has become.
    """
    order = sorted(batch.schema.names)
    columns = [_comparable(batch.column(name)) for name in order]
    records = zip(*columns, strict=True) if columns else [()] * batch.num_rows
    ids = [_digest(dict(zip(order, values, strict=True))) for values in records]
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(ids, pa.binary(_BYTES)))


def _digest(record: dict[str, Any]) -> bytes:
    present = {name: value for name, value in record.items() if value is not None}
    text = json.dumps(present, separators=(",", ":"), default=_plain)
    return blake2b(text.encode(), digest_size=_BYTES).digest()


def _comparable(array: pa.Array) -> list[Any]:
    """Return values that are the same in all types that a column may have had."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _comparable(array.storage)
    if pa.types.is_dictionary(kind):
        return _comparable(array.dictionary_decode())
    if pa.types.is_date(kind):
        return _integers(array.cast(pa.date32()), pa.int32(), 1)
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind):
        stored = pa.int32() if pa.types.is_time32(kind) else pa.int64()
        return _integers(array, stored, _NANOSECONDS[kind.unit])
    if pa.types.is_floating(kind):
        return [int(v) if v is not None and v.is_integer() else v for v in array.to_pylist()]
    if pa.types.is_decimal(kind):
        return [None if v is None else int(v) if v == int(v) else _digits(v) for v in array.to_pylist()]
    return list(array.to_pylist(maps_as_pydicts="strict"))


def _integers(array: pa.Array, stored: pa.DataType, unit: int) -> list[int | None]:
    return [None if value is None else value * unit for value in array.view(stored).to_pylist()]


def _digits(value: Decimal) -> str:
    return f"{value:f}".rstrip("0")


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)

"""From Arrow to Postgres's CSV: record batches become what ``COPY … FROM STDIN (FORMAT csv)`` takes."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pyarrow as pa
from pyarrow import csv

from acme_sdk import compute as pc
from acme_sdk.connectors.postgres.hexadecimal import text_from_bytes, text_from_uuids
from acme_sdk.connectors.postgres.types import is_nested
from acme_sdk.errors import FatalError

__all__ = ["encode"]

_OPTIONS = csv.WriteOptions(include_header=False)


def encode(batch: pa.RecordBatch, where: str, first_row: int = 1) -> bytes:
    """Return the batch's rows as CSV: text is quoted, ``NULL`` is an empty field without quotes.

    Args:
        batch: Columns of types that `column_type` knows.
        where: The stream, for the error.
        first_row: The number of the batch's first row, for the error.

    Raises:
        FatalError: Text holds NUL (code ``data.nul``), which Postgres cannot store, or a value is finer than
            a microsecond or no JSON (code ``data.not_representable``); the error names the column.
    """
    if not batch.num_columns:
        return b"\n" * int(batch.num_rows)
    columns = []
    for column, name in zip(batch.columns, batch.schema.names, strict=True):
        try:
            columns.append(_printable(column))
        except (pa.ArrowInvalid, TypeError, KeyError, ValueError) as error:
            raise FatalError(
                f"{where}, column {name!r}: Postgres cannot hold a value: {error}",
                code="data.not_representable",
                hint="Postgres keeps microseconds and JSON; convert the column in the source",
            ) from None
    sink = io.BytesIO()
    csv.write_csv(pa.RecordBatch.from_arrays(columns, batch.schema.names), sink, _OPTIONS)
    text: bytes = sink.getvalue()
    if b"\0" in text:
        raise _nul(columns, batch.schema.names, where, first_row)
    return text


def _printable(column: pa.Array) -> pa.Array:
    """Return the column in a type that the CSV writer prints as Postgres reads it."""
    kind = column.type
    if isinstance(kind, pa.UuidType):
        return text_from_uuids(column.storage)
    if isinstance(kind, pa.BaseExtensionType):
        return _printable(column.storage)
    if pa.types.is_dictionary(kind):
        return _printable(column.dictionary_decode())
    if is_nested(kind):
        return _json(column)
    if pa.types.is_duration(kind):
        count = column.cast(pa.duration("us")).cast(pa.int64()).cast(pa.string())
        return pc.binary_join_element_wise(count, "microseconds", " ")
    if exact := _exact_type(kind):
        column = column.cast(exact)  # a safe cast: a value that would change is an error
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        # Arrow asks for the zone of each value, also of UTC, and takes 20 times as long.
        instants = column.view(pa.timestamp("us")).cast(pa.string())
        return pc.binary_join_element_wise(instants, "Z", "")
    return text_from_bytes(column) if pa.types.is_large_binary(column.type) else column


def _exact_type(kind: pa.DataType) -> pa.DataType | None:
    """The type to cast to first, where the CSV writer does not print what Postgres reads."""
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz and "UTC")
    if pa.types.is_time(kind):
        return pa.time64("us")
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    return None


def _json(column: pa.Array) -> pa.Array:
    values = column.to_pylist(maps_as_pydicts="strict")
    texts = [
        None if value is None else json.dumps(value, default=_plain, ensure_ascii=False) for value in values
    ]
    return pa.array(texts, pa.large_string())


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _nul(columns: list[pa.Array], names: list[str], where: str, first_row: int) -> FatalError:
    for column, name in zip(columns, names, strict=True):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            row = pc.index(pc.match_substring(column, "\0"), True).as_py()
            if row >= 0:
                return FatalError(
                    f"{where}, column {name!r}, row {first_row + row}: the text holds a NUL character",
                    code="data.nul",
                    hint="Postgres cannot store NUL in text: remove it in the source, or send bytes",
                )
    raise AssertionError("only text can hold NUL")

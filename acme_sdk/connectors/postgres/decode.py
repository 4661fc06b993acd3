"""From Postgres's CSV to Arrow: what ``COPY … TO STDOUT (FORMAT csv)`` sends becomes record batches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from acme_sdk.connectors.postgres.hexadecimal import bytes_from_text, uuids_from_text
from acme_sdk.errors import FatalError

__all__ = ["decode", "gather"]

BLOCK_BYTES = 4 << 20


def gather(rows: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """Join rows to blocks of about 4 MiB, each of whole rows; at least one block, which may be empty.

    Args:
        rows: Messages of a COPY, each of which is one row.
    """
    block: list[bytes | bytearray | memoryview] = []
    size = 0
    blocks = 0
    for row in rows:
        block.append(row)
        size += len(row)
        if size >= BLOCK_BYTES:
            yield b"".join(block)
            block, size, blocks = [], 0, blocks + 1
    if block or not blocks:
        yield b"".join(block)


def decode(block: bytes, schema: pa.Schema, where: str) -> pa.RecordBatch:
    """Return the rows of a block.

    Args:
        block: Whole rows as CSV, an unquoted empty field being ``NULL``.
        schema: The columns, in the order of the fields.
        where: The stream, for the error.

    Raises:
        FatalError: A value has no place in its column's Arrow type (code ``data.not_representable``), e.g.
            the date ``infinity``; the error names the column.
    """
    if not block:
        return pa.RecordBatch.from_pylist([], schema)
    if not schema.names:
        # Rows without columns are empty lines; only their number is left.
        return pa.RecordBatch.from_struct_array(pa.array([{}] * block.count(b"\n"), pa.struct([])))
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            read_options=csv.ReadOptions(column_names=schema.names, block_size=len(block) + 1),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types={field.name: _parsed_type(field.type) for field in schema},
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
            ),
        )
    except pa.ArrowInvalid as error:
        raise _not_representable(str(error), schema, where) from None
    batch = table.combine_chunks().to_batches()[0]
    columns = [_finish(column, field, where) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _parsed_type(kind: pa.DataType) -> pa.DataType:
    """The type that the CSV parser makes; `_finish` makes the rest of the way."""
    by_text = (
        isinstance(kind, pa.BaseExtensionType) or pa.types.is_binary(kind) or pa.types.is_decimal256(kind)
    )
    return pa.string() if by_text else kind


def _finish(column: pa.Array, field: pa.Field, where: str) -> pa.Array:
    kind = field.type
    if isinstance(kind, pa.UuidType):
        return pa.ExtensionArray.from_storage(kind, uuids_from_text(column))
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, column)
    if pa.types.is_binary(kind):
        return bytes_from_text(column)
    if pa.types.is_decimal256(kind):
        try:
            return pc.cast(column, kind)
        except pa.ArrowInvalid as error:
            raise _bad_value(str(error), field, where) from None
    return column


def _not_representable(text: str, schema: pa.Schema, where: str) -> FatalError:
    column = re.search(r"CSV column #(\d+)", text)
    if column is None:
        return FatalError(f"{where}: the server's answer cannot be read: {text}", code="data.invalid")
    return _bad_value(text, schema.field(int(column.group(1))), where)


def _bad_value(text: str, field: pa.Field, where: str) -> FatalError:
    value = re.search(r"(?:invalid value|The string) '(.*?)'", text)
    shown = value.group(1)[:60] if value else text
    return FatalError(
        f"{where}, column {field.name!r}: the value {shown} has no place in the type {field.type}",
        code="data.not_representable",
        hint="read from a view that leaves such values out, or casts the column to text",
    )

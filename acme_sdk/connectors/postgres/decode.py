"""From Postgres's binary form to Arrow: what ``COPY … TO STDOUT (FORMAT binary)`` sends becomes columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

import pyarrow as pa

from acme_sdk import compute as pc
from acme_sdk.connectors.postgres.binary import Block, InvalidDataError, NotRepresentableError
from acme_sdk.errors import FatalError

__all__ = ["decode_column", "read_block"]

_EPOCH = date(2000, 1, 1)
_DAYS = (_EPOCH - date(1970, 1, 1)).days
_FIRST_DAY, _LAST_DAY = (date.min - _EPOCH).days, (date.max - _EPOCH).days
_DAY_US = 86_400_000_000
_YEARS = 400
_DAYS_OF_400_YEARS = 146_097
_JSONB_VERSION = 1
_UUID_BYTES = 16

_Buffers: TypeAlias = tuple[pa.Buffer | None, ...]


def read_block(data: bytes, columns: int, rows: int, where: str) -> Block:
    """Find all values in a block of whole rows.

    Raises:
        FatalError: These are not so many rows (code ``data.invalid``).
    """
    try:
        return Block(data, columns, rows)
    except InvalidDataError as error:
        raise _invalid(where, error) from None


def decode_column(
    block: Block, index: int, wire_type: str, field: pa.Field, where: str, *, unbounded: bool = False
) -> pa.Array:
    """Return one column of a block.

    Args:
        block: The rows.
        index: Which column, from 0.
        wire_type: In which form its values are there; see `acme_sdk.connectors.postgres.types.wire_type`.
        field: What it becomes.
        where: The stream, for the error.
        unbounded: Whether dates and timestamps may be any; see `EncodedBatch.decode_unbounded`.

    Raises:
        FatalError: A value has no place in the field's type, e.g. the date ``infinity`` (code
            ``data.not_representable``), or the bytes are no such values (code ``data.invalid``); the error
            names the column.
    """
    where = f"{where}, column {field.name!r}"
    kind = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
    try:
        column = _column(block, index, wire_type, kind, unbounded=unbounded)
        if pa.types.is_string(kind):
            column.validate(full=True)  # a database of the encoding SQL_ASCII sends whatever it holds
    except NotRepresentableError as error:
        raise FatalError(
            f"{where}: the value {_printed(wire_type, error.value)} has no place in the type {field.type}",
            code="data.not_representable",
            hint="read from a view that leaves such values out, or casts the column to text",
        ) from None
    except OverflowError as error:
        raise FatalError(
            f"{where}: {error}",
            code="data.not_representable",
            hint="read from a view that casts the column to text",
        ) from None
    except (InvalidDataError, pa.ArrowInvalid) as error:
        raise _invalid(where, error) from None
    return pa.ExtensionArray.from_storage(field.type, column) if kind != field.type else column


# How the values of a wire type are read: the method of a block, and what it is told beside the column.
_TIMESTAMPS = (8, _DAYS * _DAY_US, _FIRST_DAY * _DAY_US, (_LAST_DAY + 1) * _DAY_US - 1)
_READERS: dict[str, tuple[Callable[..., _Buffers], tuple[int, ...]]] = {
    "bool": (Block.booleans, ()),
    "int2": (Block.numbers, (2,)),
    "int4": (Block.numbers, (4,)),
    "int8": (Block.numbers, (8,)),
    "float4": (Block.numbers, (4,)),
    "float8": (Block.numbers, (8,)),
    "numeric": (Block.printed_numbers, ()),
    "text": (Block.variable, ()),
    "json": (Block.variable, ()),
    "jsonb": (Block.variable, (_JSONB_VERSION,)),
    "bytea": (Block.variable, ()),
    "uuid": (Block.fixed, (_UUID_BYTES,)),
    "date": (Block.numbers, (4, _DAYS, _FIRST_DAY, _LAST_DAY)),
    "time": (Block.numbers, (8, 0, 0, _DAY_US - 1)),
    "timestamp": (Block.numbers, _TIMESTAMPS),
    "timestamptz": (Block.numbers, _TIMESTAMPS),
}


def _column(block: Block, index: int, wire_type: str, kind: pa.DataType, *, unbounded: bool) -> pa.Array:
    try:
        return pa.Array.from_buffers(kind, block.rows, list(_read(block, index, wire_type, kind)))
    except NotRepresentableError:
        if not unbounded or wire_type not in ("date", "timestamp", "timestamptz"):
            raise
    return _any_times(block, index, wire_type).view(kind)


def _any_times(block: Block, index: int, wire_type: str) -> pa.Array:
    """Dates or timestamps as integers, for which infinity is the largest and -infinity its negative.

    Raises:
        NotRepresentableError: A timestamp is too late for 64 bits from 1970 on.
    """
    _, (width, epoch, *_) = _READERS[wire_type]
    kind = pa.int32() if width == 4 else pa.int64()
    times = pa.Array.from_buffers(kind, block.rows, list(block.numbers(index, width)))
    largest = 2 ** (8 * width - 1) - 1
    # Postgres has the smallest integer for -infinity.
    late, early = pc.equal(times, pa.scalar(largest, kind)), pc.equal(times, pa.scalar(-largest - 1, kind))
    too_late = pc.and_not(pc.greater_equal(times, pa.scalar(largest - epoch, kind)), late)
    if pc.any(too_late).as_py():
        first = times[pc.index(too_late, True).as_py()].as_py()
        raise NotRepresentableError(first.to_bytes(width, "big", signed=True))
    moved = pc.add(times, pa.scalar(epoch, kind))  # those that overflow are replaced
    moved = pc.if_else(late, pa.scalar(largest, kind), moved)
    return pc.if_else(early, pa.scalar(-largest, kind), moved)


def _read(block: Block, index: int, wire_type: str, kind: pa.DataType) -> _Buffers:
    if pa.types.is_decimal(kind):
        return block.decimals(index, kind.precision, kind.scale)
    read, arguments = _READERS[wire_type]
    return read(block, index, *arguments)


def _printed(wire_type: str, value: bytes) -> str:
    """A value that Arrow has no place for, about as Postgres prints it."""
    if wire_type == "numeric":
        row = b"\0\1" + len(value).to_bytes(4, "big") + value
        return bytes(Block(row, 1, 1).printed_numbers(0)[2]).decode()[:60]
    number = int.from_bytes(value, "big", signed=True)
    if wire_type == "time":
        return "24:00:00" if number == _DAY_US else f"{number} µs"
    bits = 8 * len(value) - 1
    if number in (2**bits - 1, -(2**bits)):
        return "infinity" if number > 0 else "-infinity"
    if wire_type == "date":
        return _printed_day(number)
    days, microseconds = divmod(number, _DAY_US)
    day, space, era = _printed_day(days).partition(" ")
    return f"{day} {(datetime.min + timedelta(microseconds=microseconds)).time()}{space}{era}"


def _printed_day(days: int) -> str:
    """A day since 2000-01-01 whose year Python's dates do not have; the calendar repeats itself."""
    cycles, rest = divmod(days - _FIRST_DAY, _DAYS_OF_400_YEARS)
    day = date.min + timedelta(days=rest)
    year = day.year + cycles * _YEARS
    era = "" if year > 0 else " BC"
    return f"{year if year > 0 else 1 - year:04}-{day:%m-%d}{era}"


def _invalid(where: str, reason: Any) -> FatalError:
    return FatalError(f"{where}: the server's answer cannot be read: {reason}", code="data.invalid")

"""Rows to columns: every value arrives as it was, and what cannot is named."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_sdk.arrow import widen
from acme_sdk.columns import RowBatcher, to_rows
from acme_sdk.errors import FatalError
from acme_sdk.row import Row

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=9)
SECONDS = st.integers(-23 * 3600, 23 * 3600)
ZONES = st.timezones() | SECONDS.map(lambda seconds: timezone(timedelta(seconds=seconds)))
INNER_TIMES = {"min_value": datetime(2, 1, 1), "max_value": datetime(9998, 12, 31)}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": st.integers(-(2**63), 2**63 - 1),
    "huge_int": st.integers(-(10**75), 10**75),
    "float": st.floats(),
    "decimal": DECIMALS,
    "text": TEXT,
    "bytes": st.binary(),
    "naive": st.datetimes(),
    "zoned": st.datetimes(**INNER_TIMES, timezones=ZONES),
    "date": st.dates(),
    "time": st.times(),
    "duration": st.timedeltas(timedelta(days=-100_000_000), timedelta(days=100_000_000)),
    "uuid": st.uuids(),
    "object": st.dictionaries(TEXT, JSON, max_size=3),
    "list": st.lists(JSON, max_size=3),
}
ROWS = st.lists(
    st.fixed_dictionaries({}, optional={k: st.none() | v for k, v in COLUMNS.items()}), min_size=1
)


def convert(*rows: dict[str, Any], batch_rows: int = 10_000) -> list[pa.RecordBatch]:
    return list(RowBatcher("orders", batch_rows=batch_rows).batches(map(Row, rows)))


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, datetime) and left.tzinfo:
        left = left.astimezone(UTC)  # times in the hour that a clock repeats equal nothing in another zone
    return bool(left == right)


@given(rows=ROWS.filter(lambda rows: any(rows[:1])), batch_rows=st.integers(1, 4))
def test_every_value_comes_back(rows: list[dict[str, Any]], batch_rows: int) -> None:
    batches = convert({"n": 0}, *rows, batch_rows=batch_rows)
    back = [row for batch in batches for row in to_rows(batch)][1:]
    assert len(back) == len(rows)
    for row, returned in zip(rows, back, strict=True):
        assert all(same(value, returned.get(name)) for name, value in row.items())
        assert all(returned[name] is None for name in set(returned) - set(row))


@given(rows=ROWS.filter(lambda rows: any(rows[:1])), batch_rows=st.integers(1, 4))
def test_the_schema_only_grows(rows: list[dict[str, Any]], batch_rows: int) -> None:
    batcher = RowBatcher("orders", batch_rows=batch_rows)
    known = pa.schema([])
    for batch in batcher.batches([{"n": 0}, *rows]):
        assert batch.schema.names[: len(known)] == known.names
        assert all(
            widen(batch.schema.field(f.name).type, f.type) == batch.schema.field(f.name).type for f in known
        )
        assert batch.schema == batcher.schema
        known = batch.schema


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, pa.bool_()),
        (1, pa.int64()),
        (2**64, pa.decimal128(20, 0)),
        (1.5, pa.float64()),
        (Decimal("12.50"), pa.decimal128(4, 2)),
        (Decimal("1E+40"), pa.decimal256(41, 0)),
        ("a", pa.string()),
        (b"a", pa.binary()),
        (datetime(2026, 1, 1), pa.timestamp("us")),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))), pa.timestamp("us", "UTC")),
        (date(2026, 1, 1), pa.date32()),
        (time(1, 2), pa.time64("us")),
        (timedelta(1), pa.duration("us")),
        (UUID(int=1), pa.uuid()),
        ({"a": [1]}, pa.json_()),
        ([1, "a"], pa.json_()),
        (None, pa.null()),
    ],
)
def test_the_type_of_a_value(value: Any, expected: pa.DataType) -> None:
    [batch] = convert({"x": value})
    assert batch.schema.field("x").type == expected


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (None, 1, pa.int64()),
        (1, None, pa.int64()),
        (1, 1.5, pa.float64()),
        (1.5, 1, pa.float64()),
        (1, Decimal("1.5"), pa.decimal128(20, 1)),
        (Decimal("100.5"), Decimal("1.555"), pa.decimal128(6, 3)),
        (1, 2**70, pa.decimal128(22, 0)),
        (None, UUID(int=1), pa.uuid()),
        (None, {"a": 1}, pa.json_()),
    ],
)
@pytest.mark.parametrize("batch_rows", [1, 2])
def test_a_column_widens_exactly(first: Any, then: Any, expected: pa.DataType, batch_rows: int) -> None:
    batches = convert({"x": first}, {"x": then}, batch_rows=batch_rows)
    kind = batches[-1].schema.field("x").type
    # Side by side Arrow needs no room for all 64-bit integers.
    assert kind == expected or (batch_rows == 2 and pa.types.is_decimal(kind))
    assert [row["x"] for batch in batches for row in to_rows(batch)] == [first, then]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (1, "secret-text"),
        ("secret-text", 1),
        (True, 1),
        (1, True),
        ("a", b"a"),
        (1.5, Decimal("1.5")),
        (1.5, 2**53 + 1),
        (2**53 + 1, 1.5),
        (date(2026, 1, 1), datetime(2026, 1, 1)),
        (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
        ("secret-text", {"a": 1}),
        (UUID(int=1), str(UUID(int=1))),
    ],
)
@pytest.mark.parametrize("batch_rows", [1, 2])
def test_types_that_do_not_go_together_are_named(first: Any, then: Any, batch_rows: int) -> None:
    with pytest.raises(FatalError, match=r"stream 'orders', row 2, column 'x': ") as caught:
        convert({"x": first}, {"x": then}, batch_rows=batch_rows)
    assert caught.value.code in ("row.mixed_types", "row.value")
    assert "secret-text" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        object(),
        "\ud800",
        Decimal("NaN"),
        time(1, tzinfo=UTC),
        {"a": float("nan")},
        10**80,
        {"a": {1}},
    ],
)
def test_a_value_that_no_column_holds_is_named(value: Any) -> None:
    with pytest.raises(
        FatalError, match=r"stream 'orders', row 3, column 'x': a value of type \w+"
    ) as caught:
        convert({"x": None}, {"x": None}, {"x": value}, batch_rows=2)
    assert caught.value.code == "row.value"


@pytest.mark.parametrize("row", [["a"], "a", None, 7])
def test_what_is_no_row_is_named(row: Any) -> None:
    with pytest.raises(FatalError, match=rf"row 2: it is {type(row).__name__}, not a Row"):
        list(RowBatcher("orders").batches([{"a": 1}, row]))


def test_a_key_that_is_no_name_is_refused() -> None:
    with pytest.raises(FatalError, match="row 1: it has a key that is int, not str"):
        list(RowBatcher("orders").batches([{1: 1}]))  # type: ignore[dict-item]  # the mistake itself


def test_a_row_without_columns_is_refused_only_when_no_column_is_known() -> None:
    assert convert({"a": 1}, {})[0].num_rows == 2
    with pytest.raises(FatalError, match="row 1: it has no columns"):
        convert({})


def test_a_declared_type_stays() -> None:
    schema = pa.schema([("id", pa.int32()), ("tags", pa.list_(pa.string()))])
    batcher = RowBatcher("orders", schema=schema)
    [batch] = batcher.batches([{"id": 1, "tags": ["a"], "more": "x"}])
    assert batch.schema == pa.schema([*schema, ("more", pa.string())])
    with pytest.raises(FatalError, match=r"row 2, column 'id': a value does not fit the type int32"):
        batcher.convert([{"id": 2**40}])
    with pytest.raises(FatalError, match=r"column 'id': is string, but"):
        batcher.convert([{"id": "1"}])


def test_rows_are_read_no_further_than_the_batch() -> None:
    read = 0

    def source() -> Any:
        nonlocal read
        for number in range(10):
            read += 1
            yield {"n": number}

    batches = RowBatcher("orders", batch_rows=3).batches(source())
    assert next(batches).num_rows == 3
    assert read == 3


@given(
    left=st.sampled_from(
        [pa.int8(), pa.uint8(), pa.uint16(), pa.int32(), pa.uint64(), pa.int64(), pa.decimal128(9, 3)]
    ),
    right=st.sampled_from(
        [pa.int16(), pa.uint32(), pa.uint64(), pa.int64(), pa.decimal128(20, 0), pa.float32()]
    ),
)
def test_the_wider_type_holds_the_extremes_of_both(left: pa.DataType, right: pa.DataType) -> None:
    wide = widen(left, right)
    assert wide == widen(right, left)
    assert (wide is None) == (pa.types.is_decimal(left) and pa.types.is_floating(right))
    for kind in (left, right):
        if wide is not None and pa.types.is_integer(kind) and not pa.types.is_floating(wide):
            low = 0 if pa.types.is_unsigned_integer(kind) else -(2 ** (kind.bit_width - 1))
            high = low + 2**kind.bit_width - 1
            assert pa.array([low, high], kind).cast(wide).to_pylist() == [low, high]

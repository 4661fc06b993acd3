"""What becomes of types, values and names."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acme.sdk import ConfigurationError, FatalError, WriteMode
from acme_sdk.connectors.bigquery import BigQueryDestination
from acme_sdk.connectors.bigquery.types import bigquery_type
from acme_sdk.sync import StreamPlan, sync_stream
from tests.bigquery.conftest import Dataset, Loader
from tests.bigquery.loads import batch, checkpoint, plan
from tests.sync.rows import Rows

MOMENT = datetime(2013, 1, 1, 5, 0, 0, 123456)
UID = UUID("6f1d3b0e-7c44-4f0e-9d3a-0c2b5a7e9f10")

# Arrow type, value, BigQuery type, value that is read back (the same if it is left out).
VALUES: list[tuple[pa.DataType, Any, str, Any]] = [
    (pa.int8(), -128, "INT64", ...),
    (pa.int64(), -(2**63), "INT64", ...),
    (pa.uint32(), 2**32 - 1, "INT64", ...),
    (pa.uint64(), 2**64 - 1, "NUMERIC", Decimal(2**64 - 1)),
    (pa.float32(), 0.5, "FLOAT64", ...),
    (pa.float64(), 0.1, "FLOAT64", ...),
    (pa.bool_(), True, "BOOL", ...),
    (pa.decimal128(38, 9), Decimal("-" + "9" * 29 + "." + "9" * 9), "NUMERIC", ...),
    (pa.decimal128(5, -2), Decimal("1.23E+4"), "NUMERIC", Decimal(12300)),
    (pa.string(), "a\"b'`\\ü😀\n", "STRING", ...),
    (pa.large_string(), "x", "STRING", ...),
    (pa.dictionary(pa.int8(), pa.string()), "x", "STRING", ...),
    (pa.binary(), b"\x00\xff", "BYTES", ...),
    (pa.binary(2), b"\x00\xff", "BYTES", ...),
    (pa.date32(), date(1, 1, 1), "DATE", ...),
    (pa.date64(), date(9999, 12, 31), "DATE", ...),
    (pa.time64("us"), time(23, 59, 59, 999999), "TIME", ...),
    (pa.time32("s"), time(1, 2, 3), "TIME", ...),
    (pa.timestamp("us"), MOMENT, "DATETIME", ...),
    (pa.timestamp("s"), MOMENT.replace(microsecond=0), "DATETIME", ...),
    (pa.timestamp("us", "UTC"), MOMENT.replace(tzinfo=UTC), "TIMESTAMP", ...),
    (pa.timestamp("ns", "Europe/Berlin"), MOMENT.replace(tzinfo=UTC), "TIMESTAMP", ...),
    (pa.duration("ms"), timedelta(seconds=1.5), "INT64", 1_500_000),
    (pa.uuid(), UID, "STRING", str(UID)),
    (pa.list_(pa.int64()), [1, None, 3], "JSON", ...),
    (pa.struct({"a": pa.date32(), "b": pa.binary()}), {"a": date(2026, 1, 2), "b": b"\xff"}, "JSON",
     {"a": "2026-01-02", "b": "/w=="}),
    (pa.map_(pa.string(), pa.float64()), [("k", 0.5)], "JSON", {"k": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "expected", "read"), VALUES, ids=lambda item: str(item)[:40])
def test_values_survive(
    dataset: Dataset, load: Loader, kind: pa.DataType, value: Any, expected: str, read: Any
) -> None:
    load(plan(), batch(id=[1, 2], x=pa.array([value, None], kind)))
    table = dataset.client.get_table(f"{dataset.name}.orders")
    assert {field.name: _sql_name(field.field_type) for field in table.schema}["x"] == expected
    assert dataset.query("SELECT x FROM {ds}.orders ORDER BY id") == [
        (value if read is ... else read,),
        (None,),
    ]


def _sql_name(name: str) -> str:
    return {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}.get(name, name)


@pytest.mark.parametrize(
    ("kind", "text", "read"),
    [
        (pa.json_(), '{"a": [1, 2.5, "ü\\n", null, {"b": true}]}', {"a": [1, 2.5, "ü\n", None, {"b": True}]}),
        (pa.opaque(pa.string(), "interval", "PostgreSQL"), "1 mon 2 days", "1 mon 2 days"),
    ],
)
def test_extension_types(dataset: Dataset, load: Loader, kind: pa.DataType, text: str, read: Any) -> None:
    load(plan(), batch(x=pa.ExtensionArray.from_storage(kind, pa.array([text], pa.string()))))
    assert dataset.query("SELECT x FROM {ds}.orders") == [(read,)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.decimal128(29, 0), "NUMERIC"),
        (pa.decimal128(30, 0), "BIGNUMERIC"),
        (pa.decimal128(12, 10), "BIGNUMERIC"),
        (pa.decimal256(76, 38), "BIGNUMERIC"),
        (pa.bool8(), "BOOL"),
        (pa.float16(), "FLOAT64"),
        (pa.null(), None),
    ],
)
def test_type_of_a_column(kind: pa.DataType, expected: str | None) -> None:
    assert bigquery_type(pa.field("x", kind)) == expected


@pytest.mark.parametrize("kind", [pa.decimal256(39, 0), pa.decimal128(38, -1), pa.decimal256(50, 39),
                                  pa.month_day_nano_interval()])  # fmt: skip
def test_type_that_nothing_holds(dataset: Dataset, load: Loader, kind: pa.DataType) -> None:
    with pytest.raises(FatalError, match="column 'x': BigQuery has no type that holds") as caught:
        load(plan(), batch(id=[1], x=pa.nulls(1, kind)))
    assert caught.value.code == "type.unsupported"
    assert dataset.tables() == set()


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1], pa.timestamp("ns")),
        pa.array([1], pa.time64("ns")),
        pa.array([[float("nan")]]),
    ],
)
def test_value_that_would_lose_something(dataset: Dataset, load: Loader, array: pa.Array) -> None:
    with pytest.raises(FatalError, match=r"column 'x': a value of type .* does not fit") as caught:
        load(plan(), batch(x=array))
    assert caught.value.code == "load.value"
    assert dataset.tables() == set()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1, 18446744073709551616]", "18446744073709551616"),
        ('{"a": -9223372036854775809}', "-9223372036854775809"),
        ("0.12345678901234567890", "0.12345678901234567890"),
        ("1e400", "1e400"),
        ("9" * 5000, "9" * 60),
        ('["\\ud800"]', "surrogate"),
        ('{"a\\udc00": 1}', "surrogate"),
    ],
)
def test_json_that_would_be_changed(dataset: Dataset, load: Loader, text: str, reason: str) -> None:
    array = pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", None, text], pa.string()))
    with pytest.raises(FatalError, match="column 'x': the JSON") as caught:
        load(plan(), batch(x=array))
    assert caught.value.code == "load.value"
    assert reason in caught.value.message
    assert dataset.tables() == set()


@pytest.mark.parametrize(
    "text",
    [
        "18446744073709551615",
        "-9223372036854775808",
        "0.1234567890123456",
        "1.7976931348623157e308",
        "1e100",
        '"\\ud83d\\ude00"',
        '"99999999999999999999 NaN"',
    ],
)
def test_json_that_stays_as_it_is(dataset: Dataset, load: Loader, text: str) -> None:
    array = pa.ExtensionArray.from_storage(pa.json_(), pa.array([text], pa.string()))
    assert load(plan(), batch(x=array)) == 1


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.text(), st.binary(), st.floats(allow_nan=False), st.datetimes()), min_size=1)
)
def test_any_value_survives(dataset: Dataset, load: Loader, rows: list[tuple[Any, ...]]) -> None:
    dataset.query("DROP TABLE IF EXISTS {ds}.orders")
    text, octets, number, moment = (list(column) for column in zip(*rows, strict=True))
    columns = {"id": range(len(rows)), "t": text, "b": octets, "f": number,
               "m": pa.array(moment, pa.timestamp("us")), "j": [json.dumps(t) for t in text]}  # fmt: skip
    load(plan(), batch(**columns))
    found = dataset.query("SELECT t, b, f, m, j FROM {ds}.orders ORDER BY id")
    assert found == [(*row, json.dumps(row[0])) for row in rows]


@pytest.mark.parametrize(
    "name",
    [
        "Order ID",
        "select",
        "naïve—列",
        "a'b",
        "x<>&%=+:|#-y",
        "s",
        "position",
        "c0",
        "T",
        "loaded",
        "identity",
    ],
)
def test_column_names(dataset: Dataset, load: Loader, name: str) -> None:
    upsert = {"write_mode": WriteMode.UPSERT, "primary_key": (name,)}
    load(plan(**upsert), batch(**{name: [1], "other": ["a"]}))
    load(plan(**upsert), batch(**{name: [1], "other": ["b"], f"{name} new": [True]}))
    assert dataset.query(f"SELECT `{name}`, other, `{name} new` FROM {{ds}}.orders") == [(1, "b", True)]


@pytest.mark.parametrize(
    "name", ["", "a`b", 'a"b', "a.b", "a\\b", "a\nb", "a;b", " a", "x" * 301, "_PARTITIONTIME"]
)
def test_column_names_that_bigquery_has_not(dataset: Dataset, load: Loader, name: str) -> None:
    with pytest.raises(FatalError) as caught:
        load(plan(), batch(**{"id": [1], name: [1]}))
    assert caught.value.code == "column.name"
    assert dataset.tables() == set()


def test_a_sync_makes_names_safe(dataset: Dataset, destination: BigQueryDestination) -> None:
    names = ["", "a.b", "größe", "\0", "_FILE_x", " a ", "🚲", "select", "x" * 301, "a`b"]
    source = Rows(dict(zip(names, range(len(names)), strict=True)), name="a.b;c")
    with pytest.raises(ConfigurationError, match=r"'a\.b' and 'a`b' would both be 'a_b'"):
        sync_stream(source, destination, StreamPlan("shop", table="orders"))
    plan = StreamPlan("shop", table="orders", columns={"a`b": "other"})
    held = sync_stream(source, destination, plan).names
    listed = ", ".join(f"`{held.get(name, name)}`" for name in names)
    assert dataset.query(f"SELECT {listed} FROM {{ds}}.orders") == [tuple(range(len(names)))]
    assert BigQueryDestination.table_names.safe("b;c") == "b_c"


def test_column_names_that_differ_in_case_only(dataset: Dataset, load: Loader) -> None:
    with pytest.raises(FatalError, match="'id' and 'ID'"):
        load(plan(), batch(id=[1], ID=[2]))
    load(plan(), batch(id=[1]))
    load(plan(), batch(ID=[2]))
    assert dataset.query("SELECT id FROM {ds}.orders ORDER BY id") == [(1,), (2,)]


@pytest.mark.parametrize(
    "table", ["", ".", "a`b", "a.b.c", "x;DROP TABLE y", "ds`.t", "a\nb", "../x", "t" * 1025]
)
def test_table_names_that_bigquery_has_not(destination: BigQueryDestination, table: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        destination.open_load(plan(table=table))
    assert caught.value.code == "name.invalid"


def test_table_in_another_dataset(dataset: Dataset, load: Loader) -> None:
    other = f"{dataset.name}_other"
    dataset.client.create_dataset(other)
    try:
        load(plan(table=f"{other}.orders-2026"), batch(id=[1]))
        assert dataset.query(f"SELECT id FROM `{other}`.`orders-2026`") == [(1,)]
        assert dataset.tables() == {"_acme_checkpoints"}
    finally:
        dataset.client.delete_dataset(other, delete_contents=True)


def test_dataset_that_is_missing(destination: BigQueryDestination) -> None:
    with pytest.raises(FatalError, match="dataset public") as caught:
        destination.open_load(plan(table="public.orders"))
    assert caught.value.code == "database.missing"


@pytest.mark.parametrize(
    "text", ["a'b", 'a"b', "a\\", 'a\\"; DROP TABLE x; --', "a`b", "a\nb\r\n", "@x", "😀"]
)
def test_any_text_in_a_checkpoint(destination: BigQueryDestination, load: Loader, text: str) -> None:
    hostile = plan(pipeline=text, stream=text, cursor_field=text)
    load(hostile, batch(id=[1]), cursor=text)
    assert destination.state(text, text) == checkpoint(hostile, text)
    assert destination.state("a", "a") is None

"""From one Postgres table into another: every value prints the same on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.lifecycle import open_connector
from acme_sdk.load import LoadPlan, StreamState, WriteMode
from tests.servers import DatabaseServer

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
awkward = st.sampled_from(["", "\\.", "\\N", "NULL", '"', "a,b", "x\ny", "\r\n", "'", "\\", "\t", "nan", " "])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))


def decimals(digits: int, scale: int) -> st.SearchStrategy[str]:
    largest = 10**digits - 1
    return (
        st.integers(-largest, largest).map(lambda n: format(Decimal(n).scaleb(-scale, None), "f"))
        if (digits <= 28)
        else st.integers(-largest, largest).map(lambda n: f"{n}e-{scale}")
    )


#: Column types and the text forms that Postgres reads their values from.
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.sampled_from(["t", "f"]),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(width=32),
    "double precision": st.floats(),
    "text": text | awkward,
    "character varying": text | awkward,
    "numeric(12,2)": decimals(12, 2),
    "numeric(38,10)": decimals(38, 10),
    "numeric(60,20)": decimals(60, 20),
    "numeric": decimals(80, 30) | st.sampled_from(["NaN", "Infinity", "1.500", "0.00"]),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "time without time zone": st.times().map(lambda t: t.isoformat()),
    "time with time zone": st.times().map(lambda t: f"{t.isoformat()}+05:30"),
    "timestamp without time zone": moments.map(lambda t: t.isoformat()),
    "timestamp with time zone": moments.map(lambda t: f"{t.isoformat()}Z"),
    "interval": st.timedeltas(timedelta(days=-9999), timedelta(days=9999)).map(
        lambda t: f"{t.days} days {t.seconds} seconds {t.microseconds} microseconds"
    ),
    "uuid": st.uuids().map(str),
    "bytea": st.binary(max_size=20).map(lambda b: f"\\x{b.hex()}"),
    "json": json_values,
    "jsonb": json_values,
    "integer[]": st.lists(st.integers(0, 9) | st.just("NULL"), max_size=3).map(
        lambda items: "{" + ",".join(map(str, items)) + "}"
    ),
    "text[]": st.lists(st.sampled_from(['"a,b"', '"\\""', "NULL", "x"]), max_size=3).map(
        lambda items: "{" + ",".join(items) + "}"
    ),
    "inet": st.ip_addresses().map(str),
    "int4range": st.sampled_from(["empty", "[1,5)", "(,7)"]),
    "tsvector": st.sampled_from(["'a':1 'b':2", ""]),
    "point": st.sampled_from(["(1,2)", "(0.1,-3e10)"]),
    "money": st.integers(-99999, 99999).map(lambda n: f"{n}.25"),
}
NAMES = [f"c{i}" for i in range(len(COLUMNS))]


def as_input(kind: str, value: Any) -> str | None:
    import json

    if kind in ("json", "jsonb"):
        # JSON's own escape for NUL is what jsonb refuses.
        return json.dumps(value, ensure_ascii=False)
    return None if value is None else str(value)


row = st.tuples(
    *(
        (st.none() | values).map(lambda value, kind=kind: None if value is None else as_input(kind, value))
        for kind, values in COLUMNS.items()
    )
)


class Side:
    """Both ends of a round trip in one database."""

    def __init__(
        self, connection: psycopg.Connection[Any], source: PostgresSource, target: PostgresDestination
    ):
        self.connection = connection
        self.source = source
        self.target = target

    def printed(self, table: str) -> list[tuple[Any, ...]]:
        """All rows as Postgres prints them, in the order they were inserted."""
        parts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in NAMES)
        query = sql.SQL("SELECT {} FROM {} ORDER BY n").format(parts, sql.SQL(table))
        return self.connection.execute(query).fetchall()

    def travel(self, stream: str, table: str) -> int:
        """Load a stream over whatever the table holds."""
        attempt = self.target.open_load(LoadPlan("p", stream, table, WriteMode.OVERWRITE, run_id="r"))
        for batch in self.source.extract_batches(self.source.stream(stream)):
            attempt.stage(batch)
        return attempt.publish(StreamState("p", stream, datetime.now(UTC)))


@pytest.fixture(scope="module")
def side(postgres: DatabaseServer) -> Iterator[Side]:
    url = postgres.connection_string(postgres.create_database())
    with (
        psycopg.connect(url, autocommit=True) as connection,
        open_connector(PostgresSource, {"connection": url}) as source,
        open_connector(PostgresDestination, {"connection": url, "schema": "loaded"}) as target,
    ):
        definitions = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, COLUMNS, strict=True))
        connection.execute(f"CREATE TABLE wide (n serial, {definitions})".encode())
        yield Side(connection, source, target)


def fill(side: Side, rows: list[tuple[str | None, ...]]) -> None:
    side.connection.execute("TRUNCATE wide RESTART IDENTITY")
    gaps = sql.SQL(", ").join(sql.SQL(f"%s::{kind}") for kind in COLUMNS)
    names = sql.SQL(", ").join(map(sql.Identifier, NAMES))
    insert = sql.SQL("INSERT INTO wide ({}) VALUES ({})").format(names, gaps)
    with side.connection.cursor() as cursor:
        cursor.executemany(insert, rows)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(row, max_size=8))
def test_any_table_arrives_as_it_is(side: Side, rows: list[tuple[str | None, ...]]) -> None:
    fill(side, rows)
    assert side.travel("wide", "wide") == len(rows)
    assert side.printed("loaded.wide") == side.printed("public.wide")


def test_the_types_of_the_columns_arrive(side: Side) -> None:
    fill(side, [])
    side.connection.execute("DROP TABLE IF EXISTS loaded.wide")
    side.travel("wide", "wide")
    query = """
        SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
         WHERE attrelid = 'loaded.wide'::regclass AND attnum > 0 ORDER BY attnum
    """
    found = dict(side.connection.execute(query).fetchall())
    wanted = dict(zip(NAMES, COLUMNS, strict=True)) | {"n": "integer"}
    wanted["c7"] = "text"  # character varying: the limits of text are the source's own
    assert found == wanted


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_table_without_columns(side: Side, count: int) -> None:
    side.connection.execute("DROP TABLE IF EXISTS nothing, loaded.nothing")
    side.connection.execute("CREATE TABLE nothing ()")
    side.connection.execute("INSERT INTO nothing SELECT FROM generate_series(1, %s)", (count,))
    assert side.travel("nothing", "nothing") == count
    assert side.connection.execute("SELECT count(*) FROM loaded.nothing").fetchone() == (count,)


@given(values=st.lists(st.none() | text | awkward, max_size=20))
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_a_single_column_with_nulls_and_empty_text(side: Side, values: list[str | None]) -> None:
    side.connection.execute("DROP TABLE IF EXISTS single")
    side.connection.execute("CREATE TABLE single (v text)")
    with side.connection.cursor() as cursor:
        cursor.executemany("INSERT INTO single VALUES (%s)", [(value,) for value in values])
    assert side.travel("single", "single") == len(values)
    arrived = [value for (value,) in side.connection.execute("SELECT v FROM loaded.single ORDER BY ctid")]
    assert arrived == values


ARROW: list[tuple[pa.Array, list[str | None]]] = [
    (pa.array([1, None], pa.uint8()), ["1", None]),
    (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
    (pa.array([1.5], pa.float32()).cast(pa.float16()), ["1.5"]),
    (pa.array([b"\x00\xff", None, b""], pa.large_binary()), ["\\x00ff", None, "\\x"]),
    (pa.array([b"ab", None], pa.binary(2)), ["\\x6162", None]),
    (pa.array([b"ab"], pa.binary_view()), ["\\x6162"]),
    (pa.array(["a", None], pa.string_view()), ["a", None]),
    (pa.array(["a", "b", "a", None]).dictionary_encode(), ["a", "b", "a", None]),
    (pa.array([date(2026, 2, 15)], pa.date64()), ["2026-02-15"]),
    (pa.array([time(1, 2, 3)], pa.time32("s")), ["01:02:03"]),
    (pa.array([timedelta(days=-1, microseconds=5), None]), ["-23:59:59.999995", None]),
    (pa.array([datetime(2026, 2, 15)], pa.timestamp("s", "Europe/Berlin")), ["2026-02-15 00:00:00+00"]),
    (pa.array([datetime(2026, 2, 15)], pa.timestamp("ns")), ["2026-02-15 00:00:00"]),
    (pa.array([Decimal("1.5")], pa.decimal32(5, 1)), ["1.5"]),
    (pa.array([Decimal("1.2E+3")], pa.decimal128(5, -2)), ["1200"]),
    (pa.array([[1, None], None]), ["[1, null]", None]),
    (pa.array([{"a": b"x", "b": Decimal("1.10")}]), ['{"a": "eA==", "b": "1.10"}']),
    (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), ['{"k": 1}']),
    (pa.array(['{"b": 1,  "a": 2}'], pa.string()).cast(pa.json_()), ['{"a": 2, "b": 1}']),
    (pa.array([None, None]), [None, None]),
]  # fmt: skip


@pytest.mark.parametrize(("column", "expected"), ARROW, ids=[str(column.type) for column, _ in ARROW])
@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
def test_what_other_sources_send(
    side: Side, column: pa.Array, expected: list[str | None], sliced: bool
) -> None:
    if sliced:
        # A slice has its values in the middle of its buffers.
        column = pa.concat_arrays([column, column, column]).slice(len(column), len(column))
    side.connection.execute("DROP TABLE IF EXISTS loaded.t")
    attempt = side.target.open_load(LoadPlan("p", "t", "t", WriteMode.APPEND, run_id="r"))
    attempt.stage(pa.RecordBatch.from_arrays([column], ["v"]))
    assert attempt.publish(StreamState("p", "t", datetime.now(UTC))) == len(column)
    side.connection.execute("SET timezone = 'UTC'")
    arrived = [value for (value,) in side.connection.execute("SELECT v::text FROM loaded.t ORDER BY ctid")]
    assert arrived == expected


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")], ids=str)
def test_times_before_the_first_year_are_refused_not_changed(side: Side, kind: pa.DataType) -> None:
    from acme_sdk.errors import FatalError

    ancient = pa.array([-800_000 if kind == pa.date32() else -70_000_000_000_000_000]).cast(
        pa.int32() if kind == pa.date32() else pa.int64()
    )
    attempt = side.target.open_load(LoadPlan("p", "t", "t", WriteMode.APPEND, run_id="r"))
    attempt.stage(pa.RecordBatch.from_arrays([ancient.cast(kind)], ["v"]))
    with pytest.raises(FatalError, match="column 'v'") as caught:
        attempt.publish(StreamState("p", "t", datetime.now(UTC)))
    assert caught.value.code == "data.invalid"
    attempt.discard()

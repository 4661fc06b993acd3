"""Reading: which streams there are, what their values become, where a value has no place."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from acme_sdk.catalog import Stream
from acme_sdk.connectors.postgres import PostgresSource
from acme_sdk.errors import AcmeError, ConfigurationError, FatalError

Run = Callable[..., None]


def read(
    source: PostgresSource, stream: str, cursor: str | None = None, resume: str | None = None
) -> pa.Table:
    described = source.stream(stream)
    wanted = Stream(described.name, described.schema, described.primary_key, cursor)
    assert described.schema is not None
    return pa.Table.from_batches(
        (batch.decode() for batch in source.extract_batches(wanted, resume)), described.schema
    )


def values(source: PostgresSource, run: Run, kind: str, *texts: str | None) -> list[Any]:
    """Values of one type after their way through a one-column table."""
    literals = ", ".join("(NULL)" if text is None else f"('{text}')" for text in texts)
    run("DROP TABLE IF EXISTS one", f"CREATE TABLE one (v {kind})", f"INSERT INTO one VALUES {literals}")
    return read(source, "one").column("v").to_pylist()


def test_streams_have_columns_and_keys(source: PostgresSource, run: Run) -> None:
    run(
        "CREATE TABLE orders (b int, a bigint NOT NULL, note text, PRIMARY KEY (a, b))",
        "CREATE VIEW recent AS SELECT a FROM orders",
        "CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM orders",
        "CREATE TABLE events (at date) PARTITION BY RANGE (at)",
        "CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "CREATE SCHEMA crm",
        "CREATE TABLE crm.people (id uuid PRIMARY KEY)",
        "CREATE TABLE _acme_checkpoints (i int)",
        'CREATE TABLE "Odd.Name ""quoted""" (i int)',
        "CREATE TABLE nothing ()",
    )
    streams = {stream.name: stream for stream in source.streams()}
    assert set(streams) == {
        "orders",
        "recent",
        "totals",
        "events",
        "crm.people",
        'Odd.Name "quoted"',
        "nothing",
    }
    assert streams["orders"].primary_key == ("a", "b")
    assert streams["crm.people"].primary_key == ("id",)
    assert streams["recent"].primary_key == ()
    assert streams["orders"].schema == pa.schema(
        [
            pa.field("b", pa.int32(), nullable=False),
            pa.field("a", pa.int64(), nullable=False),
            pa.field("note", pa.string()),
        ]
    )
    for name, stream in streams.items():
        assert source.stream(name) == stream


def test_an_unknown_stream(source: PostgresSource, run: Run) -> None:
    run("CREATE TABLE orders (i int)")
    with pytest.raises(ConfigurationError, match="'order'") as caught:
        source.stream("order")
    assert caught.value.code == "stream.unknown"
    assert "orders" in str(caught.value.hint)


def test_setting_up_and_listing_creates_nothing(
    source: PostgresSource, query: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    source.streams()
    assert query("SELECT count(*) FROM pg_class WHERE relname LIKE '%acme%'") == [(0,)]


@pytest.mark.parametrize(
    ("kind", "texts", "expected"),
    [
        ("boolean", ["t", "f", None], [True, False, None]),
        ("smallint", ["-32768", "32767"], [-32768, 32767]),
        ("bigint", ["-9223372036854775808", "9223372036854775807", None], [-(2**63), 2**63 - 1, None]),
        ("real", ["1.1", "-0", "Infinity"], [1.100000023841858, -0.0, math.inf]),
        ("double precision", ["0.1", "1e-320", "-Infinity"], [0.1, 1e-320, -math.inf]),
        ("text", ["", None, "NULL", "\\.", "a,b", 'q"uo"te', "line\nbreak\r\n", " x ", "\\N", "ü😀"], None),
        ("varchar(3)", ["", "abc"], ["", "abc"]),
        ("date", ["0001-01-01", "9999-12-31", None], [date(1, 1, 1), date(9999, 12, 31), None]),
        ("time", ["00:00", "23:59:59.999999"], [time(0), time(23, 59, 59, 999999)]),
        ("timestamp", ["2026-02-15 10:28:00.000001"], [datetime(2026, 2, 15, 10, 28, 0, 1)]),
        ("timestamptz", ["2026-02-15 10:28:00+02"], [datetime(2026, 2, 15, 8, 28, tzinfo=UTC)]),
        ("numeric(12,2)", ["1234567890.12", "0", None], [Decimal("1234567890.12"), Decimal("0.00"), None]),
        ("numeric(70,3)", ["1" * 60 + ".125", None], [Decimal("1" * 60 + ".125"), None]),
        ("numeric", ["1.50", "NaN", "1e30"], ["1.50", "NaN", "1" + "0" * 30]),
        ("numeric(3,-2)", ["12345"], [Decimal(12300)]),
        (
            "uuid",
            ["8d3cdcb5-96b5-4a63-8f47-3a1ba8a3a2e5", None],
            [UUID("8d3cdcb5-96b5-4a63-8f47-3a1ba8a3a2e5"), None],
        ),
        ("bytea", ["\\x", "\\x00ff0a22", None], [b"", b'\x00\xff\n"', None]),
        ("jsonb", ['{"a": [1, null]}', "null", None], ['{"a": [1, null]}', "null", None]),
        ("json", ['{"a":1, "a":2}'], ['{"a":1, "a":2}']),
        ("interval", ["1 year 2 mons 3 days 04:05:06.000007"], ["1 year 2 mons 3 days 04:05:06.000007"]),
        ("int[]", ["{1,NULL,3}", None], ["{1,NULL,3}", None]),
        ("inet", ["10.0.0.1/8"], ["10.0.0.1/8"]),
        ("int4range", ["[1,5)"], ["[1,5)"]),
        ("bit(3)", ["101"], ["101"]),
        ("money", ["12.34"], ["$12.34"]),
    ],
)
def test_values_arrive_exactly(
    source: PostgresSource, run: Run, kind: str, texts: list[str | None], expected: list[Any] | None
) -> None:
    assert values(source, run, kind, *texts) == (texts if expected is None else expected)


def test_not_a_number(source: PostgresSource, run: Run) -> None:
    (value,) = values(source, run, "double precision", "NaN")
    assert math.isnan(value)


def test_types_of_users(source: PostgresSource, run: Run) -> None:
    run(
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE DOMAIN price AS numeric(10,2)",
        "CREATE TABLE t (m mood, p pair, d price, ms mood[])",
        "INSERT INTO t VALUES ('ok', (1, 'x'), 1.5, '{sad}')",
    )
    table = read(source, "t")
    assert table.schema.types == [
        pa.string(),
        pa.opaque(pa.string(), "pair", "PostgreSQL"),
        pa.decimal128(10, 2),
        pa.opaque(pa.string(), "mood[]", "PostgreSQL"),
    ]
    assert table.to_pylist() == [{"m": "ok", "p": "(1,x)", "d": Decimal("1.50"), "ms": "{sad}"}]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("numeric(12,2)", "NaN"),
        ("numeric(70,2)", "NaN"),
        ("date", "infinity"),
        ("date", "0044-03-15 BC"),
        ("date", "10000-01-01"),
        ("timestamp", "-infinity"),
        ("timestamptz", "0044-03-15 12:00 BC"),
        ("timestamptz", "294276-01-01"),
        ("time", "24:00:00"),
    ],
)
def test_what_has_no_place_ends_in_an_error_that_names_it(
    source: PostgresSource, run: Run, kind: str, text: str
) -> None:
    with pytest.raises(FatalError) as caught:
        values(source, run, kind, None, text)
    assert caught.value.code == "data.not_representable"
    assert "stream 'one', column 'v'" in str(caught.value)
    assert text.split()[0] in str(caught.value)
    assert caught.value.hint


def test_tables_without_rows_or_columns(source: PostgresSource, run: Run) -> None:
    run(
        "CREATE TABLE empty (i int)",
        "CREATE TABLE nothing ()",
        "INSERT INTO nothing SELECT FROM generate_series(1, 3)",
    )
    batches = list(source.extract_batches(source.stream("empty")))
    assert [batch.num_rows for batch in batches] == [0]
    assert batches[0].schema.names == ["i"]
    assert [batch.num_rows for batch in source.extract_batches(source.stream("nothing"))] == [3]


def test_one_row_larger_than_a_block(source: PostgresSource, run: Run) -> None:
    run(
        "CREATE TABLE wide (t text, b bytea)",
        "INSERT INTO wide SELECT repeat('\"x,', 4000000), decode(repeat('ab', 6000000), 'hex')",
    )
    (row,) = read(source, "wide").to_pylist()
    assert row == {"t": '"x,' * 4_000_000, "b": b"\xab" * 6_000_000}


def test_many_rows_come_in_batches_of_thousands(source: PostgresSource, run: Run) -> None:
    run("CREATE TABLE many AS SELECT i, 'some text of usual length' AS t FROM generate_series(1, 300000) i")
    stream = source.stream("many")
    batches = list(source.extract_batches(stream))
    assert len(batches) > 1
    assert all(batch.num_rows > 10_000 for batch in batches[:-1])
    assert all(batch.schema == stream.schema for batch in batches)
    table = pa.Table.from_batches(batch.decode() for batch in batches)
    assert table.column("i").to_pylist() == list(range(1, 300_001))


def test_the_zone_and_style_of_the_role_change_nothing(
    source: PostgresSource, run: Run, database: str
) -> None:
    run(
        f"ALTER DATABASE {database} SET timezone = 'Asia/Kathmandu'",
        f"ALTER DATABASE {database} SET datestyle = 'German'",
        f"ALTER DATABASE {database} SET intervalstyle = 'iso_8601'",
        f"ALTER DATABASE {database} SET bytea_output = 'escape'",
        f"ALTER DATABASE {database} SET extra_float_digits = -5",
        "CREATE TABLE t (a timestamptz, b date, c interval, d bytea, e float8)",
        "INSERT INTO t VALUES ('2026-02-15 10:00Z', '2026-02-15', '1 day', '\\x00', 0.1::float8 + 0.2)",
    )
    assert read(source, "t").to_pylist() == [
        {
            "a": datetime(2026, 2, 15, 10, tzinfo=UTC),
            "b": date(2026, 2, 15),
            "c": "1 day",
            "d": b"\0",
            "e": 0.1 + 0.2,
        }
    ]


@pytest.mark.parametrize(
    ("kind", "texts", "resume", "expected"),
    [
        ("int", ["1", "2", "3", None], "2", ["2", "3"]),
        ("numeric(8,2)", ["1.50", "10.00", "9.00"], "9.00", ["10.00", "9.00"]),
        ("date", ["2026-01-01", "2026-02-01"], "2026-02-01", ["2026-02-01"]),
        ("timestamp", ["2026-01-01", "2026-01-01 1:00"], "2026-01-01T01:00:00.000000", ["2026-01-01 1:00"]),
        ("timestamptz", ["2026-01-01Z", "2026-02-01Z"], "2026-02-01T00:00:00.000000Z", ["2026-02-01Z"]),
        ("text", ["a", "B", "b", "ä"], "b", ["b", "ä"]),
        ("text", ["a", "it's"], "it's", ["it's"]),
        ("uuid", [f"{'0' * 31}1", "f" * 32], f"{'0' * 31}2", ["f" * 32]),
    ],
)  # fmt: skip
def test_reading_from_a_cursor_value_on(
    source: PostgresSource, run: Run, kind: str, texts: list[str | None], resume: str, expected: list[str]
) -> None:
    literals = ", ".join(
        "(NULL, NULL)" if text is None else "('{0}', '{0}')".format(text.replace("'", "''")) for text in texts
    )
    run(f"CREATE TABLE t (c {kind}, label text)", f"INSERT INTO t VALUES {literals}")
    assert read(source, "t", "c", resume).column("label").to_pylist() == expected


def test_the_cursor_value_is_no_way_into_the_statement(source: PostgresSource, run: Run) -> None:
    run("CREATE TABLE t (c text)", "INSERT INTO t VALUES ('a')")
    assert read(source, "t", "c", "x'; DROP TABLE t; --").num_rows == 0
    assert read(source, "t", "c", "\\' OR true --").num_rows == 1  # a backslash comes before "a"
    run("CREATE TABLE n (c int)")
    with pytest.raises(FatalError) as caught:
        read(source, "n", "c", "1 OR true")
    assert caught.value.code == "data.invalid"


@pytest.mark.parametrize("kind", ["numeric", "jsonb", "int[]", "interval"])
def test_a_column_without_a_usable_order_is_no_cursor(source: PostgresSource, run: Run, kind: str) -> None:
    run(f"CREATE TABLE t (c {kind})")
    with pytest.raises(ConfigurationError, match="cannot be the cursor"):
        read(source, "t", "c")


def test_a_cursor_that_does_not_exist(source: PostgresSource, run: Run) -> None:
    run("CREATE TABLE t (c int)")
    with pytest.raises(ConfigurationError) as caught:
        read(source, "t", "d")
    assert caught.value.code == "cursor.unknown"


def test_where_each_row_has_a_key_of_its_own(source: PostgresSource, run: Run) -> None:
    run(
        "CREATE TABLE keyed (id int PRIMARY KEY)",
        "CREATE TABLE keyless (id int UNIQUE)",
        "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY LIST (id)",
        "CREATE TABLE part PARTITION OF parts FOR VALUES IN (1)",
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE heir () INHERITS (parent)",
    )
    unique = {stream.name for stream in source.streams() if stream.unique}
    assert unique == {"keyed", "parts"}
    stream = source.stream("keyed")
    run("ALTER TABLE keyed DROP CONSTRAINT keyed_pkey")
    with pytest.raises(FatalError, match="'keyed': it has no longer its primary key") as caught:
        list(source.extract_batches(stream))
    assert caught.value.code == "stream.changed"


def test_a_table_that_changed_since_it_was_described(source: PostgresSource, run: Run) -> None:
    run("CREATE TABLE t (a int, b int)", "INSERT INTO t VALUES (1, 2)")
    stream = source.stream("t")
    run("ALTER TABLE t ADD COLUMN c int")
    assert next(iter(source.extract_batches(stream))).schema.names == ["a", "b"]
    run("ALTER TABLE t ALTER COLUMN b TYPE text")
    with pytest.raises(FatalError, match="column 'b' is string, not int32") as caught:
        list(source.extract_batches(stream))
    assert caught.value.code == "stream.changed"
    run("DROP TABLE t")
    with pytest.raises(ConfigurationError):
        list(source.extract_batches(stream))


def test_a_reader_that_stops_early_leaves_the_source_usable(source: PostgresSource, run: Run) -> None:
    run("CREATE TABLE t AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 100000) i")
    batches = source.extract_batches(source.stream("t"))
    next(batches)
    batches.close()
    assert read(source, "t").num_rows == 100_000


def test_a_table_that_may_not_be_read(postgres: Any, database: str, run: Run, opened: Any) -> None:
    from acme_sdk.lifecycle import open_connector

    run("CREATE TABLE secret (i int)", f"CREATE ROLE reader_{database} LOGIN PASSWORD 'reader'")
    config = {
        "host": postgres.host,
        "port": postgres.port,
        "database": database,
        "user": f"reader_{database}",
        "password": "reader",
    }
    with open_connector(PostgresSource, config) as guest:
        assert guest.streams() == []
        with pytest.raises(AcmeError) as caught:
            list(guest.extract_batches(guest.stream("secret")))
    assert caught.value.code == "permission.denied"

"""The binary form of COPY: any rows are read as psycopg reads them, and what is none ends in an error."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from acme_sdk.connectors.postgres import PostgresSource
from acme_sdk.connectors.postgres.copy_batch import CopyBatch, CopyLayout
from acme_sdk.connectors.postgres.messages import MessageBuffer
from acme_sdk.encoded import decoded
from acme_sdk.errors import FatalError
from acme_sdk.lifecycle import open_connector
from tests.servers import DatabaseServer

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)


def decimals(digits: int, scale: int) -> st.SearchStrategy[str]:
    return st.integers(1 - 10**digits, 10**digits - 1).map(lambda n: f"{n}e-{scale}")


#: Column types, and values as Postgres reads them or psycopg writes them.
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(width=32, allow_nan=False),
    "double precision": st.floats(allow_nan=False),
    "numeric(4,3)": decimals(4, 3),
    "numeric(12,2)": decimals(12, 2),
    "numeric(18,18)": decimals(18, 18),
    "numeric(19,0)": decimals(19, 0),
    "numeric(38,10)": decimals(38, 10),
    "numeric(38,37)": decimals(38, 37),
    "numeric(39,1)": decimals(39, 1),
    "numeric(76,33)": decimals(76, 33),
    "text": text,
    "bytea": st.binary(max_size=20),
    "date": st.dates(),
    "time": st.times(),
    "timestamp": st.datetimes(),
    "timestamptz": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    "uuid": st.uuids(),
}
PRINTED = {
    "numeric": decimals(90, 40)
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "1.500", "0.00", "-0.010"]),
    "jsonb": text.map(lambda value: psycopg.types.json.Jsonb({"k": value})),
    "json": st.just('{"a":  1}'),
    "inet": st.ip_addresses().map(str),
    "interval": st.timedeltas(),
    "smallint[]": st.lists(st.none() | st.integers(0, 9), max_size=3),
}
KINDS = [*COLUMNS, *PRINTED]
NAMES = [f"c{index}" for index in range(len(KINDS))]

row = st.tuples(*(st.none() | values for values in (COLUMNS | PRINTED).values()))


class Table:
    """A table that is read by the source and by psycopg."""

    def __init__(self, connection: psycopg.Connection[Any], source: PostgresSource) -> None:
        self.connection = connection
        self.source = source

    def fill(self, rows: list[tuple[Any, ...]]) -> None:
        self.connection.execute("TRUNCATE wide")
        gaps = sql.SQL(", ").join(sql.SQL("%s::{}").format(sql.SQL(kind)) for kind in KINDS)
        with self.connection.cursor() as cursor:
            cursor.executemany(sql.SQL("INSERT INTO wide VALUES ({})").format(gaps), rows)

    def read(self) -> CopyBatch:
        (batch,) = self.source.extract_batches(self.source.stream("wide"))
        assert isinstance(batch, CopyBatch)
        return batch

    def expected(self) -> list[dict[str, Any]]:
        """All rows as psycopg has them, those that travel as text as Postgres prints them."""
        parts = [
            sql.SQL("{}::text").format(sql.Identifier(name)) if kind in PRINTED and kind != "inet"
            # A cast shows the mask of a single host; printing it does not.
            else sql.SQL("nullif(format('%s', {}), '')").format(sql.Identifier(name)) if kind == "inet"
            else sql.Identifier(name)
            for name, kind in zip(NAMES, KINDS, strict=True)
        ]  # fmt: skip
        cursor = self.connection.execute(
            sql.SQL("SELECT {} FROM wide").format(sql.SQL(", ").join(parts)), binary=True
        )
        return [dict(zip(NAMES, values, strict=True)) for values in cursor]


@pytest.fixture(scope="module")
def table(postgres: DatabaseServer) -> Iterator[Table]:
    url = postgres.connection_string(postgres.create_database())
    with (
        psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection,
        open_connector(PostgresSource, {"connection": url}) as source,
    ):
        definitions = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, KINDS, strict=True))
        connection.execute(f"CREATE TABLE wide ({definitions})".encode())
        yield Table(connection, source)


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(row, max_size=10))
def test_any_rows_are_read_as_psycopg_reads_them(table: Table, rows: list[tuple[Any, ...]]) -> None:
    table.fill(rows)
    batch = table.read()
    assert batch.num_rows == len(rows)
    assert batch.nbytes == len(batch.data)
    expected = table.expected()
    assert batch.decode().to_pylist() == expected
    for name in NAMES:
        assert batch.column(name).to_pylist() == [values[name] for values in expected]


def test_validity_is_kept_only_where_there_is_null(table: Table) -> None:
    table.fill([tuple(1 if kind == "integer" else None for kind in KINDS)] * 3)
    batch = table.read().decode()
    for column, kind in zip(batch.columns, KINDS, strict=True):
        assert (column.buffers()[0] is None) == (kind == "integer")
        assert column.null_count == (0 if kind == "integer" else 3)


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_rows_end_in_an_error_or_in_other_values(table: Table, data: st.DataObject) -> None:
    valid = _sample(table)
    rows = bytearray(valid.data)
    for _ in range(data.draw(st.integers(1, 4), "damages")):
        at = data.draw(st.integers(0, len(rows) - 1), "at")
        match data.draw(st.sampled_from(["byte", "word", "cut", "insert", "remove"]), "kind"):
            case "byte":
                rows[at] = data.draw(st.integers(0, 255), "value")
            case "word":
                value = data.draw(
                    st.sampled_from([0, 1, -1, -2, 2**31 - 1, -(2**31), 65535, 0x4000_0000]), "word"
                )
                rows[at : at + 4] = struct.pack(">i", value)
            case "cut":
                del rows[max(at, 1) :]
            case "insert":
                rows[at:at] = data.draw(st.binary(min_size=1, max_size=9), "inserted")
            case "remove":
                del rows[at : at + data.draw(st.integers(1, 9), "length")]
        if not rows:
            return
    count = valid.num_rows + data.draw(st.sampled_from([0, 0, 0, 0, 1, -1, 10**6, 2**40]), "more rows")
    try:
        batch = CopyBatch(valid.layout, bytes(rows), count).decode()
    except FatalError as error:
        outcome = (error.code, "stream 'wide'" in str(error))
    else:
        batch.validate(full=True)
        outcome = ("read", batch.num_rows == count)
    assert outcome in {("data.invalid", True), ("data.not_representable", True), ("read", True)}


_SAMPLES: list[CopyBatch] = []


def _sample(table: Table) -> CopyBatch:
    """Rows of all types, with and without NULL."""
    if not _SAMPLES:
        values = {
            "boolean": True, "real": 1.5, "double precision": -2.5, "text": "text ü", "bytea": b"\0\xff",
            "date": date(2026, 2, 15), "time": time(1, 2, 3), "timestamp": datetime(2026, 2, 15),
            "timestamptz": datetime(2026, 2, 15, tzinfo=UTC), "uuid": "0" * 32, "jsonb": "{}", "json": "[]",
            "inet": "::1", "interval": "1 day", "smallint[]": "{1}", "numeric": "-123456.7890",
            "numeric(4,3)": "1.25", "numeric(18,18)": "0.125",
        }  # fmt: skip
        full = tuple(values.get(kind, 7) for kind in KINDS)
        table.fill([full, (None,) * len(KINDS), full])
        _SAMPLES.append(table.read())
    return _SAMPLES[0]


def one_value(wire_type: str, kind: pa.DataType, value: bytes) -> CopyBatch:
    layout = CopyLayout(pa.schema([pa.field("v", kind)]), (wire_type,), "stream 's'")
    return CopyBatch(layout, struct.pack(">hi", 1, len(value)) + value, 1)


def numeric(weight: int, sign: int, scale: int, *digits: int, count: int | None = None) -> bytes:
    header = (len(digits) if count is None else count, weight & 0xFFFF, sign, scale)
    return struct.pack(f">{4 + len(digits)}H", *header, *digits)


@pytest.mark.parametrize(
    ("wire_type", "kind", "value"),
    [
        ("bool", pa.bool_(), b"\0\1"),
        ("int2", pa.int16(), b"\1"),
        ("int4", pa.int32(), b"\0" * 8),
        ("float8", pa.float64(), b""),
        ("date", pa.date32(), b"\0" * 8),
        ("uuid", pa.uuid(), b"\0" * 15),
        ("jsonb", pa.json_(), b""),
        ("jsonb", pa.json_(), b"\2{}"),
        ("text", pa.string(), b"\xff"),
        ("text", pa.string(), "\N{SNOWMAN}".encode()[:2]),
        ("numeric", pa.decimal128(12, 2), b"\0" * 7),
        ("numeric", pa.decimal128(12, 2), numeric(0, 0, 0, 1, count=2)),
        ("numeric", pa.decimal128(12, 2), numeric(0, 0, 0, 10_000)),
        ("numeric", pa.decimal128(12, 2), numeric(0, 0x1234, 0, 1)),
        ("numeric", pa.string(), numeric(0, 0, 0x4000, 1)),
        ("numeric", pa.string(), numeric(0, 0, 0, 1, count=0)),
    ],
)
def test_what_is_no_value_of_its_type(wire_type: str, kind: pa.DataType, value: bytes) -> None:
    with pytest.raises(FatalError, match="stream 's', column 'v'") as caught:
        one_value(wire_type, kind, value).decode()
    assert caught.value.code == "data.invalid"


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (numeric(0, 0, 3, 1, 1230), "1.123"),
        (numeric(2, 0, 0, 100), "10000000000"),
        (numeric(2, 0x4000, 0, 100), "-10000000000"),
        (numeric(32_767, 0, 0, 9999), "9999" + "0" * 56),
        (numeric(-30_000, 0, 16_000, 1), "0." + "0" * 58),
        (numeric(0, 0xD000, 0), "Infinity"),
    ],
)
def test_numbers_that_do_not_fit_their_column(value: bytes, printed: str) -> None:
    """A view may declare more than its values keep to."""
    with pytest.raises(FatalError) as caught:
        one_value("numeric", pa.decimal128(12, 2), value).decode()
    assert caught.value.code == "data.not_representable"
    assert f"the value {printed} has no place" in str(caught.value)


def test_more_text_than_a_column_of_a_batch_can_have() -> None:
    """Few bytes can be a number of many digits."""
    value = numeric(32_767, 0, 0, 1)
    layout = CopyLayout(pa.schema([pa.field("v", pa.string())]), ("numeric",), "stream 's'")
    rows = (struct.pack(">hi", 1, len(value)) + value) * 20_000
    with pytest.raises(FatalError, match="column 'v': more than 2 GiB") as caught:
        CopyBatch(layout, rows, 20_000).decode()
    assert caught.value.code == "data.not_representable"


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        one_value("int2", pa.int16(), b"\0\1").column("w")


@given(messages=st.lists(st.binary(min_size=1, max_size=50), max_size=30), enough=st.integers(1, 300))
@example(messages=[b"a" * 5000, b"b" * 9000], enough=1)
def test_messages_are_joined_until_there_are_enough(messages: list[bytes], enough: int) -> None:
    buffer = MessageBuffer()
    # Every second call there is nothing yet.
    answers = iter([answer for message in messages for answer in ((0, b""), (len(message), message))])
    blocks, counts = [], []
    state = 0
    while state >= 0:
        state = buffer.fill(lambda _: next(answers, (-1, b"")), enough)
        if state:
            counts.append(buffer.count)
            assert buffer.last == (len(messages[sum(counts) - 1]) if buffer.count else 0)
            blocks.append(buffer.take())
    assert b"".join(blocks) == b"".join(messages)
    assert sum(counts) == len(messages)
    assert all(enough <= len(block) < enough + 9000 for block in blocks[:-1])
    assert buffer.take() == b""


def test_text_that_is_no_text(postgres: DatabaseServer) -> None:
    """A database of the encoding SQL_ASCII holds any bytes."""
    name = f"{postgres.create_database()}_ascii"
    postgres.execute("postgres", f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    postgres.execute(name, "CREATE TABLE t (v text)", "INSERT INTO t VALUES (E'\\xff')")
    with (
        open_connector(PostgresSource, {"connection": postgres.connection_string(name)}) as source,
        pytest.raises(FatalError, match=r"stream 't'.*UTF8") as caught,
    ):
        list(source.extract_batches(source.stream("t")))
    assert caught.value.code == "data.invalid"


def test_composites_with_nulls_are_no_nulls(source: PostgresSource, run: Callable[..., None]) -> None:
    run(
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE TABLE t (p pair, i inet)",
        "INSERT INTO t VALUES ((NULL, NULL), '10.0.0.1'), (NULL, NULL), ((1, NULL), '10.0.0.0/8')",
    )
    (batch,) = source.extract_batches(source.stream("t"))
    assert decoded(batch).to_pylist() == [
        {"p": "(,)", "i": "10.0.0.1"},
        {"p": None, "i": None},
        {"p": "(1,)", "i": "10.0.0.0/8"},
    ]


def test_numbers_are_decimals(table: Table) -> None:
    """What the comparison with psycopg relies on."""
    schema = table.read().schema
    assert schema.field("c6").type == pa.decimal128(4, 3)
    assert schema.field("c13").type == pa.decimal256(76, 33)
    assert isinstance(table.connection.execute("SELECT 1.5").fetchone()[0], Decimal)  # type: ignore[index]

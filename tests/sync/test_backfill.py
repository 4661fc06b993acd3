"""Backfills: a range of the cursor is loaded again, and the next sync begins where it would have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acme.sdk import (
    AcmeError,
    BatchSource,
    Checkpoint,
    DestinationConnector,
    Partition,
    Position,
    Row,
    SourceConnector,
    Stream,
    WriteMode,
    open_connector,
)
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.sync import CommitInterval, CursorRange, FileStateStore, StreamPlan, SyncResult, sync_stream
from tests.servers import DatabaseServer

SCHEMA = pa.schema([("id", pa.int64()), ("at", pa.int64()), ("v", pa.string())])
PLAN = StreamPlan("shop", "orders", write_mode=WriteMode.UPSERT)


@dataclass
class Columns(BatchSource):
    """Rows ``(id, at, v)`` in batches of two; it keeps to no upper limit."""

    rows: list[tuple[int, int | None, str]]
    begins: list[str | None] = field(default_factory=list)

    def streams(self) -> list[Stream]:
        return [Stream("orders", SCHEMA, ("id",), "at")]

    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[pa.RecordBatch]:
        self.begins.append(resume_from)
        for index in range(0, len(self.rows), 2):
            rows = [dict(zip(SCHEMA.names, row, strict=True)) for row in self.rows[index : index + 2]]
            yield pa.RecordBatch.from_pylist(rows, SCHEMA)


@dataclass
class Records(SourceConnector):
    """The same as rows, with checkpoints and perhaps partitions; it keeps to no position."""

    rows: list[tuple[int, int | None, str]]
    parts: Sequence[str] = ()
    positions: list[Position] = field(default_factory=list)

    def streams(self) -> list[Stream]:
        return [Stream("orders", primary_key=("id",), cursor_field="at")]

    def partitions(self, stream: Stream) -> list[Partition]:
        return [Partition(name) for name in self.parts]

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        self.positions.append(position)
        for number, row in enumerate(self.rows):
            if position.partition is None or self.parts[number % 2] == position.partition.name:
                yield Row(dict(zip(SCHEMA.names, row, strict=True)))
                yield Checkpoint({"number": number})


@dataclass
class OnlyExtract(SourceConnector):
    """The same from a source that knows of no cursor."""

    rows: list[tuple[int, int | None, str]]
    last_runs: list[Any] = field(default_factory=list)

    def streams(self) -> list[Stream]:
        return [Stream("orders", primary_key=("id",), cursor_field="at")]

    def extract(self, last_run: Any = None) -> Iterator[Row]:
        self.last_runs.append(last_run)
        yield from (Row(dict(zip(SCHEMA.names, row, strict=True))) for row in self.rows)


def rows(value: str, *ats: int | None) -> list[tuple[int, int | None, str]]:
    """Rows that have their cursor value as key."""
    return [(index, at, value) for index, at in enumerate(ats)]


def held(path: Path) -> dict[int, str]:
    with duckdb.connect(str(path)) as connection:
        return dict(connection.execute("SELECT id, v FROM orders ORDER BY id").fetchall())


def run(
    path: Path, source: SourceConnector, limits: tuple[str, str] | None = None, **options: Any
) -> SyncResult:
    plan = options.pop("plan", PLAN)
    with open_connector(DuckDBDestination, {"path": str(path)}) as destination:
        wanted = CursorRange(*limits) if limits else None
        return sync_stream(source, destination, plan, cursor_range=wanted, **options)


def state(path: Path) -> Any:
    with open_connector(DuckDBDestination, {"path": str(path)}) as destination:
        return destination.state("shop", "orders")


@pytest.mark.parametrize("kind", [Columns, Records, OnlyExtract])
def test_the_rows_of_the_range_are_replaced_and_the_state_stays(tmp_path: Path, kind: type[Any]) -> None:
    path = tmp_path / "shop.duckdb"
    run(path, kind(rows("old", 0, 1, 2, 3, 4, None)))
    before = state(path)
    result = run(path, kind(rows("new", 0, 1, 2, 3, 4, None)), ("1", "3"))
    assert (result.rows, result.loaded, result.cursor) == (3, 3, "4")
    assert held(path) == {0: "old", 1: "new", 2: "new", 3: "new", 4: "old", 5: "old"}
    after = state(path)
    assert (after.cursor, after.last_run, after.details) == (before.cursor, before.last_run, before.details)
    assert after.run_id == result.run_id


def test_the_next_sync_begins_where_it_would_have(tmp_path: Path) -> None:
    path, source = tmp_path / "shop.duckdb", Columns(rows("a", 0, 1, 2))
    run(path, source)
    run(path, source, ("0", "9"))
    run(path, source)
    assert source.begins == [None, "0", "2"]


def test_a_source_of_rows_is_told_the_range(tmp_path: Path) -> None:
    path, source = tmp_path / "shop.duckdb", Records(rows("a", 0, 1, 2))
    run(path, source)
    run(path, source, ("0", "1"))
    assert source.positions[1] == Position(cursor=0, until=1)


def test_partitions_have_their_own_cursors_afterwards_as_before(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    run(path, Records(rows("old", 0, 1, 2, 3, 4), parts=("even", "odd")))
    before = state(path)
    assert run(path, Records(rows("new", 0, 1, 2, 3, 4), parts=("even", "odd")), ("1", "2")).rows == 2
    assert held(path) == {0: "old", 1: "new", 2: "new", 3: "old", 4: "old"}
    assert state(path).details == before.details


def test_before_the_first_sync_a_backfill_leaves_that_everything(tmp_path: Path) -> None:
    path, source = tmp_path / "shop.duckdb", Columns(rows("a", 0, 1, 2))
    run(path, source, ("1", "1"))
    assert held(path) == {1: "a"}
    assert run(path, source).rows == 3
    assert source.begins == ["1", None]


def test_a_sync_that_broke_off_is_gone_on_with_after_a_backfill(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"

    class Breaking(Records):
        def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
            for number, item in enumerate(super().extract_stream(stream, position)):
                if number == 4 and position.until is None and position.checkpoint is None:
                    raise ConnectionError
                yield item

    source = Breaking(rows("a", 0, 1, 2, 3))
    with pytest.raises(AcmeError):
        run(path, source, commit_interval=CommitInterval(rows=1))
    declared = StreamPlan("shop", "orders", write_mode=WriteMode.UPSERT)
    kept = state(path).progress
    assert kept is not None
    with pytest.raises(AcmeError) as caught:
        run(path, source, ("0", "1"), plan=declared)
    assert caught.value.code == "cursor.unknown"  # no sync has ended: nobody knows the type
    run(path, Columns(rows("b", 0, 1)), ("0", "1"))
    assert state(path).progress == kept
    assert run(path, source).resumed


@pytest.mark.parametrize(
    ("limits", "mode", "code"),
    [
        (("1", "2"), WriteMode.APPEND, "backfill.write_mode"),
        (("1", "2"), WriteMode.OVERWRITE, "backfill.write_mode"),
        (("2", "10"), WriteMode.UPSERT, None),
        (("10", "2"), WriteMode.UPSERT, "backfill.empty"),
        (("1", "soon"), WriteMode.UPSERT, "cursor.invalid"),
    ],
)
def test_what_is_no_range_is_refused_before_a_row_is_read(
    tmp_path: Path, limits: tuple[str, str], mode: WriteMode, code: str | None
) -> None:
    source = Columns(rows("a", 0, 1, 2))
    plan = StreamPlan("shop", "orders", write_mode=mode)
    if code is None:
        assert run(tmp_path / "shop.duckdb", source, limits, plan=plan).rows == 1
        return
    with pytest.raises(AcmeError) as caught:
        run(tmp_path / "shop.duckdb", source, limits, plan=plan)
    assert caught.value.code == code
    assert source.begins == []


def test_a_destination_of_rows_keeps_its_state_in_place(tmp_path: Path) -> None:
    loaded: list[Row] = []

    class Keeper(DestinationConnector):
        def load(self, rows: list[Row], write_mode: WriteMode) -> int:
            loaded.extend(rows)
            return len(rows)

    files = FileStateStore(tmp_path)
    sync_stream(Records(rows("a", 0, 1, 2)), Keeper(), PLAN, state=files)
    loaded.clear()
    sync_stream(Records(rows("b", 0, 1, 2)), Keeper(), PLAN, state=files, cursor_range=CursorRange("1", "1"))
    assert loaded == [{"id": 1, "at": 1, "v": "b"}]
    kept = files.load("shop", "orders")
    assert kept is not None
    assert kept.cursor == "2"


@pytest.mark.parametrize(
    ("kind", "values", "limits"),
    [
        ("bigint", ["1", "2", "3", "4"], ("2", "3")),
        ("numeric(9, 2)", ["1.10", "2.20", "3.30", "4"], ("2.2", "3.30")),
        ("timestamptz", ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-03 00:00:01"],
         ("2026-01-02", "2026-01-03")),
        ("date", ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"], ("2026-01-02", "2026-01-03")),
        ("text", ["a'", "b", "b z", "ä"], ("b", "b z")),
        ("uuid", [f"{n}0000000-0000-4000-8000-000000000000" for n in range(4)],
         ("10000000-0000-4000-8000-000000000000", "20000000-0000-4000-8000-000000000000")),
    ],
)  # fmt: skip
def test_postgres_reads_the_range_alone(
    postgres: DatabaseServer, kind: str, values: list[str], limits: tuple[str, str]
) -> None:
    database = postgres.create_database()
    listed = ", ".join(f"({n}, '{value.replace(chr(39), chr(39) * 2)}')" for n, value in enumerate(values))
    postgres.execute(
        database,
        f"CREATE TABLE orders (id int PRIMARY KEY, at {kind})",
        f"INSERT INTO orders VALUES {listed}, (9, NULL)",
    )
    connection = {"connection": postgres.connection_string(database)}
    plan = StreamPlan("shop", "orders", "loaded", WriteMode.UPSERT, cursor_field="at")
    with (
        open_connector(PostgresSource, connection) as source,
        open_connector(PostgresDestination, connection | {"schema": "warehouse"}) as destination,
    ):
        sync_stream(source, destination, plan)
        before = destination.state("shop", "orders")
        postgres.execute(database, "DELETE FROM warehouse.loaded")
        stream = source.stream("orders")
        result = sync_stream(source, destination, plan, cursor_range=CursorRange(*limits))
        after = destination.state("shop", "orders")
    assert result.rows == 2
    assert stream.name == "orders"
    assert postgres.query(database, "SELECT id FROM warehouse.loaded ORDER BY id") == [(1,), (2,)]
    assert before is not None
    assert after is not None
    assert after.cursor == before.cursor


@given(
    values=st.lists(st.none() | st.decimals(-5, 5, places=1), max_size=12),
    limits=st.tuples(st.decimals(-5, 5, places=1), st.decimals(-5, 5, places=1)).map(sorted),
)
@settings(max_examples=25)
def test_exactly_the_rows_of_a_range_arrive(values: list[Decimal | None], limits: list[Decimal]) -> None:
    arrived: list[int] = []

    class Numbers(SourceConnector):
        def streams(self) -> list[Stream]:
            schema = pa.schema([("id", pa.int64()), ("at", pa.decimal128(5, 1))])
            return [Stream("orders", schema, ("id",), "at")]

        def extract(self, last_run: Any = None) -> Iterator[Row]:
            yield from (Row({"id": index, "at": value}) for index, value in enumerate(values))

    class Keeper(DestinationConnector):
        def load(self, rows: list[Row], write_mode: WriteMode) -> int:
            arrived.extend(row["id"] for row in rows)
            return len(rows)

    class Forgetful:
        def load(self, pipeline: str, stream: str) -> None:
            return None

        def save(self, checkpoint: Any) -> None: ...

        def remove(self, pipeline: str, stream: str) -> None: ...

        def exclusive(self, pipeline: str, stream: str, run_id: str) -> Any:
            from contextlib import nullcontext

            return nullcontext()

    begin, end = limits
    sync_stream(Numbers(), Keeper(), PLAN, state=Forgetful(), cursor_range=CursorRange(str(begin), str(end)))
    assert arrived == [i for i, value in enumerate(values) if value is not None and begin <= value <= end]

"""Cursors of several columns from Postgres: ties, columns of all kinds, missing values, ranges, the index."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from acme_sdk import StagedDestination, open_connector
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.connectors.parquet import ParquetDestination
from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.load import WriteMode
from acme_sdk.sync import CursorRange, StreamPlan, SyncResult, sync_stream

Run = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

TABLE = (
    "CREATE TABLE t (id int PRIMARY KEY, at timestamptz, noted timestamp, day date, price numeric(8, 2),"
    " label text, uid uuid)"
)
#: Ten rows of each moment, whose labels are in another order by the locale than by their bytes.
ROWS = (
    "INSERT INTO t SELECT i, '2026-02-15 10:00Z'::timestamptz + i / 10 * interval '1 second',"
    " '2026-02-15 10:00'::timestamp + i / 10 * interval '1 second', '2026-02-15'::date + i / 10, i / 10,"
    " chr(65 + i / 10 + 32 * (i % 2)) || i, md5(i::text)::uuid FROM generate_series({}, {}) i"
)


@pytest.fixture(params=["postgres", "duckdb", "parquet"])
def target(
    request: pytest.FixtureRequest, tmp_path: Path, opened: ExitStack, destination: PostgresDestination
) -> StagedDestination:
    if request.param == "postgres":
        return destination
    if request.param == "duckdb":
        return opened.enter_context(open_connector(DuckDBDestination, {"path": str(tmp_path / "t.duckdb")}))
    return opened.enter_context(open_connector(ParquetDestination, {"path": str(tmp_path / "lake")}))


@pytest.mark.parametrize("keyed", [True, False], ids=["key", "no key"])
@pytest.mark.parametrize(
    "cursor",
    [("at", "id"), ("day", "uid", "id"), ("price", "label"), ("label", "noted")],
    ids=lambda columns: ",".join(columns),
)
def test_of_each_moment_come_those_that_are_new(
    source: PostgresSource, target: StagedDestination, run: Run, query: Query, cursor: Any, keyed: bool
) -> None:
    order = ", ".join(f'{name}::text COLLATE "C"' if name == "label" else name for name in cursor)
    key = ", PRIMARY KEY (id)" if keyed else ""
    run(
        TABLE.replace(" PRIMARY KEY", ""),
        ROWS.format(0, 99),
        f"CREATE TABLE all_rows AS SELECT *, row_number() OVER (ORDER BY {order}) AS nth FROM t",
        "TRUNCATE t",
    )
    if key:
        run("ALTER TABLE t ADD PRIMARY KEY (id)")
    plan = StreamPlan("p", "t", write_mode=WriteMode.APPEND, cursor_field=cursor)
    read: list[tuple[int, int]] = []
    for first, last in ((1, 45), (46, 47), (48, 100), (101, 100)):
        run(
            "INSERT INTO t SELECT id, at, noted, day, price, label, uid FROM all_rows"
            f" WHERE nth BETWEEN {first} AND {last}"
        )
        result = sync_stream(source, target, plan)
        read.append((result.rows, result.loaded))
    assert read == [(45, 45), (3, 2), (54, 53), (1, 0)]


def test_rows_that_lack_a_value_are_read_where_the_first_columns_say_so(
    source: PostgresSource, destination: PostgresDestination, run: Run, query: Query
) -> None:
    run("CREATE TABLE t (id int PRIMARY KEY, a int, b int)", "INSERT INTO t VALUES (1, 1, 1), (2, NULL, 9)")
    plan = StreamPlan("p", "t", write_mode=WriteMode.APPEND, cursor_field=("a", "b"))
    assert sync_stream(source, destination, plan).cursor == '["1", "1"]'
    run("INSERT INTO t VALUES (3, 1, NULL), (4, 2, NULL), (5, NULL, NULL)")
    for loaded in (1, 0):
        result = sync_stream(source, destination, plan)
        assert (result.rows, result.loaded, result.cursor) == (2, loaded, '["1", "1"]')
    assert query("SELECT id FROM loaded.t ORDER BY id") == [(1,), (2,), (4,)]


def test_a_range_of_it_is_read_again(
    source: PostgresSource, destination: PostgresDestination, run: Run, query: Query
) -> None:
    run(TABLE, ROWS.format(0, 49))
    plan = StreamPlan("p", "t", write_mode=WriteMode.UPSERT, cursor_field=("at", "id"))

    def backfill(begin: str, end: str) -> SyncResult:
        return sync_stream(source, destination, plan, cursor_range=CursorRange(begin, end))

    cursor = sync_stream(source, destination, plan).cursor
    run("UPDATE t SET label = 'new'")
    result = backfill('["2026-02-15 10:00:01", 15]', '["2026-02-15 10:00:03", 32]')
    assert (result.rows, result.cursor) == (18, cursor)
    assert backfill("2026-02-15 10:00:04", "2026-02-15 10:00:04").rows == 10
    changed = "SELECT min(id), max(id), count(*) FROM loaded.t WHERE label = 'new'"
    assert query(changed) == [(15, 49, 28)]


def test_the_index_on_its_columns_is_used(
    source: PostgresSource, destination: PostgresDestination, run: Run, query: Query
) -> None:
    run(TABLE, ROWS.format(0, 20_000), "CREATE INDEX by_cursor ON t (at, id)", "ANALYZE t")
    plan = StreamPlan("p", "t", write_mode=WriteMode.UPSERT, cursor_field=("at", "id"))
    wanted = CursorRange('["2026-02-15 10:01:40", 1005]', '["2026-02-15 10:01:50", 1104]')
    assert sync_stream(source, destination, plan, cursor_range=wanted).rows == 100
    # The server counts what a session has read some time after its end; planning reads a row or two.
    read = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'by_cursor'"
    deadline = time.monotonic() + 60
    while query(read) == [(0,)] and time.monotonic() < deadline:
        query("SELECT pg_sleep(0.1)")
    [(count,)] = query(read)
    assert 100 <= count < 110

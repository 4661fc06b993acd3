"""The sync engine from Postgres to Postgres, run after run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.load import WriteMode
from acme_sdk.sync import StreamPlan, sync_stream

Run = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.UPSERT])
@pytest.mark.parametrize("cursor", ["at", "id", "price", "label", "day"])
def test_each_run_reads_on_where_the_last_one_ended(
    source: PostgresSource,
    destination: PostgresDestination,
    run: Run,
    query: Query,
    mode: WriteMode,
    cursor: str,
) -> None:
    run(
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz, day date, price numeric(8,2), label text)",
        "INSERT INTO t SELECT i, '2026-02-15 10:00Z'::timestamptz + i * interval '1 second',"
        " '2026-02-15'::date + i, i * 1.25, chr(64 + i) FROM generate_series(1, 5) i",
    )
    plan = StreamPlan("p", "t", write_mode=mode, cursor_field=cursor)
    assert sync_stream(source, destination, plan).loaded == 5
    again = sync_stream(source, destination, plan)
    assert (again.rows, again.loaded) == (1, 0 if mode is WriteMode.APPEND else 1)
    # A late row with the same cursor value as the last one, and one after it.
    run(
        "INSERT INTO t SELECT 6, at, day, price, label FROM t WHERE id = 5",
        "INSERT INTO t SELECT 7, at + interval '1 hour', day + 1, price + 1, 'Z' FROM t WHERE id = 5",
    )
    assert sync_stream(source, destination, plan).rows == 3
    assert query("SELECT * FROM loaded.t ORDER BY id") == query("SELECT * FROM public.t ORDER BY id")


def test_overwrite_follows_the_source(
    source: PostgresSource, destination: PostgresDestination, run: Run, query: Query
) -> None:
    run("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1), (2)")
    plan = StreamPlan("p", "t", write_mode=WriteMode.OVERWRITE)
    assert sync_stream(source, destination, plan).loaded == 2
    run("TRUNCATE t")
    assert sync_stream(source, destination, plan).loaded == 0
    assert query("SELECT count(*) FROM loaded.t") == [(0,)]


@pytest.mark.parametrize(("key", "loaded", "numbered"), [((), 3, 0), (("label",), 2, 1)])
def test_staged_rows_are_numbered_only_where_a_key_may_come_twice(
    source: PostgresSource,
    destination: PostgresDestination,
    run: Run,
    query: Query,
    key: tuple[str, ...],
    loaded: int,
    numbered: int,
) -> None:
    run(
        "CREATE TABLE t (id int PRIMARY KEY, label text)", "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'b')"
    )
    plan = StreamPlan("p", "t", write_mode=WriteMode.UPSERT, primary_key=key)
    for _ in range(2):
        assert sync_stream(source, destination, plan).loaded == loaded
    assert len(query("SELECT * FROM loaded.t")) == loaded
    # The column of the numbers is gone from the table that the staged rows became.
    gone = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'loaded.t'::regclass AND attisdropped"
    assert query(gone) == [(numbered,)]

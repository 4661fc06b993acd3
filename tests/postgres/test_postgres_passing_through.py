"""From Postgres to Postgres in its own binary form: nothing is decoded, and everything arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.connectors.postgres.copy_batch import CopyBatch
from acme_sdk.load import WriteMode
from acme_sdk.sync import StreamPlan, sync_stream

Run = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

TABLE = (
    "CREATE TYPE mood AS ENUM ('sad', 'happy')",
    "CREATE DOMAIN positive AS int CHECK (value > 0)",
    "CREATE TABLE exact (id int8 PRIMARY KEY, small int2, plain int4, yes bool, single float4, double float8,"
    " money numeric(12,2), free numeric, day date, at timestamptz, local timestamp, clock time, key uuid,"
    " raw bytea, note text, label varchar, fixed char(3), doc json, tree jsonb, mood mood, count positive)",
    "INSERT INTO exact VALUES (1, 2, 3, true, '1.5', 'NaN', 'NaN', 'NaN', 'infinity', '-infinity',"
    " 'infinity', '24:00', gen_random_uuid(), '\\x00ff', E'é\\n\"', 'x', 'y',"
    " '{\"a\": 1}', '{\"b\": [1.50]}', 'sad', 7)",
    "INSERT INTO exact VALUES (2, -2, -3, false, '-Infinity', 'Infinity', -1234567890.12, '123e100',"
    " '4713-01-01 BC', '290000-01-01', '4713-01-01 BC', '00:00:00.000001', gen_random_uuid(), '', '', '', '',"
    " 'null', 'null', 'happy', 8)",
    "INSERT INTO exact (id) VALUES (3)",
)


def printed(query: Query, table: str) -> list[tuple[Any, ...]]:
    return query(f"SELECT row_to_json(t)::text, t.money::text, t.free::text FROM {table} t ORDER BY id")


@pytest.fixture
def _undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(batch: CopyBatch) -> None:
        raise AssertionError("a batch was decoded")

    monkeypatch.setattr(CopyBatch, "decode", decode)


@pytest.mark.usefixtures("_undecoded")
@pytest.mark.parametrize("mode", list(WriteMode))
def test_values_that_only_postgres_has_arrive_undecoded(
    source: PostgresSource, destination: PostgresDestination, run: Run, query: Query, mode: WriteMode
) -> None:
    run(*TABLE)
    plan = StreamPlan("p", "exact", write_mode=mode)
    assert sync_stream(source, destination, plan).loaded == 3
    assert printed(query, "loaded.exact") == printed(query, "public.exact")
    if mode is not WriteMode.APPEND:
        assert sync_stream(source, destination, plan).loaded == 3
        assert printed(query, "loaded.exact") == printed(query, "public.exact")


@pytest.mark.usefixtures("_undecoded")
def test_cursors_are_followed_undecoded(
    source: PostgresSource, destination: PostgresDestination, run: Run, query: Query
) -> None:
    run(*TABLE)
    plan = StreamPlan("p", "exact", write_mode=WriteMode.APPEND, cursor_field="id")
    assert sync_stream(source, destination, plan).cursor == "3"
    run("INSERT INTO exact (id, note) VALUES (10, 'new')")
    again = sync_stream(source, destination, plan)
    assert (again.rows, again.loaded, again.cursor) == (2, 1, "10")
    assert printed(query, "loaded.exact") == printed(query, "public.exact")


def test_what_postgres_prints_is_decoded_and_read_again(
    source: PostgresSource, destination: PostgresDestination, run: Run, query: Query
) -> None:
    run(
        "CREATE TABLE exact (id int, span interval, tags text[], money numeric, free numeric)",
        "INSERT INTO exact VALUES (1, '1 mon 2 days', '{a,NULL,\"b c\"}', 1.50, 2), (2, NULL,"
        " NULL, NULL, NULL)",
    )
    sync_stream(source, destination, StreamPlan("p", "exact"))
    assert printed(query, "loaded.exact") == printed(query, "public.exact")


def test_a_target_of_other_types_is_fed_all_the_same(
    source: PostgresSource, destination: PostgresDestination, run: Run, query: Query
) -> None:
    run(
        "CREATE TABLE t (id int2, name varchar(3))",
        "INSERT INTO t VALUES (1, 'a')",
        "CREATE SCHEMA loaded",
        "CREATE TABLE loaded.t (id bigint, name varchar(9), more text)",
    )
    sync_stream(source, destination, StreamPlan("p", "t"))
    assert query("SELECT * FROM loaded.t") == [(1, "a", None)]

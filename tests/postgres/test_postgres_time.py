"""Cursors of times from Postgres: late rows, zones, summer time, clocks that are off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from acme_sdk import Row, SourceConnector, Stream, WriteMode, open_connector
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
from acme_sdk.destination import StagedDestination
from acme_sdk.sync import CursorRange, StreamPlan, sync_stream
from tests.servers import DatabaseServer

Run = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]
HOUR = timedelta(hours=1)


@pytest.fixture(params=["postgres", "duckdb"])
def target(
    request: pytest.FixtureRequest, tmp_path: Path, opened: ExitStack, destination: PostgresDestination
) -> StagedDestination:
    if request.param == "postgres":
        return destination
    return opened.enter_context(open_connector(DuckDBDestination, {"path": str(tmp_path / "t.duckdb")}))


def counts(source: Any, target: Any, plan: StreamPlan, **options: Any) -> tuple[int, int]:
    result = sync_stream(source, target, plan, **options)
    return result.rows, result.loaded


@pytest.mark.parametrize("keyed", [True, False], ids=["key", "no key"])
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp"])
def test_late_rows_come_with_an_overlap_whatever_the_zones_of_sessions(
    source: PostgresSource, target: StagedDestination, database: str, run: Run, kind: str, keyed: bool
) -> None:
    def zone(name: str, style: str) -> None:
        run(
            f"ALTER DATABASE {database} SET timezone = '{name}'",
            f"ALTER DATABASE {database} SET datestyle = '{style}'",
        )

    zone("America/New_York", "SQL, DMY")
    key = "PRIMARY KEY" if keyed else ""
    run(
        f"CREATE TABLE t (id int {key}, at {kind})",
        "INSERT INTO t SELECT i, '2026-02-03 12:00Z'::timestamptz + i * interval '1 hour'"
        " FROM generate_series(0, 5) i",
    )
    plan = StreamPlan("p", "t", write_mode=WriteMode.APPEND, cursor_field="at", overlap=2 * HOUR)
    assert counts(source, target, plan) == (6, 6)
    zone("Asia/Tokyo", "German")
    run(
        "INSERT INTO t SELECT 6, max(at) - interval '2 hours' FROM t",
        "INSERT INTO t SELECT 7, max(at) - interval '121 minutes' FROM t",
    )
    assert counts(source, target, plan) == (4, 1)
    zone("UTC", "ISO")
    assert counts(source, target, plan) == (4, 0)


def test_an_hour_that_comes_twice_needs_an_overlap_of_one(
    source: PostgresSource, destination: PostgresDestination, run: Run, query: Query
) -> None:
    """Times without a zone that a clock in Berlin shows when summer time ends."""
    run(
        "CREATE TABLE t (id int PRIMARY KEY, at timestamp)",
        "INSERT INTO t SELECT i, ('2026-10-25 00:00Z'::timestamptz + i * interval '15 minutes')"
        " AT TIME ZONE 'Europe/Berlin' FROM generate_series(0, 3) i",
    )
    plan = StreamPlan("p", "t", write_mode=WriteMode.APPEND, cursor_field="at", overlap=HOUR)
    assert sync_stream(source, destination, plan).cursor == "2026-10-25T02:45:00.000000"
    run(
        "INSERT INTO t SELECT i, ('2026-10-25 00:00Z'::timestamptz + i * interval '15 minutes')"
        " AT TIME ZONE 'Europe/Berlin' FROM generate_series(4, 9) i",
    )
    assert counts(source, destination, plan) == (10, 6)
    assert query("SELECT * FROM loaded.t ORDER BY id") == query("SELECT * FROM public.t ORDER BY id")


def test_an_hour_that_comes_twice_is_two_in_instants(
    source: PostgresSource, target: StagedDestination, database: str, run: Run
) -> None:
    run(
        f"ALTER DATABASE {database} SET timezone = 'Europe/Berlin'",
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz)",
        "INSERT INTO t SELECT i, '2026-10-25 00:00Z'::timestamptz + i * interval '15 minutes'"
        " FROM generate_series(0, 3) i",
    )
    plan = StreamPlan("p", "t", write_mode=WriteMode.UPSERT, cursor_field="at")
    assert sync_stream(source, target, plan).cursor == "2026-10-25T00:45:00.000000Z"
    run("INSERT INTO t SELECT i, '2026-10-25 02:00+01'::timestamptz FROM generate_series(4, 5) i")
    assert counts(source, target, plan) == (3, 3)
    # What has no zone is UTC, in whichever zone the session is.
    wanted = CursorRange("2026-10-25 02:30+02", "2026-10-25 01:00")
    assert counts(source, target, plan, cursor_range=wanted) == (4, 4)


def test_the_cursor_goes_by_the_clock_of_the_source(
    source: PostgresSource, target: StagedDestination, run: Run
) -> None:
    """Its clock is hours ahead, then is put right: an overlap that is as long makes up for it."""
    run(
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz)",
        "INSERT INTO t SELECT i, now() + interval '3 hours' + i * interval '1 second'"
        " FROM generate_series(1, 5) i",
    )
    plan = StreamPlan("p", "t", write_mode=WriteMode.APPEND, cursor_field="at", overlap=4 * HOUR)
    assert counts(source, target, plan) == (5, 5)
    run("INSERT INTO t SELECT i, now() + i * interval '1 second' FROM generate_series(6, 7) i")
    assert counts(source, target, plan) == (7, 2)


@dataclass
class ByLastRun(SourceConnector):
    """Asks a database for what changed since the last run; it has no cursor, or tells nobody of it."""

    server: DatabaseServer
    database: str
    lag: timedelta
    overlap: timedelta | None = None
    asked: list[datetime | None] = field(default_factory=list)

    def streams(self) -> list[Stream]:
        return [Stream("t", primary_key=("id",), overlap=self.overlap)]

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        self.asked.append(last_run)
        with psycopg.connect(self.server.connection_string(self.database)) as connection:
            query = "SELECT id, at FROM t WHERE %s::timestamptz IS NULL OR at >= %s ORDER BY id"
            yield from (Row({"id": k, "at": at}) for k, at in connection.execute(query, (last_run, last_run)))

    def change(self, key: int) -> None:
        """Add a record, at a time by the clock of the source."""
        seconds = self.lag.total_seconds()
        self.server.execute(
            self.database, f"INSERT INTO t VALUES ({key}, clock_timestamp() - interval '{seconds} seconds')"
        )


@pytest.mark.parametrize(
    ("lag", "overlap", "loaded"),
    [(2 * HOUR, None, 0), (2 * HOUR, 2 * HOUR + timedelta(minutes=5), 2), (-2 * HOUR, None, 2)],
    ids=["behind", "behind, with an overlap", "ahead"],
)
def test_a_source_without_a_cursor_whose_clock_is_off(
    postgres: DatabaseServer,
    destination: PostgresDestination,
    database: str,
    run: Run,
    query: Query,
    lag: timedelta,
    overlap: timedelta | None,
    loaded: int,
) -> None:
    """The last run is known by our clock: by one that is behind, what changes next is before it."""
    run("CREATE TABLE t (id int PRIMARY KEY, at timestamptz)")
    source = ByLastRun(postgres, database, lag, overlap)
    plan = StreamPlan("p", "t", table="loaded.t", write_mode=WriteMode.UPSERT)
    source.change(1)
    first = sync_stream(source, destination, plan)
    source.change(2)
    second = sync_stream(source, destination, plan)
    assert second.last_run == first.started_at
    assert source.asked[1] == first.started_at - (overlap or timedelta(0))
    assert (second.rows, query("SELECT count(*) FROM loaded.t")) == (loaded, [(2 if loaded else 1,)])

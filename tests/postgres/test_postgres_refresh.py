"""Full refreshes in intervals: gathered out of sight, resumed after a crash, put in place at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from acme_sdk.connectors.postgres import PostgresDestination
from acme_sdk.errors import FatalError
from acme_sdk.lifecycle import open_connector
from acme_sdk.load import LoadPlan, StreamState, WriteMode
from tests.servers import DatabaseServer

Run = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

DONE = StreamState("shop", "orders", datetime(2026, 2, 15, 10, 28, tzinfo=UTC), "id", "9", "run-1")


def plan(refresh: str | None = "r1", **changes: Any) -> LoadPlan:
    defaults = {"pipeline": "shop", "stream": "orders", "table": "orders", "write_mode": WriteMode.APPEND}
    return LoadPlan(**defaults | {"run_id": "run-1", "refresh": refresh} | changes)


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def interval(destination: PostgresDestination, what: LoadPlan, *batches: pa.RecordBatch, at: int = 0) -> int:
    """Load one interval of a refresh, or of an ordinary load, and store how far it came."""
    load = destination.open_load(what)
    try:
        for one in batches:
            load.stage(one)
        return load.publish(replace(DONE, last_run=None, progress={"refresh": what.refresh, "at": at}))
    finally:
        load.discard()


@pytest.fixture
def hidden(query: Query) -> Callable[[], list[str]]:
    statement = "SELECT relname::text FROM pg_class WHERE relname LIKE '\\_acme\\_refresh%' AND relkind = 'r'"
    return lambda: [str(name) for (name,) in query(statement)]


Hidden = Callable[[], list[str]]


@pytest.fixture
def orders(query: Query) -> Callable[[], list[int]]:
    return lambda: [int(number) for (number,) in query("SELECT id FROM loaded.orders ORDER BY id")]


Orders = Callable[[], list[int]]


def test_intervals_are_gathered_and_take_the_targets_place(
    destination: PostgresDestination, query: Query, run: Run, orders: Orders, hidden: Hidden
) -> None:
    interval(destination, plan(None), batch(id=[1, 2]))
    run("CREATE VIEW loaded.seen AS SELECT id FROM loaded.orders")
    assert interval(destination, plan(), batch(id=[3, 4]), at=1) == 2
    assert interval(destination, plan(), batch(id=[5]), at=2) == 1
    assert orders() == [1, 2]
    (name,) = hidden()
    assert query(f"SELECT relpersistence::text FROM pg_class WHERE relname = '{name}'") == [("p",)]
    state = destination.state("shop", "orders")
    assert state == replace(DONE, last_run=None, progress={"refresh": "r1", "at": 2})
    assert destination.finish_refresh(plan(), DONE) == 3
    assert query("SELECT id FROM loaded.seen ORDER BY id") == [(3,), (4,), (5,)]
    assert destination.state("shop", "orders") == DONE
    assert hidden() == []


def test_a_refresh_makes_the_target(destination: PostgresDestination, query: Query) -> None:
    what = plan(table="elsewhere.orders")
    interval(destination, what, batch(id=[1], note=["a"]))
    assert destination.finish_refresh(what, DONE) == 1
    assert query("SELECT * FROM elsewhere.orders") == [(1, "a")]


def test_a_crash_between_and_within_intervals(
    postgres: DatabaseServer, database: str, destination: PostgresDestination, orders: Orders
) -> None:
    config = {"connection": postgres.connection_string(database), "schema": "loaded"}
    with open_connector(PostgresDestination, config) as crashing:
        interval(crashing, plan(), batch(id=[1, 2]), at=2)
        crashing.open_load(plan(run_id="crashed")).stage(batch(id=[3]))
    state = destination.state("shop", "orders")
    assert state is not None
    assert state.progress == {"refresh": "r1", "at": 2}
    interval(destination, plan(run_id="run-2"), batch(id=[3, 4]), at=4)
    assert destination.finish_refresh(plan(run_id="run-2"), DONE) == 4
    assert orders() == [1, 2, 3, 4]


def test_rows_survive_a_crash_of_the_server(postgres: DatabaseServer, query: Query, database: str) -> None:
    config = {"connection": postgres.connection_string(database), "schema": "loaded"}
    with open_connector(PostgresDestination, config) as before:
        interval(before, plan(), batch(id=[1, 2]))
    # Killed like this, a backend takes the others down with it, and the server recovers from its log.
    postgres.execute(database, "CREATE UNLOGGED TABLE control AS SELECT 1 AS id")
    with psycopg.connect(postgres.connection_string(database)) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while True:
        try:
            assert query("SELECT count(*) FROM control") == [(0,)]  # it was a crash indeed
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with open_connector(PostgresDestination, config) as after:
        interval(after, plan(), batch(id=[3]))
        assert after.finish_refresh(plan(), DONE) == 3


def test_finishing_twice_keeps_the_rows(destination: PostgresDestination, orders: Orders) -> None:
    interval(destination, plan(), batch(id=[1, 2]))
    assert destination.finish_refresh(plan(), DONE) == 2
    assert destination.finish_refresh(plan(), DONE) == 2
    assert orders() == [1, 2]


def test_a_refresh_without_rows_empties_the_target(
    destination: PostgresDestination, orders: Orders, query: Query
) -> None:
    interval(destination, plan(None), batch(id=[1, 2]))
    assert interval(destination, plan()) == 0
    assert orders() == [1, 2]
    assert destination.finish_refresh(plan(), DONE) == 0
    assert orders() == []
    nowhere = plan(stream="other", table="other")
    interval(destination, nowhere)
    assert destination.finish_refresh(nowhere, replace(DONE, stream="other")) == 0
    assert query("SELECT to_regclass('loaded.other')") == [(None,)]


def test_an_empty_interval_keeps_what_is_gathered(destination: PostgresDestination, orders: Orders) -> None:
    interval(destination, plan(), batch(id=[1]))
    interval(destination, plan())
    interval(destination, plan(), batch(id=[2]))
    assert destination.finish_refresh(plan(), DONE) == 2
    assert orders() == [1, 2]


@pytest.mark.parametrize("other", [None, "r2"])
def test_hidden_tables_of_other_refreshes_are_removed(
    destination: PostgresDestination, hidden: Hidden, other: str | None
) -> None:
    interval(destination, plan(), batch(id=[1]))
    interval(destination, plan(stream="others"), batch(id=[9]))
    kept = set(hidden())
    destination.open_load(plan()).discard()
    assert set(hidden()) == kept
    destination.open_load(plan(other)).discard()
    assert len(set(hidden()) & kept) == len(hidden()) == 1


@pytest.mark.parametrize("rows", [[], [batch(id=[2])]])
def test_lost_rows_are_noticed(
    destination: PostgresDestination, run: Run, hidden: Hidden, orders: Orders, rows: list[pa.RecordBatch]
) -> None:
    interval(destination, plan(None), batch(id=[7]))
    interval(destination, plan(), batch(id=[1]))
    run(f"DROP TABLE loaded.{hidden()[0]}")
    with pytest.raises(FatalError) as caught:
        interval(destination, plan(), *rows)
    assert caught.value.code == "refresh.lost"
    with pytest.raises(FatalError) as caught:
        destination.finish_refresh(plan(), DONE)
    assert caught.value.code == "refresh.lost"
    assert orders() == [7]
    # A new one begins anew.
    interval(destination, plan("r2"), batch(id=[8]))
    assert destination.finish_refresh(plan("r2"), DONE) == 1
    assert orders() == [8]


def test_columns_are_added_and_widened_on_the_way(destination: PostgresDestination, query: Query) -> None:
    intervals = [
        batch(id=pa.array([1], pa.int32()), a=pa.nulls(1), d=pa.array([Decimal("1.5")])),
        batch(id=pa.array([2**40]), a=[1], b=["x"]),
        batch(id=[3], a=[1.5], b=pa.nulls(1), d=[7]),
        batch(id=[4], a=[2]),
    ]
    for one in intervals:
        interval(destination, plan(), one)
    assert destination.finish_refresh(plan(), DONE) == 4
    assert query("SELECT id, a, b, d FROM loaded.orders ORDER BY id") == [
        (1, None, None, Decimal("1.5")),
        (3, 1.5, None, Decimal("7.0")),
        (4, 2.0, None, None),
        (2**40, 1.0, "x", None),
    ]


@pytest.mark.parametrize(("first", "then"), [(["a"], [1]), ([2**53 + 1], [0.5]), ([0.5], [2**53 + 1])])
def test_types_that_nothing_holds_are_refused(
    destination: PostgresDestination, first: list[Any], then: list[Any]
) -> None:
    interval(destination, plan(), batch(v=first))
    with pytest.raises(FatalError, match="column 'v'") as caught:
        interval(destination, plan(), batch(v=then))
    assert caught.value.code == "schema.type_changed"
    assert destination.finish_refresh(plan(), DONE) == 1


def test_a_target_that_cannot_take_the_rows_keeps_its_own(
    destination: PostgresDestination, orders: Orders, hidden: Hidden
) -> None:
    interval(destination, plan(None), batch(id=[1]))
    interval(destination, plan(), batch(id=["a"]))
    with pytest.raises(FatalError) as caught:
        destination.finish_refresh(plan(), DONE)
    assert caught.value.code == "schema.type_mismatch"
    assert orders() == [1]
    assert len(hidden()) == 1


def test_readers_see_the_old_rows_or_the_new(
    postgres: DatabaseServer, database: str, destination: PostgresDestination
) -> None:
    interval(destination, plan(None), batch(id=range(1000)))
    interval(destination, plan(), batch(id=range(1000, 50_000)))
    interval(destination, plan(), batch(id=range(50_000, 100_000)))
    seen: list[tuple[int, int]] = []
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(postgres.connection_string(database), autocommit=True) as reader:
            while not stop.is_set():
                row = reader.execute("SELECT count(*), coalesce(sum(id), 0) FROM loaded.orders").fetchone()
                assert row is not None
                seen.append((int(row[0]), int(row[1])))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        while not seen:
            pass
        assert destination.finish_refresh(plan(), DONE) == 99_000
        count = len(seen)
        while len(seen) < count + 2:
            assert thread.is_alive()
    finally:
        stop.set()
        thread.join()
    old, new = (1000, sum(range(1000))), (99_000, sum(range(1000, 100_000)))
    assert (seen[0], seen[-1]) == (old, new)
    assert set(seen) == {old, new}


def test_a_column_of_nothing_fits_any_column(destination: PostgresDestination, query: Query) -> None:
    interval(destination, plan(None), batch(id=[1], n=[5]))
    interval(destination, plan(None), batch(id=[2], n=pa.nulls(1)))
    assert query("SELECT id, n FROM loaded.orders ORDER BY id") == [(1, 5), (2, None)]
    interval(destination, plan(), batch(id=[3], n=pa.nulls(1)))
    assert destination.finish_refresh(plan(), DONE) == 1
    assert query("SELECT id, n FROM loaded.orders") == [(3, None)]

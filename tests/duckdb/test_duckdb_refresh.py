"""Full refreshes in intervals: gathered out of sight, resumed after a crash, put in place at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from acme_sdk import FatalError, LoadPlan, StreamState, WriteMode, open_connector
from acme_sdk.connectors.duckdb import DuckDBDestination

DONE = StreamState("shop", "orders", datetime(2026, 1, 2, tzinfo=UTC), "id", "7", "run")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def destination(path: Path) -> Iterator[DuckDBDestination]:
    with open_connector(DuckDBDestination, {"path": str(path)}) as connector:
        yield connector


def plan(refresh: str | None = "r1", **changes: Any) -> LoadPlan:
    fields = {"pipeline": "shop", "stream": "orders", "table": "orders", "write_mode": WriteMode.APPEND}
    return LoadPlan(**(fields | {"run_id": "run", "refresh": refresh} | changes))


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def interval(destination: DuckDBDestination, what: LoadPlan, *batches: pa.RecordBatch, at: int = 0) -> int:
    """Load one interval of a refresh, or of an ordinary load, and store how far it came."""
    load = destination.open_load(what)
    try:
        for one in batches:
            load.stage(one)
        return load.publish(replace(DONE, last_run=None, progress={"refresh": what.refresh, "at": at}))
    finally:
        load.discard()


def rows(path: Path, statement: str = "FROM orders ORDER BY ALL") -> list[Any]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(statement).fetchall()


def hidden(path: Path) -> set[str]:
    statement = "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, '_acme_refresh')"
    return {name for (name,) in rows(path, statement)}


def test_intervals_are_gathered_and_take_the_targets_place(
    destination: DuckDBDestination, path: Path
) -> None:
    interval(destination, plan(None), batch(id=[1, 2]))
    assert interval(destination, plan(), batch(id=[3, 4]), at=1) == 2
    assert interval(destination, plan(), batch(id=[5]), at=2) == 1
    assert rows(path) == [(1,), (2,)]
    assert len(hidden(path)) == 1
    state = destination.state("shop", "orders")
    assert state == replace(DONE, last_run=None, progress={"refresh": "r1", "at": 2})
    with duckdb.connect(str(path)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM orders").fetchall() == [(2,)]
        assert destination.finish_refresh(plan(), DONE) == 3
        assert reader.execute("SELECT count(*) FROM orders").fetchall() == [(2,)]
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM orders").fetchall() == [(3,)]
    assert destination.state("shop", "orders") == DONE
    destination.teardown()
    assert rows(path) == [(3,), (4,), (5,)]
    assert hidden(path) == set()


def test_a_refresh_makes_the_target(destination: DuckDBDestination, path: Path) -> None:
    what = plan(table="elsewhere.orders")
    interval(destination, what, batch(id=[1], note=["a"]))
    assert destination.finish_refresh(what, DONE) == 1
    destination.teardown()
    assert rows(path, "FROM elsewhere.orders") == [(1, "a")]


def test_a_crash_between_and_within_intervals(destination: DuckDBDestination, path: Path) -> None:
    killed = f"""
import os, signal
from tests.duckdb.test_duckdb_refresh import *
with open_connector(DuckDBDestination, {{"path": {str(path)!r}}}) as destination:
    interval(destination, plan(), batch(id=[1, 2]), at=2)
    destination.open_load(plan()).stage(batch(id=[3]))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.run([sys.executable, "-c", killed], check=False, timeout=280)
    assert process.returncode == -9
    state = destination.state("shop", "orders")
    assert state is not None
    assert state.progress == {"refresh": "r1", "at": 2}
    interval(destination, plan(run_id="run-2"), batch(id=[3, 4]), at=4)
    assert destination.finish_refresh(plan(run_id="run-2"), DONE) == 4
    destination.teardown()
    assert rows(path) == [(1,), (2,), (3,), (4,)]


def test_finishing_twice_keeps_the_rows(destination: DuckDBDestination, path: Path) -> None:
    interval(destination, plan(), batch(id=[1, 2]))
    assert destination.finish_refresh(plan(), DONE) == 2
    assert destination.finish_refresh(plan(), DONE) == 2
    destination.teardown()
    assert rows(path) == [(1,), (2,)]


def test_a_refresh_without_rows_empties_the_target(destination: DuckDBDestination, path: Path) -> None:
    interval(destination, plan(None), batch(id=[1, 2]))
    assert interval(destination, plan()) == 0
    assert rows(path) == [(1,), (2,)]
    assert destination.finish_refresh(plan(), DONE) == 0
    assert rows(path) == []
    nowhere = plan(stream="other", table="other")
    interval(destination, nowhere)
    assert destination.finish_refresh(nowhere, replace(DONE, stream="other")) == 0
    assert rows(path, "SELECT 1 FROM duckdb_tables() WHERE table_name = 'other'") == []


def test_an_empty_interval_keeps_what_is_gathered(destination: DuckDBDestination, path: Path) -> None:
    for one in ([batch(id=[1])], [], [batch(id=[2])]):
        interval(destination, plan(), *one)
    assert destination.finish_refresh(plan(), DONE) == 2
    assert rows(path) == [(1,), (2,)]


@pytest.mark.parametrize("other", [None, "r2"])
def test_hidden_tables_of_other_refreshes_are_removed(
    destination: DuckDBDestination, path: Path, other: str | None
) -> None:
    interval(destination, plan(), batch(id=[1]))
    interval(destination, plan(stream="others"), batch(id=[9]))
    kept = hidden(path)
    destination.open_load(plan()).discard()
    assert hidden(path) == kept
    destination.open_load(plan(other)).discard()
    assert len(hidden(path) & kept) == len(hidden(path)) == 1


@pytest.mark.parametrize("batches", [[], [batch(id=[2])]])
def test_lost_rows_are_noticed(
    destination: DuckDBDestination, path: Path, batches: list[pa.RecordBatch]
) -> None:
    interval(destination, plan(None), batch(id=[7]))
    interval(destination, plan(), batch(id=[1]))
    (name,) = hidden(path)
    rows(path, f'DROP TABLE "{name}"')
    with pytest.raises(FatalError) as caught:
        interval(destination, plan(), *batches)
    assert caught.value.code == "refresh.lost"
    with pytest.raises(FatalError) as caught:
        destination.finish_refresh(plan(), DONE)
    assert caught.value.code == "refresh.lost"
    assert rows(path) == [(7,)]
    # A new one begins anew.
    interval(destination, plan("r2"), batch(id=[8]))
    assert destination.finish_refresh(plan("r2"), DONE) == 1
    assert rows(path) == [(8,)]


def test_columns_are_added_and_widened_on_the_way(destination: DuckDBDestination, path: Path) -> None:
    intervals = [
        batch(id=[1], a=pa.nulls(1)),
        batch(id=[2], a=[1], b=["x"]),
        batch(id=[3], a=[1.5], b=pa.nulls(1)),
        batch(id=[4], a=[2]),
    ]
    for one in intervals:
        interval(destination, plan(), one)
    assert destination.finish_refresh(plan(), DONE) == 4
    destination.teardown()
    assert rows(path) == [(1, None, None), (2, 1.0, "x"), (3, 1.5, None), (4, 2.0, None)]


def test_a_refresh_may_change_the_targets_types(destination: DuckDBDestination, path: Path) -> None:
    interval(destination, plan(None), batch(id=[1], old=["x"]))
    interval(destination, plan(), batch(id=["a"]))
    assert destination.finish_refresh(plan(), DONE) == 1
    assert rows(path) == [("a",)]

"""Full refreshes in intervals: gathered out of sight, resumed after a crash, put in place at once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from acme_sdk import FatalError, LoadPlan
from acme_sdk.connectors.parquet import ParquetDestination
from tests.parquet.loading import CHECKPOINT, load, plan, rows

DONE = replace(CHECKPOINT, run_id="done")


def refreshing(refresh: str = "r1", **changes: Any) -> LoadPlan:
    return plan(refresh=refresh, **changes)


def interval(destination: ParquetDestination, what: LoadPlan, *batches: Any, at: int = 0) -> int:
    state = replace(CHECKPOINT, last_run=None, progress={"refresh": what.refresh, "at": at})
    return load(destination, what, *batches, state=state)


def hidden(root: Path) -> set[str]:
    return {folder.name for folder in (root / "orders").resolve().parent.glob("refresh_*")}


def test_intervals_are_gathered_and_take_the_targets_place(
    destination: ParquetDestination, root: Path
) -> None:
    load(destination, plan(), [{"id": 1}, {"id": 2}])
    assert interval(destination, refreshing(), [{"id": 3}, {"id": 4}], at=1) == 2
    assert interval(destination, refreshing(), [{"id": 5}], at=2) == 1
    assert rows(root) == [(1,), (2,)]
    assert len(hidden(root)) == 1
    assert destination.state("shop", "orders") == replace(
        CHECKPOINT, last_run=None, progress={"refresh": "r1", "at": 2}
    )
    assert destination.finish_refresh(refreshing(), DONE) == 3
    assert destination.state("shop", "orders") == DONE
    assert rows(root) == [(3,), (4,), (5,)]
    assert hidden(root) == set()


def test_a_refresh_makes_the_target(destination: ParquetDestination, root: Path) -> None:
    what = refreshing(table="elsewhere.orders")
    interval(destination, what, [{"id": 1, "note": "a"}])
    assert not (root / "elsewhere").exists()
    assert destination.finish_refresh(what, DONE) == 1
    assert rows(root, "elsewhere/orders") == [(1, "a")]


def test_finishing_twice_keeps_the_rows(destination: ParquetDestination, root: Path) -> None:
    interval(destination, refreshing(), [{"id": 1}, {"id": 2}])
    assert destination.finish_refresh(refreshing(), DONE) == 2
    assert destination.finish_refresh(refreshing(), DONE) == 2
    assert rows(root) == [(1,), (2,)]


def test_a_refresh_without_rows_empties_the_target(destination: ParquetDestination, root: Path) -> None:
    load(destination, plan(), [{"id": 1}, {"id": 2}])
    assert interval(destination, refreshing()) == 0
    assert rows(root) == [(1,), (2,)]
    assert destination.finish_refresh(refreshing(), DONE) == 0
    assert rows(root) == []
    nowhere = refreshing(stream="other", table="other")
    interval(destination, nowhere)
    assert destination.finish_refresh(nowhere, replace(DONE, stream="other")) == 0
    assert not (root / "other").exists()


def test_an_empty_interval_keeps_what_is_gathered(destination: ParquetDestination, root: Path) -> None:
    none = pa.RecordBatch.from_pydict({"id": pa.array([], pa.int64())})
    for one in ([none], [[{"id": 1}]], [], [none], [[{"id": 2}]]):
        interval(destination, refreshing(), *one)
    assert destination.finish_refresh(refreshing(), DONE) == 2
    assert rows(root) == [(1,), (2,)]
    assert len(list((root / "orders").iterdir())) == 2


def test_refreshes_of_other_streams_stay(destination: ParquetDestination, root: Path) -> None:
    load(destination, plan(), [{"id": 0}])
    interval(destination, refreshing(), [{"id": 1}])
    interval(destination, refreshing(stream="others"), [{"id": 9}])
    both = hidden(root)
    assert len(both) == 2
    interval(destination, refreshing("r2"), [{"id": 2}])
    assert len(hidden(root)) == 2
    assert len(hidden(root) & both) == 1
    load(destination, plan(), [{"id": 3}])
    assert hidden(root) < both
    assert destination.finish_refresh(refreshing(stream="others"), replace(DONE, stream="others")) == 1
    assert rows(root) == [(9,)]


@pytest.mark.parametrize("batches", [[], [[{"id": 2}]]])
def test_lost_rows_are_noticed(destination: ParquetDestination, root: Path, batches: list[Any]) -> None:
    load(destination, plan(), [{"id": 7}])
    interval(destination, refreshing(), [{"id": 1}])
    (name,) = hidden(root)
    shutil.rmtree((root / "orders").resolve().parent / name)
    with pytest.raises(FatalError) as caught:
        interval(destination, refreshing(), *batches)
    assert caught.value.code == "refresh.lost"
    with pytest.raises(FatalError) as caught:
        destination.finish_refresh(refreshing(), DONE)
    assert caught.value.code == "refresh.lost"
    assert rows(root) == [(7,)]
    # A new one begins anew.
    interval(destination, refreshing("r2"), [{"id": 8}])
    assert destination.finish_refresh(refreshing("r2"), DONE) == 1
    assert rows(root) == [(8,)]


def test_columns_are_added_and_widened_on_the_way(destination: ParquetDestination, root: Path) -> None:
    for one in (
        {"id": 1, "a": None},
        {"id": 2, "a": 1, "b": "x"},
        {"id": 3, "a": 1.5, "b": None},
        {"id": 4, "a": 2},
    ):
        interval(destination, refreshing(), [one])
    assert destination.finish_refresh(refreshing(), DONE) == 4
    assert rows(root) == [(1, None, None), (2, 1.0, "x"), (3, 1.5, None), (4, 2.0, None)]


def test_a_refresh_may_change_the_targets_types(destination: ParquetDestination, root: Path) -> None:
    load(destination, plan(), [{"id": 1, "old": "x"}])
    interval(destination, refreshing(), [{"id": "a"}])
    assert destination.finish_refresh(refreshing(), DONE) == 1
    assert rows(root) == [("a",)]

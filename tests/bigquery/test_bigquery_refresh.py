"""Full refreshes in intervals: gathered out of sight, resumed after a crash, put in place at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from acme.sdk import FatalError, LoadPlan, StreamState, WriteMode, open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination
from tests.bigquery.conftest import Dataset
from tests.bigquery.loads import batch, checkpoint, plan

IDS = "SELECT id FROM {ds}.orders ORDER BY id"


def part(refresh: str | None = "r1", **changes: Any) -> LoadPlan:
    return plan(refresh=refresh, **changes)


def done(what: LoadPlan) -> StreamState:
    return replace(checkpoint(what), run_id=f"end of {what.refresh}", details={"columns": ["ü", '"\\\n']})


def interval(
    destination: BigQueryDestination, what: LoadPlan, *batches: pa.RecordBatch, at: int = 0
) -> StreamState:
    """Load one interval of a refresh, or of an ordinary load, and return the state stored with it."""
    load = destination.open_load(what)
    try:
        for one in batches:
            load.stage(one)
        state = replace(checkpoint(what), last_run=None, progress={"refresh": what.refresh, "at": at})
        load.publish(state)
        return state
    finally:
        load.discard()


def hidden(dataset: Dataset) -> set[str]:
    return {name for name in dataset.tables() if name.startswith("_acme_refresh")}


def test_intervals_are_gathered_and_take_the_targets_place(
    dataset: Dataset, destination: BigQueryDestination
) -> None:
    interval(destination, plan(), batch(id=[1, 2], note=["a", "b"]))
    interval(destination, part(), batch(id=[3, 4], data=[[1], [2]]), at=1)
    state = interval(destination, part(), batch(id=[5], data=[[3]]), at=2)
    assert dataset.query(IDS) == [(1,), (2,)]
    assert len(hidden(dataset)) == 1
    assert destination.state("order-sync", "orders") == state
    last = part()
    assert destination.finish_refresh(last, done(last)) == 3
    found = dataset.query("SELECT id, note, TO_JSON_STRING(data) FROM {ds}.orders ORDER BY id")
    assert found == [(3, None, "[1]"), (4, None, "[2]"), (5, None, "[3]")]
    assert destination.state("order-sync", "orders") == done(last)
    assert dataset.tables() == {"orders", "_acme_checkpoints"}


def test_a_refresh_makes_the_target(dataset: Dataset, destination: BigQueryDestination) -> None:
    what = part(primary_key=("id",))
    interval(destination, what, batch(id=[1]))
    assert "orders" not in dataset.tables()
    assert destination.finish_refresh(what, done(what)) == 1
    assert dataset.query(IDS) == [(1,)]


def test_a_crash_between_and_within_intervals(dataset: Dataset, destination: BigQueryDestination) -> None:
    with open_connector(BigQueryDestination, dataset.config) as crashing:
        interval(crashing, part(), batch(id=[1, 2]), at=2)
        crashing.open_load(part()).stage(batch(id=[3]))
    state = destination.state("order-sync", "orders")
    assert state is not None
    assert state.progress == {"refresh": "r1", "at": 2}
    interval(destination, part(), batch(id=[3, 4]), at=4)
    assert destination.finish_refresh(part(), done(part())) == 4
    assert dataset.query(IDS) == [(1,), (2,), (3,), (4,)]


def test_what_died_after_the_last_interval_leaves_nothing(
    dataset: Dataset, destination: BigQueryDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(_table: object) -> None:
        raise Killed

    last = part()
    dying = destination.open_load(last)
    dying.stage(batch(id=[1, 2]))
    with monkeypatch.context() as patched:
        patched.setattr(destination._opened(), "drop", killed)
        with pytest.raises(Killed):
            dying.publish(replace(checkpoint(last), progress={"refresh": "r1", "at": 2}))
    assert len(dataset.stages()) == 1
    # All was read: nothing is left to load, only to be put in place.
    assert destination.finish_refresh(last, done(last)) == 2
    assert dataset.tables() == {"orders", "_acme_checkpoints"}


def test_finishing_twice_keeps_the_rows(dataset: Dataset, destination: BigQueryDestination) -> None:
    what = part()
    interval(destination, what, batch(id=[1, 2]))
    assert destination.finish_refresh(what, done(what)) == 2
    assert destination.finish_refresh(what, done(what)) == 2
    assert dataset.query(IDS) == [(1,), (2,)]


def test_a_failing_end_changes_nothing(dataset: Dataset, destination: BigQueryDestination) -> None:
    interval(destination, plan(), batch(id=[1]))
    what = part()
    state = interval(destination, what, batch(id=[2]))
    # The rows move, then storing the state fails: its table has lost a column.
    dataset.query("ALTER TABLE {ds}._acme_checkpoints RENAME COLUMN run_id TO gone")
    with pytest.raises(FatalError):
        destination.finish_refresh(what, done(what))
    dataset.query("ALTER TABLE {ds}._acme_checkpoints RENAME COLUMN gone TO run_id")
    assert dataset.query(IDS) == [(1,)]
    assert destination.state("order-sync", "orders") == state
    assert destination.finish_refresh(what, done(what)) == 1
    assert dataset.query(IDS) == [(2,)]


def test_a_refresh_without_rows_empties_the_target(
    dataset: Dataset, destination: BigQueryDestination
) -> None:
    interval(destination, plan(), batch(id=[1, 2]))
    what = part()
    interval(destination, what)
    assert dataset.query(IDS) == [(1,), (2,)]
    assert destination.finish_refresh(what, done(what)) == 0
    assert dataset.query(IDS) == []
    nowhere = part(stream="other", table="other")
    interval(destination, nowhere)
    assert destination.finish_refresh(nowhere, done(nowhere)) == 0
    assert "other" not in dataset.tables()


def test_an_empty_interval_keeps_what_is_gathered(dataset: Dataset, destination: BigQueryDestination) -> None:
    for batches in ([batch(id=[1])], [], [batch(id=[2])]):
        interval(destination, part(), *batches)
    assert destination.finish_refresh(part(), done(part())) == 2
    assert dataset.query(IDS) == [(1,), (2,)]


@pytest.mark.parametrize("other", [None, "r2"])
def test_hidden_tables_of_other_refreshes_are_removed(
    dataset: Dataset, destination: BigQueryDestination, other: str | None
) -> None:
    interval(destination, part(), batch(id=[1]))
    interval(destination, part(stream="others"), batch(id=[9]))
    kept = hidden(dataset)
    destination.open_load(part()).discard()
    assert hidden(dataset) == kept
    destination.open_load(part(other)).discard()
    assert len(hidden(dataset) & kept) == len(hidden(dataset)) == 1


def test_lost_rows_are_noticed(dataset: Dataset, destination: BigQueryDestination) -> None:
    interval(destination, plan(), batch(id=[7]))
    interval(destination, part(), batch(id=[1]))
    (name,) = hidden(dataset)
    dataset.client.delete_table(f"{dataset.name}.{name}")
    with pytest.raises(FatalError) as caught:
        destination.open_load(part())
    assert caught.value.code == "refresh.lost"
    with pytest.raises(FatalError) as caught:
        destination.finish_refresh(part(), done(part()))
    assert caught.value.code == "refresh.lost"
    assert dataset.query(IDS) == [(7,)]
    interval(destination, part("r2"), batch(id=[8]))
    assert destination.finish_refresh(part("r2"), done(part("r2"))) == 1
    assert dataset.query(IDS) == [(8,)]


def test_columns_are_added_and_widened_on_the_way(dataset: Dataset, destination: BigQueryDestination) -> None:
    for one in (
        batch(id=[1], a=pa.nulls(1)),
        batch(id=[2], a=[1], b=["x"]),
        batch(id=[3], a=[1.5], b=pa.nulls(1)),
        batch(id=[4], a=[2]),
    ):
        interval(destination, part(), one)
    assert destination.finish_refresh(part(), done(part())) == 4
    found = dataset.query("SELECT id, a, b FROM {ds}.orders ORDER BY id")
    assert found == [(1, None, None), (2, 1.0, "x"), (3, 1.5, None), (4, 2.0, None)]


@pytest.mark.parametrize(("first", "then"), [(["a"], [1]), ([2**53 + 1], [0.5])])
def test_types_that_nothing_holds_are_refused(
    dataset: Dataset, destination: BigQueryDestination, first: list[Any], then: list[Any]
) -> None:
    interval(destination, part(), batch(v=first))
    with pytest.raises(FatalError, match="column 'v'"):
        interval(destination, part(), batch(v=then))
    assert destination.finish_refresh(part(), done(part())) == 1
    assert dataset.query("SELECT v FROM {ds}.orders") == [(first[0],)]


def test_a_target_that_cannot_take_the_rows_keeps_its_own(
    dataset: Dataset, destination: BigQueryDestination
) -> None:
    interval(destination, plan(), batch(id=[1]))
    interval(destination, part(), batch(id=["a"]))
    with pytest.raises(FatalError) as caught:
        destination.finish_refresh(part(), done(part()))
    assert caught.value.code == "schema.type_mismatch"
    assert dataset.query(IDS) == [(1,)]
    assert len(hidden(dataset)) == 1


def test_rows_of_an_overlap_are_not_added_again(dataset: Dataset, destination: BigQueryDestination) -> None:
    keyed = {"primary_key": ("id",), "cursor_field": "seen"}
    interval(destination, plan(**keyed), batch(id=[1, 2, 3, 4], seen=[1, 2, 3, 4]))
    # Late: 5. In a new version: 3. Below the overlap, and without a cursor, rows are not compared.
    again = batch(id=[2, 5, 3, 4, 1, 6], seen=[2, 2, 5, 4, 1, None])
    interval(destination, plan(**keyed, resumed_from="2"), again)
    found = dataset.query("SELECT id, seen FROM {ds}.orders ORDER BY id, seen")
    assert found == [(1, 1), (1, 1), (2, 2), (3, 3), (3, 5), (4, 4), (5, 2), (6, None)]


def test_write_mode_of_the_plan_that_ends_a_refresh(
    dataset: Dataset, destination: BigQueryDestination
) -> None:
    what = part()
    interval(destination, what, batch(id=[1]))
    assert destination.finish_refresh(replace(what, write_mode=WriteMode.OVERWRITE), done(what)) == 1
    assert dataset.query(IDS) == [(1,)]

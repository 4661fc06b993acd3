"""Loading into BigQuery: the write modes, the transaction, what is left behind."""

from __future__ import annotations

import pyarrow as pa
import pytest

from acme.sdk import AcmeError, ConfigurationError, FatalError, RetriableError, Row, WriteMode, open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination
from tests.bigquery.conftest import Dataset, Loader
from tests.bigquery.loads import batch, checkpoint, plan

ORDERS = "SELECT id, name FROM {ds}.orders ORDER BY id, name"


def test_append_adds_rows(dataset: Dataset, load: Loader) -> None:
    assert load(plan(), batch(id=[1, 2], name=["a", "b"])) == 2
    assert load(plan(), batch(id=[2], name=["c"]), batch(id=[3], name=[None])) == 2
    assert dataset.query(ORDERS) == [(1, "a"), (2, "b"), (2, "c"), (3, None)]


def test_overwrite_replaces_all_rows(dataset: Dataset, load: Loader) -> None:
    load(plan(), batch(id=[1, 2], name=["a", "b"]))
    replaced = load(
        plan(write_mode=WriteMode.OVERWRITE), batch(id=[7], name=["x"]), batch(id=[8], name=["y"])
    )
    assert replaced == 2
    assert dataset.query(ORDERS) == [(7, "x"), (8, "y")]


@pytest.mark.parametrize(
    "batches", [[], [batch(id=[], name=[]).cast(pa.schema({"id": "int64", "name": "string"}))]]
)
def test_overwrite_with_no_rows_empties_the_table(
    dataset: Dataset, load: Loader, batches: list[pa.RecordBatch]
) -> None:
    load(plan(), batch(id=[1], name=["a"]))
    assert load(plan(write_mode=WriteMode.OVERWRITE), *batches) == 0
    assert dataset.query(ORDERS) == []


def test_upsert_replaces_by_key_and_the_last_row_wins(dataset: Dataset, load: Loader) -> None:
    upsert = {"write_mode": WriteMode.UPSERT, "primary_key": ("id",)}
    load(plan(**upsert), batch(id=[1, 2], name=["a", "b"]))
    count = load(plan(**upsert), batch(id=[2, 3, 2], name=["c", "d", "e"]), batch(id=[3], name=["f"]))
    assert count == 2
    assert dataset.query(ORDERS) == [(1, "a"), (2, "e"), (3, "f")]


def test_upsert_of_a_key_with_two_columns_and_nothing_else(dataset: Dataset, load: Loader) -> None:
    both = plan(write_mode=WriteMode.UPSERT, primary_key=("id", "name"))
    assert load(both, batch(id=[1, 1], name=["a", "b"])) == 2
    again = plan(write_mode=WriteMode.UPSERT, primary_key=("id", "name"))
    assert load(again, batch(id=[1, 1], name=["b", "c"])) == 2
    assert dataset.query(ORDERS) == [(1, "a"), (1, "b"), (1, "c")]


def test_append_leaves_out_what_the_boundary_already_holds(dataset: Dataset, load: Loader) -> None:
    keyed = {"primary_key": ("id",), "cursor_field": "seen"}
    times = pa.array([1_000_000, 2_000_000], pa.timestamp("us", "UTC"))
    load(plan(**keyed), batch(id=[1, 2], seen=times), cursor="1970-01-01T00:00:02.000000Z")
    later = pa.array([2_000_000, 2_000_000, 3_000_000], pa.timestamp("us", "UTC"))
    resumed = plan(**keyed, resumed_from="1970-01-01T00:00:02.000000Z")
    assert load(resumed, batch(id=[2, 3, 2], seen=later)) == 2
    found = dataset.query("SELECT id, UNIX_SECONDS(seen) FROM {ds}.orders ORDER BY seen, id")
    assert found == [(1, 1), (2, 2), (3, 2), (2, 3)]


def test_append_without_a_key_counts_equal_rows_at_the_boundary(dataset: Dataset, load: Loader) -> None:
    first = batch(
        day=[1, 2, 2], seen=[5, 6, 6], note=["a", "b", None], data=[[1], [2], [3]], half=[0.5, 0.25, None]
    )
    load(plan(cursor_field="seen"), first, cursor="6")
    second = pa.Table.from_batches(
        [
            first.slice(1),  # held already
            first.slice(1, 1),  # a second row like that one
            first.slice(0, 1),  # not at the boundary
            first.slice(1, 1).set_column(2, "note", pa.array(["c"])),
        ]
    )
    (again,) = second.combine_chunks().to_batches()
    assert load(plan(cursor_field="seen", resumed_from="6"), again) == 3
    found = dataset.query("SELECT day, seen, note FROM {ds}.orders ORDER BY seen, note")
    assert found == [(1, 5, "a"), (1, 5, "a"), (2, 6, None), (2, 6, "b"), (2, 6, "b"), (2, 6, "c")]


def test_checkpoint_is_stored_with_the_rows(
    dataset: Dataset, destination: BigQueryDestination, load: Loader
) -> None:
    assert destination.state("order-sync", "orders") is None
    first, second = plan(cursor_field="id"), plan(cursor_field="id")
    load(first, batch(id=[1]), cursor="1")
    load(plan(stream="other", table="other"), batch(id=[1]))
    assert destination.state("order-sync", "orders") == checkpoint(first, "1")
    load(second, batch(id=[2]), cursor="2")
    assert destination.state("order-sync", "orders") == checkpoint(second, "2")
    assert dataset.query("SELECT COUNT(*) FROM {ds}._acme_checkpoints") == [(2,)]


def test_failing_publication_changes_nothing(
    dataset: Dataset, destination: BigQueryDestination, load: Loader
) -> None:
    first = plan(cursor_field="id")
    load(first, batch(id=[1], name=["a"]), cursor="1")
    # The rows go in, then storing the checkpoint fails: its table has lost a column.
    attempt = plan(write_mode=WriteMode.OVERWRITE)
    opened = destination.open_load(attempt)
    opened.stage(batch(id=[2], name=["b"]))
    dataset.query("ALTER TABLE {ds}._acme_checkpoints RENAME COLUMN cursor_field TO gone")
    with pytest.raises(FatalError) as caught:
        opened.publish(checkpoint(attempt))
    assert caught.value.code == "query.failed"
    opened.discard()
    dataset.query("ALTER TABLE {ds}._acme_checkpoints RENAME COLUMN gone TO cursor_field")
    assert dataset.query(ORDERS) == [(1, "a")]
    assert destination.state("order-sync", "orders") == checkpoint(first, "1")
    assert dataset.stages() == set()


def test_crash_between_stage_and_publish(
    dataset: Dataset, destination: BigQueryDestination, load: Loader
) -> None:
    load(plan(), batch(id=[1], name=["a"]))
    crashed = destination.open_load(plan())
    crashed.stage(batch(id=[2], name=["b"]))
    crashed.stage(batch(id=[2.5], name=["b"]).rename_columns({"id": "weight"}))  # sends what was collected
    assert len(dataset.stages()) == 1
    assert dataset.query(ORDERS) == [(1, "a")]
    assert load(plan(), batch(id=[2], name=["b"])) == 1
    assert dataset.query(ORDERS) == [(1, "a"), (2, "b")]
    assert dataset.stages() == set()


def test_an_attempt_that_was_given_up_cannot_publish_any_more(
    dataset: Dataset, destination: BigQueryDestination, load: Loader
) -> None:
    load(plan(), batch(id=[1], name=["a"]))
    slow = plan()
    given_up = destination.open_load(slow)
    given_up.stage(batch(id=[2], name=["b"]))
    other = destination.open_load(plan(stream="other"))  # another stream's load takes nothing away
    other.stage(batch(id=[3], name=["c"]))
    assert load(plan(), batch(id=[2], name=["b"])) == 1
    with pytest.raises(AcmeError):
        given_up.publish(checkpoint(slow))  # its load job comes after the clean-up, and makes no table
    assert len(dataset.stages()) == 1
    assert other.publish(checkpoint(plan(stream="other"))) == 1
    assert dataset.query(ORDERS) == [(1, "a"), (2, "b"), (3, "c")]
    assert dataset.stages() == set()


def test_checkpoint_that_moved_stops_a_publication(
    dataset: Dataset, destination: BigQueryDestination, load: Loader
) -> None:
    load(plan(), batch(id=[1], name=["a"]))
    attempt = plan()
    opened = destination.open_load(attempt)
    opened.stage(batch(id=[1], name=["a"]))
    dataset.query("UPDATE {ds}._acme_checkpoints SET run_id = 'another' WHERE TRUE")
    with pytest.raises(RetriableError) as caught:
        opened.publish(checkpoint(attempt))
    assert caught.value.code == "conflict"
    opened.discard()
    assert dataset.query(ORDERS) == [(1, "a")]


def test_discard_twice_and_after_publish(dataset: Dataset, destination: BigQueryDestination) -> None:
    opened = destination.open_load(plan())
    opened.stage(batch(id=[1]))
    opened.discard()
    opened.discard()
    assert dataset.tables() == set()
    opened = destination.open_load(plan())
    opened.stage(batch(id=[1]))
    opened.publish(checkpoint(plan()))
    opened.discard()
    assert dataset.tables() == {"orders", "_acme_checkpoints"}


def test_new_columns(dataset: Dataset, load: Loader) -> None:
    load(plan(), batch(id=[1]))
    load(plan(), batch(id=[2]), batch(id=[3], name=["c"], **{"Order ID": [7]}))
    load(plan(), batch(id=[4]))
    rows = dataset.query("SELECT id, name, `Order ID` FROM {ds}.orders ORDER BY id")
    assert rows == [(1, None, None), (2, None, None), (3, "c", 7), (4, None, None)]


def test_upsert_keeps_columns_that_are_not_sent(dataset: Dataset, load: Loader) -> None:
    upsert = {"write_mode": WriteMode.UPSERT, "primary_key": ("id",)}
    load(plan(**upsert), batch(id=[1], name=["a"], extra=[5]))
    load(plan(**upsert), batch(id=[1], name=["b"]))
    assert dataset.query("SELECT id, name, extra FROM {ds}.orders") == [(1, "b", 5)]


def test_column_that_gets_a_wider_type_within_a_load(dataset: Dataset, load: Loader) -> None:
    load(
        plan(),
        batch(id=[1], x=pa.nulls(1)),
        batch(id=[2], x=[2**53 - 1]),
        batch(id=[3], x=[0.5]),
    )
    assert dataset.query("SELECT id, x FROM {ds}.orders ORDER BY id") == [
        (1, None),
        (2, 2.0**53 - 1),
        (3, 0.5),
    ]


def test_integer_that_a_float_column_does_not_hold(dataset: Dataset, load: Loader) -> None:
    load(plan(), batch(x=[0.5]))
    assert load(plan(), batch(x=[2**53])) == 1
    with pytest.raises(FatalError, match="column 'x': an integer is too large to be exact as FLOAT64"):
        load(plan(), batch(x=[2**53 + 1]))
    assert dataset.query("SELECT x FROM {ds}.orders ORDER BY x") == [(0.5,), (2.0**53,)]


def test_type_that_the_column_does_not_hold(dataset: Dataset, load: Loader) -> None:
    load(plan(), batch(id=[1], name=["a"]))
    with pytest.raises(FatalError, match="column 'id' is INT64 and cannot hold STRING exactly") as caught:
        load(plan(), batch(id=["x"], name=["b"]))
    assert caught.value.code == "schema.type_mismatch"
    assert dataset.query(ORDERS) == [(1, "a")]


def test_types_that_nothing_holds_within_a_load(dataset: Dataset, load: Loader) -> None:
    with pytest.raises(FatalError, match="column 'x' is INT64 and cannot hold STRING exactly") as caught:
        load(plan(), batch(x=[1]), batch(x=["a"]))
    assert caught.value.code == "schema.type_changed"
    assert dataset.tables() == set()


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"id": pa.array([1, None])}, "key.null"),
        ({"other": [1]}, "primary_key.missing"),
        ({"id": [0.5]}, "key.type"),
        ({"id": [[1]]}, "key.type"),
    ],
)
def test_rows_without_a_usable_key(
    dataset: Dataset, load: Loader, columns: dict[str, object], code: str
) -> None:
    with pytest.raises(FatalError) as caught:
        load(plan(write_mode=WriteMode.UPSERT, primary_key=("id",)), batch(**columns))
    assert caught.value.code == code
    assert dataset.tables() == set()


def test_upsert_without_a_key(destination: BigQueryDestination) -> None:
    with pytest.raises(ConfigurationError) as caught:
        destination.open_load(plan(write_mode=WriteMode.UPSERT))
    assert caught.value.code == "primary_key.missing"


def test_many_batches_are_few_load_jobs(dataset: Dataset, load: Loader) -> None:
    rows = 200_000
    wide = batch(id=range(rows), name=["x" * 200] * rows)
    sent = wide.nbytes * 2
    assert (
        load(plan(), *(wide.slice(start, 10_000) for _ in "ab" for start in range(0, rows, 10_000)))
        == rows * 2
    )
    assert dataset.query("SELECT COUNT(*), COUNT(DISTINCT id) FROM {ds}.orders") == [(rows * 2, rows)]
    loads = [job for job in dataset.client.list_jobs() if job.job_type == "load"]
    assert (
        1
        <= len([job for job in loads if job.destination.dataset_id == dataset.name])
        <= sent // (64 << 20) + 1
    )


def test_direct_load(dataset: Dataset) -> None:
    config = dataset.config | {"table": "orders", "primary_key": ["id"]}
    with open_connector(BigQueryDestination, config) as destination:
        assert destination.load([Row(id=1, name="a"), Row(id=2, name="b")], WriteMode.OVERWRITE) == 2
        assert destination.load([Row(id=3, name="c")], WriteMode.APPEND) == 1
        assert destination.load([Row(id=3, name="d")], WriteMode.UPSERT) == 1
    assert dataset.query(ORDERS) == [(1, "a"), (2, "b"), (3, "d")]

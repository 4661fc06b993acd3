"""Checkpoints that are changed without rows, and runs that overtake each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from acme.sdk import AcmeError, Row, SourceConnector, WriteMode, open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination
from acme_sdk.sync import StreamPlan, sync_stream
from tests.bigquery.conftest import Dataset
from tests.bigquery.loads import batch, checkpoint, plan


@dataclass
class Numbers(SourceConnector):
    """One row for each run; in the middle of the first, something else happens."""

    meanwhile: Callable[[], object]
    runs: list[int] = field(default_factory=list)

    def extract(self, last_run: Any = None) -> Iterator[Row]:
        number = len(self.runs)
        self.runs.append(number)
        yield Row({"id": number})
        if number == 0:
            self.meanwhile()


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.OVERWRITE])
def test_a_run_that_lost_its_lease_and_was_overtaken_publishes_nothing(
    dataset: Dataset, destination: BigQueryDestination, mode: WriteMode
) -> None:
    what = StreamPlan("order-sync", table="orders", write_mode=mode)

    def overtake() -> None:
        [lock] = dataset.locks()
        dataset.client.delete_table(f"{dataset.name}.{lock}")
        with open_connector(BigQueryDestination, dataset.config) as other:
            sync_stream(source, other, what)

    source = Numbers(overtake)
    with pytest.raises(AcmeError) as caught:
        sync_stream(source, destination, what)
    assert caught.value.code == "conflict"
    assert source.runs == [0, 1]
    assert dataset.query("SELECT id FROM {ds}.orders") == [(1,)]
    assert not dataset.stages()


def test_what_attempts_have_left_goes_with_the_state(
    dataset: Dataset, destination: BigQueryDestination
) -> None:
    gathering = plan(refresh="r1")
    load = destination.open_load(gathering)
    load.stage(batch(id=[1]))
    load.publish(checkpoint(gathering))
    abandoned = destination.open_load(gathering)
    abandoned.stage(batch(id=[2]))
    assert len(dataset.tables()) == 3
    destination.replace_state(plan(), None)
    assert dataset.tables() == {"_acme_checkpoints"}
    assert destination.state("order-sync", "orders") is None
    abandoned.discard()


def test_a_first_load_finds_a_row_of_its_own_to_change(
    dataset: Dataset, destination: BigQueryDestination
) -> None:
    """BigQuery cancels one of two transactions that change a row, and neither of two that add rows."""
    first = plan(follows="", write_mode=WriteMode.APPEND)
    load = destination.open_load(first)
    load.stage(batch(id=[1]))
    dataset.query("CREATE TABLE {ds}.orders (name STRING)")  # it cannot be published
    with pytest.raises(AcmeError):
        load.publish(checkpoint(first))
    load.discard()
    assert dataset.query("SELECT stream, run_id FROM {ds}._acme_checkpoints") == [("orders", None)]
    assert destination.state("order-sync", "orders") is None
    dataset.query("DROP TABLE {ds}.orders")
    load = destination.open_load(first)
    load.stage(batch(id=[1]))
    assert load.publish(checkpoint(first)) == 1
    assert dataset.query("SELECT run_id FROM {ds}._acme_checkpoints") == [(first.run_id,)]

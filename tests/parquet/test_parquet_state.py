"""Checkpoints that are changed without rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acme_sdk import AcmeError
from acme_sdk.connectors.parquet import ParquetDestination
from tests.parquet.loading import CHECKPOINT, load, plan, rows


def test_a_state_is_replaced_and_the_rows_stay(root: Path, destination: ParquetDestination) -> None:
    load(destination, plan(), [{"id": 1}])
    moved = replace(CHECKPOINT, cursor="3", run_id="moved")
    destination.replace_state(plan(), moved)
    assert destination.state("shop", "orders") == moved
    assert rows(root) == [(1,)]
    load(destination, plan(), [{"id": 2}])
    assert rows(root) == [(1,), (2,)]


def test_a_state_can_be_stored_before_anything_was_loaded(
    root: Path, destination: ParquetDestination
) -> None:
    destination.replace_state(plan(), None)
    assert destination.state("shop", "orders") is None
    destination.replace_state(plan(), CHECKPOINT)
    assert destination.state("shop", "orders") == CHECKPOINT
    assert not (root / "orders").exists()
    load(destination, plan(), [{"id": 1}])
    assert rows(root) == [(1,)]


def test_a_state_is_forgotten_in_all_tables_and_with_what_a_refresh_gathered(
    root: Path, destination: ParquetDestination
) -> None:
    load(destination, plan(table="former"), [{"id": 0}])
    load(destination, plan(stream="lines"), [{"id": 1}])
    load(destination, plan(), [{"id": 2}])
    load(destination, plan(refresh="r1"), [{"id": 7}])
    destination.replace_state(plan(), None)
    assert destination.state("shop", "orders") is None
    assert destination.state("shop", "lines") == replace(CHECKPOINT, stream="lines")
    assert (rows(root), rows(root, "former")) == ([(1,), (2,)], [(0,)])
    current = root / ".acme" / "tables" / "orders" / "current"
    assert sorted(entry.name for entry in current.iterdir()) == ["data", "manifest.json"]


@pytest.mark.parametrize("refresh", [None, "r1"])
def test_what_another_run_has_overtaken_is_not_published(
    root: Path, destination: ParquetDestination, refresh: str | None
) -> None:
    load(destination, plan(), [{"id": 1}], state=replace(CHECKPOINT, run_id="other"))
    overtaken = plan(follows="before", refresh=refresh)

    def publish() -> int:
        if refresh is None:
            return load(destination, overtaken, [{"id": 2}])
        return destination.finish_refresh(overtaken, CHECKPOINT)

    with pytest.raises(AcmeError) as caught:
        publish()
    assert caught.value.code == "conflict"
    assert rows(root) == [(1,)]


def test_one_run_at_a_time(root: Path, destination: ParquetDestination) -> None:
    with (
        destination.exclusive("shop", "orders", "first"),
        destination.exclusive("shop", "lines", "other"),
        pytest.raises(AcmeError) as caught,
        destination.exclusive("shop", "orders", "second"),
    ):
        pass
    assert caught.value.code == "pipeline.busy"
    assert "run first since" in caught.value.message
    assert not list(root.rglob("*.lock"))
    with destination.exclusive("shop", "orders", "second"):
        load(destination, plan(), [{"id": 1}])
    assert rows(root) == [(1,)]


def test_the_streams_that_have_a_state_are_known(destination: ParquetDestination) -> None:
    assert destination.kept_streams() == []
    load(destination, plan(), [{"id": 1}])
    load(destination, plan(stream="lines", table="lines"), [{"id": 1}])
    assert set(destination.kept_streams()) == {("shop", "orders"), ("shop", "lines")}
    destination.replace_state(plan(), None)
    assert destination.kept_streams() == [("shop", "lines")]

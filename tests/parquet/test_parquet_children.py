"""Child tables in Parquet: versions of their table, and items that are there once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acme_sdk import ConfigurationError, WriteMode
from acme_sdk.connectors.parquet import ParquetDestination, repeats
from acme_sdk.policy import NestedData
from acme_sdk.sync import StreamPlan, sync_stream
from tests.parquet.loading import load, plan, rows, schema
from tests.sync.rows import Rows


def sync(
    destination: ParquetDestination, *records: dict[str, Any], mode: WriteMode = WriteMode.APPEND
) -> int:
    nested = StreamPlan("shop", table="orders", write_mode=mode, nested=NestedData.TABLES)
    return sync_stream(Rows(*records), destination, nested).loaded


def test_a_table_and_its_children_are_one_version(destination: ParquetDestination, root: Path) -> None:
    sync(destination, {"id": 1, "items": [{"sku": "a"}, {"sku": "b"}]})
    version = (root / "orders").resolve().parent
    items = destination.dataset("orders__items")
    sync(destination, {"id": 2, "items": [{"sku": "c"}]}, mode=WriteMode.OVERWRITE)
    assert [sku for *_, sku in rows(root, "orders__items")] == ["c"]
    # Who resolved a link, or asked for the dataset, has both as they were.
    assert ds.dataset(version / "data").to_table()["id"].to_pylist() == [1]
    assert ds.dataset(version / "children" / "orders__items").count_rows() == items.count_rows() == 2
    assert destination.test_connection().tables == 2
    sync(destination, {"id": 3}, mode=WriteMode.OVERWRITE)
    assert rows(root, "orders__items") == []


def test_the_items_of_later_loads_may_have_other_columns(destination: ParquetDestination, root: Path) -> None:
    sync(destination, {"id": 1, "items": [{"sku": "a", "count": 1}]})
    sync(destination, {"id": 2, "items": [{"sku": "b", "count": 1.5, "note": "x"}]})
    assert schema(root, "orders__items").names[2:] == ["sku", "count", "note"]
    assert [row[2:] for row in rows(root, "orders__items")] in (
        [("a", 1.0, None), ("b", 1.5, "x")],
        [("b", 1.5, "x"), ("a", 1.0, None)],
    )


def test_a_name_is_of_one_table(destination: ParquetDestination, root: Path) -> None:
    sync(destination, {"id": 1, "items": [1]})
    with pytest.raises(ConfigurationError, match="is there already") as caught:
        load(destination, plan(table="orders__items"), [{"n": 1}])
    assert caught.value.code == "table.foreign"
    (root / "orders__tags").mkdir()
    with pytest.raises(ConfigurationError, match="is there already"):
        sync(destination, {"id": 2, "tags": [1]})
    assert len(rows(root)) == 1


def test_a_state_that_is_forgotten_leaves_the_rows(destination: ParquetDestination, root: Path) -> None:
    sync(destination, {"id": 1, "items": [1, 2]})
    destination.replace_state(plan(stream="rows"), None)
    load(destination, plan(stream="others"), [{"id": 5}])
    assert len(rows(root, "orders__items")) == 2
    assert len(rows(root)) == 2


RECORDS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=8)


@given(st.lists(RECORDS, min_size=1, max_size=3), st.sampled_from([1, 3, 100]))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equal_records_share_their_items_however_many_there_are(
    destination: ParquetDestination,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    syncs: Sequence[Sequence[tuple[int, int]]],
    rows_at_once: int,
) -> None:
    monkeypatch.setattr(repeats, "_ROWS_AT_ONCE", rows_at_once)
    mode, seen = WriteMode.OVERWRITE, set[tuple[int, int]]()
    total = 0
    for records in [[(9, 1)], *syncs]:
        seen |= set(records)
        total += len(records)
        sync(destination, *({"id": id, "items": [id] * items} for id, items in records), mode=mode)
        mode = WriteMode.APPEND
    found = [(position, value) for _, position, value in rows(root, "orders__items")]
    assert sorted(found) == sorted((position, id) for id, items in seen for position in range(items))
    assert len(rows(root)) == total

"""Loads into Parquet tables, and what their readers see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from acme_sdk import LoadPlan, StreamState, WriteMode
from acme_sdk.columns import RowBatcher
from acme_sdk.connectors.parquet import ParquetDestination

CHECKPOINT = StreamState("shop", "orders", datetime(2026, 1, 2, tzinfo=UTC), "id", "7", "run")


def plan(mode: WriteMode = WriteMode.APPEND, **changes: Any) -> LoadPlan:
    fields = {"pipeline": "shop", "stream": "orders", "table": "orders", "write_mode": mode, "run_id": "r1"}
    return LoadPlan(**(fields | changes))


def load(
    destination: ParquetDestination, plan: LoadPlan, *batches: Any, state: StreamState = CHECKPOINT
) -> int:
    """Load record batches, or lists of rows that belong to one extraction."""
    open_load = destination.open_load(plan)
    batcher = RowBatcher("orders")
    try:
        for batch in batches:
            open_load.stage(batch if isinstance(batch, pa.RecordBatch) else batcher.convert(batch))
        return open_load.publish(replace(state, pipeline=plan.pipeline, stream=plan.stream))
    finally:
        open_load.discard()


def rows(root: Path, table: str = "orders") -> list[Any]:
    """The rows as DuckDB finds them, and pyarrow as well."""
    import duckdb  # here, since the processes that are killed have no need for it

    with duckdb.connect() as connection:
        found = connection.execute(f"FROM read_parquet('{root}/{table}/*.parquet') ORDER BY ALL").fetchall()
    assert ds.dataset(root / table, format="parquet").count_rows() == len(found)
    return found


def schema(root: Path, table: str = "orders") -> pa.Schema:
    """The columns, which each file must have."""
    found = {ds.dataset(file, format="parquet").schema for file in (root / table).iterdir()}
    assert len(found) == 1
    return found.pop()


NEW = replace(CHECKPOINT, cursor="8", run_id="new")

#: Loads that are interrupted, into a table of the rows 1 and 2 whose refresh has gathered 7 and 8.
LOADS: dict[str, Callable[[ParquetDestination], int]] = {
    "append": lambda destination: load(destination, plan(), [{"n": 3}], [{"n": 4}], state=NEW),
    "widened": lambda destination: load(destination, plan(), [{"n": 3}], [{"n": 4.0, "m": None}], state=NEW),
    "overwrite": lambda destination: load(
        destination, plan(WriteMode.OVERWRITE), [{"n": 5}], [{"n": 6}], state=NEW
    ),
    "refresh": lambda destination: destination.finish_refresh(plan(refresh="r"), NEW),
}

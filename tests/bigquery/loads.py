"""What tests load: plans, checkpoints, batches."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from acme.sdk import LoadPlan, StreamState, WriteMode

__all__ = ["batch", "checkpoint", "plan"]


def plan(**changes: Any) -> LoadPlan:
    """Return a plan for the stream ``orders``."""
    values: dict[str, Any] = {
        "pipeline": "order-sync",
        "stream": "orders",
        "table": "orders",
        "write_mode": WriteMode.APPEND,
        "run_id": uuid.uuid4().hex,
    }
    return LoadPlan(**(values | changes))


def checkpoint(plan: LoadPlan, cursor: str | None = None) -> StreamState:
    """Return a checkpoint for a load of the plan."""
    last_run = datetime(2026, 2, 15, 10, 28, 0, 123456, UTC)
    return StreamState(plan.pipeline, plan.stream, last_run, plan.cursor_field, cursor, plan.run_id)


def batch(**columns: Any) -> pa.RecordBatch:
    """Return a batch of columns, given as arrays or lists."""
    return pa.RecordBatch.from_pydict(columns)

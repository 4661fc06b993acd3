"""Checkpoints that are changed without rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from acme.sdk import LoadPlan, StreamState, WriteMode
from acme_sdk.connectors.postgres import PostgresDestination

ROWS = pa.RecordBatch.from_pylist([{"id": 1}])
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname IN ('loaded', 'other') ORDER BY 1"


def test_what_attempts_have_left_goes_with_the_state(
    destination: PostgresDestination, query: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    """In the destination's schema and in the target's; other streams keep theirs."""
    for stream in ("orders", "lines"):
        plan = LoadPlan("shop", stream, "other.rows", WriteMode.APPEND, run_id="r1", refresh="r1")
        load = destination.open_load(plan)
        load.stage(ROWS)
        load.publish(StreamState("shop", stream, None, run_id="r1"))
    abandoned = destination.open_load(plan)
    for _ in range(3):  # written behind: the second waits until the first is taken
        abandoned.stage(ROWS)
    own = [name for (name,) in query(TABLES)]
    assert [name[:13] for name in own] == ["_acme_checkpo", "_acme_refresh", "_acme_refresh", "_acme_stage_s"]
    destination.replace_state(LoadPlan("shop", "lines", "other.rows", WriteMode.APPEND), None)
    assert [name for (name,) in query(TABLES)] == [name for name in own if "shop_lines" not in name]
    assert destination.state("shop", "lines") is None
    assert destination.state("shop", "orders") is not None
    abandoned.discard()


def test_a_state_can_be_stored_before_anything_was_loaded(destination: PostgresDestination) -> None:
    state = StreamState("shop", "orders", None, "at", "5", "r1", details={"cursors": {}})
    plan = LoadPlan("shop", "orders", "orders", WriteMode.APPEND)
    destination.replace_state(plan, None)
    assert destination.state("shop", "orders") is None
    destination.replace_state(plan, state)
    assert destination.state("shop", "orders") == state

"""Checkpoints without rows: a stream is put back, or forgotten with all that was left of it."""

from __future__ import annotations

from acme_sdk.connectors.bigquery.checkpoints import (
    checkpoint_sql,
    checkpoints_table,
    create_checkpoints,
    delete_checkpoint_sql,
)
from acme_sdk.connectors.bigquery.names import table_reference
from acme_sdk.connectors.bigquery.stage import drop_remains
from acme_sdk.connectors.bigquery.warehouse import Warehouse
from acme_sdk.load import LoadPlan, StreamState

__all__ = ["replace_state"]


def replace_state(warehouse: Warehouse, plan: LoadPlan, state: StreamState | None) -> None:
    """Store or remove a checkpoint, then drop what loads of the stream have left.

    Args:
        warehouse: Where the checkpoints are.
        plan: Says which stream, and which table.
        state: The checkpoint, or ``None``.
    """
    create_checkpoints(warehouse)
    table = checkpoints_table(warehouse)
    if state is None:
        statement = delete_checkpoint_sql(table, plan.pipeline, plan.stream)
    else:
        statement = checkpoint_sql(table, state)
    warehouse.run(statement, f"checkpoint of {plan.stream!r}")
    drop_remains(warehouse, plan, table_reference(plan.table, warehouse.dataset))

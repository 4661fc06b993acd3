"""Checkpoints without rows: a stream is put back, or forgotten with all that was left of it."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from acme_sdk.connectors.duckdb.checkpoints import create_checkpoints, delete_checkpoint, store_checkpoint
from acme_sdk.connectors.duckdb.database import quoted
from acme_sdk.connectors.duckdb.tables import drop_other_refreshes, target_table
from acme_sdk.load import LoadPlan, StreamState

__all__ = ["replace_state"]


def replace_state(
    connection: duckdb.DuckDBPyConnection, plan: LoadPlan, state: StreamState | None, schema: str
) -> None:
    """Store or remove a checkpoint, and drop what full refreshes of the stream have gathered.

    Args:
        connection: A connection for this alone: if it is closed after an error, nothing has happened.
        plan: Says which stream, and which table.
        state: The checkpoint, or ``None``.
        schema: The destination's.
    """
    connection.execute("BEGIN TRANSACTION")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    create_checkpoints(connection, schema)
    drop_other_refreshes(connection, replace(plan, refresh=None), target_table(plan, schema).schema)
    if state is None:
        delete_checkpoint(connection, schema, plan.pipeline, plan.stream)
    else:
        store_checkpoint(connection, schema, state)
    connection.execute("COMMIT")

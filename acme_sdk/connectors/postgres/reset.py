"""Checkpoints without rows: a stream is put back, or forgotten with all that was left of it."""

from __future__ import annotations

from acme_sdk.connectors.postgres.checkpoints import delete_checkpoint, store_checkpoint
from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.identifiers import TableName, lock_stream, refresh_prefix, stage_prefix
from acme_sdk.connectors.postgres.own_tables import create_schema, drop_tables
from acme_sdk.load import LoadPlan, StreamState

__all__ = ["replace_state"]


def replace_state(connection: Connection, plan: LoadPlan, state: StreamState | None, schema: str) -> None:
    """Store or remove a stream's checkpoint; see `StagedDestination.replace_state`.

    Args:
        connection: In autocommit mode.
        plan: Says which stream, and which table.
        state: The checkpoint, or ``None``.
        schema: The destination's.
    """
    with connection.transaction():
        lock_stream(connection, plan.pipeline, plan.stream)
        for own in {schema, TableName.parse(plan.table, schema).schema}:
            drop_tables(connection, own, stage_prefix(plan.pipeline, plan.stream))
            drop_tables(connection, own, refresh_prefix(plan.pipeline, plan.stream))
        if state is None:
            delete_checkpoint(connection, schema, plan.pipeline, plan.stream)
        else:
            create_schema(connection, schema)
            store_checkpoint(connection, schema, state)

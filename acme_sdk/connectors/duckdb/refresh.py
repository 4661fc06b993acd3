"""Full refreshes: how the table that gathers their rows takes the target's place."""

from __future__ import annotations

import duckdb

from acme_sdk.connectors.duckdb.checkpoints import (
    create_checkpoints,
    read_checkpoint,
    read_refresh,
    store_checkpoint,
)
from acme_sdk.connectors.duckdb.tables import Table, hidden_table, target_table
from acme_sdk.errors import FatalError
from acme_sdk.load import LoadPlan, StreamState

__all__ = ["finish_refresh", "require_hidden"]


def require_hidden(connection: duckdb.DuckDBPyConnection, plan: LoadPlan, schema: str, hidden: Table) -> None:
    """Fail if a refresh has put rows into its hidden table, and the table is gone.

    Args:
        connection: Where it should be.
        plan: The refresh goes on with it.
        schema: The destination's.
        hidden: The hidden table.

    Raises:
        FatalError: It has been removed meanwhile (code ``refresh.lost``).
    """
    begun = read_refresh(connection, schema, plan.pipeline, plan.stream)
    if begun == plan.refresh and not hidden.exists(connection):
        raise FatalError(
            f"table {plan.table}: the rows that the full refresh has loaded so far are gone",
            code="refresh.lost",
            hint="begin a new one with --full-refresh",
        )


def finish_refresh(
    connection: duckdb.DuckDBPyConnection, plan: LoadPlan, state: StreamState, schema: str
) -> int:
    """Put the rows of a full refresh in the target's place; see `StagedDestination.finish_refresh`.

    Args:
        connection: A connection for this alone: if it is closed after an error, nothing has happened.
        plan: As given to ``open_load``.
        state: What is stored.
        schema: The destination's.
    """
    target = target_table(plan, schema)
    hidden = hidden_table(plan, target.schema)
    create_checkpoints(connection, schema)
    connection.execute("BEGIN TRANSACTION")
    before = read_checkpoint(connection, schema, plan.pipeline, plan.stream)
    is_there = hidden.exists(connection)
    if not is_there and before and before.run_id == state.run_id and before.progress is None:
        return _count(connection, target)  # it was finished, and the answer got lost
    plan.check_followed(before)
    if is_there:
        hidden.replace(target, connection)
    else:
        require_hidden(connection, plan, schema, hidden)
        if target.exists(connection):
            connection.execute(f"DELETE FROM {target.sql}")  # noqa: S608 - quoted
    store_checkpoint(connection, schema, state)
    count = _count(connection, target)
    connection.execute("COMMIT")
    return count


def _count(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    return table.count(connection) if table.exists(connection) else 0

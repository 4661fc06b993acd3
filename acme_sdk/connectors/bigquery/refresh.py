"""Full refreshes: the table that gathers their rows, and how these take the target's place."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from google.cloud.bigquery import TableReference

from acme_sdk.connectors.bigquery.checkpoints import (
    StoredState,
    checkpoint_sql,
    checkpoints_table,
    create_checkpoints,
    create_row,
    expected_run_id,
    read_checkpoint,
    run_id_sql,
)
from acme_sdk.connectors.bigquery.columns import moved
from acme_sdk.connectors.bigquery.names import table_reference, table_sql
from acme_sdk.connectors.bigquery.script import Publication
from acme_sdk.connectors.bigquery.stage import add_columns, drop_remains, refresh_table
from acme_sdk.connectors.bigquery.warehouse import Warehouse
from acme_sdk.errors import AcmeError, FatalError
from acme_sdk.load import LoadPlan, StreamState, WriteMode

__all__ = ["HIDDEN_LIFETIME", "finish_refresh", "hidden_columns"]

#: How long a full refresh may take from its first interval to its end, with all the attempts it needs; then
#: BigQuery removes its rows, and the refresh has to begin anew.
HIDDEN_LIFETIME = timedelta(days=30)


def hidden_columns(
    warehouse: Warehouse, plan: LoadPlan, hidden: TableReference, stored: StoredState | None
) -> dict[str, str] | None:
    """Return the columns of a refresh's hidden table, and their types; ``None`` when it has no rows yet.

    Raises:
        FatalError: It had rows, and is gone: it has expired, or was removed (code ``refresh.lost``).
    """
    if warehouse.columns(hidden) is not None:
        return warehouse.queried_columns(hidden)
    if stored is not None and stored.refresh == plan.refresh:
        raise FatalError(
            f"table {plan.table!r}: the rows that the full refresh has loaded so far are gone",
            code="refresh.lost",
            hint=f"begin a new one with --full-refresh; it has {HIDDEN_LIFETIME.days} days to end",
        )
    return None


def finish_refresh(warehouse: Warehouse, plan: LoadPlan, state: StreamState) -> int:
    """Put the rows of a full refresh in the target's place; see `StagedDestination.finish_refresh`.

    The hidden table is dropped after the transaction, which cannot hold such statements.
    """
    target = table_reference(plan.table, warehouse.dataset)
    hidden = refresh_table(plan, target)
    before = read_checkpoint(warehouse, plan.pipeline, plan.stream)
    if before and before.state.run_id == state.run_id and before.state.progress is None:
        count = _count(warehouse, target)  # it was finished, and the answer got lost
    else:
        count = _replace(warehouse, plan, target, hidden, before, state)
    # An attempt that died after its last interval has left a staging table, too, and no load comes to remove
    # it. Whoever fails to do so need not fail for it: the stream's next load does.
    with suppress(AcmeError):
        drop_remains(warehouse, plan, target)
    return count


def _replace(
    warehouse: Warehouse,
    plan: LoadPlan,
    target: TableReference,
    hidden: TableReference,
    before: StoredState | None,
    state: StreamState,
) -> int:
    gathered = hidden_columns(warehouse, plan, hidden, before) or {}
    existing = warehouse.columns(target)
    columns = moved(gathered, existing or {})
    present = {name.lower() for name in existing or {}}
    missing = {column.name: column.type for column in columns if column.name.lower() not in present}
    if missing and existing is not None:
        warehouse.run(add_columns(target, missing), f"table {plan.table}")
    elif missing:
        warehouse.create(target, missing)
    create_checkpoints(warehouse)
    if before is None:
        create_row(warehouse, plan.pipeline, plan.stream)
    checkpoints = checkpoints_table(warehouse)
    script = Publication(
        replace(plan, write_mode=WriteMode.OVERWRITE),
        table_sql(target),
        table_sql(hidden),
        columns,
        target_exists=existing is not None or bool(columns),
    ).script(
        held_run_id=run_id_sql(checkpoints, plan.pipeline, plan.stream),
        expected_run_id=expected_run_id(plan, before),
        store_checkpoint=checkpoint_sql(checkpoints, state),
    )
    ((count,),) = warehouse.run(script, f"table {plan.table}")
    return int(count)


def _count(warehouse: Warehouse, table: TableReference) -> int:
    if warehouse.columns(table) is None:
        return 0
    ((count,),) = warehouse.run(f"SELECT COUNT(*) FROM {table_sql(table)}", f"table {table.table_id}")  # noqa: S608 - quoted
    return int(count)

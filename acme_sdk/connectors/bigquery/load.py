"""One load into BigQuery: rows are staged by load jobs, and published by one transaction."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from acme_sdk.connectors.bigquery.checkpoints import (
    checkpoint_sql,
    checkpoints_table,
    create_checkpoints,
    create_row,
    expected_run_id,
    read_checkpoint,
    run_id_sql,
)
from acme_sdk.connectors.bigquery.columns import Columns, TargetColumn
from acme_sdk.connectors.bigquery.names import table_reference, table_sql
from acme_sdk.connectors.bigquery.refresh import HIDDEN_LIFETIME, hidden_columns, widen_column
from acme_sdk.connectors.bigquery.script import Publication
from acme_sdk.connectors.bigquery.stage import Stage, add_columns, drop_remains, refresh_table, stage_table
from acme_sdk.connectors.bigquery.warehouse import Warehouse
from acme_sdk.errors import ConfigurationError, FatalError
from acme_sdk.load import Load, LoadPlan, StreamState, WriteMode

__all__ = ["BigQueryLoad"]

# BigQuery neither groups nor joins by these.
_NO_KEY_TYPES = frozenset({"JSON", "FLOAT64"})


class BigQueryLoad(Load):
    """A stream on its way into a table.

    Args:
        warehouse: Where checkpoints and staging tables are.
        plan: What is loaded, and how.
    """

    def __init__(self, warehouse: Warehouse, plan: LoadPlan) -> None:
        if plan.write_mode is WriteMode.UPSERT and not plan.primary_key:
            raise ConfigurationError(
                f"table {plan.table!r}: upsert needs a primary key",
                code="primary_key.missing",
                hint="name the columns that identify a row as primary_key",
            )
        self._warehouse = warehouse
        self._plan = plan
        self._target = table_reference(plan.table, warehouse.dataset)
        hidden = refresh_table(plan, self._target) if plan.refresh is not None else None
        before = read_checkpoint(warehouse, plan.pipeline, plan.stream)
        plan.check_followed(before.state if before else None)
        drop_remains(warehouse, plan, self._target, keep=hidden)
        self._run_before = expected_run_id(plan, before)
        if hidden is None:
            existing = warehouse.columns(self._target)
        else:
            self._target = hidden
            existing = hidden_columns(warehouse, plan, hidden, before)
        self._target_exists = existing is not None
        self._columns = Columns(existing or {}, may_widen=hidden is not None)
        self._stage = Stage(warehouse, stage_table(plan, warehouse.dataset))

    def stage(self, batch: pa.RecordBatch) -> None:
        """Take a batch into the staging table, which grows by new columns and wider types."""
        fresh = self._columns.learn(batch.schema)
        self._check_key(batch)
        if fresh:
            self._stage.grow(fresh, self._columns.staged)
        self._stage.write(batch, self._columns)

    def publish(self, checkpoint: StreamState) -> int:
        """Bring the staged rows into the target and store the checkpoint, in one transaction."""
        self._stage.finish()
        columns = self._columns.target()
        # DDL of permanent tables has no place in a transaction; what is done here changes no rows.
        create_checkpoints(self._warehouse)
        if self._run_before is None:
            create_row(self._warehouse, self._plan.pipeline, self._plan.stream)
        self._prepare_target(columns)
        checkpoints = checkpoints_table(self._warehouse)
        publication = Publication(
            self._plan,
            table_sql(self._target),
            table_sql(self._stage.table),
            columns,
            target_exists=self._target_exists or bool(columns),
        )
        script = publication.script(
            held_run_id=run_id_sql(checkpoints, self._plan.pipeline, self._plan.stream),
            expected_run_id=self._run_before,
            store_checkpoint=checkpoint_sql(
                checkpoints, checkpoint, self._plan.refresh if publication.target_exists else None
            ),
        )
        ((loaded,),) = self._warehouse.run(script, f"table {self._plan.table}")
        self._stage.drop()
        return int(loaded)

    def discard(self) -> None:
        """Remove the staging table."""
        self._stage.drop()

    def _prepare_target(self, columns: list[TargetColumn]) -> None:
        for column in self._columns.widened():
            widen_column(self._warehouse, self._target, column)
        missing = {column.name: column.type for column in columns if self._columns.is_new(column)}
        if not missing:
            return
        if self._target_exists:
            self._warehouse.run(add_columns(self._target, missing), f"table {self._plan.table}")
        else:
            expires = datetime.now(UTC) + HIDDEN_LIFETIME if self._plan.refresh is not None else None
            self._warehouse.create(self._target, missing, expires)

    def _check_key(self, batch: pa.RecordBatch) -> None:
        """Refuse rows that an upsert could not tell apart."""
        if self._plan.write_mode is not WriteMode.UPSERT:
            return
        for name in self._plan.primary_key:
            if name not in batch.schema.names:
                raise FatalError(
                    f"table {self._plan.table!r}: there is no column {name!r} for its primary key",
                    code="primary_key.missing",
                    hint=f"there are {', '.join(batch.schema.names[:20])}",
                )
            if batch.num_rows and batch.column(name).null_count:
                raise FatalError(
                    f"column {name!r} is part of the primary key, and is NULL in a row",
                    code="key.null",
                    hint="leave such rows out in the source, or choose another primary key",
                )
            column = self._columns.find(batch.schema.field(name))
            if column is not None and column.type in _NO_KEY_TYPES:
                raise FatalError(
                    f"column {name!r} is {column.type}, which cannot be part of a primary key",
                    code="key.type",
                    hint="choose another primary key, or convert the column to text in the source",
                )

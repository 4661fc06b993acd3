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
from acme_sdk.connectors.bigquery.children import Children
from acme_sdk.connectors.bigquery.incoming import IncomingRows
from acme_sdk.connectors.bigquery.names import table_reference
from acme_sdk.connectors.bigquery.refresh import HIDDEN_LIFETIME, hidden_columns
from acme_sdk.connectors.bigquery.script import Publication
from acme_sdk.connectors.bigquery.stage import drop_remains, refresh_table, stage_table
from acme_sdk.connectors.bigquery.warehouse import Warehouse
from acme_sdk.errors import ConfigurationError, FatalError
from acme_sdk.load import ChildTable, Load, LoadPlan, StreamState, WriteMode

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
        target = table_reference(plan.table, warehouse.dataset)
        hidden = refresh_table(plan, target) if plan.refresh is not None else None
        before = read_checkpoint(warehouse, plan.pipeline, plan.stream)
        plan.check_followed(before.state if before else None)
        drop_remains(warehouse, plan, target, keep=hidden)
        self._run_before = expected_run_id(plan, before)
        stage = stage_table(plan, warehouse.dataset)
        if hidden is None:
            self._rows = IncomingRows(warehouse, target, stage, warehouse.columns(target))
        else:
            gathered = hidden_columns(warehouse, plan, hidden, before)
            expires = datetime.now(UTC) + HIDDEN_LIFETIME
            self._rows = IncomingRows(warehouse, hidden, stage, gathered, may_widen=True, expires=expires)
        self._children = Children(warehouse, plan)

    def stage(self, batch: pa.RecordBatch) -> None:
        """Take a batch into the staging table, which grows by new columns and wider types."""
        self._rows.learn(batch.schema)
        self._check_key(batch)
        self._rows.stage(batch)

    def stage_child(self, child: ChildTable, batch: pa.RecordBatch) -> None:
        """Take rows of a child table; see `Load.stage_child`."""
        self._children.stage(child, batch)

    def publish(self, checkpoint: StreamState) -> int:
        """Bring the staged rows into their tables and store the checkpoint, in one transaction."""
        self._rows.finish()
        self._children.finish()
        create_checkpoints(self._warehouse)
        if self._run_before is None:
            create_row(self._warehouse, self._plan.pipeline, self._plan.stream)
        self._rows.prepare()
        self._children.prepare()
        checkpoints = checkpoints_table(self._warehouse)
        columns = self._rows.columns
        publication = Publication(
            self._plan,
            self._rows.table_sql,
            self._rows.stage_sql,
            columns,
            target_exists=self._rows.existed or bool(columns),
            children=self._children,
        )
        script = publication.script(
            held_run_id=run_id_sql(checkpoints, self._plan.pipeline, self._plan.stream),
            expected_run_id=self._run_before,
            store_checkpoint=checkpoint_sql(
                checkpoints, checkpoint, self._plan.refresh if publication.target_exists else None
            ),
        )
        ((loaded,),) = self._warehouse.run(script, f"table {self._plan.table}")
        self.discard()
        return int(loaded)

    def discard(self) -> None:
        """Remove the staging tables."""
        self._rows.drop()
        self._children.drop()

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
            column = self._rows.find(batch.schema.field(name))
            if column is not None and column.type in _NO_KEY_TYPES:
                raise FatalError(
                    f"column {name!r} is {column.type}, which cannot be part of a primary key",
                    code="key.type",
                    hint="choose another primary key, or convert the column to text in the source",
                )

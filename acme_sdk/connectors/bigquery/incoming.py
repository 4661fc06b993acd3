"""Rows on their way into one table: what they need of it, and where they wait to be published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
from google.cloud.bigquery import TableReference

from acme_sdk.connectors.bigquery.columns import Columns, StagedColumn, TargetColumn
from acme_sdk.connectors.bigquery.names import quoted, table_sql, text_literal
from acme_sdk.connectors.bigquery.stage import Stage, add_columns
from acme_sdk.connectors.bigquery.warehouse import Warehouse

__all__ = ["IncomingRows"]


class IncomingRows:
    """The rows of one load for one table.

    Attributes:
        existed: Whether the table was there when the load began.

    Args:
        warehouse: Where the staging table is made.
        table: The table that the rows go into.
        stage: The name of the staging table.
        existing: The table's columns and types; ``None`` when it is yet to be made.
        may_widen: Whether a column of the table may get a wider type.
        expires: When BigQuery shall remove the table, if it is made here.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        table: TableReference,
        stage: TableReference,
        existing: Mapping[str, str] | None,
        *,
        may_widen: bool = False,
        expires: datetime | None = None,
    ) -> None:
        self.existed = existing is not None
        self._warehouse = warehouse
        self._table = table
        self._expires = expires
        self._columns = Columns(existing or {}, may_widen=may_widen)
        self._stage = Stage(warehouse, stage)
        self._fresh: list[StagedColumn] = []

    @property
    def table_sql(self) -> str:
        """The table's full name in SQL."""
        return table_sql(self._table)

    @property
    def stage_sql(self) -> str:
        """The staging table's full name in SQL."""
        return table_sql(self._stage.table)

    @property
    def columns(self) -> list[TargetColumn]:
        """What becomes of the staged columns; none when no rows came."""
        return self._columns.target()

    def learn(self, schema: pa.Schema) -> None:
        """Take in the columns of the batch that comes next; see `Columns.learn`."""
        self._fresh += self._columns.learn(schema)

    def find(self, field: pa.Field) -> StagedColumn | None:
        """Return where a column is staged; see `Columns.find`."""
        return self._columns.find(field)

    def stage(self, batch: pa.RecordBatch) -> None:
        """Take the rows of a batch into the staging table."""
        if self._fresh:
            self._stage.grow(self._fresh, self._columns.staged)
            self._fresh = []
        self._stage.write(batch, self._columns)

    def finish(self) -> None:
        """Wait until all rows are staged."""
        self._stage.finish()

    def prepare(self) -> None:
        """Make the table, or give it the columns and types that it lacks.

        DDL of permanent tables has no place in a transaction; this comes before it, and changes no rows.

        Raises:
            FatalError: A value of the table is not exact in a wider type (code ``query.failed``).
        """
        for column in self._columns.widened():
            self._widen(column)
        missing = {column.name: column.type for column in self.columns if self._columns.is_new(column)}
        if not missing:
            return
        if self.existed:
            self._warehouse.run(add_columns(self._table, missing), f"table {self._table.table_id}")
        else:
            self._warehouse.create(self._table, missing, self._expires)

    def drop(self) -> None:
        """Remove the staging table; safe to call twice."""
        self._stage.drop()

    def _widen(self, column: TargetColumn) -> None:
        table, name, where = self.table_sql, quoted(column.name), f"column {column.name!r}"
        if column.type == "FLOAT64":
            message = text_literal(f"{where}: an integer is too large to be exact as FLOAT64")
            self._warehouse.run(
                f"SELECT IF(LOGICAL_OR(ABS({name}) > {2**53}), ERROR({message}), 0) FROM {table}",  # noqa: S608 - quoted
                where,
            )
        self._warehouse.run(f"ALTER TABLE {table} ALTER COLUMN {name} SET DATA TYPE {column.type}", where)

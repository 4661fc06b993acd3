"""Child tables of a load: the items of lists, which come and go with the records that have them."""

from __future__ import annotations

import pyarrow as pa
from google.cloud.bigquery import TableReference

from acme_sdk.connectors.bigquery.columns import names
from acme_sdk.connectors.bigquery.incoming import IncomingRows
from acme_sdk.connectors.bigquery.names import quoted, table_reference, table_sql
from acme_sdk.connectors.bigquery.stage import stage_table
from acme_sdk.connectors.bigquery.warehouse import Warehouse
from acme_sdk.load import RECORD_ID, ChildTable, LoadPlan, WriteMode

__all__ = ["Children"]

_RECORD = quoted(RECORD_ID)


class Children:
    """The child tables of one load, each with a staging table of its own.

    Args:
        warehouse: Where the staging tables are made.
        plan: The load's plan.
    """

    def __init__(self, warehouse: Warehouse, plan: LoadPlan) -> None:
        self._warehouse = warehouse
        self._plan = plan
        self._rows: dict[ChildTable, IncomingRows] = {}
        self._present: list[str] = []

    def stage(self, child: ChildTable, batch: pa.RecordBatch) -> None:
        """Take rows of a child table into its staging table."""
        if child not in self._rows:
            self._rows[child] = self._incoming(child)
        rows = self._rows[child]
        rows.learn(batch.schema)
        rows.stage(batch)

    def finish(self) -> None:
        """Wait until all rows are staged."""
        for rows in self._rows.values():
            rows.finish()

    def prepare(self) -> None:
        """Make the tables that there are rows for, or let them hold these; find those that rows may leave."""
        for rows in self._rows.values():
            rows.prepare()
        if self._plan.write_mode is WriteMode.APPEND:
            return
        self._present = [rows.table_sql for rows in self._rows.values() if rows.existed]
        for child in self._plan.children:
            if child not in self._rows and self._columns(child) is not None:
                self._present.append(table_sql(self._table(child)))

    def clear(self) -> list[str]:
        """Return the statements that remove all rows."""
        return [f"DELETE FROM {table} WHERE TRUE" for table in self._present]  # noqa: S608 - quoted

    def remove_of(self, records: str) -> list[str]:
        """Return the statements that remove the rows of the records that a query finds."""
        return [
            f"DELETE FROM {table} WHERE {_RECORD} IN ({records})"  # noqa: S608 - quoted
            for table in self._present
        ]

    def add(self, records: str) -> list[str]:
        """Return the statements that add the staged rows, each once, whose records are in a table."""
        return [_insertion(child, rows, records) for child, rows in self._rows.items()]

    def drop(self) -> None:
        """Remove the staging tables; safe to call twice."""
        for rows in self._rows.values():
            rows.drop()

    def _incoming(self, child: ChildTable) -> IncomingRows:
        stage = stage_table(self._plan, self._warehouse.dataset, child.name)
        return IncomingRows(self._warehouse, self._table(child), stage, self._columns(child))

    def _columns(self, child: ChildTable) -> dict[str, str] | None:
        columns = self._warehouse.columns(self._table(child))
        if columns is not None:
            child.require_own(columns)
        return columns

    def _table(self, child: ChildTable) -> TableReference:
        return table_reference(child.name, self._warehouse.dataset)


def _insertion(child: ChildTable, rows: IncomingRows, records: str) -> str:
    # Records that are equal have the same id, and the same items.
    columns = rows.columns
    key = [column for column in columns if column.name.lower() in child.key]
    [record] = [column for column in key if column.name.lower() == RECORD_ID]
    same = " AND ".join(f"t.{quoted(column.name)} = {column.expression}" for column in key)
    first = ", ".join(column.expression for column in key)
    values = ", ".join(column.expression for column in columns)
    return (
        f"INSERT INTO {rows.table_sql} ({names(columns)})"  # noqa: S608 - quoted
        f" SELECT {values} FROM {rows.stage_sql} AS s"
        f" WHERE {record.expression} IN (SELECT {_RECORD} FROM {records})"
        f" AND NOT EXISTS (SELECT 1 FROM {rows.table_sql} AS t WHERE {same})"
        f" QUALIFY ROW_NUMBER() OVER (PARTITION BY {first}) = 1"
    )

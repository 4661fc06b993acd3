"""Child tables of a load: the items of lists, which come and go with the records that have them."""

# ruff: noqa: S608 - all names are quoted

from __future__ import annotations

from dataclasses import replace

import duckdb

from acme_sdk.connectors.duckdb.database import quoted
from acme_sdk.connectors.duckdb.staged import StagedRows
from acme_sdk.connectors.duckdb.tables import Table, staging_table, target_table
from acme_sdk.connectors.duckdb.types import columns_of, make_room
from acme_sdk.load import RECORD_ID, ChildTable, LoadPlan, WriteMode

__all__ = ["Children"]

_RECORD = quoted(RECORD_ID)


class Children:
    """The child tables of one load. All methods work in the load's transaction.

    Args:
        connection: The load's.
        plan: Its plan.
        schema: The schema of tables that are named without one.
        staging_schema: The schema for staged rows.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, plan: LoadPlan, schema: str, staging_schema: str
    ) -> None:
        self._connection = connection
        self._plan = plan
        self._schema = schema
        self._staging_schema = staging_schema
        self._staged: dict[ChildTable, StagedRows] = {}

    def staged(self, child: ChildTable) -> StagedRows:
        """Return where the rows of a child table wait."""
        if child not in self._staged:
            own = replace(self._plan, run_id=f"{self._plan.run_id}/{child.name}")
            table = staging_table(own, self._staging_schema)
            self._staged[child] = StagedRows(self._connection, table)
        return self._staged[child]

    def keep_of(self, records: str) -> None:
        """Keep only those staged rows whose records are in a table, given quoted."""
        for staged in self._staged.values():
            self._connection.execute(
                f"DELETE FROM {staged.table.sql} WHERE {_RECORD} NOT IN (SELECT {_RECORD} FROM {records}"
                f" WHERE {_RECORD} IS NOT NULL)"
            )

    def remove_of(self, records: str) -> None:
        """Remove the rows of the records that a query finds."""
        for table in self._present():
            self._connection.execute(f"DELETE FROM {table.sql} WHERE {_RECORD} IN ({records})")

    def prepare(self) -> None:
        """Make the tables that there are rows for, or let them hold these; an overwrite makes them anew.

        This comes before any change of their rows: DuckDB commits no table of which rows were deleted first.
        """
        for child, staged in self._staged.items():
            target = self._target(child)
            if self._plan.write_mode is WriteMode.OVERWRITE:
                self._connection.execute(f"DROP TABLE IF EXISTS {target.sql}")
            if not target.exists(self._connection):
                self._connection.execute(f"CREATE TABLE {target.sql} AS FROM {staged.table.sql} LIMIT 0")
            make_room(self._connection, target.sql, staged.table.sql)

    def publish(self) -> None:
        """Bring the staged rows into the child tables, each once."""
        if self._plan.write_mode is WriteMode.OVERWRITE:
            for table in self._present():
                self._connection.execute(f"DELETE FROM {table.sql}")
        for child, staged in self._staged.items():
            self._insert(child, staged.table)
            staged.drop()

    def _insert(self, child: ChildTable, rows: Table) -> None:
        # Records that are equal have the same id, and the same items.
        target = self._target(child)
        same = " AND ".join(f"held.{quoted(name)} = new.{quoted(name)}" for name in child.key)
        self._connection.execute(
            f"INSERT INTO {target.sql} BY NAME"
            f" SELECT DISTINCT ON ({', '.join(map(quoted, child.key))}) * FROM {rows.sql} new"
            f" WHERE NOT EXISTS (SELECT 1 FROM {target.sql} held WHERE {same})"
        )

    def _present(self) -> list[Table]:
        """The child tables that are there, those of earlier loads included."""
        tables = [self._target(child) for child in {**dict.fromkeys(self._plan.children), **self._staged}]
        return [table for table in tables if table.exists(self._connection)]

    def _target(self, child: ChildTable) -> Table:
        table = target_table(replace(self._plan, table=child.name), self._schema)
        if table.exists(self._connection):
            child.require_own(columns_of(self._connection, table.sql))
        return table

"""Staged rows: a table within a load's transaction, where rows wait that no one else can see."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from acme_sdk.connectors.duckdb.insert import BATCHES, Insert
from acme_sdk.connectors.duckdb.tables import Table
from acme_sdk.connectors.duckdb.types import make_room

__all__ = ["StagedRows"]


class StagedRows:
    """A table that is made with the first batch, and grows by new columns and wider types.

    Attributes:
        table: Its name.

    Args:
        connection: The load's, in its transaction.
        table: The name to use.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        self.table = table
        self._connection = connection
        self._schema: pa.Schema | None = None
        self._under_way: Insert | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no batch came at all, not even one without rows."""
        return self._schema is None

    def add(self, _acme_batch: pa.RecordBatch) -> None:
        """Add rows; they are there after `pause` at the latest, and nothing else can be done before."""
        if self._under_way is None or not self._under_way.takes(_acme_batch.schema):
            self.pause()
            if self._schema is None:
                statement = f"CREATE TABLE {self.table.sql} AS FROM {BATCHES}"
            else:
                make_room(self._connection, self.table.sql, "_acme_batch")
                statement = f"INSERT INTO {self.table.sql} BY NAME FROM {BATCHES}"
            self._under_way = Insert(self._connection, statement, _acme_batch.schema)
            self._schema = _acme_batch.schema
        self._under_way.put(_acme_batch)

    def pause(self) -> None:
        """Bring all rows into the table that are still on their way."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.finish()

    def abandon(self) -> None:
        """Give up the rows that are still on their way."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.abandon()

    def drop(self) -> None:
        """Remove the table."""
        self._connection.execute(f"DROP TABLE IF EXISTS {self.table.sql}")

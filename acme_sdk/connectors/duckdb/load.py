"""One load: a transaction that begins with the first batch and ends with the checkpoint.

Batches go into a staging table that no one else can see. Since it belongs to the transaction, a process that
is killed leaves nothing of it behind, and since it can become the target by a new name, rows move only once.
"""

# ruff: noqa: S608 - all names are quoted, and values are parameters or literals

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import duckdb
import pyarrow as pa

from acme_sdk.connectors.duckdb.checkpoints import create_checkpoints, read_checkpoint, store_checkpoint
from acme_sdk.connectors.duckdb.children import Children
from acme_sdk.connectors.duckdb.database import quoted, translated
from acme_sdk.connectors.duckdb.refresh import require_hidden
from acme_sdk.connectors.duckdb.staged import StagedRows
from acme_sdk.connectors.duckdb.tables import (
    drop_other_refreshes,
    hidden_table,
    staging_table,
    target_table,
)
from acme_sdk.connectors.duckdb.types import columns_of, make_room, storable
from acme_sdk.cursor import not_below_sql
from acme_sdk.errors import ConfigurationError, FatalError
from acme_sdk.load import RECORD_ID, ChildTable, Load, LoadPlan, StreamState, WriteMode

__all__ = ["DuckDBLoad"]


# The staged column that numbers the rows of an upsert.
_POSITION = "_acme_row"


class DuckDBLoad(Load):
    """A stream on its way into a table.

    Args:
        connection: A connection for this load alone; closed at its end.
        plan: What is loaded, and how.
        schema: The schema of checkpoints, and of a table that is named without one.
    """

    # DuckDB's dates and timestamps are Arrow's integers, infinities included.
    unbounded_times = True

    def __init__(self, connection: duckdb.DuckDBPyConnection, plan: LoadPlan, schema: str) -> None:
        self._connection = connection
        self._plan = plan
        self._schema = schema
        named = target_table(plan, schema)
        # Where the rows go: into the table that the plan names, or into that of its full refresh.
        self._target = named if plan.refresh is None else hidden_table(plan, named.schema)
        self._staging = staging_table(plan, named.schema)
        self._staged_rows = StagedRows(connection, self._staging)
        self._children = Children(connection, plan, schema, named.schema)
        self._numbered_rows = 0
        with self._translated():
            for needed in {schema, named.schema}:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(needed)}")
            create_checkpoints(connection, schema)
            drop_other_refreshes(connection, plan, named.schema)
            connection.execute("SET python_scan_all_frames = true")
            # More threads would wait for the one that hands out batches, each with a row group in memory.
            connection.execute("SET threads = 2")
            # To put the threads' rows in order would cost more than the second thread wins.
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("BEGIN TRANSACTION")
        self._writing = self._staged_rows

    def stage(self, batch: pa.RecordBatch) -> None:
        """Take a batch into the staging table, which grows by new columns and wider types."""
        self._write(self._staged_rows, self._numbered(storable(batch)))

    def stage_child(self, child: ChildTable, batch: pa.RecordBatch) -> None:
        """Take rows of a child table; see `Load.stage_child`."""
        self._write(self._children.staged(child), storable(batch))

    def publish(self, checkpoint: StreamState) -> int:
        """Bring the staged rows into the target and store the checkpoint, in one commit."""
        with self._translated(), self._naming_keys():
            self._writing.pause()
            self._connection.execute("RESET threads")
            self._connection.execute("RESET preserve_insertion_order")
            self._plan.check_followed(
                read_checkpoint(self._connection, self._schema, self._plan.pipeline, self._plan.stream)
            )
            if self._plan.refresh is not None:
                require_hidden(self._connection, self._plan, self._schema, self._target)
            count = self._apply()
            refresh = self._plan.refresh if self._target_exists() else None
            store_checkpoint(self._connection, self._schema, checkpoint, refresh)
            self._connection.execute("COMMIT")
        self.discard()
        return count

    def discard(self) -> None:
        """Roll back what is not committed."""
        self._writing.abandon()
        self._connection.close()

    def _write(self, staged: StagedRows, batch: pa.RecordBatch) -> None:
        with self._translated():
            if staged is not self._writing:
                self._writing.pause()
                self._writing = staged
            staged.add(batch)

    def _numbered(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with its rows' numbers, where their order matters; any column may be named ``rowid``."""
        if self._plan.write_mode is not WriteMode.UPSERT:
            return batch
        first, self._numbered_rows = self._numbered_rows, self._numbered_rows + batch.num_rows
        return batch.append_column(_POSITION, pa.array(range(first, self._numbered_rows), pa.int64()))

    def _translated(self) -> AbstractContextManager[None]:
        return translated(f"table {self._plan.table}")

    @contextmanager
    def _naming_keys(self) -> Iterator[None]:
        """Let the error of a key that is there twice name columns; DuckDB's own shows values."""
        try:
            yield
        except duckdb.ConstraintException as error:
            if "duplicate key" not in str(error).lower():
                raise
            self._connection.execute("ROLLBACK")
            keys = " or ".join(", ".join(map(repr, key)) for key in self._target.keys(self._connection))
            raise FatalError(
                f"table {self._plan.table}, column {keys}: two rows have the same value there",
                code="load.constraint",
                hint="the table has a key that rows break: remove such rows in the source, or the key",
            ) from None

    def _apply(self) -> int:
        mode = self._plan.write_mode
        if mode is WriteMode.UPSERT and not self._staged_rows.is_empty:
            self._check_keys()
            self._keep_last()
            self._children.keep_of(self._staging.sql)
        self._children.prepare()
        count = self._apply_rows()
        if mode is WriteMode.APPEND and self._plan.resumed_from is not None:
            self._children.keep_of(self._target.sql)
        self._children.publish()
        return count

    def _apply_rows(self) -> int:
        mode = self._plan.write_mode
        if mode is WriteMode.OVERWRITE:
            return self._replace()
        if self._staged_rows.is_empty:
            return 0
        if mode is WriteMode.APPEND and not self._target_exists():
            return self._replace()
        if not self._target_exists():
            self._connection.execute(f"CREATE TABLE {self._target.sql} AS FROM {self._staging.sql} LIMIT 0")
        make_room(self._connection, self._target.sql, self._staging.sql)
        count = self._upsert() if mode is WriteMode.UPSERT else self._append()
        self._staged_rows.drop()
        return count

    def _replace(self) -> int:
        """The staging table becomes the target."""
        if self._staged_rows.is_empty:
            if self._target_exists():
                self._connection.execute(f"DELETE FROM {self._target.sql}")
            return 0
        self._staging.replace(self._target, self._connection)
        return self._target.count(self._connection)

    def _append(self) -> int:
        cursor, start = self._plan.cursor_columns, self._plan.resumed_at
        staged = columns_of(self._connection, self._staging.sql)
        if not start or any(name.lower() not in staged for name in cursor):
            return self._insert(self._target.sql, f"FROM {self._staging.sql}")
        # Only from here on the target can hold what was staged.
        again = not_below_sql(
            [
                (quoted(name), f"CAST({_literal(text)} AS {staged[name.lower()].sql_type})")
                for name, text in start
            ]
        )
        if self._plan.primary_key:
            # The same record in the same version is there already.
            same = self._equal("held", "new", (*self._plan.primary_key, *cursor))
            held = f"SELECT 1 FROM (FROM {self._target.sql} WHERE {again}) held WHERE {same}"
            return self._insert(self._target.sql, f"FROM {self._staging.sql} new WHERE NOT EXISTS ({held})")
        # Without a key, rows are told apart by all their columns, and counted.
        names = ", ".join(quoted(name) for name in self._names())
        return self._insert(
            self._target.sql,
            f"FROM {self._staging.sql} WHERE ({again}) IS NOT TRUE UNION ALL ("
            f"SELECT {names} FROM {self._staging.sql} WHERE {again} EXCEPT ALL "
            f"SELECT {names} FROM {self._target.sql} WHERE {again})",
        )

    def _upsert(self) -> int:
        """Each row replaces the one of its key that is there."""
        matches = self._equal("held", "new", self._plan.primary_key)
        record = quoted("held", RECORD_ID)
        self._children.remove_of(
            f"SELECT {record} FROM {self._target.sql} held, {self._staging.sql} new WHERE {matches}"
        )
        self._connection.execute(
            f"DELETE FROM {self._target.sql} held USING {self._staging.sql} new WHERE {matches}"
        )
        return self._insert(self._target.sql, f"FROM {self._staging.sql}")

    def _keep_last(self) -> None:
        """Remove all staged rows but the last of each key."""
        keys, position, staging = self._plan.primary_key, quoted(_POSITION), self._staging.sql
        columns = ", ".join(map(quoted, keys))
        # The window, which DuckDB keeps in memory, is over keys that are there twice, and no other columns.
        twice = f"SELECT {columns} FROM {staging} GROUP BY ALL HAVING count(*) > 1"
        self._connection.execute(
            f"DELETE FROM {staging} WHERE {position} IN (SELECT {position} FROM {staging} new"
            f" WHERE EXISTS (SELECT 1 FROM ({twice}) twice WHERE {self._equal('twice', 'new', keys)})"
            f" QUALIFY row_number() OVER (PARTITION BY {columns} ORDER BY {position} DESC) > 1)"
        )
        self._connection.execute(f"ALTER TABLE {staging} DROP COLUMN {position}")

    def _check_keys(self) -> None:
        staged = {name.lower() for name in self._names()}
        for key in self._plan.primary_key:
            if key.lower() not in staged:
                raise ConfigurationError(
                    f"the rows for table {self._plan.table} have no column {key!r} for the primary key",
                    code="column.unknown",
                    hint="name columns that the rows have as the primary key",
                )
            missing = self._count(f"SELECT count(*) FROM {self._staging.sql} WHERE {quoted(key)} IS NULL")
            if missing:
                raise FatalError(
                    f"table {self._plan.table}: {missing} rows have no value in {key!r} of the primary key",
                    code="row.no_key",
                    hint="leave such rows out in the source, or choose another primary key",
                )

    def _names(self) -> list[str]:
        return [column.name for column in columns_of(self._connection, self._staging.sql).values()]

    def _target_exists(self) -> bool:
        return self._target.exists(self._connection)

    def _insert(self, table: str, rows: str) -> int:
        return self._count(f"INSERT INTO {table} BY NAME {rows}")

    def _count(self, statement: str) -> int:
        row = self._connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    @staticmethod
    def _equal(left: str, right: str, names: tuple[str, ...]) -> str:
        pairs = ((quoted(left, name), quoted(right, name)) for name in names)
        return " AND ".join(f"{one} IS NOT DISTINCT FROM {other}" for one, other in pairs)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

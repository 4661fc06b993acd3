"""One load: a transaction that begins with the first batch and ends with the checkpoint.

Batches go into a staging table that no one else can see. Since it belongs to the transaction, a process that
is killed leaves nothing of it behind, and since it can become the target by a new name, rows move only once.
"""

# ruff: noqa: S608 - all names are quoted, and values are parameters or literals

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from hashlib import blake2b

import duckdb
import pyarrow as pa

from acme_sdk.connectors.duckdb.checkpoints import create_checkpoints, store_checkpoint
from acme_sdk.connectors.duckdb.database import quoted, translated
from acme_sdk.connectors.duckdb.types import columns_of, make_room, storable
from acme_sdk.errors import ConfigurationError, FatalError
from acme_sdk.load import Load, LoadPlan, StreamState, WriteMode

__all__ = ["DuckDBLoad"]

_BATCH = "_acme_batch"


class DuckDBLoad(Load):
    """A stream on its way into a table.

    Args:
        connection: A connection for this load alone; closed at its end.
        plan: What is loaded, and how.
        schema: The schema of checkpoints, and of a table that is named without one.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, plan: LoadPlan, schema: str) -> None:
        self._connection = connection
        self._plan = plan
        self._schema = schema
        table_schema, dot, name = plan.table.partition(".")
        self._target_schema, self._target_name = (table_schema, name) if dot else (schema, plan.table)
        self._target = quoted(self._target_schema, self._target_name)
        self._stage = quoted(self._target_schema, _stage_name(plan))
        self._staged: pa.Schema | None = None
        with self._translated():
            for needed in {schema, self._target_schema}:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(needed)}")
            create_checkpoints(connection, schema)
            connection.execute("BEGIN TRANSACTION")

    def stage(self, batch: pa.RecordBatch) -> None:
        """Take a batch into the staging table, which grows by new columns and wider types."""
        columns = storable(batch)
        with self._translated():
            self._connection.register(_BATCH, columns)
            try:
                if self._staged is None:
                    self._connection.execute(f"CREATE TABLE {self._stage} AS FROM {_BATCH}")
                else:
                    if self._staged != batch.schema:
                        make_room(self._connection, self._stage, _BATCH)
                    self._insert(self._stage, f"FROM {_BATCH}")
            finally:
                self._connection.unregister(_BATCH)
        self._staged = batch.schema

    def publish(self, checkpoint: StreamState) -> int:
        """Bring the staged rows into the target and store the checkpoint, in one commit."""
        with self._translated():
            count = self._apply()
            store_checkpoint(self._connection, self._schema, checkpoint)
            self._connection.execute("COMMIT")
            self._connection.close()
        return count

    def discard(self) -> None:
        """Roll everything back."""
        self._connection.close()

    def _translated(self) -> AbstractContextManager[None]:
        return translated(f"table {self._plan.table}")

    def _apply(self) -> int:
        mode = self._plan.write_mode
        if mode is WriteMode.UPSERT and self._staged is not None:
            self._check_keys()
        if mode is WriteMode.OVERWRITE:
            return self._replace()
        if self._staged is None:
            return 0
        if mode is WriteMode.APPEND and not self._target_exists():
            return self._replace()
        if not self._target_exists():
            self._connection.execute(f"CREATE TABLE {self._target} AS FROM {self._stage} LIMIT 0")
        make_room(self._connection, self._target, self._stage)
        count = self._upsert() if mode is WriteMode.UPSERT else self._append()
        self._connection.execute(f"DROP TABLE {self._stage}")
        return count

    def _replace(self) -> int:
        """The staging table becomes the target."""
        if self._staged is None:
            if self._target_exists():
                self._connection.execute(f"DELETE FROM {self._target}")
            return 0
        self._connection.execute(f"DROP TABLE IF EXISTS {self._target}")
        self._connection.execute(f"ALTER TABLE {self._stage} RENAME TO {quoted(self._target_name)}")
        return self._count(f"SELECT count(*) FROM {self._target}")

    def _append(self) -> int:
        cursor, start = self._plan.cursor_field, self._plan.resumed_from
        if cursor is None or start is None:
            return self._insert(self._target, f"FROM {self._stage}")
        if self._plan.primary_key:
            # The same record in the same version is there already.
            same = self._equal("held", "new", (*self._plan.primary_key, cursor))
            held = f"SELECT 1 FROM {self._target} held WHERE {same}"
            return self._insert(self._target, f"FROM {self._stage} new WHERE NOT EXISTS ({held})")
        # Without a key, rows from the boundary on are told apart by all their columns, and counted.
        column = quoted(cursor)
        boundary = (
            f"CAST({_literal(start)} AS {columns_of(self._connection, self._stage)[cursor.lower()].sql_type})"
        )
        names = ", ".join(quoted(name) for name in self._names())
        return self._insert(
            self._target,
            f"FROM {self._stage} WHERE ({column} >= {boundary}) IS NOT TRUE UNION ALL ("
            f"SELECT {names} FROM {self._stage} WHERE {column} >= {boundary} EXCEPT ALL "
            f"SELECT {names} FROM {self._target} WHERE {column} >= {boundary})",
        )

    def _upsert(self) -> int:
        """The last row of each key replaces the one that is there; with a cursor, last means highest."""
        keys = self._plan.primary_key
        by_cursor = f"{quoted(self._plan.cursor_field)} DESC NULLS LAST, " if self._plan.cursor_field else ""
        matches = self._equal("held", "new", keys)
        self._connection.execute(f"DELETE FROM {self._target} held USING {self._stage} new WHERE {matches}")
        return self._insert(
            self._target,
            f"SELECT new.* FROM {self._stage} new QUALIFY row_number() OVER "
            f"(PARTITION BY {', '.join(map(quoted, keys))} ORDER BY {by_cursor}rowid DESC) = 1",
        )

    def _check_keys(self) -> None:
        staged = {name.lower() for name in self._names()}
        for key in self._plan.primary_key:
            if key.lower() not in staged:
                raise ConfigurationError(
                    f"the rows for table {self._plan.table} have no column {key!r} for the primary key",
                    code="column.unknown",
                )
            missing = self._count(f"SELECT count(*) FROM {self._stage} WHERE {quoted(key)} IS NULL")
            if missing:
                raise FatalError(
                    f"table {self._plan.table}: {missing} rows have no value in {key!r} of the primary key",
                    code="row.no_key",
                    hint="leave such rows out in the source, or choose another primary key",
                )

    def _names(self) -> list[str]:
        return [column.name for column in columns_of(self._connection, self._stage).values()]

    def _target_exists(self) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_catalog = current_database()"
            " AND lower(table_schema) = lower(?) AND lower(table_name) = lower(?)",
            [self._target_schema, self._target_name],
        )
        return found.fetchone() is not None

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


def _stage_name(plan: LoadPlan) -> str:
    """A name that no other load has, readable where it can be."""
    readable = "_".join(
        re.sub(r"\W+", "_", part, flags=re.ASCII)[:24] for part in (plan.pipeline, plan.stream)
    )
    digest = blake2b(repr((plan.pipeline, plan.stream, plan.run_id)).encode(), digest_size=8).hexdigest()
    return f"_acme_stage_{readable}_{digest}"

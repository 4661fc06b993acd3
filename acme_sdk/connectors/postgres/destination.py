"""Writing to Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any
from weakref import WeakSet

import pyarrow as pa
from psycopg import sql
from psycopg.rows import dict_row

from acme_sdk.config import ConnectorConfig
from acme_sdk.connectors.postgres.checkpoints import kept_streams, read_checkpoint
from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.connector import PostgresConnector
from acme_sdk.connectors.postgres.errors import query_errors
from acme_sdk.connectors.postgres.exclusion import hold_stream, release_streams
from acme_sdk.connectors.postgres.identifiers import (
    COLUMN_NAMES,
    SCHEMA_NAMES,
    TABLE_NAMES,
    TableName,
    check_column_names,
    lock_stream,
)
from acme_sdk.connectors.postgres.load import PostgresLoad
from acme_sdk.connectors.postgres.refresh import finish_refresh
from acme_sdk.connectors.postgres.reset import replace_state
from acme_sdk.connectors.postgres.settings import CONNECTION_FIELDS
from acme_sdk.connectors.postgres.target import Target
from acme_sdk.connectors.postgres.types import column_type
from acme_sdk.destination import StagedDestination
from acme_sdk.errors import ConfigurationError, FieldProblem
from acme_sdk.load import LoadPlan, StreamState, WriteMode
from acme_sdk.row import Row

__all__ = ["PostgresDestination"]


class PostgresDestination(PostgresConnector, StagedDestination):
    """Loads streams into tables of a database; rows and checkpoint are committed together."""

    child_tables = True
    column_names = COLUMN_NAMES
    table_names = TABLE_NAMES
    schema_names = SCHEMA_NAMES

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Return the configuration's fields."""
        return CONNECTION_FIELDS | {
            "table": {"type": "string", "description": "Where load() writes: table or schema.table"},
            "primary_key": {
                "type": "array",
                "description": "Columns that identify a row, for load() with upsert",
            },
        }

    def setup(self, config: ConnectorConfig) -> None:
        """Check the settings; the server is not asked yet.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        super().setup(config)
        self._loads: WeakSet[PostgresLoad] = WeakSet()
        self._locking: Connection | None = None
        self.default_table = config.get("table")
        self.default_primary_key = tuple(config.get("primary_key") or ())
        if not all(isinstance(name, str) for name in self.default_primary_key):
            problem = FieldProblem("primary_key", "must be an array of column names")
            raise ConfigurationError(f"primary_key: {problem.message}", problems=(problem,))

    def get_ready(self) -> None:
        """Begin to open the connections of the lock and of the load."""
        self._sessions.open_ahead(2)

    def check_schema(self, schema: pa.Schema) -> None:
        """Refuse columns that no table can have; see `StagedDestination.check_schema`.

        Raises:
            FatalError: A column's type (code ``type.unsupported``) or name (code ``name.invalid``).
        """
        check_column_names(schema.names, "the stream")
        for field in schema:
            column_type(field)

    def open_load(self, plan: LoadPlan) -> PostgresLoad:
        """Begin to take one stream; what earlier attempts and other refreshes of it left is removed first.

        Raises:
            ConfigurationError: The plan cannot be carried out.
            AcmeError: The server cannot be reached, or refuses us.
        """
        connection = self._sessions.take()
        close = partial(self._sessions.close, connection)
        try:
            load = PostgresLoad(connection, close, plan, self.schema)
        except BaseException:
            close()
            raise
        self._loads.add(load)
        return load

    def teardown(self) -> None:
        """Discard the loads that are still open, and close all connections.

        A connection must not be closed under the thread that writes by it: the next one that the process
        opens would get its number, and what that thread still has to write.
        """
        for load in list(getattr(self, "_loads", ())):
            load.discard()
        super().teardown()

    def finish_refresh(self, plan: LoadPlan, state: StreamState) -> int:
        """Put a full refresh's rows in the target's place; see `StagedDestination.finish_refresh`.

        Raises:
            FatalError: The rows are gone (code ``refresh.lost``), or the target cannot hold them.
        """
        with self.connection() as connection:
            return finish_refresh(connection, plan, state, self.schema)

    def state(self, pipeline: str, stream: str) -> StreamState | None:
        """Return the checkpoint that the last published load of a stream stored, or ``None``.

        One that is being published is waited for: the server goes on with a commit also when the process that
        asked for it was killed, and who began from the state before would load its rows again.
        """
        present = nullcontext(self._locking) if self._locking else self.connection()
        with present as connection, query_errors(f"checkpoint of {stream!r}"), connection.transaction():
            lock_stream(connection, pipeline, stream)
            return read_checkpoint(connection, self.schema, pipeline, stream)

    def replace_state(self, plan: LoadPlan, state: StreamState | None) -> None:
        """Store or remove a checkpoint without any rows; see `StagedDestination.replace_state`."""
        with self.connection() as connection, query_errors(f"checkpoint of {plan.stream!r}"):
            replace_state(connection, plan, state, self.schema)

    def kept_streams(self) -> list[tuple[str, str]]:
        """Return the streams that there are checkpoints of; see `StagedDestination.kept_streams`."""
        with self.connection() as connection, query_errors("checkpoints"):
            return kept_streams(connection, self.schema)

    @contextmanager
    def exclusive(self, pipeline: str, stream: str, run_id: str) -> Iterator[None]:
        """Keep other runs from a stream by an advisory lock; see `StagedDestination.exclusive`.

        It belongs to a connection that does hardly anything else: the server notices at once when its process
        dies.
        """
        connection = self._sessions.take()
        try:
            with query_errors(f"stream {stream!r}"):
                hold_stream(connection, self.schema, pipeline, stream, run_id)
            self._locking = connection
            yield
        finally:
            self._locking = None
            release_streams(connection)
            self._sessions.close(connection)

    def read_back(self) -> list[Row]:
        """Return the rows of the configured table; none if there is no such table yet.

        Raises:
            ConfigurationError: No table is configured.
        """
        table = TableName.parse(self._direct_plan(WriteMode.APPEND).table, self.schema)
        where = f"table {table}"
        with self.connection() as connection, query_errors(where):
            if not Target(connection, table, where).exists:
                return []
            rows = connection.cursor(row_factory=dict_row)
            return [Row(row) for row in rows.execute(sql.SQL("SELECT * FROM {}").format(table.sql))]

"""The DuckDB destination: its configuration, its health, its checkpoints."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from acme_sdk.columns import to_rows
from acme_sdk.config import ConnectorConfig
from acme_sdk.connectors.duckdb.checkpoints import kept_streams, read_checkpoint
from acme_sdk.connectors.duckdb.database import open_database, require_writable, translated
from acme_sdk.connectors.duckdb.load import DuckDBLoad
from acme_sdk.connectors.duckdb.refresh import finish_refresh
from acme_sdk.connectors.duckdb.reset import replace_state
from acme_sdk.connectors.duckdb.tables import target_table
from acme_sdk.connectors.duckdb.types import check_columns
from acme_sdk.destination import StagedDestination
from acme_sdk.errors import AcmeError, ConfigurationError
from acme_sdk.exclusion import exclusive_by_file
from acme_sdk.health import ConnectionReport, HealthReport, HealthStatus
from acme_sdk.load import Load, LoadPlan, StreamState, WriteMode
from acme_sdk.names import OWN_PREFIX, NameRule
from acme_sdk.row import Row

__all__ = ["DuckDBDestination"]

_VERSION = f"DuckDB {duckdb.__version__}"
_COUNT_TABLES = (
    "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal"
    " AND NOT starts_with(table_name, '_acme_')"
)


class DuckDBDestination(StagedDestination):
    """Tables in a DuckDB file.

    The file is opened when the first load begins and closed by ``teardown``: in between no other process can
    write to it, or read it.
    """

    child_tables = True
    column_names = NameRule(reserved=re.compile(r"_acme_row\Z", re.IGNORECASE), folds_case=True)
    table_names = NameRule(reserved=re.compile(OWN_PREFIX, re.IGNORECASE), folds_case=True)
    schema_names = NameRule(folds_case=True)

    _connection: duckdb.DuckDBPyConnection | None = None

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Return the configuration's fields."""
        return {
            "path": {
                "type": "string",
                "required": True,
                "description": "The database file; the first load makes it. Its folder must exist.",
                "examples": ["warehouse.duckdb"],
            },
            "schema": {
                "type": "string",
                "default": "main",
                "description": "Schema of tables that are named without one, and of the checkpoints.",
            },
            "table": {"type": "string", "description": "Target of rows that are loaded without a pipeline."},
            "primary_key": {
                "type": "array",
                "default": [],
                "description": "The columns of that table's key.",
            },
            "lock_timeout_s": {
                "type": "number",
                "default": 10,
                "minimum": 0,
                "description": "Seconds to wait for another process to let go of the file.",
            },
            "memory_limit_mb": {
                "type": "integer",
                "default": 512,
                "minimum": 64,
                "description": "MiB of memory that DuckDB may use; beyond it, it works on disk.",
            },
        }

    def setup(self, config: ConnectorConfig) -> None:
        """Take over the configuration; nothing is opened yet.

        Raises:
            ConfigurationError: The path is no file's.
        """
        path = config["path"]
        if re.match(r":memory:|\w[\w+.-]+:", path) or "\0" in path:
            raise ConfigurationError(
                f"path: {path!r} is not the path of a file",
                code="path.invalid",
                hint="name a file, such as warehouse.duckdb: a database in memory would be lost at once",
            )
        self._path = Path(path).absolute()
        self._schema: str = config["schema"]
        self._lock_timeout_s: float = config["lock_timeout_s"]
        self._memory_limit_mb: int = config["memory_limit_mb"]
        self.default_table = config.get("table")
        self.default_primary_key = tuple(config["primary_key"])

    def check_schema(self, schema: pa.Schema) -> None:
        """Refuse columns that no table can have; see `StagedDestination.check_schema`.

        Raises:
            FatalError: A column's type (code ``type.unsupported``) or name (code ``column.name``).
        """
        check_columns(schema)

    def open_load(self, plan: LoadPlan) -> Load:
        """Begin a load in a transaction of its own; what other refreshes of the stream left is removed."""
        return DuckDBLoad(self._open().cursor(), plan, self._schema)

    def finish_refresh(self, plan: LoadPlan, state: StreamState) -> int:
        """Put a full refresh's rows in the target's place; see `StagedDestination.finish_refresh`.

        Raises:
            FatalError: The rows are gone (code ``refresh.lost``).
        """
        with translated(f"table {plan.table}"), self._open().cursor() as connection:
            return finish_refresh(connection, plan, state, self._schema)

    def state(self, pipeline: str, stream: str) -> StreamState | None:
        """Return the checkpoint that the last published load of a stream stored, or ``None``."""
        if not self._path.exists():
            return None
        with translated(f"checkpoints in {self._path.name}"):
            return read_checkpoint(self._open(), self._schema, pipeline, stream)

    def replace_state(self, plan: LoadPlan, state: StreamState | None) -> None:
        """Store or remove a checkpoint without any rows; see `StagedDestination.replace_state`."""
        if state is None and not self._path.exists():
            return
        with translated(f"checkpoints in {self._path.name}"), self._open().cursor() as connection:
            replace_state(connection, plan, state, self._schema)

    def kept_streams(self) -> list[tuple[str, str]]:
        """Return the streams that there are checkpoints of; see `StagedDestination.kept_streams`."""
        if not self._path.exists():
            return []
        with translated(f"checkpoints in {self._path.name}"):
            return kept_streams(self._open(), self._schema)

    @contextmanager
    def exclusive(self, pipeline: str, stream: str, run_id: str) -> Iterator[None]:
        """Keep other runs from a stream by a file beside the database; see `StagedDestination.exclusive`.

        DuckDB keeps other processes from the whole database, but neither at once nor with a word about the
        stream, and does not keep threads of this process from it.
        """
        require_writable(self._path)
        path = self._path.resolve()
        name = blake2b(repr((self._schema, pipeline, stream)).encode(), digest_size=8).hexdigest()
        with exclusive_by_file(path.with_name(f".{path.name}.{name}.lock"), pipeline, stream, run_id):
            yield

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file for the time of a ``with`` block, and until `teardown`; it is made if there is none.

        Yields:
            A connection in autocommit mode, to read and to write.

        Raises:
            AcmeError: The file cannot be opened, or another process holds it (code ``database.locked``).
        """
        with self._open().cursor() as connection:
            yield connection

    def read_back(self) -> list[Row]:
        """Return the rows of the configured table; none if there is no such table yet.

        Raises:
            ConfigurationError: No table is configured.
        """
        table = target_table(self._direct_plan(WriteMode.APPEND), self._schema)
        with translated(f"table {table.name}"), self._open().cursor() as connection:
            if not table.exists(connection):
                return []
            batches = connection.execute(f"FROM {table.sql}").to_arrow_reader()
            return [row for batch in batches for row in to_rows(batch)]

    def health_check(self) -> HealthReport:
        """Open the file for reading; one that another process writes to right now counts as degraded."""
        started = time.perf_counter()
        try:
            tables = self._count_tables()
        except AcmeError as error:
            locked = error.code == "database.locked"
            report = replace(HealthReport.from_error(error), server_version=_VERSION)
            report = replace(report, status=HealthStatus.DEGRADED) if locked else report
        else:
            report = HealthReport(HealthStatus.HEALTHY, server_version=_VERSION, details={"tables": tables})
        return replace(report, latency_ms=_elapsed_ms(started))

    def test_connection(self) -> ConnectionReport:
        """Report DuckDB's version, the file and its number of tables.

        Raises:
            AcmeError: The file cannot be opened.
        """
        started = time.perf_counter()
        tables = self._count_tables()
        return ConnectionReport(_VERSION, self._path.name, tables, _elapsed_ms(started))

    def teardown(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            connection = open_database(self._path, patience_s=self._lock_timeout_s)
            # Not as an option of connect(): another connection of this process would need to have the same.
            connection.execute(f"SET memory_limit = '{self._memory_limit_mb}MiB'")
            self._connection = connection
        return self._connection

    def _count_tables(self) -> int:
        """Return the number of tables that are not ours, without waiting for another process."""
        self.step("open")
        require_writable(self._path)
        if not self._path.exists():
            return 0
        connection = self._connection or open_database(self._path, read_only=True)
        self.step("query")
        try:
            with translated(self._path.name), connection.cursor() as cursor:
                row = cursor.execute(_COUNT_TABLES).fetchone()
        finally:
            if connection is not self._connection:
                connection.close()
        return int(row[0]) if row else 0


def _elapsed_ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)

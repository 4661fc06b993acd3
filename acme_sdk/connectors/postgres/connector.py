"""What the source and the destination have in common: settings, connections, health."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from acme_sdk.config import ConnectorConfig
from acme_sdk.connector import Connector
from acme_sdk.connectors.postgres.catalog import count_tables
from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.errors import query_errors
from acme_sdk.connectors.postgres.sessions import Sessions
from acme_sdk.connectors.postgres.settings import PostgresSettings
from acme_sdk.health import ConnectionReport, HealthReport, HealthStatus

__all__ = ["PostgresConnector"]


class PostgresConnector(Connector):
    """A connector to one Postgres database. Nothing is connected before it is needed."""

    def setup(self, config: ConnectorConfig) -> None:
        """Check the settings; the server is not asked yet.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        self.settings = PostgresSettings.from_config(config)
        self.schema: str = config["schema"]
        self._sessions = Sessions(self.settings, self.step)

    def health_check(self) -> HealthReport:
        """Connect and ask the server for its version.

        Raises:
            AcmeError: It cannot be reached, or refuses us.
        """
        started = time.perf_counter()
        with self._asking() as connection:
            version = _version(connection)
        return HealthReport(HealthStatus.HEALTHY, latency_ms=_elapsed_ms(started), server_version=version)

    def test_connection(self) -> ConnectionReport:
        """Connect and report the version, the database and how many tables the user may read.

        Raises:
            AcmeError: The server cannot be reached, or refuses us.
        """
        started = time.perf_counter()
        with self._asking() as connection:
            version = _version(connection)
            tables = count_tables(connection)
        return ConnectionReport(version, self.settings.database, tables, _elapsed_ms(started))

    @contextmanager
    def connection(self, statement_timeout_s: int | None = None) -> Iterator[Connection]:
        """Open a connection for the time of a ``with`` block.

        Args:
            statement_timeout_s: Seconds until a statement is cancelled; the role's own setting by default.

        Yields:
            A psycopg connection in autocommit mode, its session speaking UTC.

        Raises:
            AcmeError: The server cannot be reached, or refuses us.
        """
        connection = self._sessions.new(statement_timeout_s)
        try:
            yield connection
        finally:
            self._sessions.close(connection)

    def teardown(self) -> None:
        """Close all connections, whatever they are doing."""
        if hasattr(self, "_sessions"):
            self._sessions.close_all()

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        """A connection for a question that must not take long."""
        with self.connection(self.settings.connect_timeout_s) as connection, query_errors("connection test"):
            self.step("query")
            yield connection


def _version(connection: Connection) -> str:
    """``PostgreSQL 15.2`` of ``PostgreSQL 15.2 (Debian 15.2-1) on x86_64…``."""
    row = connection.execute("SELECT pg_catalog.version()").fetchone()
    assert row is not None  # noqa: S101 - it has one row
    return " ".join(str(row[0]).split()[:2])


def _elapsed_ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)

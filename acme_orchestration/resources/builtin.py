"""The resources of the built-in connector types, as annotations that type checkers understand.

No driver is imported for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from acme_orchestration.resources.connector import ConnectorResource
from acme_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    import duckdb
    from google.cloud import bigquery
    from pyarrow.dataset import Dataset

    from acme_sdk.connectors.bigquery import BigQueryDestination  # noqa: F401 - named below
    from acme_sdk.connectors.duckdb import DuckDBDestination  # noqa: F401 - named below
    from acme_sdk.connectors.parquet import ParquetDestination  # noqa: F401 - named below
    from acme_sdk.connectors.postgres import PostgresDestination, PostgresSource
    from acme_sdk.connectors.postgres.connection import Connection
    from acme_sdk.connectors.postgres.connector import PostgresConnector

__all__ = ["BUILT_IN", "BigQueryResource", "DuckDBResource", "ParquetResource", "PostgresResource"]


class PostgresResource(ConnectorResource["PostgresConnector"]):
    """A connector to a Postgres database, of either role."""

    @contextmanager
    def get_connection(self) -> Iterator[Connection]:
        """Open a psycopg connection, in autocommit mode, for the time of a ``with`` block."""
        with self.connector.connection() as connection:
            yield connection

    @property
    def source(self) -> PostgresSource:
        """The connector, live.

        Raises:
            ConfigurationError: It is a destination (code ``type.no_role``).
        """
        connector: Any = self._in_role("source")
        return connector  # type: ignore[no-any-return] # its role tells its class

    @property
    def destination(self) -> PostgresDestination:
        """The connector, live.

        Raises:
            ConfigurationError: It is a source (code ``type.no_role``).
        """
        connector: Any = self._in_role("destination")
        return connector  # type: ignore[no-any-return] # its role tells its class

    def _in_role(self, role: str) -> PostgresConnector:
        if self.role != role:
            raise ConfigurationError(
                f"the connector {self.name} is no {role}", code="type.no_role", hint=f"it is a {self.role}"
            )
        return self.connector


class DuckDBResource(ConnectorResource["DuckDBDestination"]):
    """A connector to a DuckDB file."""

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection for the time of a ``with`` block."""
        with self.connector.connection() as connection:
            yield connection


class BigQueryResource(ConnectorResource["BigQueryDestination"]):
    """A connector to a BigQuery dataset."""

    def get_client(self) -> bigquery.Client:
        """Return the client of the project; it is closed with the connector."""
        return self.connector.client


class ParquetResource(ConnectorResource["ParquetDestination"]):
    """A connector to a folder of Parquet files."""

    def get_dataset(self, table: str) -> Dataset:
        """Return a table as it is now; see `ParquetDestination.dataset`."""
        return self.connector.dataset(table)


#: The class by the name of the connector type.
BUILT_IN: dict[str, type[ConnectorResource[Any]]] = {
    "bigquery": BigQueryResource,
    "duckdb": DuckDBResource,
    "parquet": ParquetResource,
    "postgres": PostgresResource,
}

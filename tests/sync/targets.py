"""Destinations of each kind, empty, and how to ask what they hold."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from acme_sdk import open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.connectors.parquet import ParquetDestination
from acme_sdk.connectors.postgres import PostgresDestination
from acme_sdk.destination import StagedDestination
from tests.bigquery.emulator import Emulator
from tests.servers import DatabaseServer

__all__ = ["Target", "bigquery_target", "duckdb_target", "parquet_target", "postgres_target"]

_PROJECT = "acme-test"


@dataclass(frozen=True)
class Target:
    """An empty destination.

    Attributes:
        destination: The connector, set up.
        query: Runs a query, in which tables are named without schema, and returns its rows.
        tables: Returns the names of all tables.
    """

    destination: StagedDestination
    query: Callable[[str], list[tuple[Any, ...]]]
    tables: Callable[[], set[str]]


@contextmanager
def duckdb_target(folder: Path) -> Iterator[Target]:
    """A file in a folder."""
    with open_connector(DuckDBDestination, {"path": str(folder / f"{uuid.uuid4().hex}.duckdb")}) as target:

        def query(text: str) -> list[tuple[Any, ...]]:
            with target.connection() as connection:
                return connection.execute(text).fetchall()

        yield Target(target, query, lambda: _first(query("SELECT table_name FROM duckdb_tables()")))


@contextmanager
def postgres_target(server: DatabaseServer) -> Iterator[Target]:
    """A database of a server."""
    database = server.create_database()
    names = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    with open_connector(
        PostgresDestination, {"connection": server.connection_string(database)}
    ) as destination:
        yield Target(
            destination,
            lambda text: server.query(database, text),
            lambda: _first(server.query(database, names)),
        )


@contextmanager
def parquet_target(folder: Path) -> Iterator[Target]:
    """A folder in a folder, which is asked through DuckDB."""
    lake = folder / f"lake-{uuid.uuid4().hex}"

    def tables() -> set[str]:
        return {entry.name for entry in lake.iterdir() if not entry.name.startswith(".")}

    def query(text: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            for name in tables():
                connection.execute(f"CREATE VIEW \"{name}\" AS FROM '{lake}/{name}/*.parquet'")
            return connection.execute(text).fetchall()

    with open_connector(ParquetDestination, {"path": str(lake)}) as destination:
        yield Target(destination, query, tables)


@contextmanager
def bigquery_target(emulator: Emulator) -> Iterator[Target]:
    """A dataset of an emulator."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    client = bigquery.Client(
        project=_PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": emulator.endpoint},
    )
    settings = bigquery.QueryJobConfig(default_dataset=f"{_PROJECT}.{name}")
    config = {"project": _PROJECT, "dataset": name, "api_endpoint": emulator.endpoint}

    def query(text: str) -> list[tuple[Any, ...]]:
        return [row.values() for row in client.query(text, settings, job_retry=None).result()]

    with closing(client), open_connector(BigQueryDestination, config) as destination:
        client.create_dataset(name)
        yield Target(destination, query, lambda: {table.table_id for table in client.list_tables(name)})
        client.delete_dataset(name, delete_contents=True)


def _first(rows: list[tuple[Any, ...]]) -> set[str]:
    return {name for (name, *_) in rows}

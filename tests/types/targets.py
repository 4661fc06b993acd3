"""Destinations whose tables can be looked at with each one's own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from acme_sdk import StagedDestination, open_connector
from acme_sdk.connectors.bigquery import BigQueryDestination
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.connectors.parquet import ParquetDestination
from acme_sdk.connectors.postgres import PostgresDestination
from tests.bigquery.emulator import Emulator
from tests.servers import DatabaseServer

__all__ = ["Found", "Target", "bigquery_target", "duckdb_target", "parquet_target", "postgres_target"]


@dataclass(frozen=True)
class Found:
    """A column of a table in the target.

    Attributes:
        type: Its type as the destination calls it.
        is_text: Whether that is the type of any text.
        values: Its values as the destination's client has them, or as it prints those that it has not.
    """

    type: str
    is_text: bool
    values: list[Any]


@dataclass(frozen=True)
class Target:
    """A destination and a look into it.

    Attributes:
        name: The destination's name.
        connector: The destination.
        tables: Returns the names of its tables, but for our own.
        read: Returns a table's columns, rows by their column ``n``.
    """

    name: str
    connector: StagedDestination
    tables: Callable[[], set[str]]
    read: Callable[[str], dict[str, Found]]


@contextmanager
def postgres_target(server: DatabaseServer, *, printed: bool) -> Iterator[Target]:
    """Another database than the source's.

    Args:
        server: Where to make it.
        printed: Whether values are read as Postgres prints them.
    """
    url = server.connection_string(server.create_database())

    def tables() -> set[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return {name for (name,) in connection.execute(query) if name != "_acme_checkpoints"}

    def read(table: str) -> dict[str, Found]:
        query = """
            SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
             WHERE attrelid = to_regclass(%s) AND attnum > 0 ORDER BY attnum
        """
        types = dict(connection.execute(query, (table,)).fetchall())
        shown = [PRINTED.format(name) if printed else name for name in types]
        rows = connection.execute(f"SELECT {', '.join(shown)} FROM {table} ORDER BY {table}.n".encode())
        return _found(types, rows.fetchall(), {"text"})

    with (
        psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection,
        open_connector(PostgresDestination, {"connection": url}) as connector,
    ):
        yield Target("Postgres", connector, tables, read)


#: What a column's values print as; a composite that is not NULL may be "NULL" to Postgres.
PRINTED = "CASE WHEN num_nulls({0}) = 0 THEN concat({0}) END"

# What Python has no values for, in all of its range.
_BEYOND_PYTHON = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


@contextmanager
def duckdb_target(folder: Path, *, printed: bool) -> Iterator[Target]:
    """A new file.

    Args:
        folder: Where to make it.
        printed: Whether dates and timestamps are read as DuckDB prints them: Python has no infinite ones.
    """
    path = folder / "types.duckdb"

    def query(statement: str) -> list[Any]:
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET timezone = 'UTC'")
            return connection.execute(statement).fetchall()

    def tables() -> set[str]:
        names = query("SELECT table_name FROM duckdb_tables()")
        return {name for (name,) in names} - {"_acme_checkpoints"}

    def read(table: str) -> dict[str, Found]:
        types = {name: kind for name, kind, *_ in query(f"DESCRIBE {table}")}
        shown = [
            f"{name}::VARCHAR" if printed and kind in _BEYOND_PYTHON else name for name, kind in types.items()
        ]
        rows = query(f"SELECT {', '.join(shown)} FROM {table} ORDER BY {table}.n")
        return _found(types, rows, {"VARCHAR"})

    with open_connector(DuckDBDestination, {"path": str(path)}) as connector:
        yield Target("DuckDB", connector, tables, read)


@contextmanager
def bigquery_target(emulator: Emulator) -> Iterator[Target]:
    """A new dataset."""
    project, dataset = "acme-test", f"types_{uuid4().hex[:12]}"
    client = bigquery.Client(
        project=project,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": emulator.endpoint},
    )
    client.create_dataset(dataset)

    def tables() -> set[str]:
        return {table.table_id for table in client.list_tables(dataset)} - {"_acme_checkpoints"}

    def read(table: str) -> dict[str, Found]:
        schema = client.get_table(f"{dataset}.{table}").schema
        types = {field.name: _SQL_NAMES.get(field.field_type, field.field_type) for field in schema}
        # The client takes the JSON null for NULL.
        shown = [f"TO_JSON_STRING({name})" if kind == "JSON" else name for name, kind in types.items()]
        query = f"SELECT {', '.join(shown)} FROM `{dataset}`.`{table}` ORDER BY n"
        return _found(types, [row.values() for row in client.query(query).result()], {"STRING"})

    config = {"project": project, "dataset": dataset, "api_endpoint": emulator.endpoint}
    with open_connector(BigQueryDestination, config) as connector:
        yield Target("BigQuery", connector, tables, read)
    client.close()


_SQL_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


@contextmanager
def parquet_target(folder: Path) -> Iterator[Target]:
    """A new folder."""
    root = folder / "lake"

    def tables() -> set[str]:
        return {path.parent.name for path in root.glob("*/*.parquet")}

    def read(table: str) -> dict[str, Found]:
        rows = pa.concat_tables(pq.read_table(path) for path in sorted((root / table).glob("*.parquet")))
        columns = {name: rows[name].to_pylist() for name in rows.column_names}
        order = sorted(range(rows.num_rows), key=lambda row: columns["n"][row])
        return {
            field.name: Found(
                _short(field.type),
                pa.types.is_string(field.type),
                [columns[field.name][row] for row in order],
            )
            for field in rows.schema
        }

    with open_connector(ParquetDestination, {"path": str(root)}) as connector:
        yield Target("Parquet", connector, tables, read)


def _short(kind: pa.DataType) -> str:
    return (
        str(kind).removeprefix("extension<").removesuffix(">")
        if isinstance(kind, pa.BaseExtensionType)
        else str(kind)
    )


def _found(types: dict[str, str], rows: list[Any], texts: set[str]) -> dict[str, Found]:
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    return {
        name: Found(kind, kind in texts, list(values))
        for (name, kind), values in zip(types.items(), columns, strict=True)
    }

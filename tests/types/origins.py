"""Where the columns come from: a table of Postgres, or a source of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa

from acme_sdk import AcmeError, Row, SourceConnector, open_connector
from acme_sdk.columns import RowBatcher
from acme_sdk.connectors.bigquery.types import bigquery_type
from acme_sdk.connectors.postgres import PostgresSource
from acme_sdk.sync import StreamPlan, sync_stream
from tests.servers import DatabaseServer
from tests.types.arrivals import Refusal
from tests.types.postgres_types import COLUMNS, DEFINITIONS
from tests.types.python_types import PYTHON_COLUMNS
from tests.types.targets import PRINTED, Target

__all__ = ["NAMES", "PYTHON_NAMES", "RowsOrigin", "TableOrigin", "is_tested", "table_origin"]

#: The columns by the names that they have in the table.
NAMES = {f"c{number}": column for number, column in enumerate(COLUMNS)}
#: The columns by the names that they have in the rows.
PYTHON_NAMES = {f"p{number}": column for number, column in enumerate(PYTHON_COLUMNS)}


def is_tested(target: str, kind: pa.DataType | None) -> bool:
    """Tell whether a column can be looked at in a destination: the emulator of BigQuery has no BIGNUMERIC."""
    if target != "BigQuery" or kind is None or not pa.types.is_decimal(kind):
        return True
    try:
        return bigquery_type(pa.field("x", kind)) != "BIGNUMERIC"
    except AcmeError:
        return True


Sync = Callable[[list[str], str], Refusal | None]


class _CountingSource(PostgresSource):
    """Knows how many rows it gave away."""

    rows = 0

    def extract_batches(self, stream: Any, resume_from: str | None = None) -> Iterator[Any]:
        for batch in super().extract_batches(stream, resume_from):
            self.rows += batch.num_rows
            yield batch


@dataclass
class TableOrigin:
    """A table with all types.

    Attributes:
        printed: Its columns as Postgres prints them, rows in order.
        schema: Their types in Arrow.
    """

    printed: dict[str, list[str | None]]
    schema: pa.Schema
    _source: _CountingSource
    _connection: psycopg.Connection[Any]
    _views: int = 0

    def into(self, target: Target) -> Sync:
        """Return what syncs some of the columns."""

        def sync(names: list[str], table: str) -> Refusal | None:
            before = self._source.rows
            error = _error(self._source, target, self._view(names), table)
            return error and Refusal(error, self._source.rows - before)

        return sync

    def _view(self, names: list[str]) -> str:
        self._views += 1
        view = f"v{self._views}"
        self._connection.execute(
            f"CREATE VIEW {view} AS SELECT n, {', '.join(names)} FROM everything".encode()
        )
        return view


@contextmanager
def table_origin(server: DatabaseServer) -> Iterator[TableOrigin]:
    """Make the table in a database of its own."""
    url = server.connection_string(server.create_database())
    with (
        psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection,
        open_connector(_CountingSource, {"connection": url}) as source,
    ):
        for statement in DEFINITIONS:
            connection.execute(statement.encode())
        columns = ", ".join(f"{name} {column.kind}" for name, column in NAMES.items())
        connection.execute(f"CREATE TABLE everything (n integer PRIMARY KEY, {columns})".encode())
        rows = 1 + max(len(column.values) for column in COLUMNS)
        connection.execute(f"INSERT INTO everything (n) SELECT generate_series(1, {rows})".encode())
        for name, column in NAMES.items():
            for row, value in enumerate(column.values, 1):
                statement = f"UPDATE everything SET {name} = %s::{column.kind} WHERE n = {row}"
                connection.execute(statement.encode(), (value,))
        shown = ", ".join(PRINTED.format(name) for name in NAMES)
        values = connection.execute(f"SELECT {shown} FROM everything ORDER BY n".encode()).fetchall()
        printed = dict(zip(NAMES, map(list, zip(*values, strict=True)), strict=True))
        schema = source.stream("everything").schema
        assert schema is not None
        yield TableOrigin(printed, schema, source, connection)


class _RowsSource(SourceConnector):
    """Yields rows of some of the columns."""

    names: list[str] = []

    def extract(self, last_run: Any = None) -> Iterator[Row]:
        for number in range(1 + max(len(column.values) for column in PYTHON_COLUMNS)):
            columns = {name: PYTHON_NAMES[name].values for name in self.names}
            yield Row(
                n=number, **{name: RowsOrigin.value(values, number) for name, values in columns.items()}
            )


class RowsOrigin:
    """A source of rows with values of all types."""

    @staticmethod
    def value(values: tuple[Any, ...], row: int) -> Any:
        """A column's value in a row, the first of which is row 0."""
        return values[row] if row < len(values) else None

    def values(self, name: str) -> list[Any]:
        """A column's values, rows in order."""
        rows = 1 + max(len(column.values) for column in PYTHON_COLUMNS)
        return [self.value(PYTHON_NAMES[name].values, row) for row in range(rows)]

    def arrow_type(self, name: str) -> pa.DataType | None:
        """A column's type in Arrow; ``None`` if it has none."""
        try:
            return (
                RowBatcher("rows")
                .convert([{name: value} for value in self.values(name)])
                .schema.field(0)
                .type
            )
        except AcmeError:
            return None

    def into(self, target: Target) -> Sync:
        """Return what syncs some of the columns."""

        def sync(names: list[str], table: str) -> Refusal | None:
            with open_connector(_RowsSource, {}) as source:
                source.names = names
                error = _error(source, target, None, table)
            return error and Refusal(error, 0)

        return sync


def _error(source: SourceConnector, target: Target, stream: str | None, table: str) -> AcmeError | None:
    try:
        sync_stream(source, target.connector, StreamPlan("types", stream, table))
    except AcmeError as error:
        return error
    return None

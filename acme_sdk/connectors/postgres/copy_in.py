"""Rows on their way into a table by ``COPY … FROM STDIN``."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.copy_out import SIGNATURE, TRAILER
from acme_sdk.connectors.postgres.identifiers import TableName, columns

__all__ = ["copy_binary", "copy_csv"]

# No flags, and nothing between header and rows.
_HEADER = SIGNATURE + bytes(8)


def copy_csv(connection: Connection, table: TableName, names: Iterable[str], rows: bytes) -> None:
    """Add rows in the form of CSV.

    Args:
        connection: Where the table is.
        table: The table.
        names: Its columns that the rows have; none for rows without columns.
        rows: The rows.
    """
    _copy(connection, table, names, "csv", rows)


def copy_binary(connection: Connection, table: TableName, names: Iterable[str], rows: bytes) -> None:
    """Add rows in Postgres's binary form, without header and trailer; otherwise as `copy_csv`."""
    _copy(connection, table, names, "binary", _HEADER, rows, TRAILER)


def _copy(connection: Connection, table: TableName, names: Iterable[str], form: str, *parts: bytes) -> None:
    # A list of columns may not be empty.
    listed = sql.SQL("({})").format(columns(names)) if names else sql.SQL("")
    statement = sql.SQL("COPY {} {} FROM STDIN (FORMAT {})").format(table.sql, listed, sql.SQL(form))
    with connection.cursor().copy(statement) as target:
        for part in parts:
            target.write(part)

"""Rows on their way into a table by ``COPY … FROM STDIN``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.copy_out import SIGNATURE, TRAILER
from acme_sdk.connectors.postgres.identifiers import TableName, columns

__all__ = ["copy_binary", "copy_converted", "copy_csv"]

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


def copy_converted(
    connection: Connection, table: TableName, types: Mapping[str, str], wire_types: Sequence[str], rows: bytes
) -> None:
    """Add rows some of whose columns are there as what Postgres prints, for it to read.

    Args:
        connection: In autocommit mode.
        table: The table.
        types: Its columns that the rows have, and their types as the server prints them.
        wire_types: The types in whose binary form the columns are there: the table's, or ``text``.
        rows: The rows, otherwise as in `copy_binary`.
    """
    passing = TableName(table.schema, f"{table.name}_t")
    held = sql.SQL(", ").join(
        sql.SQL("{} pg_catalog.{}").format(sql.Identifier(name), sql.Identifier(kind))
        for name, kind in zip(types, wire_types, strict=True)
    )
    read = sql.SQL(", ").join(
        sql.SQL("CAST({} AS {})").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types.items()
    )
    insert = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}")
    # Of a table that one transaction makes and drops, nothing can be left over.
    with connection.transaction():
        connection.execute(sql.SQL("CREATE UNLOGGED TABLE {} ({})").format(passing.sql, held))
        copy_binary(connection, passing, types, rows)
        connection.execute(insert.format(table.sql, columns(types), read, passing.sql))
        connection.execute(sql.SQL("DROP TABLE {}").format(passing.sql))


def _copy(connection: Connection, table: TableName, names: Iterable[str], form: str, *parts: bytes) -> None:
    # A list of columns may not be empty.
    listed = sql.SQL("({})").format(columns(names)) if names else sql.SQL("")
    statement = sql.SQL("COPY {} {} FROM STDIN (FORMAT {})").format(table.sql, listed, sql.SQL(form))
    with connection.cursor().copy(statement) as target:
        for part in parts:
            target.write(part)

"""Tables of our own, for staged rows and for full refreshes: what is done to them alike, and their schema."""

from __future__ import annotations

from psycopg import sql

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.identifiers import TableName

__all__ = ["create_schema", "drop_tables", "retype_if_empty"]


def create_schema(connection: Connection, schema: str) -> None:
    """Make a schema, if there is none."""
    # Asked first, because CREATE SCHEMA IF NOT EXISTS needs the right to create even where nothing is to do.
    query = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s"
    if connection.execute(query, (schema,)).fetchone() is None:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))


def drop_tables(connection: Connection, schema: str, prefix: str, keep: str | None = None) -> None:
    """Remove the tables whose names begin with a prefix, but for one."""
    query = """
        SELECT c.relname FROM pg_catalog.pg_class c
         WHERE c.relnamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(%s))
           AND c.relkind = 'r' AND pg_catalog.starts_with(c.relname, %s)
    """
    for (name,) in connection.execute(query, (schema, prefix)).fetchall():
        if name != keep:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(TableName(schema, name).sql))


def retype_if_empty(connection: Connection, table: TableName, name: str, kind: str) -> bool:
    """Give a column another type if it has no values, and tell whether that was so.

    Args:
        connection: Where the table is.
        table: The table.
        name: The column.
        kind: The type as the server prints it.
    """
    column = sql.Identifier(name)
    query = sql.SQL("SELECT 1 FROM {} WHERE {} IS NOT NULL LIMIT 1").format(table.sql, column)
    if connection.execute(query).fetchone():
        return False
    # To make it anew writes no row, unlike ALTER COLUMN.
    statement = sql.SQL("ALTER TABLE {} DROP COLUMN {}, ADD COLUMN {} {}")
    connection.execute(statement.format(table.sql, column, column, sql.SQL(kind)))
    return True

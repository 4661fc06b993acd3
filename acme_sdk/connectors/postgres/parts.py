"""Parts of a large table, which several connections read side by side as of one moment."""

from __future__ import annotations

from itertools import pairwise

from psycopg import sql

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.identifiers import TableName

__all__ = ["begin_reading", "parts_of", "shared_moment"]

# What one statement reads: 16 MiB. Small enough for all connections to end at about the same time.
_PAGES = 2048
# For less, 64 MiB, another connection is not worth its making.
_LEAST_PAGES = 4 * _PAGES

# A scan of a range of pages reads these and no others, from Postgres 14 on.
_FIRST_VERSION = 140000

_SIZE = """
    SELECT pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_am a ON a.oid = c.relam
     WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'r' AND a.amname = 'heap'
       AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
"""


def begin_reading(connection: Connection, moment: str | None = None) -> None:
    """Begin a transaction that sees one moment, and changes nothing.

    Args:
        connection: In autocommit mode.
        moment: The name of another transaction's, from `shared_moment`.

    Raises:
        psycopg.Error: There is no such moment: it is another server, a replica perhaps.
    """
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    if moment is not None:
        connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(moment)))


def shared_moment(connection: Connection) -> str:
    """Return the name of the moment that a transaction of `begin_reading` sees, good until it ends."""
    [[moment]] = connection.execute("SELECT pg_catalog.pg_export_snapshot()").fetchall()
    return str(moment)


def parts_of(connection: Connection, table: TableName) -> list[sql.Composable]:
    """Return ``WHERE`` clauses each of which finds other rows of a table, and all of them together all rows.

    There are none for what is small, or cannot be read in parts: a view, say.

    Args:
        connection: In a transaction of `begin_reading`, which from then on keeps the rows where they are.
        table: What is read.
    """
    if connection.info.server_version < _FIRST_VERSION:
        return []
    # Until the transaction ends, nobody can move the rows to other pages.
    connection.execute(sql.SQL("SELECT FROM {} LIMIT 0").format(table.sql))
    row = connection.execute(_SIZE, (table.schema, table.name)).fetchone()
    pages = int(row[0]) if row else 0
    if pages < _LEAST_PAGES:
        return []
    # Tables that inherit from this one are read with it, and may have more pages: the last part is open.
    edges = [sql.Literal(f"({start},0)") for start in range(_PAGES, pages, _PAGES)]
    below, above = sql.SQL("WHERE ctid < {}::tid"), sql.SQL("WHERE ctid >= {}::tid")
    both = sql.SQL("WHERE ctid >= {}::tid AND ctid < {}::tid")
    between = [both.format(low, high) for low, high in pairwise(edges)]
    return [below.format(edges[0]), *between, above.format(edges[-1])]

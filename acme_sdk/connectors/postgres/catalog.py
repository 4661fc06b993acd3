"""Reading a database's catalog: its tables and views, their columns and keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.identifiers import OWN_PREFIX, TableName
from acme_sdk.connectors.postgres.types import PostgresType, arrow_field

__all__ = ["Relation", "count_tables", "find_relation", "readable_relations"]

# A domain counts as the type below it; a domain on a domain stays as it is. A table without columns is a
# table, too.
_RELATIONS = """
    SELECT n.nspname, c.relname,
        (SELECT pg_catalog.array_agg(k.attname::text
                    ORDER BY pg_catalog.array_position(i.indkey::int2[], k.attnum))
           FROM pg_catalog.pg_index i
           JOIN pg_catalog.pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey)
          WHERE i.indrelid = c.oid AND i.indisprimary),
        c.relkind = 'p' OR NOT c.relhassubclass,
        a.attname,
        a.attnotnull,
        CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname ELSE '' END,
        pg_catalog.format_type(t.oid, -1),
        CASE WHEN d.typtype = 'd' THEN d.typtypmod ELSE a.atttypmod END,
        t.typtype = 'e'
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_type d ON d.oid = a.atttypid
      LEFT JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN d.typtype = 'd' THEN d.typbasetype ELSE d.oid END
     WHERE c.relkind IN ('r', 'p', 'v', 'm') AND {condition}
     ORDER BY n.nspname, c.relname, a.attnum
"""

# Of a partitioned table only the whole is a stream: its partitions hold the same rows.
_READABLE = """
    NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT pg_catalog.starts_with(c.relname, %s)
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
"""

_COUNT = f"""
    SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE {_READABLE} AND c.relkind IN ('r', 'p')
"""  # noqa: S608 - constants only


@dataclass(frozen=True)
class Relation:
    """A table or view.

    Attributes:
        table: Its schema and name.
        schema: Its columns as an Arrow schema.
        types: Column names to Postgres types, as the catalog prints them.
        primary_key: The columns of its primary key.
        is_unique: Whether no two rows have the same key. Tables that inherit from this one, and are read with
            it, may have some of its keys, too.
    """

    table: TableName
    schema: pa.Schema
    types: dict[str, PostgresType]
    primary_key: tuple[str, ...]
    is_unique: bool


def readable_relations(connection: Connection) -> list[Relation]:
    """Return all tables and views that the user may read, but for the server's own and ours."""
    return list(_relations(connection, _READABLE, (OWN_PREFIX,)))


def find_relation(connection: Connection, name: str, default_schema: str) -> Relation | None:
    """Return the table or view of a name, readable or not, or ``None``.

    Args:
        connection: Where to look.
        name: ``table`` for one in the default schema, otherwise ``schema.table``. Either part may have dots.
        default_schema: The schema whose tables need no prefix.
    """
    candidates = [(default_schema, name)]
    candidates += [(name[:i], name[i + 1 :]) for i, character in enumerate(name) if character == "."]
    for schema, table in candidates:
        condition = "n.nspname = %s AND c.relname = %s"
        if found := list(_relations(connection, condition, (schema, table))):
            return found[0]
    return None


def count_tables(connection: Connection) -> int:
    """Return the number of tables that the user may read."""
    row = connection.execute(_COUNT.encode(), (OWN_PREFIX,)).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return int(row[0])


def _relations(connection: Connection, condition: str, parameters: tuple[str, ...]) -> Iterator[Relation]:
    rows = connection.execute(_RELATIONS.format(condition=condition).encode(), parameters).fetchall()
    for (schema, name), group in groupby(rows, key=lambda row: row[:2]):
        yield _relation(TableName(schema, name), list(group))


def _relation(table: TableName, rows: list[tuple[Any, ...]]) -> Relation:
    _, _, key, is_whole, *_ = rows[0]
    columns = [row[4:] for row in rows if row[4] is not None]
    types = {name: PostgresType(*parts) for name, _, *parts in columns}
    fields = [arrow_field(name, types[name], nullable=not required) for name, required, *_ in columns]
    return Relation(table, pa.schema(fields), types, tuple(key or ()), bool(key) and is_whole)

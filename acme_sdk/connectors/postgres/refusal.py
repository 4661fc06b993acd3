"""Which columns a target refuses rows for, where the server's message does not say."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import sql

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.errors import Spot
from acme_sdk.connectors.postgres.target import Rows, Target
from acme_sdk.errors import AcmeError

__all__ = ["refused"]

# Of a constraint, or of an index that is none.
_CONSTRAINED = """
    SELECT a.attname FROM pg_catalog.pg_attribute a
      JOIN pg_catalog.pg_class t ON t.oid = a.attrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
     WHERE n.nspname = %s AND t.relname = %s AND (
           a.attnum IN (SELECT pg_catalog.unnest(c.conkey) FROM pg_catalog.pg_constraint c
                         WHERE c.conrelid = t.oid AND c.conname = %s)
        OR a.attnum IN (SELECT pg_catalog.unnest(i.indkey::int2[]) FROM pg_catalog.pg_index i
                          JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                         WHERE i.indrelid = t.oid AND x.relname = %s))
     ORDER BY a.attnum
"""


def refused(connection: Connection, tables: Callable[[], tuple[Rows, Target]], error: psycopg.Error) -> Spot:
    """Return the columns because of which a target does not take rows, as far as that can be found out.

    Args:
        connection: In autocommit mode.
        tables: Returns where the rows are, and the target.
        error: What the server said.
    """
    told, diag = Spot.of(error), error.diag
    with suppress(psycopg.Error, AcmeError):  # the columns are not worth another error
        if diag.table_name and diag.constraint_name:
            return Spot(_constrained(connection, diag))
        if not told.columns and (error.sqlstate or "").startswith("22"):
            return Spot(_unfit(connection, error, *tables()))
    return told


def _constrained(connection: Connection, diag: psycopg.errors.Diagnostic) -> tuple[str, ...]:
    name = diag.constraint_name
    found = connection.execute(_CONSTRAINED, (diag.schema_name, diag.table_name, name, name))
    return tuple(column for (column,) in found)


def _unfit(connection: Connection, error: psycopg.Error, rows: Rows, target: Target) -> tuple[str, ...]:
    """The column whose values its type refuses: put into a table that has but this one, they fail again."""
    probe = sql.SQL("CREATE TEMP TABLE _acme_probe AS SELECT {} FROM {} LIMIT 0")
    fill = sql.SQL("INSERT INTO _acme_probe SELECT {} FROM {}")
    for name, kind in rows.types.items():
        if target.types.get(name, kind) == kind:
            continue
        column = sql.Identifier(name)
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(probe.format(column, target.table.sql))
                connection.execute(fill.format(column, rows.table.sql))
        except psycopg.Error as again:
            if again.sqlstate == error.sqlstate:
                return (name,)
            raise
    return ()

"""The table ``_acme_checkpoints``: how far each stream has come, committed together with its rows."""

from __future__ import annotations

from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from acme_sdk.connectors.postgres.connection import Connection
from acme_sdk.connectors.postgres.identifiers import OWN_PREFIX, TableName, advisory_key
from acme_sdk.load import StreamState

__all__ = ["delete_checkpoint", "kept_streams", "read_checkpoint", "read_refresh", "store_checkpoint"]

# Beside the checkpoint's own fields.
_REFRESH = "refresh"
# Stands for NUL, which the name of a stream or a column may have, and no text in Postgres: a character that
# nobody uses.
_NUL = "\ue000"


def read_checkpoint(connection: Connection, schema: str, pipeline: str, stream: str) -> StreamState | None:
    """Return the checkpoint of a stream, or ``None`` when it never had one."""
    found = _read(connection, schema, pipeline, stream)
    return StreamState.from_json({k: v for k, v in found.items() if k != _REFRESH}) if found else None


def read_refresh(connection: Connection, schema: str, pipeline: str, stream: str) -> str | None:
    """Return the full refresh of a stream that has begun to gather rows, and has not ended."""
    return (_read(connection, schema, pipeline, stream) or {}).get(_REFRESH)


def store_checkpoint(
    connection: Connection, schema: str, checkpoint: StreamState, refresh: str | None = None
) -> None:
    """Store a checkpoint in the present transaction; the table is made with the first one.

    Args:
        connection: The connection whose transaction it is.
        schema: The destination's.
        checkpoint: The checkpoint.
        refresh: The full refresh whose rows there is a table for now, if there is.
    """
    table = _table(schema)
    if not _exists(connection, schema):
        _create(connection, table)
    statement = sql.SQL(
        "INSERT INTO {} (pipeline, stream, checkpoint) VALUES (%s, %s, %s) ON CONFLICT (pipeline, stream)"
        " DO UPDATE SET checkpoint = EXCLUDED.checkpoint, stored_at = EXCLUDED.stored_at"
    ).format(table.sql)
    stored = checkpoint.to_json() | ({_REFRESH: refresh} if refresh else {})
    document = Jsonb(_replaced(stored, "\0", _NUL))
    connection.execute(statement, (*_key(checkpoint.pipeline, checkpoint.stream), document))


def delete_checkpoint(connection: Connection, schema: str, pipeline: str, stream: str) -> None:
    """Remove a stream's checkpoint, if it has one, in the present transaction."""
    if _exists(connection, schema):
        statement = sql.SQL("DELETE FROM {} WHERE pipeline = %s AND stream = %s").format(_table(schema).sql)
        connection.execute(statement, _key(pipeline, stream))


def kept_streams(connection: Connection, schema: str) -> list[tuple[str, str]]:
    """Return the pipeline and the name of each stream that has a checkpoint."""
    if not _exists(connection, schema):
        return []
    query = sql.SQL("SELECT pipeline, stream FROM {}").format(_table(schema).sql)
    return [(pipeline, stream.replace(_NUL, "\0")) for pipeline, stream in connection.execute(query)]


def _read(connection: Connection, schema: str, pipeline: str, stream: str) -> dict[str, Any] | None:
    if not _exists(connection, schema):
        return None
    query = sql.SQL("SELECT checkpoint FROM {} WHERE pipeline = %s AND stream = %s").format(
        _table(schema).sql
    )
    row = connection.execute(query, _key(pipeline, stream)).fetchone()
    return dict(_replaced(row[0], _NUL, "\0")) if row else None


def _key(pipeline: str, stream: str) -> tuple[str, str]:
    """Return what the table has in the columns of its key."""
    return pipeline, stream.replace("\0", _NUL)


def _replaced(value: Any, old: str, new: str) -> Any:
    """Replace a character in all texts of a JSON-like value."""
    match value:
        case str():
            return value.replace(old, new)
        case list() | tuple():
            return [_replaced(item, old, new) for item in value]
        case dict():
            return {_replaced(key, old, new): _replaced(item, old, new) for key, item in value.items()}
    return value


def _create(connection: Connection, table: TableName) -> None:
    # Two first loads at once: IF NOT EXISTS alone does not keep them from making the table twice.
    connection.execute(
        "SELECT pg_catalog.pg_advisory_xact_lock(%s)", (advisory_key("checkpoints", table.schema),)
    )
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (pipeline text, stream text, checkpoint jsonb NOT NULL,"
            " stored_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (pipeline, stream))"
        ).format(table.sql)
    )


def _table(schema: str) -> TableName:
    return TableName(schema, OWN_PREFIX + "checkpoints")


def _exists(connection: Connection, schema: str) -> bool:
    # Asked first, because CREATE TABLE IF NOT EXISTS needs the right to create even where nothing is to do.
    query = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = %s"
    return connection.execute(query, (schema, _table(schema).name)).fetchone() is not None

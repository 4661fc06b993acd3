"""Checkpoints: one row per stream of a pipeline, in a table beside the data."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from acme_sdk.connectors.duckdb.database import quoted
from acme_sdk.load import StreamState

__all__ = [
    "create_checkpoints",
    "delete_checkpoint",
    "kept_streams",
    "read_checkpoint",
    "read_refresh",
    "store_checkpoint",
]

TABLE = "_acme_checkpoints"
# Beside the checkpoint's own fields.
_REFRESH = "refresh"


def create_checkpoints(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Make the table if there is none."""
    table = quoted(schema, TABLE)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {table} (pipeline VARCHAR, stream VARCHAR, checkpoint JSON)"
    )


def read_checkpoint(
    connection: duckdb.DuckDBPyConnection, schema: str, pipeline: str, stream: str
) -> StreamState | None:
    """Return a stream's checkpoint, or ``None``."""
    found = _read(connection, schema, pipeline, stream)
    return StreamState.from_json({k: v for k, v in found.items() if k != _REFRESH}) if found else None


def read_refresh(
    connection: duckdb.DuckDBPyConnection, schema: str, pipeline: str, stream: str
) -> str | None:
    """Return the full refresh of a stream that has begun to gather rows, and has not ended."""
    return (_read(connection, schema, pipeline, stream) or {}).get(_REFRESH)


def store_checkpoint(
    connection: duckdb.DuckDBPyConnection, schema: str, checkpoint: StreamState, refresh: str | None = None
) -> None:
    """Put a checkpoint in the place of the one before.

    Args:
        connection: In a transaction.
        schema: The destination's.
        checkpoint: The checkpoint.
        refresh: The full refresh whose rows there is a table for now, if there is.
    """
    table = quoted(schema, TABLE)
    stored = checkpoint.to_json() | ({_REFRESH: refresh} if refresh else {})
    delete_checkpoint(connection, schema, checkpoint.pipeline, checkpoint.stream)
    connection.execute(
        f"INSERT INTO {table} VALUES (?, ?, ?)",  # noqa: S608 - quoted
        [checkpoint.pipeline, checkpoint.stream, json.dumps(stored)],
    )


def delete_checkpoint(connection: duckdb.DuckDBPyConnection, schema: str, pipeline: str, stream: str) -> None:
    """Remove a stream's checkpoint, if it has one."""
    connection.execute(
        f"DELETE FROM {quoted(schema, TABLE)} WHERE pipeline = ? AND stream = ?",  # noqa: S608 - quoted
        [pipeline, stream],
    )


def kept_streams(connection: duckdb.DuckDBPyConnection, schema: str) -> list[tuple[str, str]]:
    """Return the pipeline and the name of each stream that has a checkpoint."""
    try:
        return connection.execute(f"SELECT pipeline, stream FROM {quoted(schema, TABLE)}").fetchall()  # noqa: S608 - quoted
    except duckdb.CatalogException:
        return []


def _read(
    connection: duckdb.DuckDBPyConnection, schema: str, pipeline: str, stream: str
) -> dict[str, Any] | None:
    try:
        row = connection.execute(
            f"SELECT checkpoint FROM {quoted(schema, TABLE)} WHERE pipeline = ? AND stream = ?",  # noqa: S608 - quoted
            [pipeline, stream],
        ).fetchone()
    except duckdb.CatalogException:
        return None
    return dict(json.loads(row[0])) if row else None

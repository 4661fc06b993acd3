"""Checkpoints: one row per stream of a pipeline, in a table beside the data."""

from __future__ import annotations

import json

import duckdb

from acme_sdk.connectors.duckdb.database import quoted
from acme_sdk.load import StreamState

__all__ = ["create_checkpoints", "read_checkpoint", "store_checkpoint"]

TABLE = "_acme_checkpoints"


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
    try:
        row = connection.execute(
            f"SELECT checkpoint FROM {quoted(schema, TABLE)} WHERE pipeline = ? AND stream = ?",  # noqa: S608 - quoted
            [pipeline, stream],
        ).fetchone()
    except duckdb.CatalogException:
        return None
    return StreamState.from_json(json.loads(row[0])) if row else None


def store_checkpoint(connection: duckdb.DuckDBPyConnection, schema: str, checkpoint: StreamState) -> None:
    """Put a checkpoint in the place of the one before."""
    table = quoted(schema, TABLE)
    connection.execute(
        f"DELETE FROM {table} WHERE pipeline = ? AND stream = ?",  # noqa: S608 - quoted
        [checkpoint.pipeline, checkpoint.stream],
    )
    connection.execute(
        f"INSERT INTO {table} VALUES (?, ?, ?)",  # noqa: S608 - quoted
        [checkpoint.pipeline, checkpoint.stream, json.dumps(checkpoint.to_json())],
    )

"""Checkpoints: one row per stream of a pipeline, in a table beside the data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from google.cloud.bigquery import TableReference

from acme_sdk.connectors.bigquery.names import quoted, table_sql, text_literal
from acme_sdk.connectors.bigquery.warehouse import Warehouse
from acme_sdk.errors import AcmeError
from acme_sdk.load import LoadPlan, StreamState

__all__ = [
    "StoredState",
    "checkpoint_sql",
    "checkpoints_table",
    "create_checkpoints",
    "create_row",
    "delete_checkpoint_sql",
    "expected_run_id",
    "kept_streams",
    "read_checkpoint",
    "run_id_sql",
]

_KEY = ("pipeline", "stream")
_JSON = ("progress", "details")
_VALUES = ("last_run", "cursor_field", "cursor", "run_id", *_JSON, "refresh")
_TYPES = dict.fromkeys((*_KEY, *_VALUES), "STRING") | {"last_run": "TIMESTAMP"}


@dataclass(frozen=True)
class StoredState:
    """What is stored for a stream.

    Attributes:
        state: The stream's state.
        refresh: The full refresh that has begun to gather rows, and has not ended.
    """

    state: StreamState
    refresh: str | None = None


def checkpoints_table(warehouse: Warehouse) -> TableReference:
    """Return the table of all checkpoints."""
    return warehouse.dataset.table("_acme_checkpoints")


def create_checkpoints(warehouse: Warehouse) -> None:
    """Make the table, unless it is there."""
    warehouse.create(checkpoints_table(warehouse), _TYPES)


def create_row(warehouse: Warehouse, pipeline: str, stream: str) -> None:
    """Make a stream's row, which is no checkpoint yet, unless there is one.

    Two transactions that only add rows do not conflict. So that two first loads of a stream do, each finds a
    row to change.
    """
    table = table_sql(checkpoints_table(warehouse))
    warehouse.run(
        f"INSERT INTO {table} (pipeline, stream)"  # noqa: S608 - quoted
        f" SELECT {text_literal(pipeline)}, {text_literal(stream)} FROM (SELECT 1)"
        f" WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {_is(pipeline, stream)})",
        f"checkpoint of {stream!r}",
    )


def read_checkpoint(warehouse: Warehouse, pipeline: str, stream: str) -> StoredState | None:
    """Return a stream's checkpoint, or ``None``."""
    rows = _select(warehouse, _columns(), f"{_is(pipeline, stream)} AND run_id IS NOT NULL")
    if not rows:
        return None
    values = dict(zip(_TYPES, rows[0], strict=True))
    values |= {name: json.loads(values[name]) for name in _JSON if values[name] is not None}
    if (values["cursor_field"] or "").startswith("["):
        values["cursor_field"] = tuple(json.loads(values["cursor_field"]))
    refresh = values.pop("refresh")
    return StoredState(StreamState(**values), refresh)


def kept_streams(warehouse: Warehouse) -> list[tuple[str, str]]:
    """Return the pipeline and the name of each stream that has a row, if only an empty one."""
    return [(pipeline, stream) for pipeline, stream in _select(warehouse, "pipeline, stream", "TRUE")]


def expected_run_id(plan: LoadPlan, stored: StoredState | None) -> str | None:
    """Return the run whose checkpoint must be there when a load is published; ``None`` if there must be none.

    Args:
        plan: The load's plan.
        stored: What is stored when the load begins.
    """
    if plan.follows is not None:
        return plan.follows or None
    return stored.state.run_id if stored else None


def run_id_sql(table: TableReference, pipeline: str, stream: str) -> str:
    """Return the SQL of the run that stored a stream's checkpoint: ``NULL`` if none did."""
    return f"(SELECT MAX(run_id) FROM {table_sql(table)} WHERE {_is(pipeline, stream)})"  # noqa: S608 - quoted


def checkpoint_sql(table: TableReference, checkpoint: StreamState, refresh: str | None = None) -> str:
    """Return the statement that stores a checkpoint in place of the stream's former one.

    Args:
        table: The table of checkpoints.
        checkpoint: The checkpoint.
        refresh: The full refresh whose rows there is a table for now, if there is.
    """
    stored = checkpoint.to_json() | {"refresh": refresh}
    stored |= {name: json.dumps(stored[name]) for name in _JSON if stored[name] is not None}
    if not isinstance(stored["cursor_field"], str | None):
        stored["cursor_field"] = json.dumps(stored["cursor_field"])  # several columns, and a field for a text
    values = {name: f"CAST({text_literal(stored[name])} AS {kind})" for name, kind in _TYPES.items()}
    source = ", ".join(f"{value} AS {quoted(name)}" for name, value in values.items())
    match = " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in _KEY)
    update = ", ".join(f"{quoted(name)} = s.{quoted(name)}" for name in _VALUES)
    insert = ", ".join(f"s.{quoted(name)}" for name in _TYPES)
    return (
        f"MERGE INTO {table_sql(table)} AS t USING (SELECT {source}) AS s ON {match}\n"  # noqa: S608 - quoted
        f"WHEN MATCHED THEN UPDATE SET {update}\n"
        f"WHEN NOT MATCHED THEN INSERT ({_columns()}) VALUES ({insert})"
    )


def delete_checkpoint_sql(table: TableReference, pipeline: str, stream: str) -> str:
    """Return the statement that removes a stream's checkpoint."""
    return f"DELETE FROM {table_sql(table)} WHERE {_is(pipeline, stream)}"  # noqa: S608 - quoted


def _select(warehouse: Warehouse, columns: str, condition: str) -> list[tuple[Any, ...]]:
    table = checkpoints_table(warehouse)
    sql = f"SELECT {columns} FROM {table_sql(table)} WHERE {condition}"  # noqa: S608 - quoted
    try:
        return warehouse.run(sql, f"table {table.table_id}")
    except AcmeError as error:
        if error.code == "table.missing":
            return []
        raise


def _columns() -> str:
    return ", ".join(quoted(name) for name in _TYPES)


def _is(pipeline: str, stream: str) -> str:
    return f"pipeline = {text_literal(pipeline)} AND stream = {text_literal(stream)}"

"""The health checks in Dagster's event log: the last one of each connector, and those that are new."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass

import sqlalchemy as sa
from dagster import DagsterEventType, EventLogEntry
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import deserialize_value

from acme_orchestration.instance.evaluation import CheckRecord, record_of
from acme_orchestration.naming import CHECK_NAME, check_key

__all__ = [
    "HistoryMark", "StoredCheck", "check_ids", "checks_of", "history_ids", "history_mark", "history_since",
    "last_checks",
]  # fmt: skip

#: What is another one after a connector's stored checks have changed.
HistoryMark = tuple[int, int, int]

_COMPLETED = (AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED)

# Ids are given before a transaction commits, so that a lower one may appear after a higher one: about as many
# events as may be stored meanwhile.
_UNSETTLED = 1000
# SQLite's oldest limit of parameters in a statement.
_AT_ONCE = 900


@dataclass(frozen=True)
class StoredCheck:
    """A health check and the number of its event: the higher one is the later one."""

    event_id: int
    record: CheckRecord


def last_checks(storage: SqlEventLogStorage, names: Set[str]) -> dict[str, StoredCheck]:
    """Return the last completed health check of each connector, by Dagster name.

    Dagster's own look-up of the latest rows answers with a planned check while one runs, and its
    summaries cost two statements for each check. No index tells which row of an asset is the last, so
    the end of the table is read first, where all are that have a heartbeat.
    """
    keys = {(key := check_key(name)).asset_key.to_string(): (name, key) for name in names}
    table = AssetCheckExecutionsTable
    end = sa.select(table).order_by(table.c.id.desc()).limit(4 * len(keys) + 1000).subquery()
    with storage.index_connection() as connection:
        newest = sa.select(end).where(_is_completed(end)).order_by(end.c.evaluation_event_storage_id)
        rows = connection.execute(newest).mappings()
        found = {row["asset_key"]: row for row in rows if row["asset_key"] in keys}
        if rest := keys.keys() - found.keys():
            last = (
                sa.select(sa.func.max(table.c.evaluation_event_storage_id))
                .where(table.c.asset_key.in_(rest), _is_completed(table))
                .group_by(table.c.asset_key)
            )
            older = sa.select(table).where(
                table.c.asset_key.in_(rest), table.c.evaluation_event_storage_id.in_(last)
            )
            found |= {row["asset_key"]: row for row in connection.execute(older).mappings()}
    checks: dict[str, StoredCheck] = {}
    for text, row in found.items():
        name, key = keys[text]
        record = _record(AssetCheckExecutionRecord.from_db_row(row, key=key))
        if record is not None:
            checks[name] = StoredCheck(row["evaluation_event_storage_id"], record)
    return checks


def check_ids(storage: SqlEventLogStorage) -> list[int]:
    """Return the ids of the newest check events, in ascending order, whatever is before them."""
    events = SqlEventLogStorageTable
    newest = (
        sa.select(events.c.id).where(_is_evaluation(events)).order_by(events.c.id.desc()).limit(_UNSETTLED)
    )
    with storage.index_connection() as connection:
        return sorted(connection.execute(newest).scalars())


def checks_of(storage: SqlEventLogStorage, ids: Collection[int]) -> dict[str, StoredCheck]:
    """Return the last health check of each connector among these events, by Dagster name."""
    events = SqlEventLogStorageTable
    ordered = sorted(ids)
    found: dict[str, StoredCheck] = {}
    if not ordered:
        return found
    with storage.index_connection() as connection:
        for start in range(0, len(ordered), _AT_ONCE):
            some = sa.select(events.c.id, events.c.event).where(
                events.c.id.in_(ordered[start : start + _AT_ONCE])
            )
            for event_id, text in connection.execute(some.order_by(events.c.id)):
                entry = deserialize_value(text, EventLogEntry)
                event = entry.dagster_event
                if event is None:
                    continue
                evaluation = event.asset_check_evaluation_data
                folder, *name = evaluation.asset_key.path
                if evaluation.check_name == CHECK_NAME and folder == "connectors" and len(name) == 1:
                    found[name[0]] = StoredCheck(event_id, record_of(evaluation, entry.timestamp))
    return found


def history_mark(storage: SqlEventLogStorage, name: str, limit: int) -> HistoryMark:
    """Return how many rows `history_ids` finds, the newest, and the sum of all: others after any change."""
    ids = _newest(name, limit).subquery().c.id
    with storage.index_connection() as connection:
        count, newest, total = connection.execute(
            sa.select(sa.func.count(), sa.func.max(ids), sa.func.sum(ids))
        ).one()
    return count, newest or 0, int(total or 0)


def history_ids(storage: SqlEventLogStorage, name: str, limit: int) -> list[int]:
    """Return the ids of the rows of a connector's last completed health checks, the newest first."""
    with storage.index_connection() as connection:
        return list(connection.execute(_newest(name, limit)).scalars())


def history_since(storage: SqlEventLogStorage, name: str, first: int) -> dict[int, CheckRecord]:
    """Return a connector's completed health checks by the ids of their rows, from one row on."""
    table, key = AssetCheckExecutionsTable, check_key(name)
    some = sa.select(table).where(_is_of(name), table.c.id >= first)
    with storage.index_connection() as connection:
        rows = connection.execute(some).mappings().all()
    found = {row["id"]: _record(AssetCheckExecutionRecord.from_db_row(row, key=key)) for row in rows}
    return {row: record for row, record in found.items() if record is not None}


def _newest(name: str, limit: int) -> sa.Select[int]:
    table = AssetCheckExecutionsTable
    return sa.select(table.c.id).where(_is_of(name)).order_by(table.c.id.desc()).limit(limit)


def _is_of(name: str) -> sa.ColumnElement[bool]:
    table = AssetCheckExecutionsTable
    return sa.and_(table.c.asset_key == check_key(name).asset_key.to_string(), _is_completed(table))


def _is_completed(table: sa.FromClause) -> sa.ColumnElement[bool]:
    statuses = [status.value for status in _COMPLETED]
    return sa.and_(table.c.check_name == CHECK_NAME, table.c.execution_status.in_(statuses))


def _is_evaluation(events: sa.FromClause) -> sa.ColumnElement[bool]:
    return events.c.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION.value


def _record(record: AssetCheckExecutionRecord) -> CheckRecord | None:
    if record.evaluation is None or record.event is None:
        return None
    return record_of(record.evaluation, record.event.timestamp)

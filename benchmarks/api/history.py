"""A Dagster instance in which many connectors were checked many times."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dagster import DagsterInstance
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable

from acme_orchestration.instance import CheckRecord
from acme_orchestration.instance.evaluation import evaluation_of
from acme_sdk.health import HealthReport, HealthStatus

__all__ = ["MONTH", "fill", "store"]

_HEARTBEAT_S = 1800
#: How many checks a quiet connector has stored in 30 days.
MONTH = 30 * 86400 // _HEARTBEAT_S
_AT_ONCE = 10_000


def store(instance: DagsterInstance, name: str, status: HealthStatus = HealthStatus.HEALTHY) -> None:
    """Store a check as the health sensor does."""
    now = datetime.now(UTC).replace(microsecond=0)
    report = HealthReport(status, latency_ms=12, server_version="PostgreSQL 15.2")
    instance.report_runless_asset_event(evaluation_of(name, CheckRecord(now, report, now)))


def fill(instance: DagsterInstance, checks: Mapping[str, int]) -> None:
    """Store checks of connectors, a heartbeat apart; only the last of each on Dagster's own way.

    Those before are copies of its rows, with other ids and times, since Dagster's own way takes milliseconds
    for each.

    Args:
        instance: One without checks, on SQLite or Postgres.
        checks: How many checks each connector has in the end.
    """
    for name in checks:
        store(instance, name)
    events, executions = SqlEventLogStorageTable, AssetCheckExecutionsTable
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined] # of SQL
        last = connection.execute(
            sa.select(executions, events)
            .join(events, events.c.id == executions.c.evaluation_event_storage_id)
            .order_by(executions.c.id)
            .set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)
        ).mappings()
        pairs = [(_part(row, executions), _part(row, events)) for row in last]
        # The last ones keep the highest ids.
        connection.execute(sa.delete(executions))
        connection.execute(sa.delete(events).where(events.c.id.in_(pair[1]["id"] for pair in pairs)))
        copies = _copies(pairs, list(checks.values()))
        while some := list(itertools.islice(copies, _AT_ONCE)):
            connection.execute(sa.insert(events), [event for _, event in some])
            connection.execute(sa.insert(executions), [execution for execution, _ in some])
        if connection.dialect.name == "postgresql":
            for table in (events, executions):
                highest = sa.select(sa.func.max(table.c.id)).scalar_subquery()
                sequence = sa.func.pg_get_serial_sequence(table.name, "id")
                connection.execute(sa.select(sa.func.setval(sequence, highest)))


def _part(row: sa.RowMapping, table: sa.Table) -> dict[str, Any]:
    return {column.name: row[f"{table.name}_{column.name}"] for column in table.c}


def _copies(
    pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]], counts: Sequence[int]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    number = max(pair[1]["id"] for pair in pairs)
    for age in range(max(counts) - 1, -1, -1):
        for (execution, event), count in zip(pairs, counts, strict=True):
            if age >= count:
                continue
            number += 1
            at = execution["evaluation_event_timestamp"]
            checked_at = float(int(at.replace(tzinfo=UTC).timestamp()))
            texts = (execution["evaluation_event"], event["event"])
            older = [text.replace(repr(checked_at), repr(checked_at - age * _HEARTBEAT_S)) for text in texts]
            yield (
                execution
                | {"id": number, "evaluation_event_storage_id": number, "evaluation_event": older[0]},
                event | {"id": number, "event": older[1]},
            )

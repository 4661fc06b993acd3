"""Reading the Dagster instance back: in which state each connector and pipeline is."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from dagster import DagsterError, DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from acme_orchestration.checks.evaluation import CHECK_NAME, CheckRecord, check_key, fault_report, record_of
from acme_orchestration.pipelines.state import PipelineState, pipeline_states
from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry, by_dagster_name
from acme_orchestration.sensors.cursor import HEALTH_SENSOR, read_cursor
from acme_sdk.errors import ConfigurationError
from acme_sdk.health import HealthReport, HealthStatus

__all__ = ["CheckRecord", "ConnectorState", "InstanceReader", "stale_after"]

#: A due check waits for the sensor's next tick, at most about this long.
TICK_SLACK = timedelta(seconds=30)

_COMPLETED = (AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED)


@dataclass(frozen=True)
class ConnectorState:
    """The state of a connector, as of now.

    Attributes:
        status: One of the five states.
        since: Since when it is in that state, in UTC; ``None`` where nobody knows.
        last_check: When it was checked last, in UTC; ``None`` for never.
        report: The last stored report; its numbers may be older than ``last_check``, since a check that finds
            nothing new is stored only now and then.
    """

    status: HealthStatus
    since: datetime | None = None
    last_check: datetime | None = None
    report: HealthReport | None = None


def stale_after(entry: ConnectorEntry) -> timedelta:
    """Return the age at which the last check of a connector no longer says anything about it.

    One and a half intervals, the time a check may take, and the time until the sensor's next tick.
    """
    return timedelta(seconds=1.5 * entry.check_interval_s + entry.check_timeout_s) + TICK_SLACK


class InstanceReader:
    """Reads health checks out of a Dagster instance.

    Args:
        instance: The instance; it stays the caller's.
    """

    def __init__(self, instance: DagsterInstance) -> None:
        self._instance = instance

    @classmethod
    def open(cls, dagster_home: Path | None = None) -> InstanceReader:
        """Open an instance for reading.

        Args:
            dagster_home: The folder that holds ``dagster.yaml``; by default what ``DAGSTER_HOME`` says.

        Raises:
            ConfigurationError: There is no such folder, or its ``dagster.yaml`` is wrong (code
                ``dagster.home``).
        """
        if dagster_home is not None and not dagster_home.is_dir():
            raise ConfigurationError(f"there is no folder {dagster_home}", code="dagster.home")
        try:
            instance = (
                DagsterInstance.from_config(str(dagster_home)) if dagster_home else DagsterInstance.get()
            )
        except DagsterError as error:
            raise ConfigurationError(
                f"the Dagster instance cannot be opened: {error}",
                code="dagster.home",
                hint="set DAGSTER_HOME to the folder that holds dagster.yaml, as an absolute path",
            ) from None
        return cls(instance)

    def states(
        self, entries: Collection[ConnectorEntry], now: datetime | None = None
    ) -> dict[str, ConnectorState]:
        """Return the state of each connector by its public name, with a fixed number of SQL statements.

        Args:
            entries: The connectors.
            now: The time to judge by, aware; the present by default.
        """
        now = now or datetime.now(UTC)
        latest = self.latest(entries)
        checked = self.checked()
        return {
            entry.name: _state(entry, latest.get(entry.name), checked.get(entry.name.replace("-", "_")), now)
            for entry in entries
        }

    def pipelines(
        self, entries: Collection[PipelineEntry], now: datetime | None = None
    ) -> dict[str, PipelineState]:
        """Return how each pipeline is doing by its public name, with a fixed number of SQL statements.

        Args:
            entries: The pipelines.
            now: The time to judge by, aware; the present by default.
        """
        return pipeline_states(self._instance, entries, now or datetime.now(UTC))

    def latest(self, entries: Collection[ConnectorEntry]) -> dict[str, CheckRecord]:
        """Return the last stored check by public name; one that is planned or running does not count."""
        names = {check_key(e.name): e.name for e in by_dagster_name(entries).values()}
        rows = self._latest_rows({key.asset_key.to_string() for key in names})
        found = {
            name: _record(AssetCheckExecutionRecord.from_db_row(row, key=key))
            for key, name in names.items()
            if (row := rows.get(key.asset_key.to_string())) is not None
        }
        return {name: record for name, record in found.items() if record is not None}

    def checked(self) -> dict[str, datetime]:
        """Return when the health sensors checked each connector last, by Dagster name."""
        times: dict[str, datetime] = {}
        for state in self._instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
            data = state.instigator_data
            if state.instigator_name == HEALTH_SENSOR and isinstance(data, SensorInstigatorData):
                for name, at in read_cursor(data.cursor).items():
                    times[name] = max(at, times.get(name, at))
        return times

    def history(self, name: str, limit: int = 20) -> list[CheckRecord]:
        """Return the last stored checks of a connector, newest first.

        Args:
            name: The connector's public name.
            limit: How many at most.
        """
        try:
            key = check_key(name)
        except ConfigurationError:
            return []  # Dagster cannot show a connector of such a name
        records = self._instance.event_log_storage.get_asset_check_execution_history(
            key, limit=limit, status=set(_COMPLETED)
        )
        found = [found for record in records if (found := _record(record)) is not None]
        return sorted(found, key=lambda record: record.at, reverse=True)

    def kept(self, key: str) -> str | None:
        """Return the text that `keep` stored under a key, or ``None``."""
        return self._instance.daemon_cursor_storage.get_cursor_values({key}).get(key)

    def keep(self, key: str, text: str) -> None:
        """Store a text in the instance, in place of the one under the same key."""
        # One key at a time: of several, SQLite's storage drops new ones beside known ones.
        self._instance.daemon_cursor_storage.set_cursor_values({key: text})

    def _latest_rows(self, asset_keys: Set[str]) -> dict[str, sa.RowMapping]:
        """Return the row of the last completed health check of each asset.

        Dagster's own look-up of the latest rows answers with a planned check while one runs, and its
        summaries cost two statements for each check. No index tells which row of an asset is the last, so
        the end of the table is read first, where all are that have a heartbeat.
        """
        storage = self._instance.event_log_storage
        assert isinstance(storage, SqlEventLogStorage)  # noqa: S101 - there is no other in the open-source Dagster
        table = AssetCheckExecutionsTable
        end = sa.select(table).order_by(table.c.id.desc()).limit(4 * len(asset_keys) + 1000).subquery()
        with storage.index_connection() as connection:
            newest = sa.select(end).where(_is_completed(end)).order_by(end.c.evaluation_event_storage_id)
            rows = connection.execute(newest).mappings()
            found = {row["asset_key"]: row for row in rows if row["asset_key"] in asset_keys}
            if rest := asset_keys - found.keys():
                last = (
                    sa.select(sa.func.max(table.c.evaluation_event_storage_id))
                    .where(table.c.asset_key.in_(rest), _is_completed(table))
                    .group_by(table.c.asset_key)
                )
                older = sa.select(table).where(
                    table.c.asset_key.in_(rest), table.c.evaluation_event_storage_id.in_(last)
                )
                found |= {row["asset_key"]: row for row in connection.execute(older).mappings()}
            return found


def _is_completed(table: sa.FromClause) -> sa.ColumnElement[bool]:
    statuses = [status.value for status in _COMPLETED]
    return sa.and_(table.c.check_name == CHECK_NAME, table.c.execution_status.in_(statuses))


def _record(record: AssetCheckExecutionRecord) -> CheckRecord | None:
    if record.evaluation is None or record.event is None:
        return None
    return record_of(record.evaluation, record.event.timestamp)


def _state(
    entry: ConnectorEntry, record: CheckRecord | None, checked: datetime | None, now: datetime
) -> ConnectorState:
    last_check = max((at for at in (checked, record.at if record else None) if at is not None), default=None)
    if entry.disabled:
        return ConnectorState(HealthStatus.DISABLED, last_check=last_check)
    if entry.fault is not None:
        return _broken(entry.fault, record, last_check)
    if record is None or last_check is None:
        return ConnectorState(HealthStatus.UNKNOWN, last_check=last_check)
    stale_from = last_check + stale_after(entry)
    if now > stale_from:
        return ConnectorState(HealthStatus.UNKNOWN, stale_from, last_check, record.report)
    return ConnectorState(record.report.status, record.since, last_check, record.report)


def _broken(fault: str, record: CheckRecord | None, last_check: datetime | None) -> ConnectorState:
    """The state of an entry with a fault: that of its check, if the check found the same fault."""
    if record is not None and record.report.message == fault:
        return ConnectorState(record.report.status, record.since, last_check, record.report)
    return ConnectorState(HealthStatus.UNHEALTHY, report=fault_report(fault))

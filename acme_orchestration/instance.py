"""Reading the Dagster instance back: in which state each connector and pipeline is."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import DagsterError, DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from acme_orchestration.checks.evaluation import CheckRecord, fault_report
from acme_orchestration.checks.stored import (
    StoredCheck,
    check_ids,
    checks_of,
    history_ids,
    history_since,
    last_checks,
)
from acme_orchestration.pipelines.state import PipelineState, pipeline_states
from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry, by_dagster_name, translated
from acme_orchestration.sensors.cursor import HEALTH_SENSOR, read_cursor
from acme_sdk.errors import ConfigurationError
from acme_sdk.health import HealthReport, HealthStatus

__all__ = [
    "CheckRecord",
    "ConnectorState",
    "InstanceReader",
    "RunState",
    "StoredCheck",
    "checked_times",
    "connector_state",
    "stale_after",
]

#: A due check waits for the sensor's next tick, at most about this long.
TICK_SLACK = timedelta(seconds=30)


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


@dataclass(frozen=True)
class RunState:
    """How far a run is.

    Attributes:
        job: The job's name.
        status: As Dagster calls it, e.g. ``STARTED``.
        created_at: When it was asked for, in UTC.
        started_at: When it began, or ``None``.
        ended_at: When it ended, or ``None``.
    """

    job: str
    status: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


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
            entry.name: connector_state(
                entry, latest.get(entry.name), checked.get(translated(entry.name)), now
            )
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
        shown = by_dagster_name(entries)
        found = self.last_checks(shown.keys())
        return {shown[name].name: check.record for name, check in found.items()}

    def last_checks(self, names: Set[str]) -> dict[str, StoredCheck]:
        """Return the last stored check of each connector, both by Dagster name; see `latest`."""
        return last_checks(self._event_log(), names)

    def check_ids(self) -> list[int]:
        """Return the ids of the newest 1,000 check events, in ascending order, whatever is before them."""
        return check_ids(self._event_log())

    def checks_of(self, ids: Collection[int]) -> dict[str, StoredCheck]:
        """Return the last stored check of each connector among these events, by Dagster name."""
        return checks_of(self._event_log(), ids)

    def checked(self) -> dict[str, datetime]:
        """Return when the health sensors checked each connector last, by Dagster name."""
        return checked_times(self.sensor_cursors())

    def sensor_cursors(self) -> list[str | None]:
        """Return the cursors of the health sensors, which change with each round of checks."""
        return [
            state.instigator_data.cursor
            for state in self._instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
            if state.instigator_name == HEALTH_SENSOR
            and isinstance(state.instigator_data, SensorInstigatorData)
        ]

    def history(self, name: str, limit: int = 20) -> list[CheckRecord]:
        """Return the last stored checks of a connector, newest first.

        Args:
            name: The connector's public name.
            limit: How many at most.
        """
        ids = self.history_ids(name, limit)
        records = self.history_since(name, ids[-1]).values() if ids else ()
        return sorted(records, key=lambda record: record.at, reverse=True)[:limit]

    def history_ids(self, name: str, limit: int) -> list[int]:
        """Return the ids of the rows of a connector's last stored checks, the newest first."""
        try:
            return history_ids(self._event_log(), name, limit)
        except ConfigurationError:
            return []  # Dagster cannot show a connector of such a name

    def history_since(self, name: str, first: int) -> dict[int, CheckRecord]:
        """Return a connector's stored checks by the ids of their rows, from one row on."""
        return history_since(self._event_log(), name, first)

    def run(self, run_id: str) -> RunState | None:
        """Return how far a run is, or ``None`` if there is none of this id."""
        record = self._instance.get_run_record_by_id(run_id)
        if record is None:
            return None
        return RunState(
            job=record.dagster_run.job_name,
            status=record.dagster_run.status.value,
            created_at=record.create_timestamp,
            started_at=_time(record.start_time),
            ended_at=_time(record.end_time),
        )

    def kept(self, key: str) -> str | None:
        """Return the text that `keep` stored under a key, or ``None``."""
        return self._instance.daemon_cursor_storage.get_cursor_values({key}).get(key)

    def keep(self, key: str, text: str) -> None:
        """Store a text in the instance, in place of the one under the same key."""
        # One key at a time: of several, SQLite's storage drops new ones beside known ones.
        self._instance.daemon_cursor_storage.set_cursor_values({key: text})

    def _event_log(self) -> SqlEventLogStorage:
        storage = self._instance.event_log_storage
        assert isinstance(storage, SqlEventLogStorage)  # noqa: S101 - there is no other in the open-source Dagster
        return storage


def checked_times(cursors: Sequence[str | None]) -> dict[str, datetime]:
    """Return when each connector was checked last, by Dagster name, as the cursors of health sensors say."""
    times: dict[str, datetime] = {}
    for cursor in cursors:
        for name, at in read_cursor(cursor).items():
            times[name] = max(at, times.get(name, at))
    return times


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def connector_state(
    entry: ConnectorEntry, record: CheckRecord | None, checked: datetime | None, now: datetime
) -> ConnectorState:
    """Return the state of a connector.

    Args:
        entry: The connector.
        record: Its last stored check.
        checked: When a health sensor checked it last, stored or not.
        now: The time to judge by, aware.
    """
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

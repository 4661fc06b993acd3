"""The sensor that keeps the health of every connector up to date."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SensorResult, sensor

from acme_orchestration.checks.evaluation import CheckRecord, evaluation_of, fault_report, next_record
from acme_orchestration.instance import InstanceReader
from acme_orchestration.registry.current import CurrentWorkspace
from acme_orchestration.registry.entries import ConnectorEntry, by_dagster_name
from acme_orchestration.registry.workspace import Workspace
from acme_orchestration.sensors.cursor import HEALTH_SENSOR, read_cursor, write_cursor
from acme_sdk.health import HealthReport, HealthStatus
from acme_sdk.probe import Probe, run_probes

__all__ = ["HEARTBEAT", "health_sensor"]

#: A state that does not change is stored again after this time.
HEARTBEAT = timedelta(minutes=30)

# Dagster ends a tick after 60 seconds. What is begun before these limits ends at most 30 seconds later: ten
# that an import may take, and the longest that a connector's check_timeout_s may be.
_PROBE_UNTIL_S = 20.0
_RETRY_UNTIL_S = 30.0

_WORKING = (HealthStatus.HEALTHY, HealthStatus.DEGRADED)


def health_sensor(current: CurrentWorkspace) -> SensorDefinition:
    """Return the sensor that checks the connectors which are due, the most overdue first.

    It requires no resource: one that cannot be set up would stop the checks of all others.

    Args:
        current: Asked at each tick, so that a connector is checked as soon as it is registered; disabled
            ones are not.
    """
    interval_s = min([30, *(entry.check_interval_s for entry in _enabled(current.read()).values())])

    @sensor(
        name=HEALTH_SENSOR,
        description="Checks the connectors that are due; stores each change of state, and a heartbeat.",
        minimum_interval_seconds=interval_s,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def connector_health(context: SensorEvaluationContext) -> SensorResult:
        workspace = current.read()
        entries = _enabled(workspace)
        checked = {key: at for key, at in read_cursor(context.cursor).items() if key in entries}
        previous = InstanceReader(context.instance).latest(entries.values())
        due = _due(entries, checked, datetime.now(UTC) + timedelta(seconds=interval_s / 2))
        events = []
        for key, report in _reports(due, previous, workspace.folder):
            name, now = entries[key].name, datetime.now(UTC)
            record = next_record(report, now, previous.get(name))
            checked[key] = now
            if _worth_storing(record, previous.get(name)):
                events.append(evaluation_of(name, record))
        return SensorResult(
            asset_events=events,
            cursor=write_cursor(checked),
            skip_reason=f"{len(due)} of {len(entries)} connectors were due, {len(events)} results are stored",
        )

    return connector_health


def _enabled(workspace: Workspace) -> dict[str, ConnectorEntry]:
    shown = by_dagster_name(workspace.connectors.values())
    return {key: entry for key, entry in shown.items() if not entry.disabled}


def _due(
    entries: Mapping[str, ConnectorEntry], checked: Mapping[str, datetime], at: datetime
) -> dict[str, ConnectorEntry]:
    """Return the entries that are due: those never checked, then the most overdue first."""
    overdue: dict[str, timedelta] = {}
    for key, entry in entries.items():
        last = checked.get(key)
        # A time that lies ahead is from before the clock was set back.
        if last is None or last > at:
            overdue[key] = timedelta.max
        else:
            overdue[key] = at - last - timedelta(seconds=entry.check_interval_s)
    due = sorted(
        (key for key in entries if overdue[key] >= timedelta()), key=overdue.__getitem__, reverse=True
    )
    return {key: entries[key] for key in due}


def _reports(
    due: Mapping[str, ConnectorEntry], previous: Mapping[str, CheckRecord], folder: Path | None
) -> Iterator[tuple[str, HealthReport]]:
    """Check the connectors that are due, as far as the time of a tick reaches; the rest stay due.

    What worked so far and fails now is tried once more, if there is time, before it counts.
    """
    started = time.monotonic()
    for key, entry in due.items():
        if entry.fault is not None:
            yield key, fault_report(entry.fault)
    sound = {key: entry for key, entry in due.items() if entry.fault is None}
    doubtful: dict[str, HealthReport] = {}
    for key, report in _probe(sound, folder, started + _PROBE_UNTIL_S):
        before = previous.get(sound[key].name)
        worked = before is not None and before.report.status in _WORKING
        if worked and report.status is HealthStatus.UNHEALTHY:
            doubtful[key] = report
        else:
            yield key, report
    again = {key: sound[key] for key in doubtful}
    yield from (doubtful | dict(_probe(again, folder, started + _RETRY_UNTIL_S))).items()


def _probe(
    entries: Mapping[str, ConnectorEntry], folder: Path | None, until: float
) -> Iterator[tuple[str, HealthReport]]:
    """Ask the connectors side by side, those of one deadline together, until the clock says to stop."""
    groups: dict[float, list[Probe]] = {}
    for key, entry in entries.items():
        probe = Probe(key, entry.type, entry.role, entry.config, folder=str(folder) if folder else None)
        groups.setdefault(entry.check_timeout_s, []).append(probe)
    for timeout_s, probes in groups.items():
        if time.monotonic() >= until:
            return
        with closing(run_probes(probes, timeout=timeout_s)) as results:
            for result in results:
                yield result.name, result.report
                if time.monotonic() >= until:
                    return


def _worth_storing(record: CheckRecord, previous: CheckRecord | None) -> bool:
    if previous is None:
        return True
    before, after = previous.report, record.report
    changed = (before.status, before.code) != (after.status, after.code)
    return changed or not timedelta() <= record.at - previous.at < HEARTBEAT

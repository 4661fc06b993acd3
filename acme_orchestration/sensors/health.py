"""The sensor that keeps the health of every connector up to date."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import (
    AssetCheckEvaluation,
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from acme_orchestration.checks.thresholds import checks_needed, works
from acme_orchestration.instance import InstanceReader, stale_after
from acme_orchestration.instance.cursor import HEALTH_SENSOR, read_cursor, read_doubts, write_cursor
from acme_orchestration.instance.evaluation import CheckRecord, evaluation_of, next_record
from acme_orchestration.registry.entries import ConnectorEntry, by_dagster_name
from acme_orchestration.registry.faults import fault_report
from acme_orchestration.registry.following import CurrentWorkspace
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.health import HealthReport
from acme_sdk.probe import Probe, run_probes, takes_worker_down

__all__ = ["HEARTBEAT", "health_sensor"]

#: A state that does not change is stored again after this time.
HEARTBEAT = timedelta(minutes=30)

# The daemon looks every 5 seconds which sensors are due, so that ticks are up to 30 seconds apart.
_TICK_S = 25
# A check may come early by a third of its interval, at most by this, rather than wait for the next tick.
_EARLY_S = 20.0

# Dagster ends a tick after 60 seconds. What is begun before these limits ends at most 30 seconds later: ten
# that an import may take, and the longest that a connector's check_timeout_s may be.
_BEGIN_WITHIN_S = 20.0
_BEGIN_ALONE_WITHIN_S = 25.0

# The daemon stores events one by one, some 12 ms each. What is left over when so many are new comes first in
# the next tick; what only repeats a state can wait.
_MOST_EVENTS = 500
_MOST_HEARTBEATS = 100
# When more are due, some would be too old again before all the others are stored as states that begin anew:
# none would ever be done. Then a state that is what it was counts as known all the time.
_MOST_DUE = 4 * _MOST_EVENTS


def health_sensor(current: CurrentWorkspace) -> SensorDefinition:
    """Return the sensor that checks the connectors which are due, the most overdue first.

    It requires no resource: one that cannot be set up would stop the checks of all others.

    Args:
        current: Asked at each tick, so that a connector is checked as soon as it is registered; disabled
            ones are not.
    """
    interval_s = min([_TICK_S, *(entry.check_interval_s for entry in _enabled(current.read()).values())])

    @sensor(
        name=HEALTH_SENSOR,
        description="Checks the connectors that are due; stores each change of state, and a heartbeat.",
        minimum_interval_seconds=interval_s,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def connector_health(context: SensorEvaluationContext) -> SensorResult:
        workspace, now = current.read(), datetime.now(UTC)
        entries = _enabled(workspace)
        checked = {key: at for key, at in read_cursor(context.cursor).items() if key in entries}
        doubts = {key: n for key, n in read_doubts(context.cursor).items() if key in entries}
        stored = InstanceReader(context.instance).latest(entries.values())
        due = _due(entries, checked, now)
        is_late = len(due) > _MOST_DUE
        previous = {
            key: record
            for key, entry in due.items()
            if (record := stored.get(entry.name)) is not None
            and (is_late or _is_fresh(entry, checked.get(key), record, now))
        }
        events: list[AssetCheckEvaluation] = []
        with closing(_reports(due, previous, workspace.folder)) as reports:
            for key, report in reports:
                entry, before = entries[key], previous.get(key)
                checked[key] = datetime.now(UTC)
                contradicting = doubts.pop(key, 0) + 1
                if contradicting < checks_needed(entry, report, before):
                    doubts[key] = contradicting
                    continue
                record = next_record(report, checked[key], before)
                if _is_news(record, before) or (
                    _is_heartbeat(record, before) and len(events) < _MOST_HEARTBEATS
                ):
                    events.append(evaluation_of(entry.name, record))
                if len(events) == _MOST_EVENTS:
                    break
        return SensorResult(
            asset_events=events,
            cursor=write_cursor(checked, doubts),
            skip_reason=f"{len(due)} of {len(entries)} connectors were due, {len(events)} results are stored",
        )

    return connector_health


def _enabled(workspace: Workspace) -> dict[str, ConnectorEntry]:
    shown = by_dagster_name(workspace.connectors.values())
    return {key: entry for key, entry in shown.items() if not entry.disabled}


def _is_fresh(entry: ConnectorEntry, checked: datetime | None, record: CheckRecord, now: datetime) -> bool:
    """Tell whether the state has been known all the time; if not, the next check begins a new one."""
    return now <= max(checked or record.at, record.at) + stale_after(entry)


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
            early_s = min(_EARLY_S, entry.check_interval_s / 3)
            overdue[key] = at - last - timedelta(seconds=entry.check_interval_s - early_s)
    due = sorted(
        (key for key in entries if overdue[key] >= timedelta()), key=overdue.__getitem__, reverse=True
    )
    return {key: entries[key] for key in due}


def _reports(
    due: Mapping[str, ConnectorEntry], previous: Mapping[str, CheckRecord], folder: Path | None
) -> Generator[tuple[str, HealthReport], None, None]:
    """Check the connectors that are due, as far as the time of a tick reaches; the rest stay due.

    What worked so far and fails now is tried once more, if there is time, before it counts.
    """
    started = time.monotonic()
    together, alone = [], []
    for key, entry in due.items():
        before = previous.get(key)
        if entry.fault is not None:
            yield key, fault_report(entry.fault)
        elif before is not None and takes_worker_down(before.report):
            alone.append(_probe(key, entry, folder, attempts=1))
        else:
            together.append(_probe(key, entry, folder, attempts=2 if works(before) else 1))
    with closing(run_probes(together, begin_within=_BEGIN_WITHIN_S)) as results:
        for result in results:
            yield result.name, result.report
    for probe in alone:
        if time.monotonic() - started >= _BEGIN_ALONE_WITHIN_S:
            return
        [result] = run_probes([probe])
        yield result.name, result.report


def _probe(key: str, entry: ConnectorEntry, folder: Path | None, attempts: int) -> Probe:
    return Probe(
        key,
        entry.type,
        entry.role,
        entry.config,
        folder=str(folder) if folder else None,
        timeout=entry.check_timeout_s,
        attempts=attempts,
    )


def _is_news(record: CheckRecord, previous: CheckRecord | None) -> bool:
    if previous is None:
        return True
    before, after = previous.report, record.report
    return (before.status, before.code) != (after.status, after.code)


def _is_heartbeat(record: CheckRecord, previous: CheckRecord | None) -> bool:
    return previous is None or not timedelta() <= record.at - previous.at < HEARTBEAT

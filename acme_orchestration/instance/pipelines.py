"""How pipelines are doing: last sync, rows, lag and next run, read out of a Dagster instance."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus
from dagster._core.storage.event_log.base import AssetRecord
from dagster._utils.schedules import get_next_cron_tick, is_valid_cron_string

from acme_orchestration.naming import schedule_name, stream_key
from acme_orchestration.registry.entries import PipelineEntry, by_dagster_name

__all__ = ["HELD_BACK", "PipelineState", "held_back", "pipeline_states"]

#: What the reason begins with when a schedule's tick started no sync because of the source.
HELD_BACK = "The source is unhealthy"


@dataclass(frozen=True)
class PipelineState:
    """How a pipeline is doing, as of now.

    Attributes:
        last_sync: When a stream was loaded last, in UTC; ``None`` for never.
        rows: How many rows the last syncs of its streams loaded together.
        lag: The age of the data of the stream that is furthest behind: the time since its last successful
            extraction began. ``None`` as long as a stream was never loaded.
        last_run: How its last run stands, e.g. ``SUCCESS``, ``FAILURE``, ``STARTED``; ``None`` without one.
        next_run: When its schedule starts it next, in UTC; ``None`` if none does.
    """

    last_sync: datetime | None = None
    rows: int | None = None
    lag: timedelta | None = None
    last_run: str | None = None
    next_run: datetime | None = None


@dataclass(frozen=True)
class _Load:
    """The last successful load of a stream."""

    began_at: datetime
    ended_at: datetime
    rows: int


def pipeline_states(
    instance: DagsterInstance, entries: Collection[PipelineEntry], now: datetime
) -> dict[str, PipelineState]:
    """Return the state of each pipeline by its public name, with a fixed number of SQL statements."""
    sound = [entry for entry in by_dagster_name(entries).values() if entry.fault is None]
    keys = {entry.name: [stream_key(entry, stream) for stream in entry.streams] for entry in sound}
    everything = [key for some in keys.values() for key in some]
    records = {record.asset_entry.asset_key: record for record in instance.get_asset_records(everything)}
    statuses = _run_statuses(instance, records.values())
    stopped = _stopped_schedules(instance)
    return {entry.name: PipelineState() for entry in entries} | {
        entry.name: _state(
            [records[key] for key in keys[entry.name] if key in records],
            len(keys[entry.name]),
            statuses,
            None if schedule_name(entry) in stopped else _next_run(entry, now),
            now,
        )
        for entry in sound
    }


def held_back(instance: DagsterInstance, schedules: Collection[str]) -> dict[str, datetime]:
    """Return which schedules started nothing at their last tick because of the source, and when that was."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    selectors = {s.selector_id: s.instigator_name for s in states if s.instigator_name in schedules}
    if not selectors:
        return {}
    last = instance.get_batch_ticks(list(selectors), limit=1)
    return {
        selectors[selector]: datetime.fromtimestamp(tick.timestamp, UTC)
        for selector, ticks in last.items()
        for tick in ticks
        if tick.status is TickStatus.SKIPPED and (tick.skip_reason or "").startswith(HELD_BACK)
    }


def _state(
    records: list[AssetRecord],
    streams: int,
    statuses: Mapping[str, DagsterRunStatus],
    next_run: datetime | None,
    now: datetime,
) -> PipelineState:
    loads = [load for record in records if (load := _load(record)) is not None]
    runs = {record.asset_entry.last_run_id for record in records}
    newest_first = reversed([status for run, status in statuses.items() if run in runs])
    last_run = next(newest_first, None)
    return PipelineState(
        last_sync=max((load.ended_at for load in loads), default=None),
        rows=sum(load.rows for load in loads) if loads else None,
        lag=now - min(load.began_at for load in loads) if len(loads) == streams else None,
        last_run=last_run.value if last_run else None,
        next_run=next_run,
    )


def _load(record: AssetRecord) -> _Load | None:
    event = record.asset_entry.last_materialization
    if event is None or event.asset_materialization is None:
        return None
    ended_at = event.timestamp
    metadata = {key: value.value for key, value in event.asset_materialization.metadata.items()}
    began_at, rows = metadata.get("started_at"), metadata.get("rows_loaded")
    return _Load(
        began_at=datetime.fromtimestamp(began_at if isinstance(began_at, float) else ended_at, UTC),
        ended_at=datetime.fromtimestamp(ended_at, UTC),
        rows=rows if isinstance(rows, int) else 0,
    )


def _run_statuses(instance: DagsterInstance, records: Iterable[AssetRecord]) -> dict[str, DagsterRunStatus]:
    """Return how the last runs of assets stand, the oldest first."""
    ids = {record.asset_entry.last_run_id for record in records} - {None}
    if not ids:
        return {}
    found = instance.get_run_records(RunsFilter(run_ids=sorted(i for i in ids if i is not None)))
    return {
        record.dagster_run.run_id: record.dagster_run.status
        for record in sorted(found, key=lambda record: record.create_timestamp)
    }


def _stopped_schedules(instance: DagsterInstance) -> set[str]:
    states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    return {state.instigator_name for state in states if state.status is InstigatorStatus.STOPPED}


def _next_run(entry: PipelineEntry, now: datetime) -> datetime | None:
    if entry.schedule is None or not is_valid_cron_string(entry.schedule):
        return None
    return get_next_cron_tick(entry.schedule, now, "UTC").astimezone(UTC)

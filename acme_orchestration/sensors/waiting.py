"""The sensor that starts pipelines whose schedule had to wait for their source."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dagster import (
    DefaultSensorStatus,
    JobDefinition,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from acme_orchestration.instance import ConnectorState, InstanceReader
from acme_orchestration.naming import schedule_name
from acme_orchestration.registry.entries import PipelineEntry, dagster_name
from acme_orchestration.registry.following import CurrentWorkspace
from acme_sdk.health import HealthStatus

__all__ = ["waiting_sensor"]

_TICK_S = 25


def waiting_sensor(
    current: CurrentWorkspace, pipelines: Collection[PipelineEntry], jobs: Sequence[JobDefinition]
) -> SensorDefinition:
    """Return the sensor that starts a pipeline once, when the source that held it back is healthy again.

    Args:
        current: Where the sources are looked up.
        pipelines: Those that wait for a healthy source and have a schedule.
        jobs: Their jobs.
    """
    by_schedule = {schedule_name(pipeline): pipeline for pipeline in pipelines}

    @sensor(
        name="pipelines_waiting",
        description="Starts pipelines that their schedule held back, when their source is healthy again.",
        jobs=jobs,
        minimum_interval_seconds=_TICK_S,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def pipelines_waiting(context: SensorEvaluationContext) -> SensorResult:
        reader = InstanceReader(context.instance)
        waiting = reader.held_back(by_schedule)
        if not waiting:
            return SensorResult(skip_reason="no pipeline waits")
        connectors = current.read().connectors
        sources = {name: connectors.get(by_schedule[name].source) for name in waiting}
        states = reader.states([s for s in sources.values() if s is not None])
        requests = [
            # Dagster starts one run for each key, however often it is asked for.
            RunRequest(run_key=f"{name}/{at.timestamp():.0f}", job_name=dagster_name(by_schedule[name].name))
            for name, at in waiting.items()
            if (source := sources[name]) is not None and _is_back(states[source.name])
        ]
        return SensorResult(
            run_requests=requests, skip_reason=None if requests else f"{len(waiting)} pipelines wait"
        )

    return pipelines_waiting


def _is_back(state: ConnectorState) -> bool:
    """Tell whether a source is known to work, or has no way to tell."""
    cannot_tell = state.report is not None and state.report.status is HealthStatus.UNKNOWN
    return cannot_tell or state.status in (HealthStatus.HEALTHY, HealthStatus.DEGRADED)

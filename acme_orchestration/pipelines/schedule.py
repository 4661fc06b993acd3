"""When a pipeline is started: by its schedule and, if that had to wait, when its source is back."""

from __future__ import annotations

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
)

from acme_orchestration.instance import InstanceReader
from acme_orchestration.instance.pipelines import HELD_BACK
from acme_orchestration.naming import schedule_name
from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry, dagster_name
from acme_sdk.health import HealthStatus

__all__ = ["pipeline_schedule"]


def pipeline_schedule(pipeline: PipelineEntry, source: ConnectorEntry | None = None) -> ScheduleDefinition:
    """Return the schedule of a pipeline that has one.

    Args:
        pipeline: The pipeline. If it waits for a healthy source, the schedule starts nothing while that is
            unhealthy; one whose state nobody knows holds nothing back.
        source: Its source, for a pipeline that waits.
    """

    def start(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        if source is None or not pipeline.wait_for_healthy_source:
            return RunRequest()
        state = InstanceReader(context.instance).states([source])[source.name]
        if state.status is not HealthStatus.UNHEALTHY:
            return RunRequest()
        why = f": {state.report.message}" if state.report and state.report.message else ""
        return SkipReason(f"{HELD_BACK} ({source.name}{why}); the sync starts when it is back")

    return ScheduleDefinition(
        name=schedule_name(pipeline),
        job_name=dagster_name(pipeline.name),
        cron_schedule=pipeline.schedule,
        execution_fn=start,
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Runs {pipeline.name}.",
    )

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from dagster import (
    DagsterInstance,
    RunRequest,
    SensorResult,
    SkipReason,
    build_schedule_context,
    build_sensor_context,
)
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from acme_orchestration.definitions import build_definitions
from acme_orchestration.instance import InstanceReader
from acme_orchestration.instance.evaluation import CheckRecord, evaluation_of
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.health import HealthReport, HealthStatus
from tests.orchestration.conftest import Folder

DOWN = HealthReport(HealthStatus.UNHEALTHY, "connect.refused", "nobody is there")
UP = HealthReport(HealthStatus.HEALTHY)
SCHEDULE = "user_analytics_schedule"


@pytest.fixture
def waiting(folder: Folder) -> Workspace:
    return folder.declare(
        """
        connectors:
          users_db: {type: switch, role: source, config: {path: HERE/users_db}}
          analytics: {type: switch, role: destination, config: {path: HERE/analytics}}
        pipelines:
          user-analytics:
            source: users_db
            destination: analytics
            schedule: "0 * * * *"
            wait_for_healthy_source: true
        """
    )


def find(instance: DagsterInstance, report: HealthReport) -> None:
    """Store what a check of the source found."""
    now = datetime.now(UTC)
    instance.report_runless_asset_event(evaluation_of("users_db", CheckRecord(now, report, now)))


def tick(workspace: Workspace, instance: DagsterInstance) -> RunRequest | SkipReason:
    """Evaluate the schedule, and store its tick as the daemon does."""
    schedule = build_definitions(workspace).resolve_schedule_def(SCHEDULE)
    with build_schedule_context(instance=instance) as context:
        found = schedule.evaluate_tick(context)
    keep_tick(instance, found.skip_message)
    return SkipReason(found.skip_message) if found.skip_message else found.run_requests[0]  # type: ignore[index]


def keep_tick(instance: DagsterInstance, skipped: str | None) -> None:
    location = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(python_file="x.py"), container_image=None, entry_point=None, location_name="acme"
    )
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), SCHEDULE)
    selector = origin.get_selector().get_id()
    if instance.get_instigator_state(origin.get_id(), selector) is None:
        instance.add_instigator_state(
            InstigatorState(
                origin,
                InstigatorType.SCHEDULE,
                InstigatorStatus.RUNNING,
                ScheduleInstigatorData("0 * * * *"),
            )
        )
    instance.create_tick(
        TickData(
            instigator_origin_id=origin.get_id(),
            instigator_name=SCHEDULE,
            instigator_type=InstigatorType.SCHEDULE,
            status=TickStatus.SKIPPED if skipped else TickStatus.SUCCESS,
            timestamp=datetime.now(UTC).timestamp(),
            skip_reason=skipped,
            run_ids=None if skipped else [],
            selector_id=selector,
        )
    )


def started(workspace: Workspace, instance: DagsterInstance) -> list[tuple[str | None, str | None]]:
    """Evaluate the sensor and return the jobs that it starts, with their keys."""
    sensor = build_definitions(workspace).resolve_sensor_def("pipelines_waiting")
    with build_sensor_context(instance=instance) as context:
        result = sensor(context)
    assert isinstance(result, SensorResult)
    return [(request.job_name, request.run_key) for request in result.run_requests or []]


def test_a_pipeline_waits_for_its_source_and_starts_once_when_that_is_back(
    waiting: Workspace, instance: DagsterInstance
) -> None:
    assert isinstance(tick(waiting, instance), RunRequest)  # nobody knows the source's state
    assert started(waiting, instance) == []
    find(instance, DOWN)
    skip = tick(waiting, instance)
    assert isinstance(skip, SkipReason)
    assert "users_db: nobody is there" in (skip.skip_message or "")
    assert started(waiting, instance) == []
    find(instance, UP)
    [(job, key)] = started(waiting, instance)
    assert job == "user_analytics"
    assert key is not None
    assert started(waiting, instance) == [(job, key)]  # Dagster starts one run for each key
    assert isinstance(tick(waiting, instance), RunRequest)
    assert started(waiting, instance) == []


def test_a_pipeline_that_does_not_wait_is_started(workspace: Workspace, instance: DagsterInstance) -> None:
    find(instance, DOWN)
    assert isinstance(tick(workspace, instance), RunRequest)
    sensors = [sensor.name for sensor in build_definitions(workspace).sensors or []]
    assert "pipelines_waiting" not in sensors


def test_how_a_pipeline_is_doing(waiting: Workspace, instance: DagsterInstance, folder: Folder) -> None:
    job = build_definitions(waiting).resolve_job_def("user_analytics")
    reader, entries = InstanceReader(instance), waiting.pipelines.values()
    before = reader.pipelines(entries)["user-analytics"]
    assert (before.last_sync, before.rows, before.lag, before.last_run) == (None, None, None, None)

    began = datetime.now(UTC)
    assert job.execute_in_process(instance=instance).success
    state = reader.pipelines(entries, began + timedelta(hours=3))["user-analytics"]
    assert state.last_sync is not None
    assert state.last_sync >= began
    assert state.rows == 3
    assert state.lag is not None
    assert state.lag <= timedelta(hours=3)
    assert state.last_run == "SUCCESS"
    assert state.next_run is not None
    assert (state.next_run.minute, state.next_run.tzinfo) == (0, UTC)
    assert timedelta(0) < state.next_run - (began + timedelta(hours=3)) <= timedelta(hours=1)

    folder.turn("users_db", "down")
    assert not job.execute_in_process(instance=instance, raise_on_error=False).success
    failed = reader.pipelines(entries)["user-analytics"]
    assert (failed.last_run, failed.rows, failed.last_sync) == ("FAILURE", 3, state.last_sync)

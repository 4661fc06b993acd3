"""A workspace as Dagster definitions: what ``workspace.yaml`` loads, and the same as a Python API."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from dagster import (
    AssetKey,
    Definitions,
    ExecutorDefinition,
    JobDefinition,
    SensorDefinition,
    definitions,
    in_process_executor,
)

from acme_orchestration.alerts.change import Alert
from acme_orchestration.checks.health import connector_asset, health_checks
from acme_orchestration.jobs.connector_test import connector_test
from acme_orchestration.naming import stream_key
from acme_orchestration.pipelines.pipeline import pipeline_definitions
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.entries import PipelineEntry, by_dagster_name, dagster_name
from acme_orchestration.registry.following import CurrentWorkspace
from acme_orchestration.registry.place import find_registry
from acme_orchestration.registry.verification import verify
from acme_orchestration.registry.workspace import Workspace
from acme_orchestration.resources.binding import connector_resource
from acme_orchestration.sensors.alerts import alert_sensor
from acme_orchestration.sensors.health import health_sensor
from acme_orchestration.sensors.registry import registry_sensor
from acme_orchestration.sensors.waiting import waiting_sensor

__all__ = ["build_definitions", "defs"]


def build_definitions(
    workspace: Workspace,
    executor: ExecutorDefinition = in_process_executor,
    alerts: Mapping[str, Alert] | None = None,
) -> Definitions:
    """Return a workspace's connectors and pipelines, to be merged with definitions of your own.

    Args:
        workspace: What `read_workspace` returned, with a registry or without one.
        executor: What the steps of the pipelines' jobs run in. By default the streams of a pipeline are
            synced one after the other in one process, as a destination with one writer at a time needs.
        alerts: What is told changes of connectors' states, by name, beside what the workspace declares.
    """
    workspace = verify(workspace)
    connectors = by_dagster_name(workspace.connectors.values())
    enabled = {key: entry for key, entry in connectors.items() if not entry.disabled}
    pipelines = by_dagster_name(workspace.pipelines.values())
    resources = {key: connector_resource(entry, workspace.folder) for key, entry in connectors.items()}
    loaded: dict[str, list[AssetKey]] = defaultdict(list)
    for pipeline in pipelines.values():
        if pipeline.fault is None:
            keys = [stream_key(pipeline, stream) for stream in pipeline.streams]
            loaded[dagster_name(pipeline.destination)] += keys
    state_folder = workspace.home / "state"
    loaders = {
        key: pipeline_definitions(
            pipeline, workspace.connectors.get(pipeline.source), resources, state_folder, executor
        )
        for key, pipeline in pipelines.items()
    }
    return Definitions.merge(
        Definitions(
            assets=[connector_asset(entry, loaded[key]) for key, entry in connectors.items()],
            asset_checks=[health_checks([*enabled.values()], resources)] if enabled else [],
            jobs=[connector_test(entry, resources[key]) for key, entry in enabled.items()],
            sensors=_sensors(workspace, {**workspace.alerts, **(alerts or {})}, pipelines, loaders),
            resources=resources,
            # The web UI shows it beside the code location.
            metadata={"acme/environment": workspace.environment or "none"},
        ),
        *loaders.values(),
    )


def _sensors(
    workspace: Workspace,
    alerts: Mapping[str, Alert],
    pipelines: Mapping[str, PipelineEntry],
    loaders: Mapping[str, Definitions],
) -> list[SensorDefinition]:
    current = CurrentWorkspace(workspace)
    sensors = [health_sensor(current)]
    if alerts:
        sensors.append(alert_sensor(current, alerts))
    if workspace.registry is not None:
        sensors.append(registry_sensor(current, workspace.revision))
    waiting = [key for key, p in pipelines.items() if p.wait_for_healthy_source and loaders[key].schedules]
    if waiting:
        jobs = [job for key in waiting for job in loaders[key].jobs or [] if isinstance(job, JobDefinition)]
        sensors.append(waiting_sensor(current, [pipelines[key] for key in waiting], jobs))
    return sensors


@definitions
def defs() -> Definitions:
    """The definitions of the file that ``ACME_WORKSPACE_FILE`` names, and of the registry.

    By default the file is ``connectors.yaml``, and the registry is in Dagster's home.
    """
    path = Path(os.environ.get("ACME_WORKSPACE_FILE", "connectors.yaml"))
    workspace = read_workspace(path, find_registry())
    # The executor is for what is materialized by hand, which no job of ours runs.
    return Definitions.merge(build_definitions(workspace), Definitions(executor=in_process_executor))

"""A pipeline as Dagster definitions: an asset for each stream, a job and a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dagster import (
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    DagsterError,
    Definitions,
    ExecutorDefinition,
    define_asset_job,
)

from acme_orchestration.naming import stream_key
from acme_orchestration.pipelines.schedule import pipeline_schedule
from acme_orchestration.pipelines.stream import stream_asset
from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry, dagster_name
from acme_orchestration.resources.connector import ConnectorResource
from acme_sdk.errors import ConfigurationError

__all__ = ["check_pipeline", "pipeline_definitions"]


def pipeline_definitions(
    pipeline: PipelineEntry,
    source: ConnectorEntry | None,
    resources: Mapping[str, ConnectorResource],
    state_folder: Path,
    executor: ExecutorDefinition,
) -> Definitions:
    """Return a pipeline's assets, its job and its schedule; of one at fault, an asset that says so.

    Args:
        pipeline: The pipeline.
        source: Its source; ``None`` if there is no such connector, which is its fault.
        resources: All connectors' resources by their Dagster names.
        state_folder: Where checkpoints are kept for destinations that cannot keep them themselves.
        executor: What the job's steps run in.
    """
    if pipeline.fault is not None or source is None:
        return _broken(pipeline, pipeline.fault or "there is no source")
    key = dagster_name(pipeline.name)
    used = {name: resources[name] for name in map(dagster_name, (pipeline.source, pipeline.destination))}
    try:
        assets = _assets(pipeline, state_folder)
        schedules = [pipeline_schedule(pipeline, source)] if pipeline.schedule else []
    except (ConfigurationError, DagsterError) as error:
        return _broken(pipeline, f"pipelines.{pipeline.name}: {error}")
    # Resolved here, where only the two resources are known: an asset job that is left to be resolved with all
    # other definitions carries every resource of the code location in its snapshot.
    job = define_asset_job(
        key,
        selection=AssetSelection.assets(*assets),
        description=pipeline.description,
        tags={"acme/pipeline": pipeline.name},
        executor_def=executor,
    )
    resolved = Definitions(assets=assets, resources=used, jobs=[job]).resolve_job_def(key)
    return Definitions(assets=assets, jobs=[resolved], schedules=schedules)


def check_pipeline(pipeline: PipelineEntry) -> None:
    """Check that Dagster can have a pipeline whose connectors are right.

    Raises:
        ConfigurationError: Its schedule is none, or two of its streams would be one asset (code
            ``pipeline.invalid``).
    """
    try:
        _assets(pipeline, Path())
        if pipeline.schedule:
            pipeline_schedule(pipeline)
    except (ConfigurationError, DagsterError) as error:
        raise ConfigurationError(
            f"pipelines.{pipeline.name}: {error}",
            code="pipeline.invalid",
            hint="correct the schedule or the streams",
        ) from None


def _assets(pipeline: PipelineEntry, state_folder: Path) -> list[AssetsDefinition]:
    assets: dict[AssetKey, AssetsDefinition] = {}
    for stream in pipeline.streams:
        key = stream_key(pipeline, stream)
        if key in assets:
            raise ConfigurationError(
                f"two streams would be the asset {key.to_user_string()}: put one into another pipeline"
            )
        assets[key] = stream_asset(pipeline, stream, state_folder)
    return list(assets.values())


def _broken(pipeline: PipelineEntry, fault: str) -> Definitions:
    spec = AssetSpec(
        dagster_name(pipeline.name),
        group_name=dagster_name(pipeline.name),
        description=f"**This pipeline cannot be run.** {fault}",
        tags={"acme/pipeline": pipeline.name},
    )
    return Definitions(assets=[spec])

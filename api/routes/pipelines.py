"""Pipelines and how they are doing."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from api.messages.catalogue import possible_problems
from api.routes.entries import find_pipeline
from api.schemas import PipelineAnswer, PipelineItem, PipelineListAnswer, PipelinePath, StreamItem
from api.services import services

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import PipelineEntry

__all__ = ["pipelines"]

pipelines = APIBlueprint(
    "pipelines",
    __name__,
    url_prefix="/api/v1/pipelines",
    abp_tags=[Tag(name="pipelines", description="Streams of a source that go to a destination.")],
)


@pipelines.get(
    "",
    operation_id="listPipelines",
    responses={200: PipelineListAnswer} | possible_problems("workspace.invalid", "dagster.unavailable"),
)
def list_pipelines() -> dict[str, Any]:
    """List pipelines."""
    entries = services().workspace.read().pipelines.values()
    return PipelineListAnswer(data=_items(entries)).model_dump(mode="json")


@pipelines.get(
    "/<name>",
    operation_id="getPipeline",
    responses={200: PipelineAnswer}
    | possible_problems("pipeline.unknown", "workspace.invalid", "dagster.unavailable"),
)
def get_pipeline(path: PipelinePath) -> dict[str, Any]:
    """Get a pipeline."""
    entry = find_pipeline(services().workspace.read(), path.name)
    [item] = _items([entry])
    return PipelineAnswer(data=item).model_dump(mode="json")


def _items(entries: Collection[PipelineEntry]) -> list[PipelineItem]:
    states = services().reader.pipelines(entries)
    return [
        PipelineItem(
            name=entry.name,
            source=entry.source,
            destination=entry.destination,
            streams=[
                StreamItem(stream=stream.stream, table=stream.table, write_mode=stream.write_mode.value)
                for stream in entry.streams
            ],
            schedule=entry.schedule,
            description=entry.description,
            owner=entry.owner,
            fault=entry.fault,
            last_run=state.last_run,
            last_sync=state.last_sync,
            next_run=state.next_run,
            rows=state.rows,
            lag_s=round(state.lag.total_seconds()) if state.lag is not None else None,
        )
        for entry in entries
        for state in [states[entry.name]]
    ]

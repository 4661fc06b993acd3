"""Runs in Dagster: how far one is."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from api.messages.catalogue import possible_problems
from api.messages.problems import ProblemError
from api.schemas import Run, RunAnswer, RunPath
from api.services import services

__all__ = ["runs"]

runs = APIBlueprint(
    "runs",
    __name__,
    url_prefix="/api/v1/runs",
    abp_tags=[Tag(name="runs", description="Runs in Dagster.")],
)


@runs.get(
    "/<id>",
    operation_id="getRun",
    responses={200: RunAnswer} | possible_problems("run.unknown", "dagster.unavailable"),
)
def get_run(path: RunPath) -> dict[str, Any]:
    """Get a run."""
    found = services().reader.run(path.id)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "run.unknown", "there is no run of this id")
    run = Run(
        id=path.id,
        job=found.job,
        status=found.status,
        created_at=found.created_at,
        started_at=found.started_at,
        ended_at=found.ended_at,
    )
    return RunAnswer(data=run).model_dump(mode="json")

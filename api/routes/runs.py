"""Runs in Dagster: how far one is."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field

from api.problems import ProblemError, problem_responses
from api.schemas import Timestamp
from api.services import services

__all__ = ["runs"]

runs = APIBlueprint(
    "runs",
    __name__,
    url_prefix="/api/v1/runs",
    abp_tags=[Tag(name="runs", description="Runs in Dagster.")],
)


class RunPath(BaseModel):
    """The run that a path names."""

    id: str = Field(
        max_length=100, description="The run's id.", examples=["5c3b1f0e-6f5c-4f0c-9a51-0d9b0f6a7f11"]
    )


class Run(BaseModel):
    """A run and how far it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    job: str = Field(examples=["test_users_db", "user_analytics"])
    status: str = Field(
        description="As Dagster calls it.", examples=["QUEUED", "STARTED", "SUCCESS", "FAILURE"]
    )
    created_at: Timestamp
    started_at: Timestamp | None
    ended_at: Timestamp | None


class RunAnswer(BaseModel):
    """One run."""

    data: Run


@runs.get("/<id>", operation_id="getRun", responses={200: RunAnswer} | problem_responses(404))
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

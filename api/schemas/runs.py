"""Runs in Dagster."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.base import Timestamp
from api.schemas.connectors import CheckItem

__all__ = ["MAX_WAIT_S", "LaunchAnswer", "LaunchQuery", "LaunchedRun", "Run", "RunAnswer", "RunPath"]

#: How long a request may wait for the end of a run.
MAX_WAIT_S = 60


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


class LaunchQuery(BaseModel):
    """How long to wait for the end of a run."""

    model_config = ConfigDict(extra="forbid")

    wait: float = Field(
        default=0,
        ge=0,
        le=MAX_WAIT_S,
        description="Seconds to wait for the end of the run at most.",
    )


class LaunchedRun(BaseModel):
    """A run that was started."""

    id: str = Field(examples=["5c3b1f0e-6f5c-4f0c-9a51-0d9b0f6a7f11"])
    job: str = Field(examples=["test_users_db"])
    status: str = Field(description="As Dagster calls it.", examples=["QUEUED", "SUCCESS", "FAILURE"])
    check: CheckItem | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="Only of the test of a connector that has ended: what was found.",
    )


class LaunchAnswer(BaseModel):
    """A run that was started."""

    data: LaunchedRun

"""Connectors: the list, and the health of one."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Model, Role, Status, Timestamp
from api.schemas.steps import Steps

__all__ = [
    "CheckItem",
    "ConnectorHealth",
    "ConnectorHealthAnswer",
    "ConnectorItem",
    "ConnectorListAnswer",
    "ConnectorPath",
    "Failure",
    "ListedHealth",
    "Uptime",
]


class ConnectorPath(Model):
    """The connector that a path names."""

    name: str = Field(description="The connector's name, as declared.", examples=["users_db"])


class ListedHealth(Model):
    """A connector's health, in short."""

    since: Timestamp | None = Field(description="Since when it has its status.")
    code: str | None = Field(description="Stable code of the failure.", examples=["connect.refused"])
    message: str | None
    latency_ms: list[int | None] = Field(
        description="How long the last 20 recorded checks took, the oldest first; null for one that failed.",
        examples=[[11, 12, None, 14]],
    )


class ConnectorItem(Model):
    """A connector and its present state."""

    name: str = Field(examples=["users_db"])
    type: str = Field(examples=["postgres"])
    role: Role
    status: Status
    last_check: Timestamp | None = Field(description="When it was last checked; null before the first check.")
    pipelines: list[str] = Field(
        description="The pipelines that use it, in the order declared, and other assets and jobs in Dagster.",
        examples=[["user-analytics", "user-export"]],
    )
    pipelines_as_of: Timestamp | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="Only if some of them are in a code location that cannot be asked at present: when "
        "`pipelines` was last known to be so.",
    )
    health: ListedHealth | None = Field(
        default=None, exclude_if=lambda value: value is None, description="Only with `include=health`."
    )


class ConnectorListAnswer(Model):
    """Connectors: without parameters all of them, in the order declared."""

    data: list[ConnectorItem]
    counts: dict[Status, int] | None = Field(
        default=None,
        description="Only with `include=counts`: how many are in each state, of those that the parameters "
        "other than `status` choose.",
        examples=[{"healthy": 996, "unhealthy": 4}],
    )
    next: str | None = Field(
        default=None,
        description="Only with `limit`: where the next page is; null on the last one.",
        examples=["/api/v1/connectors?limit=50&cursor=W251bGwsNDksIm9yZGVyc19kYiJd"],
    )


class Failure(Model):
    """What went wrong: a stable code for programs, the rest for people."""

    code: str = Field(examples=["auth.failed"])
    message: str
    hint: str | None = Field(description="What to do about it, where that is known.")


class CheckItem(Model):
    """One health check that was made."""

    at: Timestamp
    status: Status
    latency_ms: int | None
    code: str | None = Field(description="Stable code of the failure; null for a good check.")
    message: str | None
    steps: Steps


class Uptime(Model):
    """How much of the kept window the connector was able to work."""

    ratio: float | None = Field(
        ge=0,
        le=1,
        description="Share of the window's known time spent healthy or degraded; null when none is known.",
    )
    window_start: Timestamp | None = Field(description="The oldest check that is kept.")
    window_end: Timestamp | None = Field(description="The newest check.")
    checks: int = Field(ge=0, description="How many recorded checks the window holds.")


class ConnectorHealth(Model):
    """A connector's health and how it came to be."""

    name: str
    status: Status
    since: Timestamp | None = Field(description="Since when it has this status.")
    last_check: Timestamp | None
    latency_ms: int | None = Field(description="How long the last check took.")
    server_version: str | None = Field(examples=["PostgreSQL 15.2"])
    error: Failure | None
    steps: Steps
    as_of: Timestamp | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="Only while Dagster's database cannot be read: when it was read last.",
    )
    uptime: Uptime = Field(description="Over all recorded checks that are read, 2,000 at most.")
    uptime_24h: Uptime
    uptime_7d: Uptime
    uptime_30d: Uptime
    checks: list[CheckItem] = Field(description="The last recorded checks, newest first.")


class ConnectorHealthAnswer(Model):
    """The health of one connector."""

    data: ConnectorHealth

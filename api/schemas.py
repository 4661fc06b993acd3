"""The requests and answers of the API, as pydantic models: what OpenAPI shows, and what is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

__all__ = [
    "CheckItem",
    "ConnectorHealth",
    "ConnectorHealthAnswer",
    "ConnectorItem",
    "ConnectorListAnswer",
    "ConnectorPath",
    "Failure",
    "PipelinePath",
    "Problem",
    "ProblemField",
    "SslOptions",
    "TestConnected",
    "TestFailed",
    "TestRequest",
    "TestResultAnswer",
    "Uptime",
]

Role = Literal["source", "destination"]
Status = Literal["healthy", "degraded", "unhealthy", "unknown", "disabled"]


def _timestamp(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Timestamp = Annotated[
    datetime,
    PlainSerializer(_timestamp, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-02-15T10:28:00Z"]}),
]
"""A point in time: UTC, whole seconds, written with ``Z``."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConnectorPath(_Model):
    """The connector that a path names."""

    name: str = Field(description="The connector's name, as declared.", examples=["users_db"])


class PipelinePath(_Model):
    """The pipeline that a path names."""

    name: str = Field(description="The pipeline's name.", examples=["user-analytics"])


class ConnectorItem(_Model):
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


class ConnectorListAnswer(_Model):
    """Connectors: without parameters all of them, in the order declared."""

    data: list[ConnectorItem]
    next: str | None = Field(
        default=None,
        description="Only with `limit`: where the next page is; null on the last one.",
        examples=["/api/v1/connectors?limit=50&cursor=W251bGwsNDksIm9yZGVyc19kYiJd"],
    )


class Failure(_Model):
    """What went wrong: a stable code for programs, the rest for people."""

    code: str = Field(examples=["auth.failed"])
    message: str
    hint: str | None = Field(description="What to do about it, where that is known.")


class CheckItem(_Model):
    """One health check that was made."""

    at: Timestamp
    status: Status
    latency_ms: int | None
    code: str | None = Field(description="Stable code of the failure; null for a good check.")
    message: str | None


class Uptime(_Model):
    """How much of the kept window the connector was able to work."""

    ratio: float | None = Field(
        ge=0,
        le=1,
        description="Share of the window's known time spent healthy or degraded; null when none is known.",
    )
    window_start: Timestamp | None = Field(description="The oldest check that is kept.")
    window_end: Timestamp | None = Field(description="The newest check.")
    checks: int = Field(ge=0, description="How many recorded checks the window holds.")


class ConnectorHealth(_Model):
    """A connector's health and how it came to be."""

    name: str
    status: Status
    since: Timestamp | None = Field(description="Since when it has this status.")
    last_check: Timestamp | None
    latency_ms: int | None = Field(description="How long the last check took.")
    server_version: str | None = Field(examples=["PostgreSQL 15.2"])
    error: Failure | None
    uptime: Uptime = Field(description="Over all recorded checks that are read, 2,000 at most.")
    uptime_24h: Uptime
    uptime_7d: Uptime
    uptime_30d: Uptime
    checks: list[CheckItem] = Field(description="The last recorded checks, newest first.")


class ConnectorHealthAnswer(_Model):
    """The health of one connector."""

    data: ConnectorHealth


class SslOptions(_Model):
    """How the connection is encrypted and verified, in libpq's terms."""

    mode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = Field(
        description="`allow` and `prefer` encrypt if it happens to work, `require` always, all three without "
        "knowing with whom; `verify-ca` checks the certificate's authority, `verify-full` its host name, too."
    )
    ca: Annotated[str, StringConstraints(max_length=32_768)] | None = Field(
        default=None,
        description="Certificate authorities in PEM; those of the system by default.",
        examples=["-----BEGIN CERTIFICATE-----\n…"],
    )


class TestRequest(_Model):
    """A connection to try: `connection` with `ssl`, or field by field in `config`."""

    __test__ = False  # the name is not for pytest
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "postgres",
                    "connection": "postgresql://user:pass@host:5432/db",
                    "ssl": {"mode": "verify-full"},
                },
                {
                    "type": "postgres",
                    "config": {
                        "host": "host",
                        "port": 5432,
                        "database": "db",
                        "user": "user",
                        "password": "pass",
                    },
                },
            ]
        }
    )

    type: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(examples=["postgres"])
    role: Role | None = Field(default=None, description="The type's first role by default.")
    connection: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        default=None, repr=False, description="A connection string.", json_schema_extra={"writeOnly": True}
    )
    ssl: SslOptions | None = Field(default=None, description="Goes with `connection`.")
    config: dict[str, Any] | None = Field(
        default=None, repr=False, description="The type's fields.", json_schema_extra={"writeOnly": True}
    )


class TestConnected(_Model):
    """The connection works."""

    __test__ = False

    status: Literal["connected"] = "connected"
    server_version: str | None = Field(examples=["PostgreSQL 15.2"])
    database: str | None = Field(examples=["mydb"])
    tables: int | None = Field(examples=[47])
    latency_ms: int | None = Field(examples=[12])


class TestFailed(_Model):
    """The connection does not work."""

    __test__ = False

    status: Literal["failed"] = "failed"
    error: Failure


class TestResultAnswer(_Model):
    """The outcome of a connection test."""

    __test__ = False

    data: TestConnected | TestFailed


class ProblemField(_Model):
    """One thing wrong with one field of the request."""

    field: str = Field(description="Dotted path; empty for the request as a whole.")
    message: str


class Problem(_Model):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=["urn:acme:problem:connector.unknown"])
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable, for programs.", examples=["connector.unknown"])
    errors: list[ProblemField] | None = Field(
        default=None, description="With status 422: what is wrong where."
    )

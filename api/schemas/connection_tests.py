"""Connection tests: what is to be tried, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import Model, Role
from api.schemas.connectors import Failure
from api.schemas.steps import Steps

__all__ = ["SslOptions", "TestConnected", "TestFailed", "TestRequest", "TestResultAnswer"]


class SslOptions(Model):
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


class TestRequest(Model):
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


class TestConnected(Model):
    """The connection works."""

    __test__ = False

    status: Literal["connected"] = "connected"
    server_version: str | None = Field(examples=["PostgreSQL 15.2"])
    database: str | None = Field(examples=["mydb"])
    tables: int | None = Field(examples=[47])
    latency_ms: int | None = Field(examples=[12])
    steps: Steps


class TestFailed(Model):
    """The connection does not work."""

    __test__ = False

    status: Literal["failed"] = "failed"
    error: Failure
    steps: Steps


class TestResultAnswer(Model):
    """The outcome of a connection test."""

    __test__ = False

    data: TestConnected | TestFailed

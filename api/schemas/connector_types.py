"""Connector types: what a connector can be, and what it is told."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.schemas.base import Model, Role
from api.schemas.connectors import Failure

__all__ = [
    "ConnectorTypeAnswer",
    "ConnectorTypeItem",
    "ConnectorTypeListAnswer",
    "DestinationCapabilities",
    "SourceCapabilities",
    "TypePath",
    "TypeRole",
]


class TypePath(Model):
    """The connector type that a path names."""

    type: str = Field(description="The type's name.", examples=["postgres"])


class SourceCapabilities(Model):
    """What a source can do."""

    incremental: bool = Field(description="A sync reads only what is new, as far as a stream has a cursor.")
    columnar: bool = Field(description="It reads Arrow record batches instead of rows.")
    several_streams: bool = Field(description="It says itself which streams it has.")
    partitions: bool = Field(description="Its streams can have parts that are read side by side.")


class DestinationCapabilities(Model):
    """What a destination can do."""

    write_modes: list[Literal["append", "overwrite", "upsert"]]
    exactly_once: bool = Field(description="Rows and checkpoint are committed together.")
    child_tables: bool = Field(description="Nested lists can become tables of their own.")


class TypeRole(Model):
    """What a type is as a source, or as a destination."""

    role: Role
    description: str = Field(examples=["Tables in a DuckDB file."])
    capabilities: SourceCapabilities | DestinationCapabilities
    config_schema: dict[str, Any] = Field(
        description="The JSON Schema of `config`. Secret fields are `writeOnly` with the format `password`; "
        "what is registered has references to secrets in their place.",
        examples=[
            {
                "type": "object",
                "required": ["path"],
                "properties": {"path": {"type": "string", "description": "The database file."}},
                "additionalProperties": False,
            }
        ],
    )
    test_fields: list[str] | None = Field(
        description="The fields of `config` that `POST /api/v1/connectors/test` takes; null where it does "
        "not test such connectors.",
        examples=[["host", "port", "database", "user", "password", "ssl"]],
    )


class ConnectorTypeItem(Model):
    """A connector type."""

    name: str = Field(description="What `type` says in a connector.", examples=["duckdb"])
    title: str = Field(description="What people call it.", examples=["DuckDB"])
    provider: str = Field(
        description="`built in`, a distribution with its version, or a file of the connectors folder.",
        examples=["built in", "acme-tickets 1.2.0", "connectors/my_source.py"],
    )
    docs_url: str | None = Field(description="Where its documentation is.")
    roles: list[TypeRole] = Field(description="Empty for a type that cannot be used.")
    fault: Failure | None = Field(description="Why it cannot be used; null for a good one.")


class ConnectorTypeAnswer(Model):
    """One connector type."""

    data: ConnectorTypeItem


class ConnectorTypeListAnswer(Model):
    """All connector types, by name."""

    data: list[ConnectorTypeItem]

"""Connectors as they are declared or registered: what may be sent, and what is answered."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from acme_orchestration.registry.entries import Name, Owner, TypeName
from acme_sdk.health import CHECK_TIMEOUT_S
from api.schemas.base import Role, Timestamp

__all__ = [
    "ConnectorConfiguration",
    "ConnectorConfigurationAnswer",
    "ConnectorDraft",
    "ConnectorPatch",
]


def _storable(value: Any) -> Any:
    """Refuse text and numbers that no database takes."""
    for text in _texts(value):
        if "\x00" in text or any("\ud800" <= one <= "\udfff" for one in text):
            raise ValueError("must hold neither NUL characters nor halves of surrogate pairs")
    if not _is_finite(value):
        raise ValueError("must hold finite numbers only")
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for field, inner in value.items():
            yield from (field, *_texts(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _is_finite(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


# What the validators of the registry's entries demand, as JSON Schema says it.
_NAME: dict[str, Any] = {"pattern": "^[A-Za-z]([_-]?[A-Za-z0-9])*$", "maxLength": 63}
_MAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,7}"
_OWNER = {"type": "string", "pattern": rf"^(team:[A-Za-z0-9_. -]+|{_MAIL})$"}
Config = Annotated[dict[str, Any], AfterValidator(_storable)]
Description = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_storable)]
Interval = Annotated[int, Field(ge=5, le=1_000_000_000)]
Timeout = Annotated[float, Field(gt=0, le=20)]
Threshold = Annotated[int, Field(ge=1, le=100)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class ConnectorDraft(_Fields):
    """A connector to be registered. Secrets are references, e.g. `{"env": "USERS_DB_PASSWORD"}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "users_db",
                    "type": "postgres",
                    "role": "source",
                    "config": {
                        "host": "db.example.com",
                        "database": "app",
                        "user": "app",
                        "password": {"env": "USERS_DB_PASSWORD"},
                    },
                }
            ]
        }
    )

    name: Name = Field(examples=["users_db"], json_schema_extra=_NAME)
    type: TypeName = Field(examples=["postgres"])
    role: Literal["source", "destination"]
    config: Config = Field(default_factory=dict, repr=False, description="The type's fields.")
    description: Description | None = None
    owner: Annotated[Owner, WithJsonSchema(_OWNER)] | None = Field(default=None, examples=["team:data"])
    disabled: bool = Field(default=False, description="Neither checked nor used.")
    check_interval_s: Interval = 60
    check_timeout_s: Timeout = CHECK_TIMEOUT_S
    failure_threshold: Threshold = 1
    success_threshold: Threshold = 1


class ConnectorPatch(_Fields):
    """What changes (RFC 7396): what is left out stays, `null` removes, `********` keeps a secret."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"config": {"read_connections": 3, "password": "********"}, "description": None},
                {"disabled": True},
            ]
        }
    )

    config: Config = Field(default_factory=dict, repr=False)
    description: Description | None = None
    owner: Annotated[Owner, WithJsonSchema(_OWNER)] | None = Field(default=None, examples=["team:data"])
    disabled: bool | None = None
    check_interval_s: Interval | None = None
    check_timeout_s: Timeout | None = None
    failure_threshold: Threshold | None = None
    success_threshold: Threshold | None = None


class ConnectorConfiguration(BaseModel):
    """A connector as it is declared or registered. The entity tag of a registered one is its version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(examples=["users_db"])
    type: str = Field(examples=["postgres"])
    role: Role
    config: dict[str, Any] = Field(
        description="As written: secrets are references. One that stands in the clear is masked.",
        examples=[
            {"host": "db", "database": "users", "user": "reader", "password": {"env": "USERS_DB_PASSWORD"}}
        ],
    )
    description: str | None
    owner: str | None = Field(examples=["team:data"])
    disabled: bool
    check_interval_s: int
    check_timeout_s: float
    failure_threshold: int
    success_threshold: int
    fault: str | None = Field(description="Why it cannot be used; null for a good one.")
    origin: Literal["declared", "registered"]
    version: int | None = Field(description="Of a registered one: another one after each change.")
    registered_at: Timestamp | None
    changed_at: Timestamp | None


class ConnectorConfigurationAnswer(BaseModel):
    """The configuration of one connector."""

    data: ConnectorConfiguration

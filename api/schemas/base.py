"""What the models of several nouns are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

__all__ = ["Model", "Role", "Status", "Timestamp"]

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


class Model(BaseModel):
    """What all of them have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

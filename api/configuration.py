"""A connector's configuration as it may be shown."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from acme_orchestration.registry.errors import EntryUnknownError, RegistryUnavailableError
from acme_orchestration.registry.masking import masked
from api.problems import ProblemError
from api.schemas import Role, Timestamp

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import ConnectorEntry
    from acme_orchestration.registry.records import Record
    from acme_orchestration.registry.workspace import Workspace

__all__ = ["ConnectorConfiguration", "ConnectorConfigurationAnswer", "configuration", "registered"]


class ConnectorConfiguration(BaseModel):
    """A connector as it is declared or registered."""

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


def registered(workspace: Workspace, name: str) -> Record | None:
    """Return the row of a connector in the registry; ``None`` for a declared one.

    Raises:
        ProblemError: 503, the registry cannot be read (code ``registry.unavailable``).
    """
    if workspace.registry is None or ("connectors", name) in workspace.places:
        return None
    try:
        return workspace.registry.get("connector", name)
    except EntryUnknownError:
        return None  # it was deleted just now
    except RegistryUnavailableError:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, "registry.unavailable", "the registry cannot be read at present"
        ) from None


def configuration(entry: ConnectorEntry, record: Record | None) -> ConnectorConfiguration:
    """Return what may be shown of a connector."""
    fields = entry.model_dump(exclude={"config"})
    return ConnectorConfiguration(
        **fields,
        config=masked(entry.config),
        origin="declared" if record is None else "registered",
        version=record.version if record else None,
        registered_at=record.registered_at if record else None,
        changed_at=record.changed_at if record else None,
    )

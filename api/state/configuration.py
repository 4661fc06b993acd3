"""A connector's configuration as it may be shown."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from acme_orchestration.registry.errors import EntryUnknownError, RegistryUnavailableError
from acme_orchestration.registry.masking import masked
from api.messages.problems import ProblemError
from api.schemas import ConnectorConfiguration

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import ConnectorEntry
    from acme_orchestration.registry.records import Record
    from acme_orchestration.registry.workspace import Workspace

__all__ = ["configuration", "registered"]


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

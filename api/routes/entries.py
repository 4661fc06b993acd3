"""The connectors and pipelines that paths name."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry
from api.messages.problems import ProblemError
from api.services import services

if TYPE_CHECKING:
    from acme_orchestration.registry.workspace import Workspace

__all__ = ["find_connector", "find_pipeline", "require_usable"]

_E = TypeVar("_E", ConnectorEntry, PipelineEntry)


def find_connector(workspace: Workspace, name: str) -> ConnectorEntry:
    """Return a connector.

    Raises:
        ProblemError: 404, there is none of this name (code ``connector.unknown``).
    """
    return _found("connector", workspace.connectors.get(name))


def find_pipeline(workspace: Workspace, name: str) -> PipelineEntry:
    """Return a pipeline.

    Raises:
        ProblemError: 404, there is none of this name (code ``pipeline.unknown``).
    """
    return _found("pipeline", workspace.pipelines.get(name))


def _found(kind: str, entry: _E | None) -> _E:
    if entry is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            f"{kind}.unknown",
            f"there is no {kind} of this name; GET /api/v1/{kind}s lists them",
        )
    return entry


def require_usable(entry: ConnectorEntry | PipelineEntry) -> None:
    """Refuse an entry that cannot be used.

    Raises:
        ProblemError: 409, it is at fault (codes ``connector.unusable``, ``pipeline.unusable``) or disabled
            (``connector.disabled``).
    """
    kind = "connector" if isinstance(entry, ConnectorEntry) else "pipeline"
    if entry.fault is not None:
        detail = services().workspace.without_folder(f"this {kind} cannot be used: {entry.fault}")
        raise ProblemError(HTTPStatus.CONFLICT, f"{kind}.unusable", detail)
    if isinstance(entry, ConnectorEntry) and entry.disabled:
        raise ProblemError(
            HTTPStatus.CONFLICT, "connector.disabled", "this connector is disabled; enable it first"
        )

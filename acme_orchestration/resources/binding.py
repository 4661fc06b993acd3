"""The resource that stands for a connector of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acme_orchestration.registry.entries import ConnectorEntry, by_dagster_name
from acme_orchestration.registry.verification import verify
from acme_orchestration.registry.workspace import Workspace
from acme_orchestration.resources.builtin import BUILT_IN
from acme_orchestration.resources.connector import ConnectorResource

__all__ = ["connector_resource", "connector_resources"]


def connector_resource(entry: ConnectorEntry, folder: Path | None) -> ConnectorResource[Any]:
    """Return the resource of an entry; one that cannot be used says so, and holds no configuration.

    Args:
        entry: The entry, verified.
        folder: The connectors folder, or ``None``.
    """
    fault = f"the connector {entry.name} is disabled" if entry.disabled else entry.fault
    return BUILT_IN.get(entry.type, ConnectorResource)(
        name=entry.name,
        type=entry.type,
        role=entry.role,
        config=entry.config if fault is None else {},
        folder=str(folder) if folder else None,
        check_timeout_s=entry.check_timeout_s,
        fault=fault,
    )


def connector_resources(workspace: Workspace) -> dict[str, Any]:
    """Return the resources of a workspace's connectors by the names they have in Dagster.

    They are for a code location that uses connectors, whose health another one checks; `build_definitions`
    has them too.

    Args:
        workspace: What `read_workspace` returned, with a registry or without one.
    """
    workspace = verify(workspace)
    entries = by_dagster_name(workspace.connectors.values())
    return {key: connector_resource(entry, workspace.folder) for key, entry in entries.items()}

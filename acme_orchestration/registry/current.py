"""The one view of a workspace: what ``connectors.yaml`` declares, and what was registered beside it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from acme_orchestration.registry.declared import read_declared
from acme_orchestration.registry.errors import RegistryUnavailableError
from acme_orchestration.registry.fields import connector_entry, pipeline_entry
from acme_orchestration.registry.links import link
from acme_orchestration.registry.workspace import Workspace

if TYPE_CHECKING:
    from acme_orchestration.registry.records import Contents, Record
    from acme_orchestration.registry.registered import Registry

__all__ = ["doubled", "joined", "read_workspace", "with_registered"]

log = logging.getLogger(__name__)


def read_workspace(path: Path, registry: Registry | None = None, environment: str | None = None) -> Workspace:
    """Read a ``connectors.yaml`` and what is registered; no connector's code is imported.

    A registry that cannot be read takes no declared entry with it: it is left out, with a warning in the log.

    Args:
        path: The file.
        registry: The registry; ``None`` for declared entries only.
        environment: Whose overlay counts; what ``ACME_ENVIRONMENT`` says by default.

    Raises:
        ConfigurationError: The file is missing or wrong, see `read_declared`.
    """
    return joined(read_declared(path, environment), registry)


def joined(declared: Workspace, registry: Registry | None) -> Workspace:
    """Return what is declared and what is registered, linked.

    Args:
        declared: What `read_declared` returned.
        registry: The registry; ``None`` for declared entries only.
    """
    if registry is None:
        return link(declared)
    try:
        return link(with_registered(declared, registry, registry.contents()))
    except RegistryUnavailableError as error:
        log.warning("%s", error.message)
        return replace(link(declared), registry=registry)


def with_registered(declared: Workspace, registry: Registry, contents: Contents) -> Workspace:
    """Return the declared entries and the registered ones, not linked yet.

    A name in both is the declared one's.

    Args:
        declared: What `read_declared` returned.
        registry: The registry.
        contents: What it holds.
    """
    connectors, pipelines = dict(declared.connectors), dict(declared.pipelines)
    for record in (*contents.connectors, *contents.pipelines):
        if record.name in declared.entries(record.kind):
            log.warning("%s", doubled(record, declared, registry))
        elif record.kind == "connector":
            connectors[record.name] = connector_entry(record.name, record.body)
        else:
            pipelines[record.name] = pipeline_entry(record.name, record.body)
    return replace(
        declared,
        connectors=connectors,
        pipelines=pipelines,
        registry=registry,
        revision=contents.revision,
    )


def doubled(record: Record, declared: Workspace, registry: Registry) -> str:
    """Return the fault of a registered entry whose name is declared, too."""
    place = declared.places.get((f"{record.kind}s", record.name), declared.path)
    return (
        f"{record.kind}s.{record.name}: this name stands in {place} and in the registry at "
        f"{registry}: the declared one counts; delete one of them"
    )

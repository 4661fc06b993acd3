"""Whether connectors fit their types, which only the types' classes can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from acme_orchestration.registry.entries import ConnectorEntry
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError
from acme_sdk.plugins import connector_class
from acme_sdk.secrets.fields import literal_secrets, reference_problems

__all__ = ["verify"]


def verify(workspace: Workspace) -> Workspace:
    """Return the workspace with a ``fault`` where a connector's type and its configuration do not fit.

    That is a type that does not exist or cannot be imported, a secret that stands in the clear, and a
    reference to one that is not written like one or names a store that does not exist. Which fields are
    secret is known to the connector's class alone, so that this imports connectors' code; secrets are not
    resolved.
    """
    schemas: dict[tuple[str, str], Mapping[str, Any] | str] = {}
    connectors = {}
    for name, entry in workspace.connectors.items():
        key = (entry.type, entry.role)
        if key not in schemas:
            schemas[key] = _schema(entry, workspace.folder)
        fault = None if entry.fault is not None else _fault(entry, schemas[key])
        connectors[name] = entry if fault is None else workspace.at_fault("connectors", entry, fault)
    return replace(workspace, connectors=connectors)


def _schema(entry: ConnectorEntry, folder: Path) -> Mapping[str, Any] | str:
    """Return the schema of an entry's type, or why there is none."""
    try:
        return connector_class(entry.type, entry.role, folder).config_schema() or {}
    except ConfigurationError as error:
        return f"{error.message}: {error.hint}" if error.hint else error.message
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's module may do anything
        return f"the connector type {entry.type!r} cannot be used: {type(error).__name__}: {error}"


def _fault(entry: ConnectorEntry, schema: Mapping[str, Any] | str) -> str | None:
    where = f"connectors.{entry.name}"
    if isinstance(schema, str):
        return f"{where}.type: {schema}"
    if fields := literal_secrets(schema, entry.config):
        names = ", ".join(f"{where}.config.{field}" for field in fields)
        return (
            f"{names}: a secret stands here in the clear; write a reference, e.g. {{env: VARIABLE}}, instead"
        )
    if problems := reference_problems(schema, entry.config):
        sentences = (f"{where}.config.{problem.field}: {problem.message}" for problem in problems)
        return "; ".join(sentences)
    return None

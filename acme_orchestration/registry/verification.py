"""Whether connectors fit their types, which only the types' classes can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from acme_orchestration.registry.entries import ConnectorEntry
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.config import written_problems
from acme_sdk.errors import ConfigurationError
from acme_sdk.plugins import connector_class
from acme_sdk.secrets.fields import literal_secrets, reference_problems

__all__ = ["check_connector", "type_schema", "verify"]


Schema = Mapping[str, Mapping[str, Any]]


def verify(workspace: Workspace) -> Workspace:
    """Return the workspace with a ``fault`` where a connector's type and its configuration do not fit.

    See `check_connector`. This imports connectors' code.
    """
    schemas: dict[tuple[str, str], Schema | ConfigurationError] = {}
    connectors = {}
    for name, entry in workspace.connectors.items():
        key = (entry.type, entry.role)
        if key not in schemas:
            schemas[key] = _schema_or_error(entry, workspace.folder)
        fault = None if entry.fault is not None else _fault(entry, schemas[key])
        connectors[name] = entry if fault is None else workspace.at_fault("connectors", entry, fault)
    return replace(workspace, connectors=connectors)


def check_connector(entry: ConnectorEntry, folder: Path) -> None:
    """Check that a connector's configuration fits its type, as far as that can be told without its secrets.

    Args:
        entry: The connector.
        folder: The connectors folder.

    Raises:
        ConfigurationError: There is no such type, it cannot be imported or it has no such role (codes
            ``type.…``), a secret stands in the clear (``secret.literal``), or a field is wrong, e.g. a
            reference names a store that does not exist (``config.invalid``).
    """
    schema = _schema_or_error(entry, folder)
    if isinstance(schema, ConfigurationError):
        raise _at_type(entry, schema)
    _check(entry, schema)


def type_schema(type_name: str, role: str, folder: Path) -> Schema:
    """Return the ``config_schema()`` of a type in a role.

    Raises:
        ConfigurationError: There is none (codes ``type.…``).
    """
    try:
        return connector_class(type_name, role, folder).config_schema() or {}
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's module may do anything
        raise ConfigurationError(
            f"the connector type {type_name!r} cannot be used: {type(error).__name__}: {error}",
            code="type.unusable",
        ) from None


def _schema_or_error(entry: ConnectorEntry, folder: Path) -> Schema | ConfigurationError:
    try:
        return type_schema(entry.type, entry.role, folder)
    except ConfigurationError as error:
        return error


def _fault(entry: ConnectorEntry, schema: Schema | ConfigurationError) -> str | None:
    try:
        if isinstance(schema, ConfigurationError):
            raise _at_type(entry, schema)
        _check(entry, schema)
    except ConfigurationError as error:
        return f"{error.message}: {error.hint}" if error.hint else error.message
    return None


def _at_type(entry: ConnectorEntry, error: ConfigurationError) -> ConfigurationError:
    message = f"connectors.{entry.name}.type: {error.message}"
    return ConfigurationError(message, code=error.code, hint=error.hint)


def _check(entry: ConnectorEntry, schema: Schema) -> None:
    where = f"connectors.{entry.name}.config"
    if fields := literal_secrets(schema, entry.config):
        raise ConfigurationError(
            f"{', '.join(f'{where}.{field}' for field in fields)}: a secret stands here in the clear; "
            "write a reference, e.g. {env: VARIABLE}, instead",
            code="secret.literal",
        )
    references = tuple(reference_problems(schema, entry.config))
    if problems := references or written_problems(schema, entry.config):
        raise ConfigurationError(
            "; ".join(f"{where}.{problem.field}: {problem.message}" for problem in problems),
            problems=problems,
        )

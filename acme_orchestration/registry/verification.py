"""Whether connectors fit their types, which only the types' classes can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from acme_orchestration.registry.entries import ConnectorEntry
from acme_orchestration.registry.masking import mask_paths
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.config import config_model, written_problems
from acme_sdk.errors import ConfigurationError, FieldProblem
from acme_sdk.plugins import connector_class
from acme_sdk.secrets import MASK
from acme_sdk.secrets.fields import literal_secrets, reference_problems

__all__ = ["check_connector", "type_schema", "verify"]

Schema = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class _Fields:
    """What the configurations of one type have: its schema, and the model made of it once for all of them."""

    schema: Schema
    model: type[BaseModel]


def verify(workspace: Workspace) -> Workspace:
    """Return the workspace with a ``fault`` where a connector's type and its configuration do not fit.

    See `check_connector`. This imports connectors' code.
    """
    types: dict[tuple[str, str], _Fields | ConfigurationError] = {}
    connectors = {}
    for name, entry in workspace.connectors.items():
        key = (entry.type, entry.role)
        if key not in types:
            types[key] = _fields_or_error(entry, workspace.folder)
        fault = None if entry.fault is not None else _fault(entry, types[key])
        connectors[name] = entry if fault is None else workspace.at_fault("connectors", entry, fault)
    return replace(workspace, connectors=connectors)


def check_connector(entry: ConnectorEntry, folder: Path) -> None:
    """Check that a connector's configuration fits its type, as far as that can be told without its secrets.

    Args:
        entry: The connector.
        folder: The connectors folder.

    Raises:
        ConfigurationError: There is no such type, it cannot be imported or it has no such role (codes
            ``type.…``), its schema is wrong (``config.schema``), a secret stands in the clear
            (``secret.literal``), a mask stands where a value should (``secret.masked``), or a field is wrong,
            e.g. a reference names a store that does not exist (``config.invalid``).
    """
    _check(entry, _fields_or_error(entry, folder))


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


def _fields_or_error(entry: ConnectorEntry, folder: Path) -> _Fields | ConfigurationError:
    try:
        schema = type_schema(entry.type, entry.role, folder)
        return _Fields(schema, config_model(schema))
    except ConfigurationError as error:
        return error


def _fault(entry: ConnectorEntry, fields: _Fields | ConfigurationError) -> str | None:
    try:
        _check(entry, fields)
    except ConfigurationError as error:
        return f"{error.message}: {error.hint}" if error.hint else error.message
    return None


def _check(entry: ConnectorEntry, fields: _Fields | ConfigurationError) -> None:
    if isinstance(fields, ConfigurationError):
        message = f"connectors.{entry.name}.type: {fields.message}"
        raise ConfigurationError(message, code=fields.code, hint=fields.hint)
    where = f"connectors.{entry.name}.config"
    if literal := literal_secrets(fields.schema, entry.config):
        raise ConfigurationError(
            f"{', '.join(f'{where}.{field}' for field in literal)}: a secret stands here in the clear; "
            "write a reference, e.g. {env: VARIABLE}, instead",
            problems=tuple(FieldProblem(field, "a secret stands here in the clear") for field in literal),
            code="secret.literal",
        )
    if masks := list(mask_paths(entry.config)):
        raise ConfigurationError(
            f"{', '.join(f'{where}.{field}' for field in masks)}: {MASK} only stands where a secret is shown",
            problems=tuple(FieldProblem(field, "is a mask and no value") for field in masks),
            code="secret.masked",
            hint="write the secret as a reference, or leave the field as it is",
        )
    references = tuple(reference_problems(fields.schema, entry.config))
    if problems := references or written_problems(fields.schema, fields.model, entry.config):
        raise ConfigurationError(
            "; ".join(f"{where}.{problem.field}: {problem.message}" for problem in problems),
            problems=problems,
        )

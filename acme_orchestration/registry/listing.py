"""What there is in a workspace, for people: where each entry stands, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acme_orchestration.registry.current import doubled
from acme_orchestration.registry.declared import read_declared
from acme_orchestration.registry.entries import ConnectorEntry, Kind, PipelineEntry
from acme_orchestration.registry.errors import RegistryUnavailableError
from acme_orchestration.registry.masking import masked
from acme_orchestration.registry.verification import type_schema, verify
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from acme_orchestration.registry.records import Record

__all__ = ["Listed", "listed"]


@dataclass(frozen=True)
class Listed:
    """An entry and where it stands.

    Attributes:
        entry: The entry, with a ``fault`` if it cannot be used.
        record: Its row in the registry; ``None`` for a declared one.
        schema: Of a connector, that of its type, if there is one.
    """

    entry: ConnectorEntry | PipelineEntry
    record: Record | None = None
    schema: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        """``declared`` or ``registered``."""
        return "declared" if self.record is None else "registered"

    @property
    def state(self) -> str:
        """``ok``, ``disabled``, or what is wrong."""
        if self.entry.fault is not None:
            return self.entry.fault
        is_disabled = isinstance(self.entry, ConnectorEntry) and self.entry.disabled
        return "disabled" if is_disabled else "ok"

    def to_json(self) -> dict[str, Any]:
        """Return all fields, where the entry stands, and of a registered one its version and times.

        Secrets that stand in the clear are masked.
        """
        fields: dict[str, Any] = self.entry.model_dump(mode="json")
        if isinstance(self.entry, ConnectorEntry):
            fields["config"] = masked(self.entry.config, self.schema)
        fields["origin"] = self.origin
        if self.record is not None:
            fields["version"] = self.record.version
            fields["registered_at"] = self.record.registered_at.isoformat()
            fields["changed_at"] = self.record.changed_at.isoformat()
        return fields


def listed(workspace: Workspace, kind: Kind) -> Sequence[Listed]:
    """Return the connectors or pipelines of a workspace; this imports connectors' code.

    A registered one whose name is declared, too, is in the list with the fault that says so.

    Args:
        workspace: What `read_workspace` returned.
        kind: ``connector`` or ``pipeline``.
    """
    records = _records(workspace, kind)
    declared = read_declared(workspace.path, workspace.environment)
    hidden = [records.pop(name) for name in list(records) if name in declared.entries(kind)]
    found = [
        Listed(entry, records.get(name), _schema(entry, workspace.folder))
        for name, entry in verify(workspace).entries(kind).items()
    ]
    for record in hidden:
        assert workspace.registry is not None  # noqa: S101 - it has the record
        fault = doubled(record, declared, workspace.registry)
        entry = record.entry.model_copy(update={"fault": fault})
        found.append(Listed(entry, record, _schema(entry, workspace.folder)))
    return found


def _schema(entry: ConnectorEntry | PipelineEntry, folder: Path) -> Mapping[str, Any] | None:
    if isinstance(entry, PipelineEntry):
        return None
    try:
        return type_schema(entry.type, entry.role, folder)
    except ConfigurationError:
        return None  # its fault says so


def _records(workspace: Workspace, kind: Kind) -> dict[str, Record]:
    if workspace.registry is None or workspace.revision is None:
        return {}
    try:
        contents = workspace.registry.contents()
    except RegistryUnavailableError:
        return {}  # it went down just now
    return {record.name: record for record in contents.records(kind)}

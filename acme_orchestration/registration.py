"""Registering, changing and deleting connectors and pipelines: what cannot load is refused, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acme_orchestration.registry.current import with_registered
from acme_orchestration.registry.declared import DeclaredFile
from acme_orchestration.registry.entries import ConnectorEntry, Kind, PipelineEntry, dagster_name, translated
from acme_orchestration.registry.errors import ConflictError, EntryUnknownError
from acme_orchestration.registry.links import link
from acme_orchestration.registry.records import Record, entry_of
from acme_orchestration.registry.registered import Registry, unknown
from acme_orchestration.registry.rows import Rows
from acme_orchestration.registry.verification import check_connector
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError

__all__ = ["Registrar"]

_CORRECT = "correct what is named, then try again"


class Registrar:
    """Writes to the registry, beside what a workspace declares.

    Whoever changes or deletes something says which version of it they saw; if that is not the present one,
    somebody else was faster, and nothing happens.

    Args:
        path: The workspace's ``connectors.yaml``.
        registry: Where things are registered.
        environment: Whose overlay of the file counts; what ``ACME_ENVIRONMENT`` says by default.
    """

    def __init__(self, path: Path, registry: Registry, environment: str | None = None) -> None:
        self._file = DeclaredFile(path, environment)
        self._registry = registry

    def register(self, kind: Kind, name: str, body: Mapping[str, Any], *, actor: str) -> Record:
        """Register a connector or a pipeline; the same one once more is no error, and no change.

        Args:
            kind: ``connector`` or ``pipeline``.
            name: Its public name.
            body: Its fields, as under its name in ``connectors.yaml``.
            actor: Who does it, for the audit trail.

        Raises:
            ConfigurationError: It could not be loaded (codes ``name.invalid``, ``connector.invalid``,
                ``pipeline.invalid``, and those of `check_connector`).
            ConflictError: The name is taken: by another one that is registered (``….exists``), by one that is
                declared (``….declared``), or by one that has it in Dagster (``name.taken``).
            RegistryUnavailableError: The registry cannot be read or written.
        """
        entry = _entry(kind, name, body)
        with self._writing() as now:
            found = now.rows.find(kind, name)
            if found is not None and found.body == _body(entry):
                return found
            now.require_free(kind, name, found)
            now.check(entry)
            return now.rows.insert(kind, name, _body(entry), actor)

    def get(self, kind: Kind, name: str) -> Record:
        """Return what is registered, to be changed or deleted.

        Raises:
            ConflictError: It is declared (``….declared``).
            EntryUnknownError: There is none of this name (``….unknown``).
            RegistryUnavailableError: The registry cannot be read.
        """
        try:
            return self._registry.get(kind, name)
        except EntryUnknownError:
            declared = self._file.read()
            if name in declared.entries(kind):
                raise _declared_error(declared, kind, name) from None
            raise

    def check(self, kind: Kind, name: str, body: Mapping[str, Any]) -> ConnectorEntry | PipelineEntry:
        """Return the entry that would be stored; nothing is.

        Raises:
            ConfigurationError: See `register`.
            ConflictError: The name is declared, or something else could not be loaded any more.
            RegistryUnavailableError: The registry cannot be read.
        """
        entry = _entry(kind, name, body)
        with self._writing() as now:
            now.check(entry)
        return entry

    def change(self, kind: Kind, name: str, body: Mapping[str, Any], *, version: int, actor: str) -> Record:
        """Replace the fields of something registered.

        One that cannot be used any more can still be disabled, or enabled.

        Args:
            kind: ``connector`` or ``pipeline``.
            name: Its public name.
            body: All its fields from now on.
            version: That of the record which the caller saw.
            actor: Who does it, for the audit trail.

        Raises:
            ConfigurationError: See `register`.
            ConflictError: It has another version by now (``registry.conflict``), something else could not be
                loaded any more (``….breaks``), or it is declared (``….declared``).
            EntryUnknownError: There is none of this name (``….unknown``).
            RegistryUnavailableError: The registry cannot be read or written.
        """
        entry = _entry(kind, name, body)
        with self._writing() as now:
            old = now.expect(kind, name, version)
            if old.body == _body(entry):
                return old
            if {**old.body, "disabled": None} != {**_body(entry), "disabled": None}:
                now.check(entry)
            return now.rows.update(old, _body(entry), actor)

    def delete(self, kind: Kind, name: str, *, version: int, actor: str) -> None:
        """Delete something registered; its audit trail stays.

        Args:
            kind: ``connector`` or ``pipeline``.
            name: Its public name.
            version: That of the record which the caller saw.
            actor: Who does it, for the audit trail.

        Raises:
            ConflictError: It has another version by now (``registry.conflict``), pipelines use the connector
                (``connector.in_use``), or it is declared (``….declared``).
            EntryUnknownError: There is none of this name (``….unknown``).
            RegistryUnavailableError: The registry cannot be read or written.
        """
        with self._writing() as now:
            old = now.expect(kind, name, version)
            if kind == "connector":
                now.require_unused(name)
            now.rows.delete(old, actor)

    @contextmanager
    def _writing(self) -> Iterator[_Now]:
        declared = self._file.read()
        with self._registry.writing() as rows:
            workspace = with_registered(declared, self._registry, rows.contents())
            yield _Now(rows, declared, workspace)


@dataclass(frozen=True)
class _Now:
    """The present state, which nobody else changes while it is looked at.

    Attributes:
        rows: What is registered, to be changed.
        declared: What the file declares.
        workspace: That and what is registered, not linked.
    """

    rows: Rows
    declared: Workspace
    workspace: Workspace

    def expect(self, kind: Kind, name: str, version: int) -> Record:
        """Return the row that the caller saw."""
        found = self.rows.find(kind, name)
        if found is None:
            if name in self.declared.entries(kind):
                raise _declared_error(self.declared, kind, name)
            raise unknown(kind, name)
        if found.version != version:
            raise ConflictError(
                f"the {kind} {name!r} was changed meanwhile: it has version {found.version}, not {version}",
                hint="look at it again, then decide",
            )
        return found

    def require_free(self, kind: Kind, name: str, found: Record | None) -> None:
        """Refuse a name that is taken."""
        if name in self.declared.entries(kind):
            raise _declared_error(self.declared, kind, name)
        if found is not None:
            raise ConflictError(
                f"there is a registered {kind} {name!r}, which is another one",
                code=f"{kind}.exists",
                hint=f"change that one with acme {kind}s change, or choose another name",
            )
        for other in self.workspace.entries(kind):
            if translated(other) == dagster_name(name):
                raise ConflictError(
                    f"{kind}s.{name}: to Dagster this name is the same as {other!r}",
                    code="name.taken",
                    hint="choose another name",
                )

    def require_unused(self, name: str) -> None:
        """Refuse to delete a connector that pipelines use."""
        if name in self.declared.connectors:
            return  # they use the declared one
        users = [p.name for p in self.workspace.pipelines.values() if name in (p.source, p.destination)]
        if users:
            raise ConflictError(
                f"the connector {name!r} is used by {', '.join(users)}",
                code="connector.in_use",
                hint="delete or change these pipelines first, or disable the connector",
            )

    def check(self, entry: ConnectorEntry | PipelineEntry) -> None:
        """Refuse what could not be loaded, or would keep something else from it."""
        if entry.name in self.declared.entries(_kind(entry)):
            raise _declared_error(self.declared, _kind(entry), entry.name)
        if isinstance(entry, ConnectorEntry):
            check_connector(entry, self.workspace.folder)
            after = replace(self.workspace, connectors={**self.workspace.connectors, entry.name: entry})
        else:
            after = replace(self.workspace, pipelines={**self.workspace.pipelines, entry.name: entry})
        faults, kind = _faults(link(after)), _kind(entry)
        if fault := faults.get((kind, entry.name)):
            raise ConfigurationError(fault, code=f"{kind}.invalid", hint=_CORRECT)
        if broken := faults.keys() - _faults(link(self.workspace)).keys():
            raise ConflictError(
                f"with that, this could not be loaded any more: {faults[min(broken)]}",
                code=f"{kind}.breaks",
                hint="change that one first, or leave this one as it is",
            )
        if isinstance(entry, PipelineEntry):
            from acme_orchestration.pipelines.pipeline import check_pipeline  # imports Dagster

            check_pipeline(entry)


def _declared_error(declared: Workspace, kind: Kind, name: str) -> ConflictError:
    return ConflictError(
        f"the {kind} {name!r} is declared in {declared.path}",
        code=f"{kind}.declared",
        hint="change it there, or choose another name",
    )


def _entry(kind: Kind, name: str, body: Mapping[str, Any]) -> ConnectorEntry | PipelineEntry:
    dagster_name(name)
    entry = entry_of(kind, name, body)
    if entry.fault is not None:
        raise ConfigurationError(entry.fault, code=f"{kind}.invalid", hint=_CORRECT)
    return entry


def _body(entry: ConnectorEntry | PipelineEntry) -> dict[str, Any]:
    """The fields as they are stored: what is as by default is left out."""
    return entry.model_dump(mode="json", exclude={"name", "fault"}, exclude_defaults=True)


def _kind(entry: ConnectorEntry | PipelineEntry) -> Kind:
    return "connector" if isinstance(entry, ConnectorEntry) else "pipeline"


def _faults(workspace: Workspace) -> dict[tuple[Kind, str], str]:
    entries: list[ConnectorEntry | PipelineEntry] = [
        *workspace.connectors.values(),
        *workspace.pipelines.values(),
    ]
    return {(_kind(entry), entry.name): entry.fault for entry in entries if entry.fault is not None}

"""What ``connectors.yaml`` declares: connectors and pipelines.

A file that cannot be read is an error. An entry that is wrong is not: it becomes an entry with a ``fault``,
so that one mistake hides no other connector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acme_orchestration.registry.document import Document, invalid, read_document
from acme_orchestration.registry.entries import Entry
from acme_orchestration.registry.environment import laid_over, overlay_path, present_environment
from acme_orchestration.registry.faults import with_fault
from acme_orchestration.registry.fields import connector_entry, pipeline_entry
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from acme_orchestration.alerts.change import Alert

__all__ = ["DeclaredFile", "declared_in", "read_declared"]


class DeclaredFile:
    """A ``connectors.yaml`` that is read again when it has changed.

    Args:
        path: The file.
        environment: Whose overlay counts; what ``ACME_ENVIRONMENT`` says by default.
    """

    def __init__(self, path: Path, environment: str | None = None) -> None:
        self.path = path.absolute()
        self.environment = environment or present_environment()
        self._known: Workspace | None = None

    def read(self) -> Workspace:
        """Return what `read_declared` does: the same object as long as nothing has changed.

        Raises:
            ConfigurationError: See `read_declared`.
        """
        known = self._known
        if known is None or known.is_outdated():
            known = self._known = read_declared(self.path, self.environment)
        return known


def read_declared(path: Path, environment: str | None = None) -> Workspace:
    """Return the entries of a ``connectors.yaml`` as they stand there, each looked at by itself.

    Args:
        path: The file. Relative paths in its configurations are relative to the process's directory.
        environment: Whose overlay counts; what ``ACME_ENVIRONMENT`` says by default.

    Raises:
        ConfigurationError: There is no such file, it is not YAML, a key stands in it twice, or it does not
            consist of ``connectors``, ``pipelines`` and ``alerts`` (codes ``file.missing``,
            ``file.invalid``); or there is no such environment (``environment.unknown``). The message names
            file and line.
    """
    path = path.absolute()
    environment = environment or present_environment()
    base = read_document(path)
    if environment is None:
        return declared_in(base)
    overlay = read_document(overlay_path(path, environment))
    return replace(declared_in(base, overlay), environment=environment)


def declared_in(base: Document, overlay: Document | None = None) -> Workspace:
    """Return the entries of a document, with another one laid over it.

    Raises:
        ConfigurationError: A document does not consist of ``connectors``, ``pipelines`` and ``alerts``.
    """
    documents = [base] if overlay is None else [base, overlay]
    places: dict[tuple[str, str], str] = {}
    for document in documents:
        if unknown := [key for key in document.values if key not in ("connectors", "pipelines", "alerts")]:
            hint = "there are connectors, pipelines and alerts"
            raise invalid(document.path, f"{unknown[0]!r} is not a section", hint)
        for entry, line in document.lines.items():
            place = f"{document.path.name} line {line}"
            places[entry] = f"{places[entry]}, {place}" if entry in places else place
    stamps = {document.path: document.stamp for document in documents if document.stamp is not None}
    workspace = Workspace(base.path, base.path.parent / "connectors", {}, {}, places=places, stamps=stamps)

    def entries(section: str, build: Callable[[str, Any], Entry]) -> dict[str, Entry]:
        below, *above = (_section(document, section) for document in documents)
        built = {name: build(name, body) for name, body in below.items()}
        for name, body in (above[0] if above else {}).items():
            if (entry := _laid_over(section, below, name, body, build)) is None:
                del built[name]
            else:
                built[name] = entry
        return {
            name: workspace.at_fault(section, entry, entry.fault) if entry.fault else entry
            for name, entry in built.items()
        }

    return replace(
        workspace,
        connectors=entries("connectors", connector_entry),
        pipelines=entries("pipelines", pipeline_entry),
        alerts=_alerts(documents),
    )


def _alerts(documents: Sequence[Document]) -> dict[str, Alert]:
    below, *above = (_section(document, "alerts") for document in documents)
    merged = laid_over(below, above[0], "alerts") if above else below
    if not merged:
        return {}
    from acme_orchestration.alerts.declared import alert_of  # what most commands have no use for

    return {name: alert_of(name, body) for name, body in merged.items()}


def _section(document: Document, section: str) -> dict[str, Any]:
    raw = document.values.get(section)
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise invalid(document.path, f"{section} must be a mapping of names to entries")
    return {str(name): body for name, body in raw.items()}


def _laid_over(
    section: str, below: Mapping[str, Any], name: str, body: Any, build: Callable[[str, Any], Entry]
) -> Entry | None:
    """Return what an overlay makes of an entry, or ``None`` if it removes it.

    An entry that only the overlay has is a new one, and complete; one that is not was hardly meant so.
    """
    try:
        merged = laid_over({name: below[name]} if name in below else {}, {name: body}, section)
    except ConfigurationError as error:
        return with_fault(build(name, below.get(name, {})), error.message)
    if name not in merged:
        return None
    entry = build(name, merged[name])
    if entry.fault is None or name in below:
        return entry
    close = get_close_matches(name, below, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return with_fault(entry, f"{entry.fault}; it is a new one, which the file below lacks{guess}")

"""A workspace: the connectors and pipelines that belong together."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from acme_orchestration.registry.document import Stamp, stamp_of
from acme_orchestration.registry.entries import ConnectorEntry, Entry, Kind, PipelineEntry
from acme_orchestration.registry.errors import RegistryUnavailableError
from acme_orchestration.registry.faults import with_fault

if TYPE_CHECKING:
    from acme_orchestration.alerts.change import Alert
    from acme_orchestration.registry.registered import Registry

__all__ = ["Workspace"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Workspace:
    """The connectors and pipelines of one file, and those that were registered beside it.

    Attributes:
        path: The file, absolute.
        folder: The connectors folder, ``connectors/`` beside the file; it need not exist.
        connectors: Entries by public name: in the file's order, then as they were registered.
        pipelines: The same for pipelines.
        environment: Which one's overlay is in the entries; ``None`` for none.
        places: Where declared entries stand: ``("connectors", "users_db")`` → ``connectors.yaml line 3``.
        stamps: The files that it was read from, as they were then.
        alerts: What is told changes of connectors' states, by name.
        registry: Where the registered ones come from, if they were asked for.
        revision: The registry's, when it was read; ``None`` if it could not be.
    """

    path: Path
    folder: Path
    connectors: Mapping[str, ConnectorEntry]
    pipelines: Mapping[str, PipelineEntry]
    environment: str | None = None
    places: Mapping[tuple[str, str], str] = field(default_factory=dict)
    stamps: Mapping[Path, Stamp] = field(default_factory=dict)
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    registry: Registry | None = None
    revision: int | None = None

    @property
    def home(self) -> Path:
        """The folder for files of its own, such as states, of which each environment has its own."""
        folder = self.path.parent / ".acme"
        return folder if self.environment is None else folder / "environments" / self.environment

    def is_outdated(self) -> bool:
        """Tell whether its files have changed by now, or the registry holds something else.

        While the registry cannot be read, it counts as unchanged, and the log says why.
        """
        if any(stamp_of(path) != stamp for path, stamp in self.stamps.items()):
            return True
        if self.registry is None:
            return False
        try:
            return self.registry.revision() != self.revision
        except RegistryUnavailableError as error:
            log.warning("%s", error.message)
            return False

    def entries(self, kind: Kind) -> Mapping[str, ConnectorEntry | PipelineEntry]:
        """Return the connectors, or the pipelines, by public name."""
        return self.connectors if kind == "connector" else self.pipelines

    def at_fault(self, section: str, entry: Entry, fault: str) -> Entry:
        """Return the entry as one that cannot be used: why, and where it stands."""
        place = self.places.get((section, entry.name))
        return with_fault(entry, f"{fault} ({place})" if place else fault)

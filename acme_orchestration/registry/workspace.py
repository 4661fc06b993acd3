"""A workspace: the connectors and pipelines that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry

if TYPE_CHECKING:
    from acme_orchestration.registry.registered import Registry

__all__ = ["Workspace"]


@dataclass(frozen=True)
class Workspace:
    """The connectors and pipelines of one file, and those that were registered beside it.

    Attributes:
        path: The file, absolute.
        folder: The connectors folder, ``connectors/`` beside the file; it need not exist.
        connectors: Entries by public name: in the file's order, then as they were registered.
        pipelines: The same for pipelines.
        registry: Where the registered ones come from, if they were asked for.
        revision: The registry's, when it was read; ``None`` if it could not be.
    """

    path: Path
    folder: Path
    connectors: Mapping[str, ConnectorEntry]
    pipelines: Mapping[str, PipelineEntry]
    registry: Registry | None = None
    revision: int | None = None

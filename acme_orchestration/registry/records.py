"""What is registered: connectors and pipelines as rows, and the trail of who did what to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from acme_orchestration.registry.entries import ConnectorEntry, Kind, PipelineEntry
from acme_orchestration.registry.fields import connector_entry, pipeline_entry

__all__ = ["Change", "Contents", "Record", "Subject", "entry_of"]

#: What a line of the audit trail can be about.
Subject = Literal["connector", "pipeline", "connection", "api key"]


@dataclass(frozen=True)
class Record:
    """A registered connector or pipeline.

    Attributes:
        kind: ``connector`` or ``pipeline``.
        name: Its public name.
        body: Its fields as in ``connectors.yaml``.
        version: Of this row; another one after each change, and never the same again.
        registered_at: When it was registered, in UTC.
        changed_at: When it was changed last, in UTC.
    """

    kind: Kind
    name: str
    body: Mapping[str, Any] = field(repr=False)
    version: int
    registered_at: datetime
    changed_at: datetime

    @property
    def entry(self) -> ConnectorEntry | PipelineEntry:
        """The entry that the fields make; with a ``fault`` if this version does not understand them."""
        return entry_of(self.kind, self.name, self.body)


@dataclass(frozen=True)
class Change:
    """One line of the audit trail.

    Attributes:
        id: Counts up; for a change of what is registered, its revision after it, and the version of the row.
        at: When, in UTC.
        actor: Who.
        action: ``register``, ``change`` or ``delete``; or what else was done, e.g. ``test``.
        kind: Of what.
        name: Its public name.
        before: The fields before it; ``None`` for a registration.
        after: The fields after it; ``None`` for a deletion. What came of it, where nothing was changed.
    """

    id: int
    at: datetime
    actor: str
    action: str
    kind: Subject
    name: str
    before: Mapping[str, Any] | None = field(repr=False)
    after: Mapping[str, Any] | None = field(repr=False)


@dataclass(frozen=True)
class Contents:
    """What the registry holds at one moment.

    Attributes:
        revision: The number of the last change.
        connectors: The oldest first.
        pipelines: The same for pipelines.
    """

    revision: int = 0
    connectors: Sequence[Record] = ()
    pipelines: Sequence[Record] = ()

    def records(self, kind: Kind) -> Sequence[Record]:
        """Return the connectors, or the pipelines."""
        return self.connectors if kind == "connector" else self.pipelines


def entry_of(kind: Kind, name: str, body: Any) -> ConnectorEntry | PipelineEntry:
    """Return the entry that fields as written make; what is wrong with them is its ``fault``."""
    return connector_entry(name, body) if kind == "connector" else pipeline_entry(name, body)

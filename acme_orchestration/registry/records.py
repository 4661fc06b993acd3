"""The rows of the registry: reading them, and the only places that write them, each change with its trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from acme_orchestration.registry import tables
from acme_orchestration.registry.entries import ConnectorEntry, Kind, PipelineEntry, dagster_name
from acme_orchestration.registry.fields import connector_entry, pipeline_entry

__all__ = [
    "Change", "Record", "Subject", "changes", "delete", "entry_of", "find", "insert", "note", "records",
    "revision", "update",
]  # fmt: skip

#: What a line of the audit trail can be about.
Subject = Literal["connector", "pipeline", "connection", "api key"]

# The actions that change what is registered; each makes a new revision.
_CHANGING = ("register", "change", "delete")


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


def entry_of(kind: Kind, name: str, body: Any) -> ConnectorEntry | PipelineEntry:
    """Return the entry that fields as written make; what is wrong with them is its ``fault``."""
    return connector_entry(name, body) if kind == "connector" else pipeline_entry(name, body)


def revision(connection: sa.Connection) -> int:
    """Return the number of the last change; 0 where there was none."""
    rows = tables.changes.c
    last = (sa.select(sa.func.max(rows.id)).where(rows.action == action) for action in _CHANGING)
    # One look into the index for each, however many tests lie between.
    found = connection.execute(sa.select(*(query.scalar_subquery() for query in last))).one()
    return max(number or 0 for number in found)


def records(connection: sa.Connection, kind: Kind) -> list[Record]:
    """Return all rows of a kind, the oldest first."""
    rows = tables.entries.c
    query = sa.select(tables.entries).where(rows.kind == kind).order_by(rows.registered_at, rows.name)
    return [_record(row) for row in connection.execute(query).mappings()]


def find(connection: sa.Connection, kind: Kind, name: str) -> Record | None:
    """Return the row of a name, or ``None``."""
    query = sa.select(tables.entries).where(*_is(kind, name))
    row = connection.execute(query).mappings().first()
    return None if row is None else _record(row)


def changes(
    connection: sa.Connection, kind: Subject | None = None, name: str | None = None, limit: int = 100
) -> list[Change]:
    """Return the last changes, the newest first.

    Args:
        connection: Where to read.
        kind: Only of this kind.
        name: Only of this name; of everything that ever had it.
        limit: How many at most.
    """
    rows = tables.changes.c
    query = sa.select(tables.changes).order_by(rows.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(rows.kind == kind)
    if name is not None:
        query = query.where(rows.name == name)
    return [Change(**row) for row in connection.execute(query).mappings()]


def insert(connection: sa.Connection, kind: Kind, name: str, body: Mapping[str, Any], actor: str) -> Record:
    """Add a row."""
    version, now = note(connection, "register", kind, name, actor, None, body)
    values = {
        "kind": kind,
        "name": name,
        "dagster_name": dagster_name(name),
        "body": dict(body),
        "version": version,
        "registered_at": now,
        "changed_at": now,
    }
    connection.execute(sa.insert(tables.entries).values(values))
    return Record(kind, name, body, version, now, now)


def update(connection: sa.Connection, old: Record, body: Mapping[str, Any], actor: str) -> Record:
    """Replace the fields of a row."""
    version, now = note(connection, "change", old.kind, old.name, actor, old.body, body)
    query = sa.update(tables.entries).where(*_is(old.kind, old.name))
    connection.execute(query.values(body=dict(body), version=version, changed_at=now))
    return Record(old.kind, old.name, body, version, old.registered_at, now)


def delete(connection: sa.Connection, old: Record, actor: str) -> None:
    """Remove a row."""
    note(connection, "delete", old.kind, old.name, actor, old.body, None)
    connection.execute(sa.delete(tables.entries).where(*_is(old.kind, old.name)))


def note(
    connection: sa.Connection,
    action: str,
    kind: Subject,
    name: str,
    actor: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> tuple[int, datetime]:
    """Add a line to the audit trail; return its id and time."""
    now = datetime.now(UTC)
    values = {
        "at": now,
        "actor": actor[:255],
        "action": action,
        "kind": kind,
        "name": name[:63],
        "before": before,
        "after": after,
    }
    done = connection.execute(sa.insert(tables.changes).values(values))
    assert done.inserted_primary_key is not None  # noqa: S101 - of one row that was inserted
    return done.inserted_primary_key[0], now


def _is(kind: Kind, name: str) -> Sequence[sa.ColumnElement[bool]]:
    return tables.entries.c.kind == kind, tables.entries.c.name == name


def _record(row: sa.RowMapping) -> Record:
    return Record(**{key: value for key, value in row.items() if key != "dagster_name"})

"""The rows of the registry: read, and written here only, each change with its line in the trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from acme_orchestration.registry import tables
from acme_orchestration.registry.entries import Kind, dagster_name
from acme_orchestration.registry.records import Change, Contents, Record, Subject

__all__ = ["Rows"]

# The actions that change what is registered; each makes a new revision.
_CHANGING = ("register", "change", "delete")


class Rows:
    """The rows as one transaction sees them.

    Args:
        connection: The transaction.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def revision(self) -> int:
        """Return the number of the last change; 0 where there was none."""
        rows = tables.changes.c
        last = (sa.select(sa.func.max(rows.id)).where(rows.action == action) for action in _CHANGING)
        # One look into the index for each, however many tests lie between.
        found = self._connection.execute(sa.select(*(query.scalar_subquery() for query in last))).one()
        return max(number or 0 for number in found)

    def contents(self) -> Contents:
        """Return everything registered."""
        return Contents(self.revision(), self._all("connector"), self._all("pipeline"))

    def find(self, kind: Kind, name: str) -> Record | None:
        """Return what is registered under a name, or ``None``."""
        query = sa.select(tables.entries).where(*_is(kind, name))
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _record(row)

    def changes(self, kind: Subject | None = None, name: str | None = None, limit: int = 100) -> list[Change]:
        """Return the last changes, the newest first.

        Args:
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
        return [Change(**row) for row in self._connection.execute(query).mappings()]

    def insert(self, kind: Kind, name: str, body: Mapping[str, Any], actor: str) -> Record:
        """Add a row."""
        version, now = self.note("register", kind, name, actor, None, body)
        values = {
            "kind": kind,
            "name": name,
            "dagster_name": dagster_name(name),
            "body": dict(body),
            "version": version,
            "registered_at": now,
            "changed_at": now,
        }
        self._connection.execute(sa.insert(tables.entries).values(values))
        return Record(kind, name, body, version, now, now)

    def update(self, old: Record, body: Mapping[str, Any], actor: str) -> Record:
        """Replace the fields of a row."""
        version, now = self.note("change", old.kind, old.name, actor, old.body, body)
        query = sa.update(tables.entries).where(*_is(old.kind, old.name))
        self._connection.execute(query.values(body=dict(body), version=version, changed_at=now))
        return Record(old.kind, old.name, body, version, old.registered_at, now)

    def delete(self, old: Record, actor: str) -> None:
        """Remove a row."""
        self.note("delete", old.kind, old.name, actor, old.body, None)
        self._connection.execute(sa.delete(tables.entries).where(*_is(old.kind, old.name)))

    def note(
        self,
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
        done = self._connection.execute(sa.insert(tables.changes).values(values))
        assert done.inserted_primary_key is not None  # noqa: S101 - of one row that was inserted
        return done.inserted_primary_key[0], now

    def _all(self, kind: Kind) -> list[Record]:
        """Return all rows of a kind, the oldest first."""
        rows = tables.entries.c
        query = sa.select(tables.entries).where(rows.kind == kind).order_by(rows.registered_at, rows.name)
        return [_record(row) for row in self._connection.execute(query).mappings()]


def _is(kind: Kind, name: str) -> Sequence[sa.ColumnElement[bool]]:
    return tables.entries.c.kind == kind, tables.entries.c.name == name


def _record(row: sa.RowMapping) -> Record:
    return Record(**{key: value for key, value in row.items() if key != "dagster_name"})

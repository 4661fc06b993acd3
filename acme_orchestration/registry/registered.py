"""The SQL registry: which connectors and pipelines were registered beside the declared ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from acme_orchestration.registry.database import RegistryDatabase
from acme_orchestration.registry.document import Stamp
from acme_orchestration.registry.entries import Kind
from acme_orchestration.registry.errors import EntryUnknownError
from acme_orchestration.registry.masking import masked
from acme_orchestration.registry.records import Change, Contents, Record, Subject
from acme_orchestration.registry.rows import Rows

__all__ = ["Registry", "unknown"]


def unknown(kind: Kind, name: str) -> EntryUnknownError:
    """Return the error that says that nothing of a name is registered."""
    return EntryUnknownError(
        f"no {kind} {name!r} is registered",
        code=f"{kind}.unknown",
        hint=f"acme {kind}s list shows those that are",
    )


class Registry:
    """The registered connectors and pipelines.

    Args:
        database: Where they are.
    """

    def __init__(self, database: RegistryDatabase) -> None:
        self.database = database
        # The stamp of the database, and its revision then.
        self._known: tuple[Stamp, int] = None, 0

    def __str__(self) -> str:
        return str(self.database)

    def revision(self) -> int:
        """Return a number that is another one after each change.

        Raises:
            RegistryUnavailableError: The database cannot be read.
        """
        stamp = self.database.stamp()
        if stamp is None or stamp != self._known[0]:
            self._known = stamp, self._read_revision()
        return self._known[1]

    def contents(self) -> Contents:
        """Return everything registered; none of it is checked.

        Raises:
            RegistryUnavailableError: The database cannot be read.
        """
        if not self.database.exists:
            return Contents()
        with self._reading() as rows:
            return rows.contents()

    def get(self, kind: Kind, name: str) -> Record:
        """Return a registered connector or pipeline.

        Raises:
            EntryUnknownError: There is none of this name.
            RegistryUnavailableError: The database cannot be read.
        """
        found = None
        if self.database.exists:
            with self._reading() as rows:
                found = rows.find(kind, name)
        if found is None:
            raise unknown(kind, name)
        return found

    def note(
        self, action: str, kind: Subject, name: str, *, actor: str, after: Mapping[str, Any] | None = None
    ) -> None:
        """Add a line to the trail about something that changes no entry, e.g. a test.

        Args:
            action: What was done.
            kind: To what.
            name: Its name.
            actor: Who did it.
            after: What came of it, without secrets.

        Raises:
            RegistryUnavailableError: The database cannot be written.
        """
        with self.writing() as rows:
            rows.note(action, kind, name, actor, None, after)

    def history(self, kind: Subject | None = None, name: str | None = None, limit: int = 100) -> list[Change]:
        """Return the last changes, the newest first; nothing in them that looks like a secret.

        Args:
            kind: Only of connectors, of pipelines, of connections that were tried, or of keys.
            name: Only of what had this name.
            limit: How many at most.

        Raises:
            RegistryUnavailableError: The database cannot be read.
        """
        if not self.database.exists:
            return []
        with self._reading() as rows:
            return [_masked(change) for change in rows.changes(kind, name, limit)]

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """Open the rows for changing them, for one at a time; see `RegistryDatabase.writing`.

        Raises:
            RegistryUnavailableError: The database cannot be read or written.
        """
        with self.database.writing() as connection:
            yield Rows(connection)

    def _read_revision(self) -> int:
        if not self.database.exists:
            return 0
        with self._reading() as rows:
            return rows.revision()

    @contextmanager
    def _reading(self) -> Iterator[Rows]:
        with self.database.reading() as connection:
            yield Rows(connection)


def _masked(change: Change) -> Change:
    return replace(change, before=_masked_body(change.before), after=_masked_body(change.after))


def _masked_body(body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return body if body is None or "config" not in body else {**body, "config": masked(body["config"])}

"""States and histories of connectors, followed: what is stored is read once, and from then on what is new."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from acme_orchestration.instance.cursor import checked_times
from acme_orchestration.instance.evaluation import CheckRecord
from acme_orchestration.instance.reader import InstanceReader
from acme_orchestration.instance.states import ConnectorState, connector_state, stale_after
from acme_orchestration.instance.stored import HistoryMark, StoredCheck
from acme_orchestration.registry.entries import ConnectorEntry, by_dagster_name, translated

__all__ = ["HistoryFollower", "StateFollower"]


class StateFollower:
    """Knows the states of a workspace's connectors; for one thread at a time.

    It notices new checks by the ids of the newest check events, which cost the same however long the history
    is, and reads those events that it has not seen.

    Args:
        reader: The Dagster instance.
    """

    def __init__(self, reader: InstanceReader) -> None:
        self._reader = reader
        self._entries: Mapping[str, ConnectorEntry] = {}
        self._shown: Mapping[str, ConnectorEntry] = {}
        self._seen: set[int] | None = None
        self._checks: dict[str, StoredCheck | None] = {}
        self._cursors: list[str | None] = []
        self._checked: Mapping[str, datetime] = {}
        self._states: Mapping[str, ConnectorState] = {}
        self._has_news = True
        self._judged_at = self._valid_until = datetime.min.replace(tzinfo=UTC)

    def states(
        self, entries: Mapping[str, ConnectorEntry], now: datetime | None = None
    ) -> Mapping[str, ConnectorState]:
        """Return what `InstanceReader.states` does: the same object as long as nothing has changed.

        Args:
            entries: The connectors by public name: the same object as long as they are the same.
            now: The time to judge by, aware; the present by default.

        Raises:
            InstanceUnavailableError: The database is away; `known` tells what was read before.
        """
        self._follow(entries)
        self._read_checks()
        self._read_cursors()
        return self._judged(now or datetime.now(UTC))

    def known(
        self, entries: Mapping[str, ConnectorEntry], now: datetime | None = None
    ) -> Mapping[str, ConnectorState]:
        """Return the states by what was read before: they become too old, but do not change otherwise.

        Args:
            entries: As in `states`.
            now: As in `states`.
        """
        self._follow(entries)
        return self._judged(now or datetime.now(UTC))

    def _follow(self, entries: Mapping[str, ConnectorEntry]) -> None:
        if entries is not self._entries:
            self._entries, self._shown = entries, by_dagster_name(entries.values())
            self._has_news = True

    def _read_checks(self) -> None:
        """Read what was stored since the last time."""
        ids = set(self._reader.check_ids())
        if self._seen is None or (self._seen and self._seen.isdisjoint(ids)):
            # The first time; or more was stored than the ids tell; or it is another database now.
            self._checks, self._seen = {}, ids
        unread = self._shown.keys() - self._checks.keys()
        if unread:
            self._checks |= dict.fromkeys(unread) | self._reader.last_checks(unread)
            self._has_news = True
        news = self._reader.checks_of(ids - self._seen)
        for name, check in news.items():
            known = self._checks.get(name)
            if name in self._checks and (known is None or known.event_id < check.event_id):
                self._checks[name] = check
        self._has_news |= bool(news)
        self._seen = ids

    def _read_cursors(self) -> None:
        cursors = self._reader.sensor_cursors()
        if cursors != self._cursors:
            self._cursors, self._checked = cursors, checked_times(cursors)
            self._has_news = True

    def _judged(self, now: datetime) -> Mapping[str, ConnectorState]:
        """Return the states as of now."""
        if self._has_news or not self._judged_at <= now <= self._valid_until:
            self._judge(now)
            self._has_news = False
        return self._states

    def _judge(self, now: datetime) -> None:
        """Work out the states as of now, and until when they hold if nothing is stored."""
        checks = {
            self._shown[name].name: check.record
            for name, check in self._checks.items()
            if check is not None and name in self._shown
        }
        self._states = {
            name: connector_state(entry, checks.get(name), self._checked.get(translated(name)), now)
            for name, entry in self._entries.items()
        }
        ends = (
            state.last_check + stale_after(self._entries[name])
            for name, state in self._states.items()
            if state.last_check is not None
        )
        self._judged_at = now
        self._valid_until = min((end for end in ends if end >= now), default=datetime.max.replace(tzinfo=UTC))


class HistoryFollower:
    """Knows the stored checks of those connectors that were asked for last.

    Args:
        reader: The Dagster instance.
        limit: How many checks of each, at most.
        kept: Of how many connectors.
    """

    def __init__(self, reader: InstanceReader, limit: int, kept: int = 16) -> None:
        self._reader = reader
        self._limit = limit
        self._kept = kept
        self._known: dict[str, _History] = {}
        self._lock = threading.Lock()

    def history(self, name: str) -> Sequence[CheckRecord]:
        """Return what `InstanceReader.history` does.

        Raises:
            InstanceUnavailableError: The database is away; `known` tells what was read before.
        """
        mark, known = self._reader.history_mark(name, self._limit), self._known.get(name, _NONE)
        found = known if known.mark == mark else self._read(name, mark, known)
        with self._lock:
            self._known.pop(name, None)
            self._known[name] = found  # at the end, which is forgotten last
            while len(self._known) > self._kept:
                del self._known[next(iter(self._known))]
        return found.newest_first

    def known(self, name: str) -> Sequence[CheckRecord]:
        """Return what was read last, nothing if the connector was not asked for lately."""
        return self._known.get(name, _NONE).newest_first

    def _read(self, name: str, mark: HistoryMark, known: _History) -> _History:
        """Read the rows that are not known."""
        ids = self._reader.history_ids(name, self._limit)
        unread = [row for row in ids if row not in known.records]
        read = self._reader.history_since(name, min(unread)) if unread else {}
        records = {
            row: record for row in ids if (record := read.get(row, known.records.get(row))) is not None
        }
        return _History(mark, records, sorted(records.values(), key=lambda one: one.at, reverse=True))


@dataclass(frozen=True)
class _History:
    """The stored checks of a connector, by the ids of their rows, and what they were read at."""

    mark: HistoryMark
    records: Mapping[int, CheckRecord]
    newest_first: Sequence[CheckRecord]


_NONE = _History((0, 0, 0), {}, [])

"""Who uses each connector, as of now or as last known."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import requests

from acme_orchestration.usage.locations import LocationState, location_states, location_users
from acme_sdk.errors import AcmeError

if TYPE_CHECKING:
    from acme_orchestration.instance import InstanceReader

__all__ = ["UsageReader", "Users"]

log = logging.getLogger(__name__)

_KEY = "acme/usage"
_UNANSWERED = (requests.RequestException, AcmeError)


@dataclass(frozen=True)
class Users:
    """Who uses a connector.

    Attributes:
        names: Pipelines, assets and jobs.
        as_of: If some of them are in code locations that cannot be asked at present: when all of this was
            last known to be so, in UTC. ``None`` if it is so now.
    """

    names: tuple[str, ...] = ()
    as_of: datetime | None = None


@dataclass(frozen=True)
class _Location:
    """What is known about a code location; ``seen_at`` is when the webserver last had it loaded like this."""

    version: str
    seen_at: datetime
    users: Mapping[str, Sequence[str]]
    is_current: bool = True


class UsageReader:
    """Knows who uses each connector, in every code location of a workspace.

    The last answer about each code location is kept in the Dagster instance, so that it outlives the
    location, the webserver, and the process.

    Args:
        url: Dagster's webserver, e.g. ``http://127.0.0.1:3000``.
        reader: The Dagster instance.
    """

    def __init__(self, url: str, reader: InstanceReader) -> None:
        self._url = url
        self._reader = reader
        self._stop = threading.Event()
        self._known = _from_json(reader.kept(_KEY))
        self._users = _by_connector(self._known)

    def users(self) -> Mapping[str, Users]:
        """Return who uses each connector, by its public name, as of the last `refresh`; asks nobody."""
        return self._users

    def refresh(self) -> None:
        """Ask the webserver for its code locations, and who uses connectors in those that were loaded anew.

        One that cannot be asked keeps its last answer; one that left the workspace is forgotten.
        """
        before = self._known
        try:
            states = location_states(self._url)
        except _UNANSWERED as error:
            log.warning("who uses which connector is only known as of before: %s", error)
            self._known = {name: replace(known, is_current=False) for name, known in before.items()}
        else:
            found = {state.name: self._location(state, before.get(state.name)) for state in states}
            self._known = {name: known for name, known in found.items() if known is not None}
        self._users = _by_connector(self._known)
        if _without_times(self._known) != _without_times(before):
            self._reader.keep(_KEY, _to_json(self._known))

    def watch(self, every_s: float = 10) -> None:
        """Refresh again and again, in a thread of its own, until `close`."""
        threading.Thread(target=self._watch, args=(every_s,), name="acme-usage", daemon=True).start()

    def close(self) -> None:
        """End the thread that `watch` started, if there is one."""
        self._stop.set()

    def _watch(self, every_s: float) -> None:
        while not self._stop.is_set():
            try:
                self.refresh()
            except Exception:  # a database that is away for a while must not end this
                log.exception("who uses which connector cannot be found out")
            self._stop.wait(every_s)

    def _location(self, state: LocationState, known: _Location | None) -> _Location | None:
        last_known = replace(known, is_current=False) if known else None
        if not state.is_loaded:
            return last_known
        now = datetime.now(UTC)
        if known is not None and known.version == state.version:
            return replace(known, seen_at=now, is_current=True)
        try:
            return _Location(state.version, now, location_users(self._url, state.name))
        except _UNANSWERED as error:
            log.warning("who uses connectors in %s is only known as of before: %s", state.name, error)
            return last_known


def _by_connector(known: Mapping[str, _Location]) -> dict[str, Users]:
    users: dict[str, Users] = {}
    for location in known.values():
        for connector, names in location.users.items():
            so_far = users.get(connector, Users())
            times = [
                time for time in (so_far.as_of, None if location.is_current else location.seen_at) if time
            ]
            users[connector] = Users(
                tuple(dict.fromkeys((*so_far.names, *names))), min(times) if times else None
            )
    return users


def _without_times(known: Mapping[str, _Location]) -> dict[str, _Location]:
    return {name: replace(location, seen_at=datetime.min) for name, location in known.items()}


def _to_json(known: Mapping[str, _Location]) -> str:
    return json.dumps(
        {
            name: {"version": at.version, "seen_at": at.seen_at.isoformat(), "users": at.users}
            for name, at in known.items()
        }
    )


def _from_json(text: str | None) -> dict[str, _Location]:
    """Read what was kept: not current before the webserver says so, and nothing if it cannot be read."""
    try:
        return {
            name: _Location(
                at["version"], datetime.fromisoformat(at["seen_at"]), dict(at["users"]), is_current=False
            )
            for name, at in json.loads(text or "{}").items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}

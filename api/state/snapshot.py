"""The list of connectors, kept ready: made anew when something has changed, in a thread of its own."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from acme_orchestration.instance import InstanceUnavailableError
from acme_orchestration.instance.following import StateFollower
from api.messages.answers import digest_of
from api.messages.problems import ProblemError
from api.schemas import ConnectorItem

if TYPE_CHECKING:
    from datetime import datetime

    from acme_orchestration.instance import ConnectorState, InstanceReader
    from acme_orchestration.registry.entries import ConnectorEntry
    from acme_orchestration.registry.workspace import Workspace
    from acme_orchestration.usage.reader import UsageReader, Users
    from acme_sdk.health import HealthStatus
    from api.state.workspace import WorkspaceFile

__all__ = ["ConnectorList", "Listed", "Snapshot", "data_of"]

log = logging.getLogger(__name__)

# A status is seen at most this long after its check was stored, and the time to look.
_EVERY_S = 0.5
# So long a request waits for another one, or the thread, that asks Dagster's database.
_PATIENCE_S = 5.0
_NOBODY: Mapping[str, Users] = {}
_UNREADABLE = "the states of the connectors stay as they were, since they cannot be read: %s"


@dataclass(frozen=True)
class Listed:
    """A connector in the list.

    Attributes:
        item: What is said about it.
        json: The same as the answer has it.
        text: What a search looks in, case folded.
        checked: The time of the last check as text, by which connectors are sorted; empty for never.
        made_of: What it comes from.
    """

    item: ConnectorItem
    json: bytes
    text: str
    checked: str
    made_of: tuple[object, ...]


@dataclass(frozen=True)
class ConnectorList:
    """All connectors at one moment, and what that was made of.

    Attributes:
        connectors: By name, in the order declared, and then as registered.
        workspace: Where the connectors come from.
        states: Their states.
        users: Who uses them, beside the pipelines declared.
    """

    connectors: Mapping[str, Listed]
    workspace: Workspace
    states: Mapping[str, ConnectorState]
    users: Mapping[str, Users]

    def is_made_of(
        self, workspace: Workspace, states: Mapping[str, ConnectorState], users: Mapping[str, Users]
    ) -> bool:
        """Tell whether it was made of these objects."""
        return self.workspace is workspace and self.states is states and self.users is users

    @cached_property
    def body(self) -> bytes:
        """The answer that has them all."""
        return b'{"data":' + data_of(self.connectors.values()) + b"}"

    @cached_property
    def digest(self) -> str:
        """What changes when the answer does."""
        return digest_of(self.body)


def data_of(connectors: Iterable[Listed]) -> bytes:
    """Return the JSON array of connectors."""
    return b"[" + b",".join(listed.json for listed in connectors) + b"]"


class Snapshot:
    """The list as it is now.

    Changes of the workspace, and of who uses what, are seen at once, changes of a status within a second.

    Args:
        workspace: The connectors and pipelines.
        reader: The Dagster instance.
        usage: Who uses each connector beside the pipelines declared; ``None`` if nobody can tell.
    """

    def __init__(self, workspace: WorkspaceFile, reader: InstanceReader, usage: UsageReader | None) -> None:
        self._workspace = workspace
        self._usage = usage
        self._follower = StateFollower(reader)
        self._list: ConnectorList | None = None
        self._refreshing = threading.Lock()
        self._looked_at = -math.inf
        self._is_away = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def current(self) -> ConnectorList:
        """Return the list. While the Dagster instance cannot be read, that is what was known last.

        Raises:
            ProblemError: 503, the workspace cannot be read (code ``workspace.invalid``).
            InstanceUnavailableError: The Dagster instance could not be read yet.
        """
        self._watch()
        workspace, known = self._workspace.read(), self._list
        if known is not None and known.workspace is workspace and known.users is self._users():
            return known
        if not self._refreshing.acquire(timeout=_PATIENCE_S):
            if known is None:
                raise InstanceUnavailableError("Dagster's database has not answered yet")
            return known
        try:
            return self._refreshed()
        finally:
            self._refreshing.release()

    @property
    def age_s(self) -> float:
        """The seconds since the Dagster instance was last looked at."""
        return time.monotonic() - self._looked_at

    def close(self) -> None:
        """End the thread that looks for changes, if there is one."""
        self._stop.set()

    def _watch(self) -> None:
        """Start the thread; a process that was forked off has none yet."""
        if self._thread is not None and self._thread.is_alive():
            return
        with self._refreshing:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._follow, name="acme-snapshot", daemon=True)
                self._thread.start()

    def _follow(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                with self._refreshing:
                    self._refreshed()
            except (ProblemError, InstanceUnavailableError):
                continue  # each answer says so
            except Exception as error:  # noqa: BLE001 - nor end this
                log.warning(_UNREADABLE, type(error).__name__)

    def _refreshed(self) -> ConnectorList:
        """Make the list anew if something has changed; for one thread at a time."""
        workspace, users, known = self._workspace.read(), self._users(), self._list
        states = self._states(workspace, is_first=known is None)
        if known is None or not known.is_made_of(workspace, states, users):
            known = self._list = _listing(workspace, states, users, known.connectors if known else {})
        return known

    def _states(self, workspace: Workspace, is_first: bool) -> Mapping[str, ConnectorState]:
        try:
            states = self._follower.states(workspace.connectors)
        except Exception as error:  # whatever is wrong with a database must not take the list with it
            if is_first:
                raise
            if not self._is_away:
                log.warning(_UNREADABLE, type(error).__name__)
            self._is_away = True
            return self._follower.known(workspace.connectors)
        self._looked_at, self._is_away = time.monotonic(), False
        return states

    def _users(self) -> Mapping[str, Users]:
        return self._usage.users() if self._usage else _NOBODY


def _listing(
    workspace: Workspace,
    states: Mapping[str, ConnectorState],
    users: Mapping[str, Users],
    before: Mapping[str, Listed],
) -> ConnectorList:
    """Make the list; what is said of a connector as before is taken over."""
    declared = _pipelines(workspace)
    connectors: dict[str, Listed] = {}
    for name, entry in workspace.connectors.items():
        state, user, known = states[name], users.get(name), before.get(name)
        names = tuple(dict.fromkeys((*declared[name], *(user.names if user else ()))))
        made_of = (entry, state.status, state.last_check, names, user.as_of if user else None)
        connectors[name] = known if known and known.made_of == made_of else _listed(*made_of)
    return ConnectorList(connectors, workspace, states, users)


def _listed(
    entry: ConnectorEntry,
    status: HealthStatus,
    last_check: datetime | None,
    pipelines: tuple[str, ...],
    as_of: datetime | None,
) -> Listed:
    item = ConnectorItem(
        name=entry.name,
        type=entry.type,
        role=entry.role,
        status=status.value,
        last_check=last_check,
        pipelines=list(pipelines),
        pipelines_as_of=as_of,
    )
    made_of = (entry, status, last_check, pipelines, as_of)
    text = "\n".join((entry.name, entry.type, entry.description or "", *pipelines)).casefold()
    checked = last_check.isoformat() if last_check else ""
    return Listed(item, item.model_dump_json().encode(), text, checked, made_of)


def _pipelines(workspace: Workspace) -> Mapping[str, Sequence[str]]:
    """The names of the pipelines that use each connector, in the order declared."""
    users: dict[str, list[str]] = {name: [] for name in workspace.connectors}
    for pipeline in workspace.pipelines.values():
        for name in dict.fromkeys((pipeline.source, pipeline.destination)):
            users.setdefault(name, []).append(pipeline.name)
    return users

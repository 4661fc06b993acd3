"""The connectors and pipelines that requests are about."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from acme_orchestration.registry.following import WorkspaceFollower
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError
from api.messages.problems import ProblemError
from api.state.changes import Changes

if TYPE_CHECKING:
    from acme_orchestration.registry.registered import Registry

__all__ = ["WorkspaceFile", "without_folder"]

# For so long a request need not look at the file and the registry once more: that takes calls of the system,
# at each of which the threads of a busy server wait for one another.
_FRESH_S = 0.02


def without_folder(message: str, folder: Path) -> str:
    """Return a message for callers: they learn which file of a folder it is, not where it lies."""
    return message.replace(f"{folder}{os.sep}", "")


class WorkspaceFile:
    """``connectors.yaml`` and what is registered beside it, as requests see them.

    What this server has changed is seen at once, what others have within a fiftieth of a second.

    Args:
        path: Where the file is.
        registry: The registry, if there is one.
        environment: Whose overlay counts; what ``ACME_ENVIRONMENT`` says by default.
        changes: Those of this server.
    """

    def __init__(
        self,
        path: Path,
        registry: Registry | None = None,
        environment: str | None = None,
        changes: Changes | None = None,
    ) -> None:
        self._folder = path.absolute().parent
        self._follower = WorkspaceFollower(path, registry, environment)
        self._changes = changes or Changes()
        self._seen: _Seen | None = None

    def read(self) -> Workspace:
        """Return what there is now. While the registry cannot be read, that is what it held last.

        Raises:
            ProblemError: 503, saying what is wrong with it (code ``workspace.invalid``).
        """
        seen, changes, now = self._seen, self._changes.number, time.monotonic()
        if seen is not None and seen.changes == changes and now - seen.at < _FRESH_S:
            return seen.workspace
        try:
            workspace = self._follower.read()
        except ConfigurationError as error:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "workspace.invalid", self.without_folder(error.message)
            ) from None
        self._seen = _Seen(workspace, changes, now)
        return workspace

    def note_change(self) -> None:
        """Let everybody know that something else is registered now."""
        self._changes.note()

    def without_folder(self, message: str) -> str:
        """Return a message for callers; see `without_folder`."""
        return without_folder(message, self._folder)


@dataclass(frozen=True)
class _Seen:
    """A workspace, after how many changes it was read, and when that began."""

    workspace: Workspace
    changes: int
    at: float

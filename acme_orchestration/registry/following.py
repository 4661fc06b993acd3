"""A workspace, followed: read again when its files or the registry have changed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acme_orchestration.registry.current import joined
from acme_orchestration.registry.declared import DeclaredFile
from acme_orchestration.registry.document import Stamp, stamp_of
from acme_orchestration.registry.environment import overlay_path
from acme_orchestration.registry.verification import verify
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from acme_orchestration.registry.registered import Registry

__all__ = ["CurrentWorkspace", "WorkspaceFollower"]

log = logging.getLogger(__name__)


class WorkspaceFollower:
    """Knows the workspace of a file as it is now. Nothing of it is verified.

    Args:
        path: The file.
        registry: The registry, if there is one.
        environment: Whose overlay counts; what ``ACME_ENVIRONMENT`` says by default.
        known: The workspace as it was read a moment ago, if it was.
    """

    def __init__(
        self,
        path: Path,
        registry: Registry | None = None,
        environment: str | None = None,
        known: Workspace | None = None,
    ) -> None:
        self._file = DeclaredFile(path, environment)
        self._registry = registry
        self._known = known
        self._failure: ConfigurationError | None = None
        self._failed_at: Sequence[Stamp] = ()
        self._lock = threading.Lock()

    def read(self) -> Workspace:
        """Return the workspace: the same object as long as nothing has changed.

        While the registry cannot be read, that is what it held last.

        Raises:
            ConfigurationError: The file is missing or wrong, see `read_declared`.
        """
        with self._lock:
            if self._is_outdated():
                self._read()
            if self._known is None:
                assert self._failure is not None  # noqa: S101 - one of them is there
                raise self._failure.with_traceback(None)
            return self._known

    def _is_outdated(self) -> bool:
        if self._known is not None:
            return self._known.is_outdated()
        return self._failure is None or self._stamps() != self._failed_at

    def _read(self) -> None:
        stamps = self._stamps()
        try:
            self._known = joined(self._file.read(), self._registry)
        except ConfigurationError as error:
            log.error("%s", error.message)  # noqa: TRY400 - what counts is where in the file, not in the code
            self._known, self._failure, self._failed_at = None, error, stamps

    def _stamps(self) -> Sequence[Stamp]:
        """The stamps of all files that may be there."""
        files = [self._file.path]
        if self._file.environment is not None:
            try:
                files.append(overlay_path(self._file.path, self._file.environment))
            except ConfigurationError:
                return [stamp_of(self._file.path)]
        return [stamp_of(file) for file in files]


class CurrentWorkspace:
    """A workspace for sensors: verified; and while its file cannot be read, the last one that could be.

    Args:
        workspace: What was read when it began, verified.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._follower = WorkspaceFollower(
            workspace.path, workspace.registry, workspace.environment, known=workspace
        )
        self._read = self._verified = workspace
        self._lock = threading.Lock()

    def read(self) -> Workspace:
        """Return the workspace: the same object as long as nothing has changed."""
        with self._lock:
            try:
                found = self._follower.read()
            except ConfigurationError:
                return self._verified  # the log says why
            if found is not self._read:
                self._read, self._verified = found, verify(found)
            return self._verified

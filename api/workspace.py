"""The connectors and pipelines that requests are about."""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from acme_orchestration.registry.following import WorkspaceFollower
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError
from api.problems import ProblemError

if TYPE_CHECKING:
    from acme_orchestration.registry.registered import Registry

__all__ = ["WorkspaceFile", "without_folder"]


def without_folder(message: str, folder: Path) -> str:
    """Return a message for callers: they learn which file of a folder it is, not where it lies."""
    return message.replace(f"{folder}{os.sep}", "")


class WorkspaceFile:
    """``connectors.yaml`` and what is registered beside it, as requests see them.

    Args:
        path: Where the file is.
        registry: The registry, if there is one.
        environment: Whose overlay counts; what ``ACME_ENVIRONMENT`` says by default.
    """

    def __init__(self, path: Path, registry: Registry | None = None, environment: str | None = None) -> None:
        self._folder = path.absolute().parent
        self._follower = WorkspaceFollower(path, registry, environment)

    def read(self) -> Workspace:
        """Return what there is now. While the registry cannot be read, that is what it held last.

        Raises:
            ProblemError: 503, saying what is wrong with it (code ``workspace.invalid``).
        """
        try:
            return self._follower.read()
        except ConfigurationError as error:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "workspace.invalid", self.without_folder(error.message)
            ) from None

    def without_folder(self, message: str) -> str:
        """Return a message for callers; see `without_folder`."""
        return without_folder(message, self._folder)

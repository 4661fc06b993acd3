"""What the routes work with: made once by `create_app`, the same for every request."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from flask import current_app

from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.environment import overlay_path, present_environment
from acme_orchestration.registry.workspace import Workspace
from acme_sdk.errors import ConfigurationError
from api.problems import ProblemError

if TYPE_CHECKING:
    from acme_orchestration.instance import InstanceReader
    from acme_orchestration.instance.following import HistoryFollower
    from acme_orchestration.registration import Registrar
    from acme_orchestration.registry.registered import Registry
    from acme_orchestration.usage.reader import UsageReader
    from acme_orchestration.webserver import Webserver
    from api.egress import EgressPolicy
    from api.limits import Places
    from api.sandbox import Sandbox
    from api.snapshot import Snapshot

__all__ = ["Services", "WorkspaceFile", "registrar", "registry", "services"]

_T = TypeVar("_T")

log = logging.getLogger(__name__)


class WorkspaceFile:
    """``connectors.yaml`` and what is registered beside it, read again when one of them has changed.

    Args:
        path: Where the file is.
        registry: The registry, if there is one.
        environment: Whose overlay counts; what ``ACME_ENVIRONMENT`` says by default.
    """

    def __init__(self, path: Path, registry: Registry | None = None, environment: str | None = None) -> None:
        self._path = path.absolute()
        self._registry = registry
        self._environment = environment or present_environment()
        self._lock = threading.Lock()
        self._seen: list[tuple[int, int, int]] = []
        self._outcome: Workspace | ConfigurationError | None = None

    def read(self) -> Workspace:
        """Return what there is now. While the registry cannot be read, that is what it held last.

        Raises:
            ProblemError: 503, saying what is wrong with it (code ``workspace.invalid``).
        """
        with self._lock:
            seen = self._stamp()
            if seen != self._seen or self._outcome is None or _is_outdated(self._outcome):
                self._seen, self._outcome = seen, self._load()
            outcome = self._outcome
        if isinstance(outcome, ConfigurationError):
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "workspace.invalid",
                self.without_folder(outcome.message),
            )
        return outcome

    def without_folder(self, message: str) -> str:
        """Return a message for callers: they learn which file it is, not where it lies."""
        return message.replace(f"{self._path.parent}{os.sep}", "")

    def _stamp(self) -> list[tuple[int, int, int]]:
        """What changes when the file or its overlay does."""
        try:
            files = [self._path]
            if self._environment is not None:
                files.append(overlay_path(self._path, self._environment))
            return [(found.st_mtime_ns, found.st_size, found.st_ino) for found in map(os.stat, files)]
        except (OSError, ConfigurationError):
            return []

    def _load(self) -> Workspace | ConfigurationError:
        try:
            return read_workspace(self._path, self._registry, self._environment)
        except ConfigurationError as error:
            log.error("%s", error.message)  # noqa: TRY400 - what counts is where in the file, not in the code
            return error


def _is_outdated(outcome: Workspace | ConfigurationError) -> bool:
    return isinstance(outcome, Workspace) and outcome.is_outdated()


@dataclass(frozen=True)
class Services:
    """What the routes work with.

    Attributes:
        workspace: The connectors and pipelines.
        registry: Where further connectors and pipelines are registered; ``None`` for nowhere.
        registrar: Writes there.
        reader: Reads states and histories from the Dagster instance.
        usage: Knows who uses each connector beside the pipelines declared; ``None`` if nobody can tell.
        egress: Which targets a test may reach.
        sandbox: Where tests run.
        snapshot: The list of connectors, kept ready.
        histories: The stored checks of connectors, as far back as uptimes look.
        webserver: Dagster's, which starts runs; ``None`` if nobody knows where it is.
        waits: Places for requests that wait for the end of a run.
    """

    workspace: WorkspaceFile
    registry: Registry | None
    registrar: Registrar | None
    reader: InstanceReader
    usage: UsageReader | None
    egress: EgressPolicy
    sandbox: Sandbox
    snapshot: Snapshot
    histories: HistoryFollower
    webserver: Webserver | None
    waits: Places


def services() -> Services:
    """Return the services of the application that answers the present request."""
    found: Services = current_app.extensions["acme"]
    return found


def registry() -> Registry:
    """Return the registry.

    Raises:
        ProblemError: 503, there is none (code ``registry.nowhere``).
    """
    return _there(services().registry)


def registrar() -> Registrar:
    """Return what writes to the registry.

    Raises:
        ProblemError: 503, there is none (code ``registry.nowhere``).
    """
    return _there(services().registrar)


def _there(found: _T | None) -> _T:
    if found is None:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "registry.nowhere",
            "this server has no registry; an operator gives it one with DAGSTER_HOME or ACME_REGISTRY_URL",
        )
    return found

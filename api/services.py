"""What the routes work with: made once by `create_app`, the same for every request."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from flask import current_app

from api.messages.problems import ProblemError

if TYPE_CHECKING:
    from acme_orchestration.instance import InstanceReader
    from acme_orchestration.instance.following import HistoryFollower
    from acme_orchestration.registration import Registrar
    from acme_orchestration.registry.registered import Registry
    from acme_orchestration.usage.reader import UsageReader
    from acme_orchestration.webserver import Webserver
    from api.probing.connector_types import TypeCatalog
    from api.probing.egress import EgressPolicy
    from api.probing.sandbox import Sandbox
    from api.probing.streams import StreamCatalog
    from api.quotas.limits import Limits, Places
    from api.state.metrics import Metrics
    from api.state.snapshot import Snapshot
    from api.state.trends import Trends
    from api.state.workspace import WorkspaceFile

__all__ = ["Services", "registrar", "registry", "services"]

_T = TypeVar("_T")


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
        sandbox: Where connectors are asked.
        types: The connector types.
        streams: The streams of sources.
        snapshot: The list of connectors, kept ready.
        trends: The last checks of connectors that a page of the list shows.
        histories: The stored checks of connectors, as far back as uptimes look.
        webserver: Dagster's, which starts runs; ``None`` if nobody knows where it is.
        limits: How much callers may ask of all workers together.
        waits: Places for requests that wait for the end of a run.
        metrics: What Prometheus is told.
    """

    workspace: WorkspaceFile
    registry: Registry | None
    registrar: Registrar | None
    reader: InstanceReader
    usage: UsageReader | None
    egress: EgressPolicy
    sandbox: Sandbox
    types: TypeCatalog
    streams: StreamCatalog
    snapshot: Snapshot
    trends: Trends
    histories: HistoryFollower
    webserver: Webserver | None
    limits: Limits
    waits: Places
    metrics: Metrics


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

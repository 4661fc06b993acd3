"""The application: routes, problems, limits and headers put together."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, request
from flask_openapi.models.info import Info

from acme_orchestration.instance.following import HistoryFollower
from acme_orchestration.registration import Registrar
from acme_orchestration.webserver import Webserver
from api.access.auth import authorize, count_request, is_local, recognize, tell_standing
from api.access.cors import AllowedOrigins
from api.access.media import require_acceptable, require_json
from api.access.request_log import begin, end
from api.document import DescribedApi
from api.messages.headers import Secured
from api.messages.problems import ProblemError, refuse_invalid, register_problems
from api.probing.connector_types import TypeCatalog
from api.probing.egress import EgressPolicy
from api.probing.sandbox import Sandbox
from api.probing.streams import StreamCatalog
from api.quotas.limits import Limits, Places
from api.routes.connection_tests import connection_tests
from api.routes.connector_types import connector_types
from api.routes.docs import docs
from api.routes.launches import launches
from api.routes.ops import ops
from api.routes.page import page
from api.routes.pipelines import pipelines
from api.routes.registration import connectors
from api.routes.runs import runs
from api.routes.streams import streams
from api.schemas import Problem
from api.services import Services
from api.state.changes import Changes
from api.state.metrics import Metrics
from api.state.snapshot import Snapshot
from api.state.trends import Trends
from api.state.workspace import WorkspaceFile

if TYPE_CHECKING:
    from acme_orchestration.instance import InstanceReader
    from acme_orchestration.registry.registered import Registry
    from acme_orchestration.usage.reader import UsageReader
    from api.access.keys import KeyRing

__all__ = ["MAX_BODY_BYTES", "create_app"]

MAX_BODY_BYTES = 64 * 1024
# In stored checks: 30 days of heartbeats are 1,440.
_HISTORY = 2000
# Of the server's threads, those that may wait for the end of a run.
_WAITS = 2


def create_app(
    workspace_file: Path,
    reader: InstanceReader,
    *,
    registry: Registry | None = None,
    keys: KeyRing | None = None,
    usage: UsageReader | None = None,
    webserver_url: str | None = None,
    environment: str | None = None,
    egress: EgressPolicy | None = None,
    test_timeout: float = 10.0,
    limits: Limits | None = None,
    changes: Changes | None = None,
    origins: AllowedOrigins | None = None,
    trusted_hosts: Collection[str] | None = None,
) -> Flask:
    """Build the API.

    Args:
        workspace_file: ``connectors.yaml``; read again when it changes.
        reader: Reads states and histories from the Dagster instance.
        registry: Where further connectors and pipelines are registered; ``None`` for nowhere.
        keys: Recognizes the keys of requests; without it, whoever reaches the server may do everything.
        usage: Knows who uses each connector in Dagster; without it, only the pipelines declared are listed.
        webserver_url: Dagster's webserver, which starts runs; without it, none can be started.
        environment: Whose overlay of the file counts; what ``ACME_ENVIRONMENT`` says by default.
        egress: Which targets a connection test may reach; public ones only by default.
        test_timeout: Seconds that a connector that is asked may take.
        limits: How much callers may ask; made before a server forks, it counts for all workers together.
        changes: Those of the server to what is registered; made before it forks as well.
        origins: The sites whose pages may use the API; none by default.
        trusted_hosts: The names and addresses that the Host header may have while no key is asked for, in
            lower case; any by default. A server on loopback needs them: a web page could reach it through a
            name that leads to loopback.
    """
    limits = limits or Limits()
    app = DescribedApi(
        __name__,
        info=Info(
            title="Connector API",
            version=version("acme-connectors"),
            description="List source and destination connectors, see their health, test connections.",
        ),
        # The documents have routes of their own, and every error is a problem.
        doc_ui=False,
        static_folder=None,
        validation_error_callback=refuse_invalid,
        validation_error_model=Problem,
        validation_error_status="500",
    )
    app.openapi_version = "3.1.0"
    app.json.sort_keys = False  # type: ignore[attr-defined] # of Flask's default provider
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    workspace = WorkspaceFile(workspace_file, registry, environment, changes)
    egress = egress or EgressPolicy()
    sandbox = Sandbox(timeout=test_timeout, limits=limits)
    snapshot = Snapshot(workspace, reader, usage)
    metrics = Metrics(snapshot)
    app.extensions["acme"] = Services(
        workspace=workspace,
        registry=registry,
        registrar=Registrar(workspace_file, registry, environment) if registry is not None else None,
        reader=reader,
        usage=usage,
        egress=egress,
        sandbox=sandbox,
        types=TypeCatalog(sandbox),
        streams=StreamCatalog(sandbox, egress),
        snapshot=snapshot,
        trends=Trends(reader),
        histories=HistoryFollower(reader, limit=_HISTORY),
        webserver=Webserver(webserver_url) if webserver_url else None,
        limits=limits,
        waits=Places(_WAITS),
        metrics=metrics,
    )
    app.register_api(connectors)
    app.register_api(connection_tests)
    app.register_api(streams)
    app.register_api(connector_types)
    app.register_api(launches)
    app.register_api(pipelines)
    app.register_api(runs)
    app.register_api(ops)
    app.register_blueprint(docs)
    app.register_blueprint(page)
    register_problems(app)
    app.after_request(metrics.measure)
    _register_steps(app, keys, limits, origins or AllowedOrigins(), trusted_hosts)
    app.wsgi_app = Secured(app.wsgi_app)  # type: ignore[method-assign] # as Flask suggests
    return app


def _register_steps(
    app: Flask,
    keys: KeyRing | None,
    limits: Limits,
    origins: AllowedOrigins,
    trusted_hosts: Collection[str] | None,
) -> None:
    """Register what is done with each request before its route, in this order, and after it, from the end."""
    app.before_request(begin)
    app.after_request(end)
    app.before_request(origins.answer_preflight)
    app.after_request(origins.allow)
    app.before_request(partial(recognize, keys, limits.rates))
    if trusted_hosts is not None:
        app.before_request(partial(_require_host, frozenset(trusted_hosts)))
    if limits.rates is not None:
        app.before_request(partial(count_request, limits.rates))
        app.after_request(tell_standing)
    app.before_request(authorize)
    app.before_request(partial(_refuse_other_pages, origins))
    app.before_request(require_acceptable)
    app.before_request(require_json)


def _require_host(trusted: frozenset[str]) -> None:
    # Werkzeug's own check knows no IPv6 addresses.
    if is_local() and urlsplit(f"//{request.host}").hostname not in trusted:
        raise ProblemError(
            HTTPStatus.MISDIRECTED_REQUEST,
            "host.unknown",
            f"this server is not known by the name in the Host header; use {' or '.join(sorted(trusted))}",
        )


def _refuse_other_pages(origins: AllowedOrigins) -> None:
    """Refuse what a page of another site sends: a browser lets it send some things unasked."""
    is_other = request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
    is_other = is_other and not origins.has_sent()
    if is_other and request.method not in ("GET", "HEAD", "OPTIONS"):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "origin.refused",
            "pages of other sites may not send anything to this server",
        )

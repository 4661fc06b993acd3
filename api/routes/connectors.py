"""Connectors: the list, one as it is configured, and its health."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from acme_orchestration.instance import InstanceUnavailableError
from api.messages.answers import NOT_CHANGED, digest_of, tagged
from api.messages.catalogue import possible_problems
from api.routes.entries import find_connector
from api.schemas import (
    ConnectorConfigurationAnswer,
    ConnectorHealth,
    ConnectorHealthAnswer,
    ConnectorListAnswer,
    ConnectorPath,
    Failure,
    StepItem,
)
from api.services import services
from api.state.checks import check_item
from api.state.configuration import configuration, registered
from api.state.selection import ConnectorQuery, counted, select, with_query
from api.state.snapshot import data_of
from api.state.uptime import uptime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acme_orchestration.instance import CheckRecord
    from acme_sdk.health import HealthReport

__all__ = ["connectors"]

# How many of the recorded checks an answer lists.
_SHOWN = 20

connectors = APIBlueprint(
    "connectors",
    __name__,
    url_prefix="/api/v1/connectors",
    abp_tags=[Tag(name="connectors", description="Source and destination connectors.")],
)


@connectors.get(
    "",
    operation_id="listConnectors",
    description="All of them, unless parameters choose. A status is seen here at most a second after its "
    "check was stored.",
    responses={200: ConnectorListAnswer}
    | NOT_CHANGED
    | possible_problems("workspace.invalid", "dagster.unavailable"),
)
@with_query
def list_connectors(query: ConnectorQuery) -> Response:
    """List connectors."""
    found = services().snapshot.current()
    if not request.args:
        return tagged(found.body, found.digest)
    page = select(found.connectors, query)
    shown = page.connectors
    if "health" in query.include:
        trends = services().trends
        shown = [trends.added(listed, found.states[listed.item.name]) for listed in shown]
    body = b'{"data":' + data_of(shown)
    if "counts" in query.include:
        body += b',"counts":' + json.dumps(counted(found.connectors.values(), query)).encode()
    if query.limit is not None:
        body += b',"next":' + json.dumps(_next(page.cursor)).encode()
    body += b"}"
    return tagged(body, digest_of(body))


def _next(cursor: str | None) -> str | None:
    """Return where the next page is, with the same parameters."""
    if cursor is None:
        return None
    same = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    return f"{request.script_root}{request.path}?{urlencode([*same, ('cursor', cursor)])}"


@connectors.get(
    "/<name>",
    operation_id="getConnector",
    description="Of a registered connector the entity tag stands for its version.",
    responses={200: ConnectorConfigurationAnswer}
    | NOT_CHANGED
    | possible_problems("connector.unknown", "workspace.invalid"),
)
def get_connector(path: ConnectorPath) -> Response:
    """Get a connector."""
    workspace = services().workspace.read()
    entry = find_connector(workspace, path.name)
    record = registered(workspace, path.name)
    answer = ConnectorConfigurationAnswer(data=configuration(entry, record))
    body = answer.model_dump_json().encode()
    return tagged(body, digest_of(body) if record is None else f"v{record.version}")


@connectors.get(
    "/<name>/health",
    operation_id="getConnectorHealth",
    responses={200: ConnectorHealthAnswer}
    | possible_problems("connector.unknown", "workspace.invalid", "dagster.unavailable"),
)
def connector_health(path: ConnectorPath) -> dict[str, Any]:
    """Get connector health."""
    found, now = services().snapshot.current(), datetime.now(UTC)
    entry = find_connector(found.workspace, path.name)
    state = found.states[entry.name]
    history, as_of = _history(entry.name)
    report = state.report
    health = ConnectorHealth(
        name=entry.name,
        status=state.status.value,
        since=state.since,
        last_check=state.last_check,
        latency_ms=report.latency_ms if report else None,
        server_version=report.server_version if report else None,
        error=_failure(report),
        steps=StepItem.all_of(report.steps) if report else [],
        as_of=as_of,
        uptime=uptime(history, state.last_check),
        uptime_24h=uptime(history, state.last_check, now - timedelta(hours=24)),
        uptime_7d=uptime(history, state.last_check, now - timedelta(days=7)),
        uptime_30d=uptime(history, state.last_check, now - timedelta(days=30)),
        checks=[check_item(record) for record in history[:_SHOWN]],
    )
    return ConnectorHealthAnswer(data=health).model_dump(mode="json")


def _history(name: str) -> tuple[Sequence[CheckRecord], datetime | None]:
    """Return the stored checks; while they cannot be read those that are known, and how old they are."""
    histories, snapshot = services().histories, services().snapshot
    try:
        return histories.history(name), None
    except InstanceUnavailableError:
        return histories.known(name), datetime.now(UTC) - timedelta(seconds=snapshot.age_s)


def _failure(report: HealthReport | None) -> Failure | None:
    if report is None or report.code is None:
        return None
    return Failure(code=report.code, message=report.message or "", hint=report.hint)

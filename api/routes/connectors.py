"""Connectors: the list, and the health of one."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from api.answers import tagged
from api.problems import ProblemError, problem_responses
from api.schemas import (
    CheckItem,
    ConnectorHealth,
    ConnectorHealthAnswer,
    ConnectorListAnswer,
    ConnectorPath,
    Failure,
)
from api.services import services
from api.uptime import uptime

if TYPE_CHECKING:
    from acme_orchestration.instance import CheckRecord
    from acme_sdk.health import HealthReport

__all__ = ["connectors"]

# How far back the uptime looks, in recorded checks, and how many of them an answer lists.
_WINDOW = 1000
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
    description="A status is seen here at most a second after its check was stored.",
    responses={200: ConnectorListAnswer, 304: {"description": "Nothing has changed"}}
    | problem_responses(503),
)
def list_connectors() -> Response:
    """List connectors."""
    found = services().snapshot.current()
    return tagged(found.body, found.digest)


@connectors.get(
    "/<name>/health",
    operation_id="getConnectorHealth",
    responses={200: ConnectorHealthAnswer} | problem_responses(404, 503),
)
def connector_health(path: ConnectorPath) -> dict[str, Any]:
    """Get connector health."""
    entry = services().workspace.read().connectors.get(path.name)
    if entry is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "connector.unknown",
            "there is no connector of this name; GET /api/v1/connectors lists them",
        )
    state = services().reader.states([entry])[entry.name]
    history = services().reader.history(entry.name, limit=_WINDOW)
    report = state.report
    health = ConnectorHealth(
        name=entry.name,
        status=state.status.value,
        since=state.since,
        last_check=state.last_check,
        latency_ms=report.latency_ms if report else None,
        server_version=report.server_version if report else None,
        error=_failure(report),
        uptime=uptime(history, state.last_check),
        checks=[_check(record) for record in history[:_SHOWN]],
    )
    return ConnectorHealthAnswer(data=health).model_dump(mode="json")


def _failure(report: HealthReport | None) -> Failure | None:
    if report is None or report.code is None:
        return None
    return Failure(code=report.code, message=report.message or "", hint=report.hint)


def _check(record: CheckRecord) -> CheckItem:
    report = record.report
    return CheckItem(
        at=record.at,
        status=report.status.value,
        latency_ms=report.latency_ms,
        code=report.code,
        message=report.message,
    )

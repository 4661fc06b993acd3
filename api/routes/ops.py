"""What a supervisor asks: is the server alive, and can it answer?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, jsonify, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import BaseModel

from api.access.auth import needs
from api.messages.catalogue import possible_problems
from api.messages.problems import ProblemError
from api.services import services

__all__ = ["ops"]

# A list that was not looked after for this long says that Dagster's database cannot be read.
_FRESH_S = 10

ops = APIBlueprint("ops", __name__, abp_tags=[Tag(name="operation", description="For supervisors.")])


_METRICS: dict[Any, Any] = {
    200: {"description": "In Prometheus' format", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


class Liveness(BaseModel):
    """The server is there."""

    status: str


@ops.get("/livez", operation_id="isAlive", responses={200: Liveness})
@needs(None)
def livez() -> Response:
    """Tell that the server answers."""
    return jsonify(status="alive")


@ops.get(
    "/readyz",
    operation_id="isReady",
    responses={200: Liveness} | possible_problems("workspace.invalid", "dagster.unavailable"),
)
@needs(None)
def readyz() -> Response:
    """Tell whether connectors and their states can be read."""
    snapshot = services().snapshot
    snapshot.current()
    if snapshot.age_s > _FRESH_S:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "dagster.unavailable",
            "Dagster's database cannot be read; the states of connectors are those of before",
            headers={"Retry-After": str(_FRESH_S)},
        )
    return jsonify(status="ready")


@ops.get(
    "/metrics",
    operation_id="getMetrics",
    description="States and check latencies of connectors, counts and times of requests, in Prometheus' text "
    "format or as OpenMetrics. It needs the scope `read`.",
    responses=_METRICS,
)
def metrics() -> Response:
    """Get metrics."""
    body, content_type = services().metrics.exposition(request.headers.get("Accept", ""))
    return Response(body, content_type=content_type)

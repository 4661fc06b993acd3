"""Runs that Dagster is asked to start: the test of a connector, and a pipeline."""

from __future__ import annotations

import time
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import quote

import requests
from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from acme_orchestration.registry.entries import ConnectorEntry, Kind, PipelineEntry, dagster_name
from acme_orchestration.webserver import RunState, Webserver
from acme_sdk.errors import FatalError
from api import audit
from api.auth import caller, needs
from api.idempotency import idempotent
from api.limits import PlacesTakenError
from api.problems import ProblemError, problem_responses
from api.schemas import ConnectorPath, LaunchAnswer, LaunchedRun, LaunchQuery, PipelinePath
from api.services import services

__all__ = ["launches"]

_POLL_S = 0.25

launches = APIBlueprint(
    "launches",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="runs", description="Runs in Dagster.")],
)


_RESPONSES = {200: LaunchAnswer, 202: LaunchAnswer} | problem_responses(401, 403, 404, 409, 422, 503)


@launches.post(
    "/connectors/<name>/test",
    operation_id="testConnector",
    description="Dagster tests it with its own configuration, and stores the result as a health "
    "check. The answer is 202 while the run goes on, 200 when it has ended.",
    responses=_RESPONSES,
)
@needs("test")
@idempotent
def test_connector(path: ConnectorPath, query: LaunchQuery) -> Response:
    """Test a connector."""
    entry = _usable("connector", services().workspace.read().connectors.get(path.name))
    return _launched("test", "connector", path.name, f"test_{dagster_name(entry.name)}", query.wait)


@launches.post(
    "/pipelines/<name>/run",
    operation_id="runPipeline",
    description="The answer is 202 while the run goes on, 200 when it has ended.",
    responses=_RESPONSES,
)
@idempotent
def run_pipeline(path: PipelinePath, query: LaunchQuery) -> Response:
    """Run a pipeline."""
    entry = _usable("pipeline", services().workspace.read().pipelines.get(path.name))
    return _launched("run", "pipeline", path.name, dagster_name(entry.name), query.wait)


def _usable(kind: Kind, entry: ConnectorEntry | PipelineEntry | None) -> ConnectorEntry | PipelineEntry:
    if entry is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"{kind}.unknown", f"there is no {kind} of this name")
    if entry.fault is not None:
        detail = services().workspace.without_folder(f"this {kind} cannot be used: {entry.fault}")
        raise ProblemError(HTTPStatus.CONFLICT, f"{kind}.unusable", detail)
    if isinstance(entry, ConnectorEntry) and entry.disabled:
        raise ProblemError(
            HTTPStatus.CONFLICT, f"{kind}.disabled", "this connector is disabled; enable it first"
        )
    return entry


def _launched(action: str, kind: Kind, name: str, job: str, wait: float) -> Response:
    webserver = services().webserver
    if webserver is None:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "dagster.nowhere",
            "this server knows no Dagster webserver; an operator names it with ACME_WEBSERVER_URL",
        )
    try:
        run_id = webserver.launch(job)
        audit.record(action, kind, name, {"result": "started", "run": run_id})
        state = _state(webserver, run_id, wait)
    except requests.RequestException:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, "dagster.unreachable", "Dagster's webserver does not answer"
        ) from None
    except FatalError:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "dagster.not_started",
            f"Dagster did not start the job {job}. What was just registered is known there in seconds.",
            headers={"Retry-After": "10"},
        ) from None
    answer = LaunchAnswer(data=LaunchedRun(id=run_id, job=job, status=state.status))
    return Response(
        answer.model_dump_json(),
        status=HTTPStatus.OK if state.is_finished else HTTPStatus.ACCEPTED,
        headers={"Location": f"{request.script_root}/api/v1/runs/{quote(run_id)}"},
        content_type="application/json",
    )


def _state(webserver: Webserver, run_id: str, wait: float) -> RunState:
    """Return how far a run is when it has ended, or after some seconds."""
    state = webserver.run(run_id)
    # Who waits takes a thread: not all of them may.
    with suppress(PlacesTakenError), services().waits.taken(caller().name):
        end = time.monotonic() + wait
        while not state.is_finished and time.monotonic() < end:
            time.sleep(_POLL_S)
            state = webserver.run(run_id)
    return state

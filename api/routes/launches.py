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

from acme_orchestration.instance import InstanceUnavailableError
from acme_orchestration.registry.entries import Kind, dagster_name
from acme_orchestration.webserver import RunProgress, Webserver
from acme_sdk.errors import FatalError
from api.access import audit
from api.access.auth import caller, needs
from api.access.idempotency import idempotent
from api.messages.catalogue import possible_problems
from api.messages.problems import ProblemError
from api.quotas.limits import PlacesTakenError
from api.routes.entries import find_connector, find_pipeline, require_usable
from api.schemas import CheckItem, ConnectorPath, LaunchAnswer, LaunchedRun, LaunchQuery, PipelinePath
from api.services import services
from api.state.checks import check_item

__all__ = ["launches"]

_POLL_S = 0.25

launches = APIBlueprint(
    "launches",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="runs", description="Runs in Dagster.")],
)


_LAUNCHED = {200: LaunchAnswer, 202: LaunchAnswer}
_DAGSTER = ("dagster.nowhere", "dagster.unreachable", "dagster.not_started", "workspace.invalid")


@launches.post(
    "/connectors/<name>/test",
    operation_id="testConnector",
    description="Dagster tests it with its own configuration, and stores the result as a health "
    "check. The answer is 202 while the run goes on, 200 when it has ended.",
    responses=_LAUNCHED
    | possible_problems(*_DAGSTER, "connector.unknown", "connector.unusable", "connector.disabled"),
)
@needs("test")
@idempotent
def test_connector(path: ConnectorPath, query: LaunchQuery) -> Response:
    """Test a connector."""
    entry = find_connector(services().workspace.read(), path.name)
    require_usable(entry)
    run, is_finished = _launched(
        "test", "connector", path.name, f"test_{dagster_name(entry.name)}", query.wait
    )
    if is_finished:
        run = run.model_copy(update={"check": _check(entry.name, run.id)})
    return _answer(run, is_finished)


@launches.post(
    "/pipelines/<name>/run",
    operation_id="runPipeline",
    description="The answer is 202 while the run goes on, 200 when it has ended.",
    responses=_LAUNCHED | possible_problems(*_DAGSTER, "pipeline.unknown", "pipeline.unusable"),
)
@idempotent
def run_pipeline(path: PipelinePath, query: LaunchQuery) -> Response:
    """Run a pipeline."""
    entry = find_pipeline(services().workspace.read(), path.name)
    require_usable(entry)
    return _answer(*_launched("run", "pipeline", path.name, dagster_name(entry.name), query.wait))


def _launched(action: str, kind: Kind, name: str, job: str, wait: float) -> tuple[LaunchedRun, bool]:
    """Start a run, and tell whether it has ended by now."""
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
    return LaunchedRun(id=run_id, job=job, status=state.status), state.is_finished


def _check(name: str, run_id: str) -> CheckItem | None:
    """Return the check that a run has stored; a run that failed before has stored none."""
    reader = services().reader
    try:
        run, records = reader.run(run_id), reader.history(name, limit=1)
    except InstanceUnavailableError:
        return None  # the run has ended all the same
    is_of_run = run is not None and bool(records) and records[0].at >= run.created_at
    return check_item(records[0]) if is_of_run else None


def _answer(run: LaunchedRun, is_finished: bool) -> Response:
    return Response(
        LaunchAnswer(data=run).model_dump_json(),
        status=HTTPStatus.OK if is_finished else HTTPStatus.ACCEPTED,
        headers={"Location": f"{request.script_root}/api/v1/runs/{quote(run.id)}"},
        content_type="application/json",
    )


def _state(webserver: Webserver, run_id: str, wait: float) -> RunProgress:
    """Return how far a run is when it has ended, or after some seconds."""
    state = webserver.run(run_id)
    # Who waits takes a thread: not all of them may.
    with suppress(PlacesTakenError), services().waits.taken(caller().name):
        end = time.monotonic() + wait
        while not state.is_finished and time.monotonic() < end:
            time.sleep(_POLL_S)
            state = webserver.run(run_id)
    return state

"""Connection tests: is there a working server at the other end?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from acme_sdk.errors import AcmeError
from acme_sdk.health import HealthStatus
from acme_sdk.probe import ProbeResult
from api import audit
from api.auth import caller, needs
from api.problems import ProblemError, problem_responses
from api.sandbox import SandboxFullError
from api.schemas import Failure, TestConnected, TestFailed, TestRequest, TestResultAnswer
from api.services import services
from api.targets import Target, read_target

__all__ = ["connection_tests"]

connection_tests = APIBlueprint(
    "connection_tests",
    __name__,
    url_prefix="/api/v1/connectors/test",
    abp_tags=[Tag(name="connection tests", description="Connections tried before they are declared.")],
)


@connection_tests.post(
    "",
    operation_id="testConnection",
    description="A connection that does not work is an answer, too: `status` is then `failed`.",
    responses={200: TestResultAnswer} | problem_responses(400, 401, 403, 413, 415, 422, 429),
)
@needs("test")
def test_connection(body: TestRequest) -> dict[str, Any]:
    """Test a connection."""
    target = read_target(body)
    try:
        with services().sandbox.slot(caller().name):
            outcome = _try(target)
    except SandboxFullError as error:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "tests.busy",
            "as many connection tests as this server allows are running; try again later",
            headers={"Retry-After": str(error.retry_after)},
        ) from None
    result = outcome.error.code if isinstance(outcome, TestFailed) else outcome.status
    asked = (
        {"role": target.role, "host": target.host, "port": target.port}
        if target.host
        else {"role": target.role}
    )
    audit.record("test", "connection", target.type, {**asked, "result": result})
    return TestResultAnswer(data=outcome).model_dump(mode="json")


def _try(target: Target) -> TestConnected | TestFailed:
    sandbox, hostaddr = services().sandbox, None
    if target.host is not None:
        try:
            hostaddr = services().egress.resolve(target.host, target.port, timeout=sandbox.timeout)
        except AcmeError as error:
            return TestFailed(error=Failure(code=error.code, message=error.message, hint=error.hint))
    rates = services().limits.rates
    if rates is not None:
        rates.count("target", f"{hostaddr or target.type} {target.port}")
    return _outcome(sandbox.test(target, hostaddr))


def _outcome(result: ProbeResult) -> TestConnected | TestFailed:
    report, found = result.report, result.connection
    if report.status is HealthStatus.UNHEALTHY:
        return TestFailed(
            error=Failure(code=report.code or "failed", message=report.message or "", hint=report.hint)
        )
    return TestConnected(
        server_version=found.get("server_version"),
        database=found.get("database"),
        tables=found.get("tables"),
        latency_ms=found.get("latency_ms"),
    )

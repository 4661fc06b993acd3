"""Connection tests: is there a working server at the other end?"""

from __future__ import annotations

from typing import Any

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from acme_sdk.errors import AcmeError
from acme_sdk.health import HealthStatus
from acme_sdk.probe import ProbeResult
from acme_sdk.steps import Step, Steps
from api.access import audit
from api.access.auth import caller, needs
from api.messages.catalogue import possible_problems
from api.probing.targets import Target, read_target
from api.schemas import Failure, StepItem, TestConnected, TestFailed, TestRequest, TestResultAnswer
from api.services import services

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
    responses={200: TestResultAnswer} | possible_problems("tests.busy"),
)
@needs("test")
def test_connection(body: TestRequest) -> dict[str, Any]:
    """Test a connection."""
    target = read_target(body)
    with services().sandbox.slot(caller().name):
        outcome = _try(target)
    services().metrics.count_test(target.type, outcome.status)
    result = outcome.error.code if isinstance(outcome, TestFailed) else outcome.status
    asked = (
        {"role": target.role, "host": target.host, "port": target.port}
        if target.host
        else {"role": target.role}
    )
    audit.record("test", "connection", target.type, {**asked, "result": result})
    return TestResultAnswer(data=outcome).model_dump(mode="json")


def _try(target: Target) -> TestConnected | TestFailed:
    sandbox, hostaddr, steps = services().sandbox, None, Steps()
    if target.host is not None:
        # The worker is given the address that was looked at here.
        steps.begin("resolve")
        try:
            hostaddr = services().egress.resolve(target.host, target.port, timeout=sandbox.timeout)
        except AcmeError as error:
            return TestFailed(
                error=Failure(code=error.code, message=error.message, hint=error.hint),
                steps=StepItem.all_of(steps.taken(failed=True)),
            )
    resolved = steps.taken(failed=False)
    return _outcome(sandbox.test(target, hostaddr), resolved)


def _outcome(result: ProbeResult, resolved: tuple[Step, ...]) -> TestConnected | TestFailed:
    report, found = result.report, result.found
    steps = StepItem.all_of((*resolved, *report.steps))
    if report.status is HealthStatus.UNHEALTHY:
        return TestFailed(
            error=Failure(code=report.code or "failed", message=report.message or "", hint=report.hint),
            steps=steps,
        )
    return TestConnected(
        server_version=found.get("server_version"),
        database=found.get("database"),
        tables=found.get("tables"),
        latency_ms=found.get("latency_ms"),
        steps=steps,
    )

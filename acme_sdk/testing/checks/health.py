"""Does health_check() tell the truth?"""

from __future__ import annotations

from acme_sdk.errors import AcmeError
from acme_sdk.health import HealthReport, HealthStatus
from acme_sdk.testing.attempts import PATIENCE_S, hurried
from acme_sdk.testing.faults import OUT_OF_ORDER, Answer, Fault, FaultServer, Manner, unchanged
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_REFUSAL = Fault(Answer(401, {"Content-Type": "application/json"}, b'{"error": "who are you?"}'))


@check(
    "health.answer",
    "health_check() says healthy while the target is there",
    hint="return True, False or a HealthReport from every path through health_check()",
    needs=["lifecycle.setup"],
)
def answer(subject: Subject) -> None:
    """It returns a bool or a HealthReport, and a good one."""
    _wants_health_check(subject)
    with subject.open() as connector:
        found = connector.health_check()
    if isinstance(found, HealthReport):
        if found.status is HealthStatus.UNHEALTHY:
            raise AcmeError(
                found.message or "health_check() reports unhealthy", code=found.code, hint=found.hint
            )
        return
    if not isinstance(found, bool):
        raise Problem(f"health_check() returned {type(found).__name__}, not a bool or a HealthReport")
    if not found:
        raise Problem(
            "health_check() returned False",
            "if the target works, look at what health_check() asks of it",
        )


@check(
    "health.down",
    "health_check() notices that the target fails",
    hint="look at the answer's status in health_check(): `return response.status_code == 200`",
    needs=["health.answer"],
)
def down(subject: Subject) -> None:
    """With every answer a 503, it returns False, reports unhealthy, or raises."""
    _must_not_be_healthy(subject, OUT_OF_ORDER, "every request was answered with 503")


@check(
    "health.refused",
    "health_check() notices that the credentials are refused",
    hint="healthy means that the connector can work: 401 and 403 are not healthy",
    needs=["health.down"],
)
def refused(subject: Subject) -> None:
    """With every answer a 401, it returns False, reports unhealthy, or raises."""
    _must_not_be_healthy(subject, _REFUSAL, "every request was answered with 401")


@check(
    "health.hang",
    "health_check() ends when the target never answers",
    hint="leave the time-out to self.http, or give one: `self.http.get(url, timeout=5)`",
    needs=["health.answer"],
)
def hang(subject: Subject) -> None:
    """The target takes the connection and says nothing. Time-outs are cut short for this."""
    fault = Fault(None, manner=Manner.NEVER, spoil=unchanged)
    server = _must_not_be_healthy(subject, fault, "no request was answered", patience=PATIENCE_S)
    if server.without_timeout:
        raise Problem("health_check() sends a request without a time-out: it would wait for ever")


def _must_not_be_healthy(
    subject: Subject, fault: Fault, what: str, *, patience: float | None = None
) -> FaultServer:
    _wants_health_check(subject)
    with (
        FaultServer(fault) as server,
        hurried(),
        subject.open(http=server.session(patience)) as connector,
    ):
        server.arm()
        try:
            found = connector.health_check()
        except Exception:  # noqa: BLE001 - raising is one way to say so
            found = False
    if not server.requests:
        raise Skip("health_check() asks nothing by self.http")
    if found is True or (isinstance(found, HealthReport) and found.status is HealthStatus.HEALTHY):
        raise Problem(f"health_check() says healthy, though {what}")
    return server


def _wants_health_check(subject: Subject) -> None:
    if not subject.has_health_check:
        raise Skip(f"{subject.kind.__name__} has no health_check()")

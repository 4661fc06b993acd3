"""Does health_check() tell the truth?"""

from __future__ import annotations

from acme_sdk.errors import AcmeError
from acme_sdk.health import HealthReport, HealthStatus
from acme_sdk.testing.faults import Answer, Fault, FaultServer
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []


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
    _wants_health_check(subject)
    with (
        FaultServer(Fault(Answer(503, {"Content-Type": "text/plain"}, b"out of order"))) as server,
        subject.open(http=server.session()) as connector,
    ):
        server.arm()
        try:
            found = connector.health_check()
        except Exception:  # noqa: BLE001 - raising is one way to say so
            found = False
    if not server.requests:
        raise Skip("health_check() asks nothing by self.http")
    if found is True or (isinstance(found, HealthReport) and found.status is HealthStatus.HEALTHY):
        raise Problem("health_check() says healthy, though every request was answered with 503")


def _wants_health_check(subject: Subject) -> None:
    if not subject.has_health_check:
        raise Skip(f"{subject.kind.__name__} has no health_check()")

"""Is a connector able to work? The states, the reports, and how one connector is asked."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from acme_sdk.errors import AcmeError
from acme_sdk.failures import describe
from acme_sdk.steps import Step

__all__ = [
    "CHECK_TIMEOUT_S",
    "ConnectionReport",
    "HealthReport",
    "HealthStatus",
    "check_health",
    "is_failure",
]

#: Seconds until a check counts as hanging, where nobody says how many.
CHECK_TIMEOUT_S = 10


class HealthStatus(StrEnum):
    """The five states a connector can be in."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """Works, but slowly or only in part."""
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    """Never checked, the last check is too old, or the connector has no way to tell."""
    DISABLED = "disabled"


@dataclass(frozen=True)
class HealthReport:
    """The outcome of one health check.

    Attributes:
        status: The state found.
        code: Stable code of the failure, e.g. ``connect.refused``; ``None`` when there is none.
        message: What is wrong, without secrets.
        hint: What to do about it.
        latency_ms: How long the check took, in milliseconds.
        server_version: What the other side says it is, e.g. ``PostgreSQL 18.1``.
        details: Further JSON-safe facts to show beside the check.
        steps: What the check did, one after the other; empty where the connector does not say.
    """

    status: HealthStatus
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    latency_ms: int | None = None
    server_version: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @classmethod
    def from_error(cls, error: BaseException, latency_ms: int | None = None) -> HealthReport:
        """Describe an exception as an unhealthy connector."""
        failure = describe(error)
        return cls(HealthStatus.UNHEALTHY, failure.code, failure.message, failure.hint, latency_ms=latency_ms)


@dataclass(frozen=True)
class ConnectionReport:
    """What a connection test found out about the other side.

    Attributes:
        server_version: Product and version, e.g. ``PostgreSQL 15.2``; ``None`` where it has none.
        database: The database, dataset or file that was reached.
        tables: How many tables can be seen there.
        latency_ms: Time from the start of the connection to its last answer, in milliseconds.
    """

    server_version: str | None = None
    database: str | None = None
    tables: int | None = None
    latency_ms: int | None = None


def is_failure(report: HealthReport) -> bool:
    """Tell whether a check ended before it had seen that all works."""
    is_degraded = report.status is HealthStatus.DEGRADED
    return report.status is HealthStatus.UNHEALTHY or (is_degraded and report.code is not None)


class Checkable(Protocol):
    """What can be asked for its health: a connector."""

    def health_check(self) -> bool | HealthReport:
        """Tell whether it is able to work."""


def check_health(connector: Checkable) -> HealthReport:
    """Ask a connector that is set up for its health; never raises an `Exception`.

    ``health_check()`` may return a ``bool`` or a `HealthReport`. A connector without one is `UNKNOWN`.
    """
    started = time.perf_counter()
    try:
        answer = connector.health_check()
    except NotImplementedError:
        return HealthReport(
            HealthStatus.UNKNOWN,
            code="health.not_implemented",
            message=f"{type(connector).__name__} has no health_check(); only its set-up was tried",
            hint="add a health_check() that asks the other side",
        )
    except Exception as error:  # noqa: BLE001 - whatever the author's code raises is the answer
        return HealthReport.from_error(error, _elapsed_ms(started))
    if isinstance(answer, HealthReport):
        return answer if answer.latency_ms is not None else _timed(answer, _elapsed_ms(started))
    if answer is True:
        return HealthReport(HealthStatus.HEALTHY, latency_ms=_elapsed_ms(started))
    if answer is False:
        return HealthReport(
            HealthStatus.UNHEALTHY,
            code="health.false",
            message="health_check() returned False",
            hint="the connector itself says that the other side does not answer as it should",
            latency_ms=_elapsed_ms(started),
        )
    error = AcmeError(
        f"health_check() returned {type(answer).__name__}, not a bool or a HealthReport",
        code="health.bad_answer",
        hint="return True, False or a HealthReport",
    )
    return HealthReport.from_error(error, _elapsed_ms(started))


def _elapsed_ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _timed(report: HealthReport, latency_ms: int) -> HealthReport:
    return replace(report, latency_ms=latency_ms)

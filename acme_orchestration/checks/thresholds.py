"""When a check counts: a state changes only after as many checks in a row as its thresholds say."""

from __future__ import annotations

from acme_orchestration.instance.evaluation import CheckRecord
from acme_orchestration.registry.entries import ConnectorEntry
from acme_sdk.health import HealthReport, HealthStatus

__all__ = ["checks_needed", "works"]


def works(record: CheckRecord | None) -> bool:
    """Tell whether a record says that its connector can be used."""
    return record is not None and record.report.status in (HealthStatus.HEALTHY, HealthStatus.DEGRADED)


def checks_needed(entry: ConnectorEntry, report: HealthReport, previous: CheckRecord | None) -> int:
    """Return how many reports like this one it takes, in a row, until the connector's state follows them.

    Args:
        entry: The connector; what is wrong with the entry itself counts at once.
        report: What was found.
        previous: The state so far; ``None`` if nobody knows.
    """
    if previous is None or entry.fault is not None:
        return 1
    if works(previous) and report.status is HealthStatus.UNHEALTHY:
        return entry.failure_threshold
    if previous.report.status is HealthStatus.UNHEALTHY and report.status is not HealthStatus.UNHEALTHY:
        return entry.success_threshold
    return 1

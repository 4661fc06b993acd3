"""What is wrong with an entry: its ``fault``, and the health that a connector has by it."""

from __future__ import annotations

from acme_orchestration.registry.entries import Entry
from acme_sdk.health import HealthReport, HealthStatus

__all__ = ["fault_report", "with_fault"]


def with_fault(entry: Entry, fault: str) -> Entry:
    """Return the entry as one that cannot be used, and why."""
    return entry.model_copy(update={"fault": fault})


def fault_report(fault: str) -> HealthReport:
    """Return the report of a connector whose entry is wrong: there is nothing to ask."""
    return HealthReport(
        HealthStatus.UNHEALTHY,
        code="config.invalid",
        message=fault,
        hint="correct the entry, then reload the code location",
    )

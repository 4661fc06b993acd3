"""Health checks as they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.schemas import CheckItem, StepItem

if TYPE_CHECKING:
    from acme_orchestration.instance import CheckRecord

__all__ = ["check_item"]


def check_item(record: CheckRecord) -> CheckItem:
    """Return what is said about a check."""
    report = record.report
    return CheckItem(
        at=record.at,
        status=report.status.value,
        latency_ms=report.latency_ms,
        code=report.code,
        message=report.message,
        steps=StepItem.all_of(report.steps),
    )

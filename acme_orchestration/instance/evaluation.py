"""A health report as Dagster keeps it: the evaluation of the check ``health`` of a connector's asset."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from dagster import AssetCheckEvaluation, AssetCheckSeverity, MetadataValue

from acme_orchestration.naming import CHECK_NAME, connector_key
from acme_sdk.health import HealthReport, HealthStatus
from acme_sdk.steps import Step

__all__ = ["CheckRecord", "evaluation_of", "next_record", "record_of"]


@dataclass(frozen=True)
class CheckRecord:
    """One health check that Dagster keeps.

    Attributes:
        at: When the connector was checked, in UTC.
        report: What was found.
        since: Since when the connector is in that state, in UTC.
    """

    at: datetime
    report: HealthReport
    since: datetime


def next_record(report: HealthReport, at: datetime, previous: CheckRecord | None) -> CheckRecord:
    """Return the record of a check; the state is as old as the previous record says, unless it changed."""
    unchanged = previous is not None and previous.report.status is report.status
    return CheckRecord(at, report, previous.since if previous is not None and unchanged else at)


def evaluation_of(name: str, record: CheckRecord) -> AssetCheckEvaluation:
    """Return the event that stores a record.

    The check passes when the connector works (``healthy`` or ``degraded``).
    """
    report = record.report
    metadata: dict[str, Any] = {
        "status": report.status.value,
        "since": MetadataValue.timestamp(record.since),
        "checked_at": MetadataValue.timestamp(record.at),
        "latency_ms": report.latency_ms,
        "server_version": report.server_version,
        "code": report.code,
        "message": report.message,
        "hint": report.hint,
        "details": MetadataValue.json(report.details) if report.details else None,
        "steps": MetadataValue.json([asdict(step) for step in report.steps]) if report.steps else None,
    }
    failing = report.status is HealthStatus.UNHEALTHY
    return AssetCheckEvaluation(
        asset_key=connector_key(name),
        check_name=CHECK_NAME,
        passed=report.status in (HealthStatus.HEALTHY, HealthStatus.DEGRADED),
        severity=AssetCheckSeverity.ERROR if failing else AssetCheckSeverity.WARN,
        description=report.message,
        metadata={key: value for key, value in metadata.items() if value is not None},
    )


def record_of(evaluation: AssetCheckEvaluation, stored_at: float) -> CheckRecord:
    """Return the record that an event stores.

    Args:
        evaluation: The event; one that did not come from `evaluation_of` is read as far as it goes.
        stored_at: When it was stored, in seconds since the epoch.
    """
    metadata: dict[str, Any] = {key: value.value for key, value in evaluation.metadata.items()}
    passed = HealthStatus.HEALTHY if evaluation.passed else HealthStatus.UNHEALTHY
    at = datetime.fromtimestamp(metadata.get("checked_at", stored_at), UTC)
    report = HealthReport(
        status=HealthStatus(metadata.get("status", passed)),
        code=metadata.get("code"),
        message=metadata.get("message", evaluation.description),
        hint=metadata.get("hint"),
        latency_ms=metadata.get("latency_ms"),
        server_version=metadata.get("server_version"),
        details=metadata.get("details", {}),
        steps=tuple(Step(**step) for step in metadata.get("steps", ())),
    )
    return CheckRecord(at, report, datetime.fromtimestamp(metadata.get("since", at.timestamp()), UTC))

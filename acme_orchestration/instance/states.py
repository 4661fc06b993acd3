"""The states of connectors, as their last checks tell them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from acme_orchestration.instance.evaluation import CheckRecord
from acme_orchestration.registry.entries import ConnectorEntry
from acme_orchestration.registry.faults import fault_report
from acme_sdk.health import HealthReport, HealthStatus

__all__ = ["ConnectorState", "connector_state", "stale_after"]

#: A due check waits for the sensor's next tick, at most about this long.
TICK_SLACK = timedelta(seconds=30)


@dataclass(frozen=True)
class ConnectorState:
    """The state of a connector, as of now.

    Attributes:
        status: One of the five states.
        since: Since when it is in that state, in UTC; ``None`` where nobody knows.
        last_check: When it was checked last, in UTC; ``None`` for never.
        report: The last stored report; its numbers may be older than ``last_check``, since a check that finds
            nothing new is stored only now and then.
    """

    status: HealthStatus
    since: datetime | None = None
    last_check: datetime | None = None
    report: HealthReport | None = None


def stale_after(entry: ConnectorEntry) -> timedelta:
    """Return the age at which the last check of a connector no longer says anything about it.

    One and a half intervals, the time a check may take, and the time until the sensor's next tick.
    """
    return timedelta(seconds=1.5 * entry.check_interval_s + entry.check_timeout_s) + TICK_SLACK


def connector_state(
    entry: ConnectorEntry, record: CheckRecord | None, checked: datetime | None, now: datetime
) -> ConnectorState:
    """Return the state of a connector.

    Args:
        entry: The connector.
        record: Its last stored check.
        checked: When a health sensor checked it last, stored or not.
        now: The time to judge by, aware.
    """
    last_check = max((at for at in (checked, record.at if record else None) if at is not None), default=None)
    if entry.disabled:
        return ConnectorState(HealthStatus.DISABLED, last_check=last_check)
    if entry.fault is not None:
        return _broken(entry.fault, record, last_check)
    if record is None or last_check is None:
        return ConnectorState(HealthStatus.UNKNOWN, last_check=last_check)
    stale_from = last_check + stale_after(entry)
    if now > stale_from:
        return ConnectorState(HealthStatus.UNKNOWN, stale_from, last_check, record.report)
    return ConnectorState(record.report.status, record.since, last_check, record.report)


def _broken(fault: str, record: CheckRecord | None, last_check: datetime | None) -> ConnectorState:
    """The state of an entry with a fault: that of its check, if the check found the same fault."""
    if record is not None and record.report.message == fault:
        return ConnectorState(record.report.status, record.since, last_check, record.report)
    return ConnectorState(HealthStatus.UNHEALTHY, report=fault_report(fault))

"""Uptime: how much of the kept window a connector was able to work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from acme_sdk.health import HealthStatus
from api.schemas import Uptime

if TYPE_CHECKING:
    from acme_orchestration.instance import CheckRecord

__all__ = ["uptime"]

_UP = {HealthStatus.HEALTHY, HealthStatus.DEGRADED}
_KNOWN = _UP | {HealthStatus.UNHEALTHY}


def uptime(
    history: Sequence[CheckRecord], last_check: datetime | None, since: datetime | None = None
) -> Uptime:
    """Return the share of time that the connector worked, between the oldest record and the newest check.

    Checks are recorded when the state changes and at a slow heartbeat: each record counts until the next one,
    the newest until the last check. Time in an unknown state counts neither way.

    Args:
        history: The recorded checks, newest first.
        last_check: When the newest check was made, recorded or not.
        since: Only the time after that counts; all of it by default.
    """
    end = max((at for at in (history[0].at if history else None, last_check) if at), default=None)
    if not history or end is None or (since is not None and end < since):
        return Uptime(ratio=None, window_start=None, window_end=None, checks=0)
    up = known = 0.0
    until, start, checks = end, end, 0
    for record in history:
        start = record.at if since is None else max(record.at, since)
        seconds = (until - start).total_seconds()
        known += seconds if record.report.status in _KNOWN else 0.0
        up += seconds if record.report.status in _UP else 0.0
        until = start
        if since is not None and record.at < since:
            break
        checks += 1
    newest = history[0].report.status
    if known:
        ratio: float | None = round(up / known, 6)
    else:  # no time has passed: the one check is all there is
        ratio = float(newest in _UP) if newest in _KNOWN else None
    return Uptime(ratio=ratio, window_start=start, window_end=end, checks=checks)

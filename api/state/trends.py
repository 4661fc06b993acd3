"""What the list has of a connector's health on request: since when, why, how long its last checks took."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from acme_sdk.health import HealthStatus
from api.schemas import ListedHealth

if TYPE_CHECKING:
    from acme_orchestration.instance import ConnectorState, InstanceReader
    from acme_sdk.health import HealthReport
    from api.state.snapshot import Listed

__all__ = ["Trends"]

log = logging.getLogger(__name__)

# As many as a line of a few centimetres can show.
_SHOWN = 20
_KEPT = 5000
_WORKS = {HealthStatus.HEALTHY, HealthStatus.DEGRADED}


class Trends:
    """Knows the last checks of connectors that were shown: read once, and again when there is a newer one.

    Args:
        reader: The Dagster instance.
    """

    def __init__(self, reader: InstanceReader) -> None:
        self._reader = reader
        self._known: dict[str, tuple[HealthReport, Sequence[int | None]]] = {}
        self._lock = threading.Lock()

    def added(self, listed: Listed, state: ConnectorState) -> Listed:
        """Return a connector of the list with its health.

        Args:
            listed: The connector.
            state: Its state in the same list.
        """
        report = state.report
        health = ListedHealth(
            since=state.since,
            code=report.code if report else None,
            message=report.message if report else None,
            latency_ms=list(self._latencies(listed.item.name, state)),
        )
        return replace(
            listed, json=listed.json[:-1] + b',"health":' + health.model_dump_json().encode() + b"}"
        )

    def _latencies(self, name: str, state: ConnectorState) -> Sequence[int | None]:
        report = state.report
        if report is None or state.last_check is None:
            return ()
        newest, known = self._known.get(name, (None, ()))
        if newest is report:
            return known
        try:
            checks = self._reader.history(name, _SHOWN)
        except Exception as error:  # noqa: BLE001 - a database that is away must not take the list with it
            log.warning("the last checks cannot be read: %s", type(error).__name__)
            return known
        read = [
            check.report.latency_ms if check.report.status in _WORKS else None for check in reversed(checks)
        ]
        with self._lock:
            self._known.pop(name, None)
            self._known[name] = (report, read)  # at the end, which is forgotten last
            while len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]
        return read

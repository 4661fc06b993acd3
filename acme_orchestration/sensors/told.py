"""Who was told what: the memory of the alerts, from which follows what is to be told next."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, Field, ValidationError

from acme_orchestration.alerts.change import StateChange
from acme_orchestration.instance import ConnectorState
from acme_orchestration.instance.packing import pack, unpack
from acme_orchestration.registry.entries import ConnectorEntry
from acme_sdk.health import HealthReport, HealthStatus

__all__ = ["Told"]

# After a pause, the health sensor has this long to look again before somebody is told that nobody looks.
_UNKNOWN_PATIENCE_S = 90.0
_FIRST_PAUSE_S = 30.0
_LONGEST_PAUSE_S = 600.0

_NOT_CHECKED = HealthReport(
    HealthStatus.UNKNOWN,
    code="health.stale",
    message="it is no longer checked",
    hint="see in Dagster whether its daemon runs and the sensor connector_health is on",
)


class _Memory(BaseModel):
    """What one alert was told; times are seconds since the epoch.

    Attributes:
        states: The state of each connector that is not healthy.
        failures: How often in a row it could not be told.
        pause_until: When it is tried again.
    """

    states: dict[str, HealthStatus] = Field(default_factory=dict)
    failures: int = 0
    pause_until: float = 0.0


class Told(BaseModel):
    """What all alerts were told, and since when connectors are unknown; goes into a sensor's cursor."""

    alerts: dict[str, _Memory] = Field(default_factory=dict)
    unknown: dict[str, float] = Field(default_factory=dict)
    looked_at: float = 0.0

    @classmethod
    def read(cls, cursor: str | None) -> Told:
        """Return what a cursor holds; one that cannot be read says that nobody was told anything."""
        try:
            return cls.model_validate(unpack(cursor))
        except (ValueError, ValidationError):
            return cls()

    def write(self) -> str:
        """Return the cursor."""
        return pack(self.model_dump(mode="json", exclude_defaults=True))

    def look(self, states: Mapping[str, ConnectorState], now: float) -> dict[str, ConnectorState]:
        """Return the states that are certain enough to be told, by public name.

        Not among them are connectors that were never checked, that are disabled, or that have been unknown
        for a moment only: after a pause of the daemon all are, until they are checked again.
        """
        if not 0 <= now - self.looked_at < _UNKNOWN_PATIENCE_S:
            self.unknown = {}
        self.looked_at = now
        self.unknown = {name: self.unknown.get(name, now) for name, s in states.items() if _is_stale(s)}
        return {
            name: state
            for name, state in states.items()
            if state.report is not None
            and state.status is not HealthStatus.DISABLED
            and now - self.unknown.get(name, 0.0) >= _UNKNOWN_PATIENCE_S
        }

    def changes(
        self,
        alert: str,
        entries: Mapping[str, ConnectorEntry],
        states: Mapping[str, ConnectorState],
        now: float,
    ) -> list[StateChange]:
        """Return what an alert is to be told of what `look` returned; nothing while it has a pause."""
        memory = self.alerts.get(alert, _Memory())
        if now < memory.pause_until <= now + _LONGEST_PAUSE_S:
            return []
        return [
            _change(entries[name], before, state)
            for name, state in states.items()
            if _level(state) is not (before := memory.states.get(name, HealthStatus.HEALTHY))
        ]

    def succeeded(
        self, alert: str, entries: Mapping[str, ConnectorEntry], states: Mapping[str, ConnectorState]
    ) -> None:
        """Remember that an alert knows what `look` returned."""
        before = self.alerts.get(alert, _Memory()).states
        levels = {
            name: _level(states[name]) if name in states else before.get(name, HealthStatus.HEALTHY)
            for name, entry in entries.items()
            if not entry.disabled
        }
        news = {name: level for name, level in levels.items() if level is not HealthStatus.HEALTHY}
        self.alerts[alert] = _Memory(states=news)

    def failed(self, alert: str, now: float) -> None:
        """Remember that an alert could not be told; the pause until the next try doubles each time."""
        memory = self.alerts.setdefault(alert, _Memory())
        pause_s = min(_FIRST_PAUSE_S * 2 ** min(memory.failures, 20), _LONGEST_PAUSE_S)
        memory.failures += 1
        memory.pause_until = now + pause_s


def _is_stale(state: ConnectorState) -> bool:
    """Tell whether the checks of a connector have stopped; one that has no way to tell is no such."""
    reported = state.report is not None and state.report.status is not HealthStatus.UNKNOWN
    return state.status is HealthStatus.UNKNOWN and reported


def _level(state: ConnectorState) -> HealthStatus:
    """Return what is remembered of a state: one that has no way to tell counts as healthy."""
    if state.status is HealthStatus.UNKNOWN and not _is_stale(state):
        return HealthStatus.HEALTHY
    return state.status


def _change(entry: ConnectorEntry, before: HealthStatus, state: ConnectorState) -> StateChange:
    report = _NOT_CHECKED if _is_stale(state) else state.report or HealthReport(state.status)
    return StateChange(
        entry.name, before, state.status, state.since, report.code, report.message, report.hint, entry.owner
    )

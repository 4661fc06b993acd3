"""The health sensor's cursor: when each connector was checked last, and whose state is in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from acme_orchestration.instance.packing import pack, unpack

__all__ = ["HEALTH_SENSOR", "checked_times", "read_cursor", "read_doubts", "write_cursor"]

HEALTH_SENSOR = "connector_health"


def write_cursor(checked: Mapping[str, datetime], doubts: Mapping[str, int] | None = None) -> str:
    """Return a cursor as text.

    Args:
        checked: When each connector was checked last, by Dagster name; kept in whole seconds.
        doubts: How many checks in a row contradict a connector's state, where there are any.
    """
    names: dict[int, list[str]] = {}
    for name, at in sorted(checked.items()):
        names.setdefault(int(at.timestamp()), []).append(name)
    return pack({"checked": names, "doubts": dict(doubts or {})})


def read_cursor(cursor: str | None) -> dict[str, datetime]:
    """Return when each connector was checked last; what cannot be read counts as never checked."""
    try:
        return {
            str(name): datetime.fromtimestamp(int(at), UTC)
            for at, names in unpack(cursor)["checked"].items()
            for name in names
        }
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, KeyError):
        return {}


def read_doubts(cursor: str | None) -> dict[str, int]:
    """Return how many checks in a row contradict a connector's state; what cannot be read counts as none."""
    try:
        return {str(name): int(count) for name, count in unpack(cursor)["doubts"].items()}
    except (ValueError, TypeError, AttributeError, OverflowError, KeyError):
        return {}


def checked_times(cursors: Sequence[str | None]) -> dict[str, datetime]:
    """Return when each connector was checked last, by Dagster name, as the cursors of health sensors say."""
    times: dict[str, datetime] = {}
    for cursor in cursors:
        for name, at in read_cursor(cursor).items():
            times[name] = max(at, times.get(name, at))
    return times

"""The health sensor's cursor: when each connector was checked last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

__all__ = ["HEALTH_SENSOR", "read_cursor", "write_cursor"]

HEALTH_SENSOR = "connector_health"


def write_cursor(checked: Mapping[str, datetime]) -> str:
    """Return the times as compact JSON: Dagster names to whole seconds since the epoch."""
    return json.dumps({name: int(at.timestamp()) for name, at in checked.items()}, separators=(",", ":"))


def read_cursor(cursor: str | None) -> dict[str, datetime]:
    """Return the times in a cursor; what cannot be read counts as never checked."""
    try:
        times = json.loads(cursor or "{}")
        return {str(name): datetime.fromtimestamp(at, UTC) for name, at in times.items()}
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return {}

"""The values of a cursor field: put in order, and as the engine would hand them to a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

__all__ = ["Cursor"]

# Sources that count in whole seconds begin up to one too early.
_ROUNDING = timedelta(seconds=1)


@dataclass(frozen=True)
class Cursor:
    """How the values of one cursor field compare.

    Attributes:
        order: Turns a value into one that compares with the others.
        is_time: Whether the values are dates or times.
    """

    order: Callable[[Any], Any]
    is_time: bool

    @classmethod
    def of(cls, values: Sequence[Any]) -> Cursor | None:
        """Find out what the values are; ``None`` if they have no order."""
        kinds = {type(value) for value in values}
        if kinds <= {int, float, Decimal} and kinds:
            return cls(lambda value: value, is_time=False)
        if kinds <= {datetime, date} and kinds:
            return cls(_instant, is_time=True)
        if kinds != {str}:
            return None
        try:
            for value in values:
                _instant(datetime.fromisoformat(value))
        except ValueError:
            return cls(lambda value: value, is_time=False)
        return cls(lambda value: _instant(datetime.fromisoformat(value)), is_time=True)

    def last_run(self, value: Any) -> datetime:
        """Return a value as the time of a last run; for values that are no times, the beginning of time."""
        found: datetime = self.order(value) if self.is_time else datetime.fromtimestamp(0, UTC)
        return found

    def earliest(self, value: Any, overlap: Any) -> Any:
        """Return the lowest value, in order, that may come when an extraction begins at a value."""
        lowest = self.order(value)
        if self.is_time:
            return lowest - _ROUNDING - (overlap if isinstance(overlap, timedelta) else timedelta(0))
        return lowest - overlap if isinstance(overlap, (int, float)) else lowest


def _instant(value: date) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    return value if value.tzinfo else value.replace(tzinfo=UTC)

"""The values of a cursor field: put in order, and as the engine would hand them to a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

__all__ = ["Cursor"]

# Sources that count in whole seconds begin up to one too early.
_ROUNDING = timedelta(seconds=1)


@dataclass(frozen=True)
class Cursor:
    """How the values of one cursor field compare: of several columns, one after the other.

    Attributes:
        columns: The columns.
        orders: For each, what turns its value into one that compares with the others.
        is_time: Whether the values of the first column are dates or times.
    """

    columns: tuple[str, ...]
    orders: tuple[Callable[[Any], Any], ...]
    is_time: bool

    @classmethod
    def of(cls, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Cursor | None:
        """Find out what the values are; ``None`` if there are none in a column, or they have no order."""
        orders = [_order([row[name] for row in rows if row.get(name) is not None]) for name in columns]
        known = tuple(order for order in orders if order is not None)
        if not known or len(known) < len(columns):
            return None
        return cls(tuple(columns), known, known[0] in (_instant, _instant_of_text))

    def value(self, row: Mapping[str, Any]) -> Any:
        """Return a row's value, of several columns a tuple; ``None`` if it lacks one."""
        values = tuple(row.get(name) for name in self.columns)
        if None in values:
            return None
        return values if len(values) > 1 else values[0]

    def order(self, value: Any) -> tuple[Any, ...]:
        """Turn a value into one that compares with the others."""
        values = value if len(self.columns) > 1 else (value,)
        return tuple(order(part) for order, part in zip(self.orders, values, strict=True))

    def last_run(self, value: Any) -> datetime:
        """Return a value as the time of a last run; for values that are no times, the beginning of time."""
        found: datetime = self.order(value)[0] if self.is_time else datetime.fromtimestamp(0, UTC)
        return found

    def earliest(self, value: Any, overlap: Any) -> tuple[Any, ...]:
        """Return the lowest value, in order, that may come when an extraction begins at a value."""
        lowest = self.order(value)
        if self.is_time:
            return (lowest[0] - _ROUNDING - (overlap if isinstance(overlap, timedelta) else timedelta(0)),)
        return (lowest[0] - overlap,) if isinstance(overlap, (int, float)) else lowest


def _order(values: Sequence[Any]) -> Callable[[Any], Any] | None:
    """Return what puts a column's values in order; ``None`` if they have none."""
    kinds = {type(value) for value in values}
    if kinds <= {int, float, Decimal} and kinds:
        return _itself
    if kinds <= {datetime, date} and kinds:
        return _instant
    if kinds != {str}:
        return None
    try:
        for value in values:
            _instant_of_text(value)
    except ValueError:
        return _itself
    return _instant_of_text


def _itself(value: Any) -> Any:
    return value


def _instant_of_text(text: str) -> datetime:
    return _instant(datetime.fromisoformat(text))


def _instant(value: date) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    return value if value.tzinfo else value.replace(tzinfo=UTC)

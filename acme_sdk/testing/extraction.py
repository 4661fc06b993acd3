"""One full extraction, as it was observed: counts and oddities instead of the rows themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from typing import Any
from uuid import UUID

from acme_sdk.row import Row

__all__ = ["Extraction", "Stranger"]

_SCALARS = (bool, int, float, str, bytes, Decimal, datetime, date, clock_time, timedelta, UUID)
_DEEPEST = 64


@dataclass(frozen=True)
class Stranger:
    """Something that does not belong where it was found.

    Attributes:
        row: Number of the row, from 1.
        column: Its column; empty when it is the row itself.
        kind: The name of its type.
    """

    row: int
    column: str
    kind: str


@dataclass
class Extraction:
    """What was seen while all rows went by; the rows are not kept.

    Attributes:
        rows: How many came.
        seconds: How long they took, from the first call to the end.
        not_a_row: The first thing that was no `Row`.
        not_a_value: The first value of a type that rows cannot hold.
        not_a_name: The first column name that is no text.
        types: For each column, the types of its values and the row where each came first; ``None`` left out.
    """

    rows: int = 0
    seconds: float = 0.0
    not_a_row: Stranger | None = None
    not_a_value: Stranger | None = None
    not_a_name: Stranger | None = None
    types: dict[str, dict[type, int]] = field(default_factory=dict)

    def watch(self, rows: Iterator[Any]) -> Extraction:
        """Take everything that comes, until the end."""
        started = time.perf_counter()
        for row in rows:
            self.rows += 1
            if isinstance(row, Row):
                self._look_at(row)
            elif self.not_a_row is None:
                self.not_a_row = Stranger(self.rows, "", type(row).__name__)
        self.seconds = time.perf_counter() - started
        return self

    def _look_at(self, row: Row) -> None:
        for column, value in row.items():
            if not isinstance(column, str):
                self.not_a_name = self.not_a_name or Stranger(self.rows, repr(column), type(column).__name__)
                continue
            if value is None:
                continue
            kind = type(value)
            seen = self.types.setdefault(column, {})
            if kind not in seen:
                seen[kind] = self.rows
            if self.not_a_value is None and (odd := _unsupported(value)) is not None:
                self.not_a_value = Stranger(self.rows, column, odd)


def _unsupported(value: Any, depth: int = 0) -> str | None:
    """Return the name of the first type in a value that a row cannot hold."""
    if value is None or isinstance(value, _SCALARS):
        return None
    if depth > _DEEPEST:
        return f"{type(value).__name__} nested more than {_DEEPEST} deep"
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"dict with a key of type {type(key).__name__}"
            if (odd := _unsupported(item, depth + 1)) is not None:
                return odd
        return None
    if isinstance(value, list):
        return next((odd for item in value if (odd := _unsupported(item, depth + 1)) is not None), None)
    return type(value).__name__

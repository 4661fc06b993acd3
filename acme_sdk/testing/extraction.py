"""One full extraction, as it was observed: counts and oddities instead of the rows themselves."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from acme_sdk.row import Row

__all__ = ["Extraction", "First"]

_INT64 = range(-(2**63), 2**63)
_JSON_SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class First:
    """Where a kind of value came first.

    Attributes:
        row: Number of the row, from 1.
        value: The value.
    """

    row: int
    value: Any


@dataclass
class Extraction:
    """What was seen while all rows went by; the rows are not kept.

    Attributes:
        rows: How many came.
        seconds: How long they took, from the first call to the end.
        not_a_row: The first thing that was no `Row`.
        kinds: For each column, the kinds of its values but ``None``, by name, in the order they came in.
    """

    rows: int = 0
    seconds: float = 0.0
    not_a_row: First | None = None
    kinds: dict[Any, dict[str, First]] = field(default_factory=dict)

    def watch(self, rows: Iterable[Any]) -> Extraction:
        """Take everything that comes, until the end."""
        started = time.perf_counter()
        for row in rows:
            self.rows += 1
            if isinstance(row, Row):
                self._look_at(row)
            elif self.not_a_row is None:
                self.not_a_row = First(self.rows, row)
        self.seconds = time.perf_counter() - started
        return self

    def _look_at(self, row: Row) -> None:
        for column, value in row.items():
            if value is not None:
                kind = _kind(value)
                seen = self.kinds.setdefault(column, {})
                if kind not in seen:
                    seen[kind] = First(self.rows, value)


def _kind(value: Any) -> str:
    """Name the type of a value, closely enough to tell apart what may be stored in different ways."""
    if isinstance(value, datetime):
        return "datetime with a zone" if value.tzinfo else "datetime without a zone"
    kind = type(value)
    if kind is int and value not in _INT64:
        return "int of more than 64 bits"
    if kind in (dict, list) and not _is_json(value):
        return f"{kind.__name__} of what JSON does not have"
    return kind.__name__


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_json, value.values()))
    if isinstance(value, list):
        return all(map(_is_json, value))
    return isinstance(value, _JSON_SCALARS)

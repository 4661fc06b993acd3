"""One full extraction, as it was observed: counts and oddities, and the rows where they are asked for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from acme_sdk.row import Row

__all__ = ["Extraction", "First", "Read"]

_INT64 = range(-(2**63), 2**63)
_JSON_SCALARS = (str, int, float, bool, type(None))


class Read(NamedTuple):
    """Something that a source yielded.

    Attributes:
        stream: The stream that it belongs to.
        item: What it is; a `Row`, if all is well.
    """

    stream: str
    item: Any


@dataclass(frozen=True)
class First:
    """Where a kind of value came first.

    Attributes:
        row: Number of the row in its stream, from 1.
        value: The value.
    """

    row: int
    value: Any


@dataclass
class Extraction:
    """What was seen while all rows went by.

    Attributes:
        keep: How many rows of each stream are kept at most.
        counts: How many rows came, by stream.
        seconds: How long they took, from the first call to the end.
        not_a_row: The first thing that was no `Row`, by stream.
        same_row: The number of the first row that is the very object that came before it, by stream.
        kinds: For each stream and column, the kinds of its values but ``None``, by name, in the order they
            came in.
        kept: The first rows of each stream.
    """

    keep: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    not_a_row: dict[str, First] = field(default_factory=dict)
    same_row: dict[str, int] = field(default_factory=dict)
    kinds: dict[tuple[str, Any], dict[str, First]] = field(default_factory=dict)
    kept: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many came, of all streams."""
        return self.counts.total()

    def complete(self, stream: str) -> bool:
        """Tell whether all rows of a stream were kept."""
        return len(self.kept.get(stream, ())) == self.counts[stream]

    def watch(self, reads: Iterable[Read]) -> Extraction:
        """Take everything that comes, until the end."""
        started = time.perf_counter()
        previous = None
        for stream, item in reads:
            self.counts[stream] += 1
            if isinstance(item, Row):
                self._look_at(stream, item)
                if item is previous:
                    self.same_row.setdefault(stream, self.counts[stream])
                previous = item
            elif stream not in self.not_a_row:
                self.not_a_row[stream] = First(self.counts[stream], item)
        self.seconds = time.perf_counter() - started
        return self

    def _look_at(self, stream: str, row: Row) -> None:
        number = self.counts[stream]
        if number <= self.keep:
            self.kept.setdefault(stream, []).append(row)
        for column, value in row.items():
            if value is not None:
                kind = _kind(value)
                seen = self.kinds.setdefault((stream, column), {})
                if kind not in seen:
                    seen[kind] = First(number, value)


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

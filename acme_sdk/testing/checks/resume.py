"""Does an extraction that was broken off go on where it should?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Hashable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from acme_sdk.catalog import Stream
from acme_sdk.cursor import cursor_columns
from acme_sdk.position import Checkpoint, Position
from acme_sdk.row import Row
from acme_sdk.source import BatchSource
from acme_sdk.testing.cursors import Cursor
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.identity import identities, identity, is_lasting
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_BREAKS = 3
_ENOUGH_TIME_S = 2.0


@check(
    "resume.rerun",
    "after an extraction that was broken off, a new one gives all rows",
    hint="keep nothing of an extraction outside of the connector's instance",
    role="source",
    needs=["extraction.repeatable"],
)
def rerun(subject: Subject) -> None:
    """Break off at a random row; a new instance begins at the beginning."""
    total = subject.baseline.rows
    if total < 2:
        raise Skip("there are too few rows to break off between them")
    taken = subject.chance("rerun").randrange(1, total)
    with subject.open() as connector, closing(_generator(subject.read(connector))) as rows:
        for _ in range(taken):
            next(rows, None)
    if (after := subject.extract().rows) != total:
        raise Problem(
            f"an extraction was broken off after {taken:,} rows; "
            f"the next one gave {after:,} rows, not {total:,}"
        )


@check(
    "resume.state",
    "a checkpoint's state is made of what JSON has",
    hint="write dates and times as text: `Checkpoint({'since': changed_at.isoformat()})`",
    role="source",
    needs=["extraction.repeatable"],
)
def state(subject: Subject) -> None:
    """Each state comes back from JSON as it went in."""
    for recorded in _recorded(subject):
        for checkpoint in recorded.checkpoints():
            _as_json(recorded.stream, checkpoint)


@check(
    "resume.checkpoint",
    "begun again at a checkpoint, all the rest comes and nothing twice",
    hint="yield the Checkpoint after the last row that its state covers, and begin right after that row",
    role="source",
    needs=["resume.state"],
)
def checkpoint(subject: Subject) -> None:
    """Break off at random rows, each time go on with the last checkpoint by a new instance."""
    for recorded in _recorded(subject):
        for row in recorded.breaks(subject):
            _resume(subject, recorded, row)


@dataclass(frozen=True)
class _Recorded:
    """All that one part of a stream gave, in order.

    Attributes:
        position: Where it began: the part, if the stream has some.
        lasting: Whether its rows can be known again.
    """

    stream: Stream
    position: Position
    items: list[Any]
    lasting: bool

    def checkpoints(self) -> Iterator[Checkpoint]:
        yield from (item for item in self.items if isinstance(item, Checkpoint))

    def breaks(self, subject: Subject) -> list[int]:
        """Numbers of items to break off after; the last checkpoint before each is another one."""
        places = [index for index, item in enumerate(self.items) if isinstance(item, Checkpoint)]
        chance = subject.chance(f"resume/{self.stream.name}")
        most = _BREAKS if subject.baseline.seconds < _ENOUGH_TIME_S else 1
        chosen = sorted(chance.sample(range(len(places)), min(most, len(places))))
        ends = [*places[1:], len(self.items)]
        return [chance.randint(places[number] + 1, ends[number]) for number in chosen]


def _recorded(subject: Subject) -> Iterator[_Recorded]:
    if issubclass(subject.kind, BatchSource):
        raise Skip(f"{subject.kind.__name__} reads batches, which have no checkpoints")
    assert subject.baseline is not None  # noqa: S101 - extracts, the first time
    found = False
    for stream in subject.declared:
        with subject.open() as connector:
            parts: list[Any] = list(connector.partitions(stream)) or [None]
        for part in parts:
            position = Position(partition=part)
            items = _read(subject, stream, position)
            if any(isinstance(item, Checkpoint) for item in items):
                found = True
                lasting = is_lasting(stream, _rows(items), _rows(_read(subject, stream, position)))
                yield _Recorded(stream, position, items, lasting)
    if not found:
        raise Skip("the source yields no checkpoints")


def _read(subject: Subject, stream: Stream, position: Position, most: int | None = None) -> list[Any]:
    items: list[Any] = []
    with (
        subject.open() as connector,
        closing(_generator(subject.read_part(connector, stream, position))) as source,
    ):
        for item in source:
            items.append(item)
            if len(items) == most:
                break
    return items


def _resume(subject: Subject, recorded: _Recorded, end: int) -> None:
    stream, position = recorded.stream, recorded.position
    items = _read(subject, stream, position, most=end)
    last = max((index for index, item in enumerate(items) if isinstance(item, Checkpoint)), default=None)
    if last is None:
        raise Problem(f"stream {stream.name!r}: its checkpoints come at other places the second time")
    kept = _rows(items[:last])
    begun = Position(partition=position.partition, checkpoint=_as_json(stream, items[last]))
    rest = _rows(_read(subject, stream, begun))
    whole = _rows(recorded.items)
    where = (
        f"stream {stream.name!r}, broken off after {len(_rows(items)):,} of {len(whole):,} rows and "
        f"begun again at the checkpoint after {len(kept):,}"
    )
    if not recorded.lasting:
        if len(kept) + len(rest) < len(whole):
            raise Problem(f"{where}: {len(whole) - len(kept) - len(rest):,} rows are lost")
        return
    before, after = identities(stream, kept), identities(stream, rest)
    if lost := identities(stream, whole) - before - after:
        raise Problem(f"{where}: {lost.total():,} rows are lost")
    repeated = (before + after) - identities(stream, whole)
    if twice := (repeated - _at_the_boundary(stream, kept)).total():
        raise Problem(f"{where}: {twice:,} rows from before the checkpoint come a second time")


def _at_the_boundary(stream: Stream, kept: list[Row]) -> Counter[Hashable]:
    """Rows at the checkpoint's cursor may come again: the source cannot know if it saw all of them."""
    cursor = Cursor.of(cursor_columns(stream.cursor_field), kept)
    if cursor is None:
        return Counter()
    values = [cursor.value(row) for row in kept]
    highest = max((cursor.order(value) for value in values if value is not None), default=None)
    return Counter(
        identity(stream, row)
        for row, value in zip(kept, values, strict=True)
        if value is not None and cursor.order(value) == highest
    )


def _rows(items: list[Any]) -> list[Row]:
    return [item for item in items if not isinstance(item, Checkpoint)]


def _as_json(stream: Stream, found: Checkpoint) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(json.dumps(dict(found.state), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise Problem(
            f"stream {stream.name!r}: a checkpoint's state is nothing that JSON has: {error}"
        ) from None
    return state


def _generator(items: Iterator[Any]) -> Generator[Any]:
    assert isinstance(items, Generator)  # noqa: S101 - all readers of Subject are
    return items

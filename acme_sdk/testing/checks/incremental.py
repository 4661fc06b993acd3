"""Does an extraction from a position on give what is new, all of it and no more?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from acme_sdk.catalog import Stream
from acme_sdk.cursor import cursor_columns
from acme_sdk.http import HttpSession
from acme_sdk.position import Checkpoint, Position
from acme_sdk.row import Row
from acme_sdk.source import BatchSource, SourceConnector
from acme_sdk.testing.cursors import Cursor
from acme_sdk.testing.exchanges import listened
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.identity import identities, identity, is_lasting
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

# More is compared with a declared cursor than can be judged of a few rows that all changed together.
_FEWEST_VALUES = 3


@check(
    "incremental.old_rows",
    "nothing comes that is older than the position",
    hint="ask the target only for what changed since position.cursor (or last_run), on every page",
    role="source",
    needs=["streams.cursor"],
)
def old_rows(subject: Subject) -> None:
    """Begun at a value in the middle, no row has a cursor below it, but for the declared overlap."""
    for case in _cases(subject):
        middle = case.middle(subject)
        lowest = case.cursor.earliest(middle, case.stream.overlap)
        rows = case.read(subject, middle)[0]
        old = [
            row
            for row in rows
            if (value := case.cursor.value(row)) is not None and case.cursor.order(value) < lowest
        ]
        if old:
            raise Problem(
                f"stream {case.stream.name!r}: begun at {case.stream.cursor_field} = {middle}, "
                f"{len(old):,} of {len(rows):,} rows are older, such as {case.cursor.value(old[0])}"
            )


@check(
    "incremental.new_rows",
    "nothing is missing that is newer than the position",
    hint="records at position.cursor itself are wanted, too: compare with >=, and go through all pages",
    role="source",
    needs=["streams.cursor"],
)
def new_rows(subject: Subject) -> None:
    """Begun at a value in the middle, every row of the full extraction comes that is not below it."""
    for case in _cases(subject):
        middle = case.middle(subject)
        from_here = case.cursor.order(middle)
        wanted = [
            row
            for row in case.rows
            if (value := case.cursor.value(row)) is not None
            and (
                case.cursor.order(value) > from_here or (case.exact and case.cursor.order(value) == from_here)
            )
        ]
        if not is_lasting(case.stream, case.rows, subject.again.kept.get(case.stream.name, [])):
            raise Skip("rows look different each time, and there is no primary key to know them by")
        come = identities(case.stream, case.read(subject, middle)[0])
        missing = [row for row in wanted if identity(case.stream, row) not in come]
        if missing:
            raise Problem(
                f"stream {case.stream.name!r}: begun at {case.stream.cursor_field} = {middle}, "
                f"{len(missing):,} of {len(wanted):,} rows are missing, "
                f"such as one with {case.cursor.value(missing[0])}"
            )


@check(
    "incremental.second_run",
    "the second run reads less than the first",
    hint="ask the target only for what changed since position.cursor (or last_run)",
    role="source",
    needs=["incremental.old_rows"],
)
def second_run(subject: Subject) -> None:
    """Begun where the first one ended, an extraction has fewer rows, or takes fewer requests."""
    for case in _cases(subject):
        highest = max(
            (value for row in case.rows if (value := case.cursor.value(row)) is not None),
            key=case.cursor.order,
        )
        everything, asked = case.read(subject, None)
        rows, requests = case.read(subject, highest)
        if len(rows) >= len(everything) and requests >= asked:
            raise Problem(
                f"stream {case.stream.name!r}: begun at the highest {case.stream.cursor_field}, {highest}, "
                f"an extraction gave {len(rows):,} rows by {requests:,} requests, a full one "
                f"{len(everything):,} by {asked:,}"
            )


@dataclass(frozen=True)
class _Case:
    """A stream with a cursor field, and its rows.

    Attributes:
        exact: Whether the source is told the cursor's value, not only a time.
    """

    stream: Stream
    rows: list[Row]
    cursor: Cursor
    exact: bool

    def middle(self, subject: Subject) -> Any:
        """A value that nearly half of the values are below: both those and the rest take several pages."""
        by_order = {
            self.cursor.order(value): value
            for row in self.rows
            if (value := self.cursor.value(row)) is not None
        }
        ordered = [by_order[place] for place in sorted(by_order)]
        half = len(ordered) // 2
        return subject.chance("incremental").choice(ordered[max(1, half - len(ordered) // 10) : half + 1])

    def read(self, subject: Subject, value: Any) -> tuple[list[Row], int]:
        """Read the stream from a value on; return the rows, and how many requests that took."""
        session = HttpSession()
        heard = listened(session)
        with subject.open(http=session) as connector:
            heard.clear()
            items = subject.read_stream(connector, self.stream, self._position(connector, value))
            rows = [item for item in items if not isinstance(item, Checkpoint)]
        return rows, len(heard)

    def _position(self, connector: SourceConnector, value: Any) -> Position:
        if value is None:
            return Position()
        if isinstance(connector, BatchSource):
            return Position(cursor=self._text(value))
        return Position(last_run=self.cursor.last_run(value), cursor=value)

    def _text(self, value: Any) -> str:
        import pyarrow as pa

        from acme_sdk.sync.cursor_type import CursorType

        cursor = CursorType.find(self.stream.cursor_field, self.stream.schema)
        assert cursor is not None  # noqa: S101 - a BatchSource has a schema, and streams.cursor passed
        values = value if len(cursor.kinds) > 1 else (value,)
        return cursor.encode(pa.scalar(part, kind) for part, kind in zip(values, cursor.kinds, strict=True))


def _cases(subject: Subject) -> Iterator[_Case]:
    assert subject.baseline is not None  # noqa: S101 - extracts, the first time
    declaring = [stream for stream in subject.declared if stream.cursor_field is not None]
    if not declaring:
        raise Skip("no stream declares a cursor field, so that nobody can tell which rows are new")
    cases = [case for stream in declaring if (case := _case(subject, stream)) is not None]
    if not cases:
        raise Skip(
            f"there are fewer than {_FEWEST_VALUES} different values in the cursor field to choose from"
        )
    yield from cases


def _case(subject: Subject, stream: Stream) -> _Case | None:
    rows = subject.baseline.kept.get(stream.name, [])
    if not subject.baseline.complete(stream.name):
        return None
    if issubclass(subject.kind, BatchSource) and stream.schema is None:
        return None
    assert issubclass(subject.kind, SourceConnector)  # noqa: S101 - the check is for this role
    exact = issubclass(subject.kind, BatchSource) or (
        subject.kind.extract_stream is not SourceConnector.extract_stream
    )
    # extract() is told a time: what it means for a cursor that is none, nobody knows.
    columns = cursor_columns(stream.cursor_field) if exact else cursor_columns(stream.cursor_field)[:1]
    cursor = Cursor.of(columns, rows)
    if cursor is None:
        return None
    values = {cursor.order(value) for row in rows if (value := cursor.value(row)) is not None}
    if len(values) < _FEWEST_VALUES:
        return None
    return _Case(stream, rows, cursor, exact) if exact or cursor.is_time else None

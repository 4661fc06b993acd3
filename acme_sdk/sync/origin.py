"""Where the parts of a stream begin: what the state says, less the overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from acme_sdk.catalog import Stream
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import StreamState, WriteMode
from acme_sdk.sync.cursor_type import CursorType
from acme_sdk.sync.details import Details
from acme_sdk.sync.plan import StreamPlan
from acme_sdk.sync.progress import WHOLE

__all__ = ["Origins", "begin_at", "cursor_text", "cursor_type", "find_origins", "told_last_run"]


class Origins:
    """The cursor values that were reached, and those that the parts begin at.

    Args:
        reached: By part: the highest value that was loaded, as text.
        highest: The highest of them all.
        begin: By part: the value to begin at, as text; parts that are not in it begin at their start.
        at_once: Whether all has to come in one load, since only then rows that came before can be told apart.
    """

    def __init__(
        self,
        reached: Mapping[str, str | None] | None = None,
        highest: str | None = None,
        begin: Mapping[str, str] | None = None,
        *,
        at_once: bool = False,
    ) -> None:
        self._reached = reached or {}
        self._highest = highest
        self._begin = begin or {}
        self.at_once = at_once

    def of(self, part: str) -> str | None:
        """Return the value that a part begins at."""
        return self._begin.get(part)

    def reached(self, part: str | None) -> str | None:
        """Return the value that a part had reached; of ``None``, the highest of all parts."""
        return self._highest if part is None else self._reached.get(part)

    def all_reached(self) -> Mapping[str, str | None]:
        """Return the value that each part had reached."""
        return self._reached


def find_origins(
    plan: StreamPlan, stream: Stream, parts: Sequence[str], before: StreamState | None, *, by_cursor: bool
) -> Origins:
    """Return where the parts of a stream begin.

    Args:
        plan: What is asked for.
        stream: The planned stream.
        parts: Its partitions, or `WHOLE` alone.
        before: The state that was stored last.
        by_cursor: Whether the source reads from the cursor on.

    Raises:
        ConfigurationError: The cursor or the partitions are others than before, so that an append would take
            rows twice (code ``cursor.changed``).
    """
    ended = before is not None and before.last_run is not None
    if plan.write_mode is WriteMode.OVERWRITE or before is None or stream.cursor_field is None or not ended:
        return Origins()
    strict = plan.write_mode is WriteMode.APPEND and by_cursor
    if before.cursor_field != stream.cursor_field:
        if strict:
            _refuse(
                f"the cursor is now {stream.cursor_field!r}, and was {before.cursor_field!r} in the last sync"
            )
        return Origins()
    details = Details.from_json(before.details)
    cursor = cursor_type(stream, details)
    reached = _reached(parts, before, details.cursors, cursor)
    if details.cursors and parts == [WHOLE] and WHOLE not in reached and strict:
        _refuse("the stream has no partitions any more, and not all that it had had reached a cursor value")
    begin = {part: begin_at(stream, text, cursor) for part, text in reached.items() if text and part in parts}
    boundary = next(iter(begin.values()), None)
    if cursor is not None and len(begin) > 1:
        boundary = cursor.lowest(begin.values())
    at_once = plan.write_mode is WriteMode.APPEND and not stream.primary_key and boundary is not None
    if at_once and boundary is not None:
        begin = dict.fromkeys(begin, boundary)
    return Origins(reached, before.cursor, begin, at_once=at_once)


def cursor_type(stream: Stream, kept: Details) -> CursorType | None:
    """Return a stream's cursor with its types, declared or as loaded; ``None`` if they are not known."""
    declared = CursorType.find(stream.cursor_field, stream.schema)
    return declared or CursorType.find(stream.cursor_field, kept.schema)


def cursor_text(stream: Stream, before: StreamState | None, value: str) -> str:
    """Return a value that somebody wrote as the text of the stream's cursor.

    Raises:
        ConfigurationError: It is none of the cursor's type (code ``cursor.invalid``), or that is not known
            yet (``cursor.unknown``).
    """
    cursor = cursor_type(stream, Details.from_json(before.details if before else None))
    if cursor is None:
        raise ConfigurationError(
            f"stream {stream.name!r}: it is not known yet what type its cursor has",
            code="cursor.unknown",
            hint="name a cursor in the pipeline, and sync once",
        )
    return cursor.parse(value, stream.name)


def _reached(
    parts: Sequence[str], before: StreamState, cursors: Mapping[str, str | None], cursor: CursorType | None
) -> dict[str, str | None]:
    """What each part had reached, also where the stream was not divided as it is now."""
    if parts != [WHOLE]:
        return dict(cursors) if cursors else dict.fromkeys(parts, before.cursor)
    if not cursors:
        return {WHOLE: before.cursor}
    known = [text for text in cursors.values() if text is not None]
    return {WHOLE: cursor.lowest(known)} if cursor is not None and len(known) == len(cursors) else {}


def begin_at(stream: Stream, text: str, cursor: CursorType | None) -> str:
    """Return the cursor value to begin at after one that was reached: the stream's overlap before it."""
    return text if stream.overlap is None or cursor is None else cursor.step_back(text, stream.overlap)


def told_last_run(stream: Stream, last_run: datetime | None) -> datetime | None:
    """Return the time since which a source is asked for changes: the overlap before the last run.

    The last run is known by our clock. Where that of the source is behind, or a record shows only after a
    while, what changed soon after the last run bears a time before it.
    """
    if last_run is None or not isinstance(stream.overlap, timedelta):
        return last_run
    return last_run - min(stream.overlap, last_run - datetime.min.replace(tzinfo=UTC))


def _refuse(what: str) -> None:
    raise ConfigurationError(
        f"{what}: reading everything would append all rows a second time",
        code="cursor.changed",
        hint="run once with --full-refresh, or use upsert",
    )

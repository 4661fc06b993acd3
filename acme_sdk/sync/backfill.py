"""Backfills: the rows of a range of the cursor are read again, and the state stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from acme_sdk import compute as pc
from acme_sdk.arrow import storage
from acme_sdk.catalog import Stream
from acme_sdk.cursor import cursor_columns
from acme_sdk.encoded import decoded
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import StreamState, WriteMode
from acme_sdk.ordering import not_below, precedes
from acme_sdk.sync.cursor_type import CursorType
from acme_sdk.sync.details import Details, united
from acme_sdk.sync.origin import cursor_text, cursor_type
from acme_sdk.sync.plan import StreamPlan
from acme_sdk.sync.progress import without_refresh
from acme_sdk.sync.reading import Batch

__all__ = ["Backfill", "CursorRange", "planned_backfill"]


@dataclass(frozen=True)
class CursorRange:
    """Values of a cursor, as somebody wrote them.

    Attributes:
        begin: The first one. Of a cursor of several columns, a JSON array or a value of the first column.
        end: The last one, which belongs to the range, with all that begin with it.
    """

    begin: str
    end: str


@dataclass(frozen=True)
class Backfill:
    """A range of a stream that is read again.

    Attributes:
        stream: The planned stream.
        cursor: Its cursor with its types.
        begin: The first value, as the cursor's text.
        end: The last value.
    """

    stream: Stream
    cursor: CursorType
    begin: str
    end: str

    def cut(self, batch: Batch) -> Batch:
        """Return the rows of a batch that are in the range; those without a value are not.

        Raises:
            ConfigurationError: The column's type is another than it was (code ``cursor.type``).
        """
        inside = self._inside([batch.columns.column(name) for name in cursor_columns(self.cursor.field)])
        if inside.false_count == 0:
            return batch
        rows = batch.source_rows
        if rows is not None:
            rows = [row for row, wanted in zip(rows, inside.to_pylist(), strict=True) if wanted]
        return replace(batch, columns=decoded(batch.columns).filter(inside), source_rows=rows)

    def state(
        self, before: StreamState | None, run_id: str, pipeline: str, columns: pa.Schema
    ) -> StreamState:
        """Return the state afterwards: the one before, which knows of the columns that came.

        A full refresh that broke off is given up.
        """
        if before is None:
            return StreamState(pipeline, self.stream.name, None, run_id=run_id)
        kept = Details.from_json(before.details)
        details = replace(kept, schema=united(kept.schema, columns)).to_json() if before.details else None
        progress = without_refresh(before.progress)
        return replace(before, run_id=run_id, progress=progress, details=details)

    def _inside(self, columns: Sequence[pa.Array]) -> pa.BooleanArray:
        if any(column.null_count == len(column) for column in columns):
            return pa.array([False] * len(columns[0]), pa.bool_())
        begin, end = (self.cursor.decode(text) for text in (self.begin, self.end))
        values = [storage(column) for column in columns]
        try:
            inside = pc.and_(not_below(values, begin), not_below(end, values))
        except pa.ArrowException:
            raise ConfigurationError(
                f"stream {self.stream.name!r}, cursor {self.stream.cursor_field!r}: its type is now"
                f" {', '.join(str(column.type) for column in columns)}, and was {self.cursor}",
                code="cursor.type",
                hint="run once with --full-refresh",
            ) from None
        return inside.fill_null(False)


def planned_backfill(
    plan: StreamPlan, stream: Stream, before: StreamState | None, wanted: CursorRange
) -> Backfill:
    """Check a range against its stream.

    Args:
        plan: How the stream is loaded.
        stream: The planned stream.
        before: The state that was stored last.
        wanted: The range.

    Raises:
        ConfigurationError: The rows would be there twice (code ``backfill.write_mode``), or the range is none
            (``cursor.invalid``, ``cursor.unknown``, ``backfill.empty``).
    """
    if plan.write_mode is not WriteMode.UPSERT:
        raise ConfigurationError(
            f"stream {stream.name!r} is loaded by {plan.write_mode.value}, which does not put the rows of a"
            " range in the place of those that are there",
            code="backfill.write_mode",
            hint="use upsert, or run once with --full-refresh",
        )
    begin = cursor_text(stream, before, wanted.begin)
    end = cursor_text(stream, before, wanted.end)
    cursor = cursor_type(stream, Details.from_json(before.details if before else None))
    assert cursor is not None  # noqa: S101 - cursor_text has checked it
    first, last = cursor.decode(begin), cursor.decode(end)
    if precedes(last, first[: len(last)]):
        raise ConfigurationError(
            f"stream {stream.name!r}: {end} comes before {begin}",
            code="backfill.empty",
            hint="give the lower value first",
        )
    return Backfill(stream, cursor, begin, end)

"""Reading: any source as batches, in columns and, where it has rows of its own, as those too."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from acme_sdk.catalog import Stream
from acme_sdk.columns import BATCH_ROWS, RowBatcher, to_rows
from acme_sdk.encoded import Columns, decoded
from acme_sdk.position import Checkpoint, Position
from acme_sdk.row import Row
from acme_sdk.source import BatchSource, SourceConnector
from acme_sdk.sync.interval import CommitInterval, Pace

__all__ = ["Batch", "Start", "begins_at_cursor", "can_resume", "read_batches"]

T = TypeVar("T")

# A checkpoint ends a batch, unless the batch would be smaller than this and come sooner.
_SMALL_BATCH = CommitInterval(rows=1000, seconds=1.0)


@dataclass(frozen=True)
class Batch:
    """Some records of a stream.

    Attributes:
        columns: The records as an Arrow record batch, or in a form of the source's own.
        source_rows: The rows as the source yielded them, any mappings; ``None`` if it reads columns.
        checkpoint: Where reading can go on after these records, if the source said so.
    """

    columns: Columns
    source_rows: Sequence[Mapping[str, Any]] | None = None
    checkpoint: Checkpoint | None = None

    def rows(self) -> list[Row]:
        """The records as rows, those of the source where there are any."""
        if self.source_rows is None:
            return to_rows(decoded(self.columns))
        return [row if isinstance(row, Row) else Row(row) for row in self.source_rows]


@dataclass(frozen=True)
class Start:
    """Where reading a part of a stream begins.

    Attributes:
        position: For a source of rows.
        cursor: For a source of columns: the cursor value as text.
        ordered: Whether reading can go on from the cursor after any row.
        until: The last cursor value that is wanted, as text, if there is one.
    """

    position: Position
    cursor: str | None = None
    ordered: bool = False
    until: str | None = None


def can_resume(source: SourceConnector) -> bool:
    """Tell whether a source can begin at a position; one that has only ``extract`` knows but ``last_run``."""
    method = getattr(source.extract_stream, "__func__", None)
    return not isinstance(source, BatchSource) and method is not SourceConnector.extract_stream


def begins_at_cursor(source: SourceConnector) -> bool:
    """Tell whether a source can begin at a cursor value."""
    return isinstance(source, BatchSource) or can_resume(source)


def read_batches(
    source: SourceConnector,
    stream: Stream,
    start: Start,
    interval: CommitInterval,
    stopped: Callable[[], bool] | None = None,
) -> Generator[Batch]:
    """Yield the records of a stream, or of one partition, one batch in memory at a time.

    Args:
        source: A source that is set up.
        stream: One of its streams.
        start: Where to begin.
        interval: How often checkpoints are wanted.
        stopped: Asked before each row whether to end early.
    """
    if isinstance(source, BatchSource):
        with _closed(iter(_columns(source, stream, start))) as batches:
            yield from map(Batch, batches)
        return
    batcher = RowBatcher(stream.name, schema=stream.schema)
    with _closed(iter(source.extract_stream(stream, start.position))) as rows:
        items = rows if stopped is None else _until(stopped, rows)
        if start.ordered:
            chunks = _ordered_chunks(items, Pace(interval))
        else:
            chunks = _chunks(items, Pace(_SMALL_BATCH.at_most(interval)), wanted=can_resume(source))
        for chunk, checkpoint in chunks:
            yield Batch(batcher.convert(chunk), chunk, checkpoint)


def _columns(source: BatchSource, stream: Stream, start: Start) -> Iterator[Columns]:
    if start.cursor is None or start.until is None:
        return source.extract_batches(stream, start.cursor)
    return source.extract_range(stream, start.cursor, start.until)


def _chunks(
    items: Iterable[Row | Checkpoint], pace: Pace, *, wanted: bool
) -> Iterator[tuple[list[Row], Checkpoint | None]]:
    """Cut rows into batches, each with the checkpoint that came after it, if one did and it is wanted.

    The first checkpoint is always passed on: whether a source has any decides how an overwrite is loaded.
    """
    chunk: list[Row] = []
    begun, first = False, True
    for item in items:
        if not isinstance(item, Checkpoint):
            chunk.append(item)
            if len(chunk) == BATCH_ROWS:
                yield chunk, None
                pace.add(len(chunk))
                chunk, begun = [], True
        elif wanted and (begun or chunk) and (first or pace.due(len(chunk))):
            yield chunk, item
            pace.reset()
            chunk, begun, first = [], True, False
    if chunk:
        yield chunk, None


def _ordered_chunks(
    items: Iterable[Row | Checkpoint], pace: Pace
) -> Iterator[tuple[list[Row], Checkpoint | None]]:
    """Cut rows into batches that end where a commit is due, if not before; checkpoints are of no use here."""
    chunk: list[Row] = []
    for item in items:
        if isinstance(item, Checkpoint):
            continue
        chunk.append(item)
        if len(chunk) == BATCH_ROWS or pace.due(len(chunk)):
            yield chunk, None
            pace.reset()
            chunk = []
    if chunk:
        yield chunk, None


def _until(stopped: Callable[[], bool], items: Iterable[T]) -> Iterator[T]:
    for item in items:
        if stopped():
            return
        yield item


@contextmanager
def _closed(iterator: Iterator[T]) -> Iterator[Iterator[T]]:
    """Close a generator at the end, so that it gives back what it holds at once and not some time later."""
    try:
        yield iterator
    finally:
        if isinstance(iterator, Generator):
            iterator.close()

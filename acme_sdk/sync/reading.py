"""Reading: any source as batches, in columns and, where it has rows of its own, as those too."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

import pyarrow as pa

from acme_sdk.catalog import Stream
from acme_sdk.columns import BATCH_ROWS, RowBatcher, to_rows
from acme_sdk.connector import BatchSource, SourceConnector
from acme_sdk.row import Row

__all__ = ["Batch", "read_batches"]

T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """Some records of a stream.

    Attributes:
        columns: The records as an Arrow record batch.
        source_rows: The rows as the source yielded them; ``None`` if it reads columns.
    """

    columns: pa.RecordBatch
    source_rows: list[Row] | None = None

    def rows(self) -> list[Row]:
        """The records as rows, those of the source where there are any."""
        return to_rows(self.columns) if self.source_rows is None else self.source_rows


def read_batches(
    source: SourceConnector, stream: Stream, *, last_run: datetime | None, cursor: str | None
) -> Generator[Batch]:
    """Yield a stream's records, one batch in memory at a time.

    Args:
        source: A source that is set up.
        stream: One of its streams.
        last_run: For a source of rows: the start of the last successful extraction.
        cursor: For a source of columns: the cursor value to begin at.
    """
    if isinstance(source, BatchSource):
        with _closed(iter(source.extract_batches(stream, cursor))) as batches:
            yield from map(Batch, batches)
        return
    batcher = RowBatcher(stream.name, schema=stream.schema)
    with _closed(iter(source.extract(last_run))) as rows:
        while chunk := list(islice(rows, BATCH_ROWS)):
            columns = batcher.convert(chunk)
            yield Batch(columns, [row if isinstance(row, Row) else Row(row) for row in chunk])


@contextmanager
def _closed(iterator: Iterator[T]) -> Iterator[Iterator[T]]:
    """Close a generator at the end, so that it gives back what it holds at once and not some time later."""
    try:
        yield iterator
    finally:
        if isinstance(iterator, Generator):
            iterator.close()

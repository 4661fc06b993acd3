"""Sources: what an author writes to read records. ``extract`` is needed, all else has a default."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from acme_sdk.catalog import Partition, Stream
from acme_sdk.connector import Connector
from acme_sdk.errors import ConfigurationError
from acme_sdk.position import Checkpoint, Position
from acme_sdk.row import Row

if TYPE_CHECKING:
    from acme_sdk.encoded import Columns

__all__ = ["BatchSource", "SourceConnector"]


class SourceConnector(Connector):
    """Where records come from."""

    role = "source"

    def streams(self) -> Sequence[Stream]:
        """Return what can be read. By default one stream, named after the class, its columns learnt."""
        return [Stream(default_stream_name(type(self)))]

    def partitions(self, stream: Stream) -> Sequence[Partition]:
        """Return the parts that a stream can be read in, side by side; none for a stream read as a whole.

        Parts are read by several threads, so what ``extract_stream`` uses must bear that; ``self.http`` does.
        """
        return ()

    def extract(self, last_run: datetime | None = None) -> Iterator[Row | Checkpoint]:
        """Yield the records that are new or changed since ``last_run``; enough for a source of one stream.

        Args:
            last_run: Start of the last successful extraction, in UTC; ``None`` on the first run.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither extract() nor extract_stream()")

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        """Yield a stream's records from a position on; for sources of several streams, or with checkpoints.

        By default `extract`, which knows only of ``last_run``.

        Args:
            stream: One of `streams`, its cursor field as the pipeline wants it.
            position: Where to begin, and the part to read where the stream has `partitions`.
        """
        return self.extract(position.last_run)


class BatchSource(SourceConnector):
    """A source that reads columns: Arrow record batches instead of rows."""

    @abstractmethod
    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[Columns]:
        """Yield the stream's records as batches that all have the stream's schema.

        A batch is an Arrow record batch, or an `acme_sdk.encoded.EncodedBatch`.

        Args:
            stream: One of `streams`, its cursor field as the pipeline wants it.
            resume_from: Only records whose cursor is this value or higher, as text; ``None`` for all. Of a
                cursor of several columns, `acme_sdk.cursor.split_cursor` returns the columns' texts.
        """

    def extract_range(self, stream: Stream, begin: str, end: str) -> Iterator[Columns]:
        """Yield the records of a range of the cursor field, for a backfill.

        By default all from its begin on: what lies outside is left out by the sync.

        Args:
            stream: One of `streams`, its cursor field as the pipeline wants it.
            begin: The lowest value, as text.
            end: The highest value, as text.
        """
        return self.extract_batches(stream, begin)

    def stream(self, name: str) -> Stream:
        """Return one stream by name.

        Raises:
            ConfigurationError: There is none of that name (code ``stream.unknown``).
        """
        known = {stream.name: stream for stream in self.streams()}
        if name not in known:
            raise ConfigurationError(
                f"there is no stream {name!r} in this source",
                code="stream.unknown",
                hint=f"it has {', '.join(sorted(known)[:20]) or 'none at all'}",
            )
        return known[name]

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Yield the rows of the source's only stream, all of them.

        Raises:
            ConfigurationError: The source has several streams.
        """
        from acme_sdk.columns import to_rows
        from acme_sdk.encoded import decoded

        streams = self.streams()
        if len(streams) != 1:
            raise ConfigurationError(
                f"this source has {len(streams)} streams: say which one",
                code="stream.ambiguous",
                hint="call extract_batches(stream), or sync a pipeline that names its streams",
            )
        for batch in self.extract_batches(streams[0]):
            yield from to_rows(decoded(batch))


def default_stream_name(connector: type[Connector]) -> str:
    """``MySource`` → ``my_source``."""
    name = connector.__name__
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))

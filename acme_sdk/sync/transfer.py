"""From reading to writing: batch after batch, kept now and then."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pyarrow as pa

from acme_sdk.catalog import Stream
from acme_sdk.encoded import Columns
from acme_sdk.errors import AcmeError, FatalError, RetriableError
from acme_sdk.failures import describe
from acme_sdk.source import SourceConnector
from acme_sdk.sync.dead_letters import DeadLetters
from acme_sdk.sync.delivery import Delivery
from acme_sdk.sync.extraction import Extraction
from acme_sdk.sync.interval import CommitInterval, Pace
from acme_sdk.sync.partitions import read_side_by_side
from acme_sdk.sync.progress import WHOLE
from acme_sdk.sync.reading import Batch, read_batches
from acme_sdk.sync.schema_guard import SchemaGuard

__all__ = ["Transfer", "located"]


class Transfer:
    """Moves the batches of an extraction, and counts them.

    Attributes:
        rows: How many rows were read.
        batches: In how many batches.
        bytes: Their size as Arrow columns in memory.

    Args:
        source: A source that is set up.
        stream: The planned stream.
        extraction: Says where to begin, and is told how far it came.
        delivery: Takes the batches.
        run_id: The run; each commit in between has a name made of it.
        interval: How often to commit.
        guard: Holds the batches against the columns that the stream had.
        letters: Knows how many records were rejected.
        on_batch: Called with each batch that was delivered.
    """

    def __init__(
        self,
        source: SourceConnector,
        stream: Stream,
        extraction: Extraction,
        delivery: Delivery,
        run_id: str,
        interval: CommitInterval,
        guard: SchemaGuard,
        letters: DeadLetters | None,
        on_batch: Callable[[Columns], None] | None,
    ) -> None:
        self.rows = self.batches = self.bytes = 0
        self._source = source
        self._stream = stream
        self._extraction = extraction
        self._delivery = delivery
        self._run_id = run_id
        self._interval = interval
        self._guard = guard
        self._letters = letters
        self._on_batch = on_batch
        self._pace = Pace(interval)
        self._commits = 0
        self._kept = 0

    @property
    def kept(self) -> int:
        """How many batches came in loads that are committed."""
        return self._kept

    @property
    def rejected(self) -> int:
        """How many records were put aside."""
        return self._letters.count if self._letters else 0

    @property
    def rejected_file(self) -> Path | None:
        """The file that they are in; ``None`` if there are none."""
        return self._letters.path if self._letters and self._letters.count else None

    @property
    def discarded_values(self) -> int:
        """How many values the schema policy left out."""
        return self._guard.discarded_values

    def run(self, *, commit: bool) -> None:
        """Move all parts that are left; without any row, the stream's columns still reach the destination.

        Args:
            commit: Whether what came so far may be kept before all of it came.
        """
        with self._reading() as parts:
            for part, batches in parts:
                self._move(part, batches, commit=commit)
                self._extraction.end(part)
                if commit and part != WHOLE:
                    self._commit()
        with located(self._stream.name):
            self._check_rejected(self.rows)
        if not self.batches and not self._extraction.resumed and self._stream.schema is not None:
            with located(self._stream.name):
                self._delivery.write(Batch(pa.RecordBatch.from_pylist([], self._stream.schema)))

    @contextmanager
    def _reading(self) -> Iterator[Iterator[tuple[str, Generator[Batch]]]]:
        parts = self._extraction.parts
        if self._extraction.is_partitioned:
            with read_side_by_side(parts, self._read) as side_by_side:
                yield side_by_side
        else:
            yield ((part, self._read(part)) for part in parts)

    def _read(self, part: str, stopped: Callable[[], bool] | None = None) -> Generator[Batch]:
        return read_batches(self._source, self._stream, self._extraction.start(part), self._interval, stopped)

    def _move(self, part: str, batches: Generator[Batch], *, commit: bool) -> None:
        with closing(batches):
            for number in count(self.batches + 1):
                with located(self._stream.name, number, kept=self._kept):
                    batch = next(batches, None)
                    if batch is None:
                        return
                    batch = self._guard.apply(self._extraction.wanted(batch))
                    batch = replace(batch, columns=self._extraction.fit(batch.columns))
                    self._check_rejected()
                    self._delivery.write(batch)
                    # While the destination is at it. What is wrong with the cursor takes the batch back.
                    self._extraction.follow(part, batch.columns)
                self._count(batch.columns)
                if commit and self._extraction.reach(part, batch.checkpoint):
                    self._commit()

    def _commit(self) -> None:
        """Keep what came so far, if that is due."""
        if not self._pace.due() or not self._delivery.can_commit:
            return
        self._commits += 1
        with located(self._stream.name, kept=self._kept):
            self._check_rejected(self.rows)
            run_id = f"{self._run_id}_{self._commits}"
            self._delivery.commit(self._extraction.state(run_id, self._delivery.refresh))
        self._kept = self.batches
        self._pace.reset()

    def _check_rejected(self, rows: int | None = None) -> None:
        if self._letters is not None:
            self._letters.check(rows)

    def _count(self, columns: Columns) -> None:
        self.rows += columns.num_rows
        self.batches += 1
        self.bytes += columns.nbytes
        self._pace.add(columns.num_rows)
        if self._on_batch is not None:
            self._on_batch(columns)


@contextmanager
def located(stream: str, batch: int | None = None, *, kept: int = 0) -> Iterator[None]:
    """Say in an error where it happened; what a connector raises of its own becomes an error of ours.

    The cause is left out, since it may hold a secret; the frames that led to it stay.

    Args:
        stream: The stream.
        batch: The number of the batch at hand, if there is one.
        kept: How many batches came before the present load, for an error about another of its batches.
    """
    name = f"stream {stream!r}"
    where = _with_batch(name, batch)
    try:
        yield
    except AcmeError as error:
        if error.batch is not None:
            where, error.batch = _with_batch(name, kept + error.batch), None
        rest = error.message.removeprefix(name)
        if rest == error.message:
            rest = f": {rest}"
        if not rest.startswith(", batch "):
            error.message = where + rest
            error.args = (error.message,)
        raise error from None
    except Exception as error:  # noqa: BLE001 - an author's code may raise anything
        failure = describe(error)
        kind = RetriableError if isinstance(error, ConnectionError | TimeoutError) else FatalError
        ours = kind(f"{where}: {failure.message}", code=failure.code, hint=failure.hint)
        raise ours.with_traceback(error.__traceback__) from None


def _with_batch(stream: str, batch: int | None) -> str:
    return f"{stream}, batch {batch}" if batch else stream

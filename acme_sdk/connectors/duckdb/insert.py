"""Rows on their way into a table by one statement, which goes on over many batches."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, Queue

import duckdb
import pyarrow as pa

__all__ = ["BATCHES", "Insert"]

#: The name by which a statement of `Insert` has its batches.
BATCHES = "_acme_batches"

# One that is taken in, and one that is there when it is done: the other side need not wait for us.
_UNDER_WAY = 2


class Insert:
    """A statement that takes batches as they come, while whoever brings them goes on.

    Unlike with a statement for each batch, threads of DuckDB share the work, and row groups are written as
    they fill up, so that the commit has little left to do.

    At most two batches wait, so that memory stays bounded and a slow disk slows the reader.

    Args:
        connection: Where to insert. Nothing else may be asked of it before the end.
        statement: What to run; it finds the batches under the name `BATCHES`.
        schema: Their columns.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, statement: str, schema: pa.Schema) -> None:
        self._connection = connection
        self._schema = schema
        self._batches: Queue[pa.RecordBatch | None] = Queue(_UNDER_WAY)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="acme-insert")
        self._done: Future[None] = self._thread.submit(self._run, statement)
        # Whoever waits for room must not wait for a statement that has failed.
        self._done.add_done_callback(lambda _: self._empty())

    def takes(self, schema: pa.Schema) -> bool:
        """Tell whether batches of such columns can be put."""
        return bool(self._schema.equals(schema))

    def put(self, batch: pa.RecordBatch) -> None:
        """Hand over a batch, when there is room for it.

        Raises:
            duckdb.Error: The statement has failed.
        """
        if self._done.done():
            self._done.result()
        self._batches.put(batch)

    def finish(self) -> None:
        """End the statement: all batches are in the table.

        Raises:
            duckdb.Error: It has failed.
        """
        self._batches.put(None)
        try:
            self._done.result()
        finally:
            self._thread.shutdown()

    def abandon(self) -> None:
        """End it as soon as can be, with or without the batches that wait; safe to call after `finish`."""
        self._connection.interrupt()
        self._empty()
        self._batches.put(None)
        with suppress(duckdb.Error):
            self._done.result()
        self._thread.shutdown()

    def _run(self, statement: str) -> None:
        # DuckDB finds it by the name of this variable. What is registered would stay in memory until the
        # transaction ends.
        _acme_batches = pa.RecordBatchReader.from_batches(self._schema, self._waiting())
        self._connection.execute(statement)

    def _waiting(self) -> Iterator[pa.RecordBatch]:
        while (batch := self._batches.get()) is not None:
            yield batch

    def _empty(self) -> None:
        with suppress(Empty):
            while True:
                self._batches.get_nowait()

"""Batches on disk: one thread writes them, another reads them while they still come."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from threading import Condition
from typing import IO, Any

import pyarrow as pa

from acme_sdk.encoded import decoded
from acme_sdk.position import Checkpoint
from acme_sdk.sync.reading import Batch

__all__ = ["Spool"]


@dataclass(frozen=True)
class _Entry:
    offset: int
    length: int
    checkpoint: Mapping[str, Any] | None


class Spool:
    """The batches of one partition, in a file that has no name and goes when it is closed.

    Memory holds one small entry for each batch. Rows come back as their columns hold them.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._entries: deque[_Entry] = deque()
        self._ended = False
        self._error: BaseException | None = None

    def put(self, batch: Batch) -> None:
        """Add a batch; one that comes after `close` is dropped."""
        columns, sink = decoded(batch.columns), pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, columns.schema) as writer:
            writer.write_batch(columns)
        content = sink.getvalue()
        with self._changed:
            if self._ended:
                return
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="acme-partition-")  # noqa: SIM115 - closed by close()
            self._file.seek(self._size)
            self._file.write(content)
            checkpoint = batch.checkpoint.state if batch.checkpoint else None
            self._entries.append(_Entry(self._size, content.size, checkpoint))
            self._size += content.size
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Say that no more batches come, and why if that is an error."""
        with self._changed:
            self._ended, self._error = True, self._error or error
            self._changed.notify_all()

    def batches(self) -> Generator[Batch]:
        """Yield the batches as they come.

        Raises:
            BaseException: What `end` was given, as soon as that is known.
        """
        while (content := self._next()) is not None:
            yield content

    def close(self) -> None:
        """Give the file back."""
        with self._changed:
            self._ended = True
            self._entries.clear()
            if self._file is not None:
                self._file.close()
                self._file = None

    def _next(self) -> Batch | None:
        with self._changed:
            self._changed.wait_for(lambda: self._entries or self._ended)
            if self._error is not None:
                raise self._error
            if not self._entries or self._file is None:
                return None
            entry = self._entries.popleft()
            self._file.seek(entry.offset)
            content = self._file.read(entry.length)
        columns = pa.ipc.open_stream(content).read_next_batch()
        return Batch(columns, None, Checkpoint(entry.checkpoint) if entry.checkpoint is not None else None)

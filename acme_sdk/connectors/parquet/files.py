"""Writing Parquet files: batches are gathered to row groups, which a thread of its own encodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from acme_sdk import compute as pc
from acme_sdk.connectors.parquet.disk import synced, translated
from acme_sdk.errors import AcmeError
from acme_sdk.write_behind import WriteBehind

__all__ = ["Encoding", "File", "FileWriter", "read_batches"]

# A dictionary of the values makes a column small if few of them differ, and costs a third of the time in vain
# if many do: the first rows of a file show which it is.
_SAMPLE_ROWS = 10_000
_REPEATED = 4
# How many rows are read at once.
_BATCH_ROWS = 10_000
_NESTED = (pa.types.is_nested, pa.types.is_null)


@dataclass(frozen=True)
class Encoding:
    """How rows are laid out in files.

    Attributes:
        compression: A codec's name.
        row_group_rows: Rows of a row group, the unit in which readers read.
        row_group_bytes: Bytes of a row group in memory, before it is encoded; whichever comes first.
        file_bytes: A file ends with the row group that makes it so large.
    """

    compression: str
    row_group_rows: int
    row_group_bytes: int
    file_bytes: int


@dataclass(frozen=True)
class File:
    """A file that is complete and on the disk.

    Attributes:
        path: Where it is.
        rows: How many rows it has.
        schema: Its columns.
    """

    path: Path
    rows: int
    schema: pa.Schema


class FileWriter:
    """Writes batches into files of a folder, a new one whenever the columns change or a file is full.

    Args:
        folder: The folder; made when there is something to write.
        stem: How the files' names begin.
        encoding: How they are written.
        what: What is written, for errors.
    """

    def __init__(self, folder: Path, stem: str, encoding: Encoding, what: str) -> None:
        self._folder = folder
        self._stem = stem
        self._encoding = encoding
        self._what = what
        self._gathered: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self._first: int | None = None
        self._files: list[File] = []
        self._number = 1
        self._open: _OpenFile | None = None
        self._behind = WriteBehind(self._write)

    def write(self, batch: pa.RecordBatch, number: int | None = None) -> None:
        """Take a batch; it is written while the caller goes on.

        Args:
            batch: The batch.
            number: Its number in the load, for an error that comes with a later one.
        """
        if self._gathered and self._gathered[0].schema != batch.schema:
            self._flush()
        for start in range(0, batch.num_rows, self._encoding.row_group_rows):
            part = batch.slice(start, self._encoding.row_group_rows)
            if self._rows + part.num_rows > self._encoding.row_group_rows:
                self._flush()
            if not self._gathered:
                self._first = number
            self._gathered.append(part)
            self._rows += part.num_rows
            self._bytes += part.nbytes
            if self._rows >= self._encoding.row_group_rows or self._bytes >= self._encoding.row_group_bytes:
                self._flush()

    def write_empty(self, schema: pa.Schema) -> None:
        """Write a file that has columns and no rows."""
        self._behind.put((schema.empty_table(), None))

    def finish(self) -> list[File]:
        """Return all files since the last call, when they are on the disk."""
        self._flush()
        self._behind.wait()
        self._end_file()
        files, self._files = self._files, []
        return files

    def close(self) -> None:
        """End the thread, whatever is still to be written; safe to call twice."""
        self._behind.close()
        self._gathered.clear()
        if self._open is not None:
            self._open.abandon()
            self._open = None

    def _flush(self) -> None:
        if self._gathered:
            group = pa.Table.from_batches(self._gathered)
            self._gathered, self._rows, self._bytes = [], 0, 0
            self._behind.put((group, self._first))

    def _write(self, item: tuple[pa.Table, int | None]) -> None:
        group, batch = item
        try:
            with translated(self._what):
                self._write_group(group)
        except AcmeError as error:
            error.batch = batch
            raise

    def _write_group(self, group: pa.Table) -> None:
        if self._open is not None and self._open.schema != group.schema:
            self._end_file()
        if self._open is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"{self._stem}-{self._number:04}.parquet"
            self._open = _OpenFile(self._folder / name, group, self._encoding.compression)
            self._number += 1
        self._open.write(group)
        if self._open.size >= self._encoding.file_bytes:
            self._end_file()

    def _end_file(self) -> None:
        if self._open is not None:
            ended, self._open = self._open, None
            self._files.append(ended.end())


class _OpenFile:
    """A file that is being written.

    Args:
        path: Its path.
        first: Its first row group, to learn from how to write columns; it is not written yet.
        compression: A codec's name.
    """

    def __init__(self, path: Path, first: pa.Table, compression: str) -> None:
        self.schema = first.schema
        self._path = path
        self._rows = 0
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pq.ParquetWriter(
            self._sink, first.schema, compression=compression, use_dictionary=_repetitive(first)
        )

    @property
    def size(self) -> int:
        """Bytes so far."""
        return int(self._sink.tell())

    def write(self, group: pa.Table) -> None:
        """Write a row group."""
        self._writer.write_table(group, row_group_size=max(group.num_rows, 1))
        self._rows += group.num_rows

    def end(self) -> File:
        """Return the file when it is on the disk."""
        self._writer.close()
        self._sink.close()
        synced(self._path)
        return File(self._path, self._rows, self.schema)

    def abandon(self) -> None:
        """Close the file; it may be of no use."""
        with suppress(OSError):
            self._writer.close()
            self._sink.close()


def read_batches(files: Iterable[Path]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of files, in batches of a bounded number of rows."""
    for path in files:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            yield from file.iter_batches(_BATCH_ROWS, use_threads=False)


def _repetitive(group: pa.Table) -> list[str]:
    """The columns of which few values differ."""
    sample = group.slice(0, _SAMPLE_ROWS)
    return [field.name for field in sample.schema if _is_repetitive(sample.column(field.name))]


def _is_repetitive(column: pa.ChunkedArray) -> bool:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
    if any(is_kind(column.type) for is_kind in _NESTED):
        return False
    return len(pc.unique(column)) * _REPEATED <= len(column)

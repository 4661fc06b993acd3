"""Rows on their way into one folder of a table's next version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from acme_sdk.connectors.parquet.columns import conformed, in_file, merged, storable
from acme_sdk.connectors.parquet.files import Encoding, File, FileWriter, read_batches
from acme_sdk.connectors.parquet.manifest import Manifest, Rows
from acme_sdk.connectors.parquet.repeats import repeated_rows, without
from acme_sdk.connectors.parquet.table import Table

__all__ = ["IncomingRows"]

_NO_COLUMNS = pa.schema([])


class IncomingRows:
    """The rows of one load for one folder.

    Args:
        table: The table, which is being written.
        folder: The folder.
        before: The version that counts.
        encoding: How files are written.
        replaces: Whether the rows that are there go.
    """

    def __init__(
        self, table: Table, folder: str, before: Manifest, encoding: Encoding, *, replaces: bool
    ) -> None:
        self._table = table
        self._folder = folder
        self._present = before.rows.get(folder)
        self._kept = Rows(_NO_COLUMNS, {}) if replaces or self._present is None else self._present
        self._schema = self._kept.schema
        self._staged: list[File] = []
        what = f"table {table.name}"
        self._writer = FileWriter(table.next / folder, f"{before.number + 1:08}", encoding, what)

    @property
    def kept_files(self) -> list[Path]:
        """The files of the rows that stay."""
        return [self._table.folder(self._folder) / name for name in self._kept.files]

    def fitted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch as the files will have it, with all columns that there are by now."""
        columns = storable(batch)
        self._schema = merged(self._schema, columns.schema)
        return conformed(columns, in_file(self._schema))

    def write(self, batch: pa.RecordBatch, number: int | None = None) -> None:
        """Take a batch that was fitted; see `FileWriter.write`."""
        self._writer.write(batch, number)

    def finish(self) -> int:
        """Return the number of rows that came, when they are on the disk."""
        self._staged += self._writer.finish()
        return sum(file.rows for file in self._staged)

    def leave_out_repeats(self, key: Sequence[str]) -> None:
        """Remove the rows that came before; see `repeated_rows`."""
        paths = [file.path for file in self._staged]
        repeated = repeated_rows(paths, self.kept_files, key)
        if not len(repeated):
            return
        for batch in without(read_batches(paths), repeated):
            self._writer.write(conformed(batch, in_file(self._schema)))
        self._staged = self._writer.finish()
        for path in paths:
            path.unlink()

    def all_rows(self) -> Rows | None:
        """Return the folder's rows from now on, in files that all have the same columns.

        Without a batch, an overwrite empties a table, and leaves its columns; ``None`` if there are none.
        """
        if not self._schema.names and self._present is None:
            return None
        schema = self._schema if self._schema.names or self._present is None else self._present.schema
        columns = in_file(schema)
        kept = {name: rows for name, rows in self._kept.files.items() if rows}
        staged = self._staged
        if kept and in_file(self._kept.schema) != columns:
            folder = self._table.folder(self._folder)
            staged = staged + [
                File(folder / name, rows, in_file(self._kept.schema)) for name, rows in kept.items()
            ]
            kept = {}
        files = self._alike(staged, columns)
        if not files and not kept:
            self._writer.write_empty(columns)
            files = self._writer.finish()
        return Rows(schema, kept | {file.path.name: file.rows for file in files})

    def close(self) -> None:
        """Give up what is still to be written; safe to call twice."""
        self._writer.close()

    def _alike(self, files: Iterable[File], schema: pa.Schema) -> list[File]:
        """Write those files anew that have other columns."""
        alike = [file for file in files if file.schema == schema]
        for file in files:
            if file.schema != schema:
                for batch in read_batches([file.path]):
                    self._writer.write(conformed(batch, schema))
                alike += self._writer.finish()
                if file.path.is_relative_to(self._table.next):
                    file.path.unlink()
        return alike

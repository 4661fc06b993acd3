"""One load: files that nobody looks for, until a version that has them takes the place of the one before."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

from acme_sdk.connectors.parquet.checkpoints import following, latest
from acme_sdk.connectors.parquet.columns import conformed, in_file, merged, storable
from acme_sdk.connectors.parquet.disk import translated
from acme_sdk.connectors.parquet.files import Encoding, File, FileWriter, read_batches
from acme_sdk.connectors.parquet.held import HeldRows
from acme_sdk.connectors.parquet.manifest import DATA, Rows
from acme_sdk.connectors.parquet.table import Table, refresh_folder, refresh_prefix
from acme_sdk.encoded import Columns, decoded
from acme_sdk.load import Load, LoadPlan, StreamState, WriteMode

__all__ = ["ParquetLoad"]

_NO_COLUMNS = pa.schema([])


class ParquetLoad(Load):
    """A stream on its way into a table.

    Args:
        root: The destination's folder.
        plan: What is loaded, and how.
        encoding: How files are written.
        patience_s: Seconds to wait for another load of the table to end.
    """

    def __init__(self, root: Path, plan: LoadPlan, encoding: Encoding, patience_s: float) -> None:
        self._root = root
        self._plan = plan
        self._table = Table(root, plan.table)
        self._what = f"table {plan.table}"
        self._batches = 0
        with translated(self._what), ExitStack() as resources:
            resources.enter_context(self._table.writing(patience_s))
            self._before = self._table.manifest()
            self._folder = DATA if plan.refresh is None else refresh_folder(plan)
            # An overwrite has nothing to do with the rows that are there.
            kept = None if plan.write_mode is WriteMode.OVERWRITE else self._before.rows.get(self._folder)
            self._kept = kept or Rows(_NO_COLUMNS, {})
            self._schema = self._kept.schema
            self._held = self._held_rows()
            stem = f"{self._before.number + 1:08}"
            self._writer = FileWriter(self._table.next / self._folder, stem, encoding, self._what)
            resources.callback(self._writer.close)
            self._resources = resources.pop_all()

    def stage(self, batch: Columns) -> None:
        """Take a batch into the files of the next version."""
        with translated(self._what):
            columns = storable(decoded(batch))
            self._schema = merged(self._schema, columns.schema)
            columns = conformed(columns, in_file(self._schema))
            if self._held is not None:
                columns = self._held.without(columns)
            self._batches += 1
            self._writer.write(columns, self._batches)

    def publish(self, checkpoint: StreamState) -> int:
        """Let the next version count, which has the rows and the checkpoint."""
        with translated(self._what):
            staged = self._writer.finish()
            count = sum(file.rows for file in staged)
            rows = dict(self._before.rows)
            if self._schema.names or self._folder in rows:
                rows[self._folder] = self._all_rows(staged)
            others = refresh_prefix(self._plan.pipeline, self._plan.stream)
            for folder in [name for name in rows if name.startswith(others) and name != self._folder]:
                del rows[folder]
            held = latest(self._root, self._plan.pipeline, self._plan.stream)
            self._plan.check_followed(held.state if held else None)
            stored = following(self._root, self._table, checkpoint)
            self._table.commit(self._before.next(rows, stored))
        self.discard()
        return count

    def discard(self) -> None:
        """Remove what was staged."""
        self._resources.close()

    def _held_rows(self) -> HeldRows | None:
        plan = self._plan
        if plan.write_mode is not WriteMode.APPEND or not plan.resumed_at:
            return None
        return HeldRows(self._kept_files(), plan.cursor_columns, plan.resumed_at, plan.primary_key)

    def _kept_files(self) -> list[Path]:
        folder = self._table.folder(self._folder)
        return [folder / name for name in self._kept.files]

    def _all_rows(self, staged: list[File]) -> Rows:
        """The folder's rows from now on, in files that all have the same columns."""
        # Without a batch, an overwrite empties a table, and leaves its columns.
        schema = self._schema if self._schema.names else self._before.rows[self._folder].schema
        columns = in_file(schema)
        kept = {name: rows for name, rows in self._kept.files.items() if rows}
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

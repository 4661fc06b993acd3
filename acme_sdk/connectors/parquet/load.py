"""One load: files that nobody looks for, until a version that has them takes the place of the one before."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

from acme_sdk import compute as pc
from acme_sdk.arrow import storage
from acme_sdk.connectors.parquet.checkpoints import following, latest
from acme_sdk.connectors.parquet.disk import translated
from acme_sdk.connectors.parquet.files import Encoding
from acme_sdk.connectors.parquet.held import HeldRows
from acme_sdk.connectors.parquet.incoming import IncomingRows
from acme_sdk.connectors.parquet.manifest import DATA, Rows, child_folder
from acme_sdk.connectors.parquet.table import Table, refresh_folder, refresh_prefix
from acme_sdk.encoded import Columns, decoded
from acme_sdk.load import RECORD_ID, ChildTable, Load, LoadPlan, StreamState, WriteMode

__all__ = ["ParquetLoad"]


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
        self._encoding = encoding
        self._table = Table(root, plan.table)
        self._what = f"table {plan.table}"
        self._batches = 0
        self._children: dict[ChildTable, IncomingRows] = {}
        # The ids of the records of the last batch, if some of its records were left out.
        self._records: pa.Array | None = None
        with translated(self._what), ExitStack() as resources:
            resources.enter_context(self._table.writing(patience_s))
            self._before = self._table.manifest()
            self._folder = DATA if plan.refresh is None else refresh_folder(plan)
            self._resources = resources
            self._rows = self._incoming(self._folder)
            self._held = self._held_rows()
            self._resources = resources.pop_all()

    def stage(self, batch: Columns) -> None:
        """Take a batch into the files of the next version."""
        with translated(self._what):
            columns = self._rows.fitted(decoded(batch))
            if self._held is not None:
                columns = self._held.without(columns)
                names = columns.schema.names
                self._records = storage(columns.column(RECORD_ID)) if RECORD_ID in names else None
            self._batches += 1
            self._rows.write(columns, self._batches)

    def stage_child(self, child: ChildTable, batch: pa.RecordBatch) -> None:
        """Take rows of a child table; see `Load.stage_child`."""
        with translated(self._what):
            if child not in self._children:
                self._table.require_place(child_folder(child.name))
                self._children[child] = self._incoming(child_folder(child.name))
            if self._records is not None:
                batch = batch.filter(pc.is_in(storage(batch.column(RECORD_ID)), self._records))
            rows = self._children[child]
            rows.write(rows.fitted(batch), self._batches)

    def publish(self, checkpoint: StreamState) -> int:
        """Let the next version count, which has the rows and the checkpoint."""
        with translated(self._what):
            count = self._rows.finish()
            rows = dict(self._before.rows)
            if (incoming := self._rows.all_rows()) is not None:
                rows[self._folder] = incoming
            rows |= self._child_rows()
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

    def _incoming(self, folder: str) -> IncomingRows:
        replaces = self._plan.write_mode is WriteMode.OVERWRITE
        rows = IncomingRows(self._table, folder, self._before, self._encoding, replaces=replaces)
        self._resources.callback(rows.close)
        return rows

    def _child_rows(self) -> dict[str, Rows]:
        """The rows of child tables from now on, by their folders; an overwrite empties those without any."""
        if self._plan.write_mode is WriteMode.OVERWRITE:
            for child in self._plan.children:
                if child not in self._children and child_folder(child.name) in self._before.rows:
                    self._children[child] = self._incoming(child_folder(child.name))
        found = {}
        for child, incoming in self._children.items():
            incoming.finish()
            incoming.leave_out_repeats(child.key)
            rows = incoming.all_rows()
            if rows is not None:
                found[child_folder(child.name)] = rows
        return found

    def _held_rows(self) -> HeldRows | None:
        plan = self._plan
        if plan.write_mode is not WriteMode.APPEND or not plan.resumed_at:
            return None
        return HeldRows(self._rows.kept_files, plan.cursor_columns, plan.resumed_at, plan.primary_key)

"""Writing: how batches reach a destination, with transactions or without."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import pyarrow as pa

from acme_sdk.destination import DestinationConnector, StagedDestination
from acme_sdk.encoded import Columns, EncodedBatch, decoded
from acme_sdk.errors import FatalError
from acme_sdk.load import Load, LoadPlan, StreamState, WriteMode
from acme_sdk.row import Row
from acme_sdk.sync.names import ColumnNames
from acme_sdk.sync.reading import Batch
from acme_sdk.sync.shape import Shape
from acme_sdk.sync.state import StateStore

__all__ = ["Delivery", "RowDelivery", "StagedDelivery"]


class Delivery(Protocol):
    """One stream on its way into one destination."""

    @property
    def refresh(self) -> str | None:
        """The full refresh that rows are gathered for out of readers' sight, if they are."""

    @property
    def can_commit(self) -> bool:
        """Whether there is something to commit, and it can be without the rest."""

    def write(self, batch: Batch) -> None:
        """Hand over one batch."""

    def commit(self, state: StreamState) -> None:
        """Keep what came so far, and how far that is."""

    def finish(self, state: StreamState, schema: pa.Schema, progress: StreamState) -> int:
        """Make all of it count, keep the state, and return how many rows took effect.

        Args:
            state: The state that is kept in the end.
            schema: All columns that there were.
            progress: The state that is kept first where this takes two steps.
        """

    def discard(self) -> None:
        """Take back what was not committed, where that can be."""


class StagedDelivery:
    """Exactly once: the batches of a load and the state commit together, or nothing does.

    Args:
        destination: A destination that is set up.
        plan: What is loaded, and how, with the target's names for columns.
        shape: What becomes of the batches there.
        divided: Whether there may be several loads.
        gathered: Whether an overwrite gathers its rows in several loads in any case, and not just when the
            first batch comes with a checkpoint.
        refresh: The full refresh that an earlier attempt began.
    """

    def __init__(
        self,
        destination: StagedDestination,
        plan: LoadPlan,
        shape: Shape,
        *,
        divided: bool,
        gathered: bool,
        refresh: str | None,
    ) -> None:
        self._destination = destination
        self._plan = plan
        self._shape = shape
        self._divided = divided
        self._gathered = gathered
        self._load: Load | None = None
        self._loads = 0
        self._loaded = 0
        self._untyped = False
        self.refresh = refresh

    @property
    def can_commit(self) -> bool:
        """Whether rows are staged for a load that is not the whole of an overwrite."""
        whole = self._plan.write_mode is WriteMode.OVERWRITE and self.refresh is None
        return self._load is not None and not whole

    def write(self, batch: Batch) -> None:
        """Stage one batch; the first one shows whether an overwrite can be divided."""
        whole = self._divided and self._plan.write_mode is WriteMode.OVERWRITE
        if whole and not self._loads and self.refresh is None:
            gathered = self._gathered or batch.checkpoint is not None
            self.refresh = self._plan.run_id if gathered else None
        load, columns = self._open(), batch.columns
        if isinstance(columns, EncodedBatch) and columns.encoding not in load.encodings:
            columns = columns.decode_unbounded() if load.unbounded_times else columns.decode()
        columns, children = self._shape.parts(columns)
        load.stage(self._typed(columns) if self._divided else columns)
        for child, rows in children.items():
            load.stage_child(child, rows)

    def commit(self, state: StreamState) -> None:
        """Publish what was staged."""
        self._loaded += self._open().publish(self._shape.noted(state))
        self._load = None
        self._plan = replace(self._plan, follows=state.run_id)

    def finish(self, state: StreamState, schema: pa.Schema, progress: StreamState) -> int:
        """Publish the rest; a full refresh that was gathered takes the target's place."""
        if self._untyped:
            self._open().stage(self._shape.root(pa.RecordBatch.from_pylist([], schema)))
        if self.refresh is None:
            self.commit(state)
            return self._loaded
        if self._load is not None:
            self.commit(progress)
        plan = replace(self._plan, refresh=self.refresh)
        return self._destination.finish_refresh(plan, self._shape.noted(state))

    def discard(self) -> None:
        """Remove what was staged."""
        if self._load is not None:
            self._load.discard()

    def _open(self) -> Load:
        if self._load is None:
            plan = replace(self._plan, children=self._shape.children)
            if self._loads:
                plan = replace(plan, run_id=f"{plan.run_id}_{self._loads}")
            if self.refresh is not None:
                plan = replace(plan, refresh=self.refresh, write_mode=WriteMode.APPEND)
            self._load = self._destination.open_load(plan)
            self._loads += 1
        return self._load

    def _typed(self, columns: Columns) -> Columns:
        """Leave out the columns that had no value yet: a load that is published would fix their type."""
        typed = [field.name for field in columns.schema if not pa.types.is_null(field.type)]
        if not typed or len(typed) == len(columns.schema):
            return columns
        self._untyped = True
        return decoded(columns).select(typed)


class RowDelivery:
    """At least once: each batch counts as soon as it is loaded, and the state is kept after it.

    Args:
        destination: A destination that is set up.
        write_mode: `WriteMode.OVERWRITE` holds for the first batch only, the rest is then appended.
        state: Where the state is kept.
        names: The names of columns in the target.
        resumed: Whether an earlier attempt kept rows, so that nothing must be overwritten any more.
    """

    refresh = None

    def __init__(
        self,
        destination: DestinationConnector,
        write_mode: WriteMode,
        state: StateStore,
        names: ColumnNames,
        *,
        resumed: bool = False,
    ) -> None:
        begun = resumed and write_mode is WriteMode.OVERWRITE
        self._destination = destination
        self._write_mode = WriteMode.APPEND if begun else write_mode
        self._state = state
        self._names = names
        self._loaded = 0
        self.can_commit = False

    def write(self, batch: Batch) -> None:
        """Load one batch."""
        if rows := batch.rows():
            self._load(self._names.rows(rows))
        self.can_commit = True

    def commit(self, state: StreamState) -> None:
        """Keep the state. Without rows, an overwrite still leaves its target empty."""
        if self._write_mode is WriteMode.OVERWRITE:
            self._load([])
        self._state.save(state)
        self.can_commit = False

    def finish(self, state: StreamState, schema: pa.Schema, progress: StreamState) -> int:
        """Keep the last state."""
        self.commit(state)
        return self._loaded

    def discard(self) -> None:
        """Do nothing: what was loaded stays, and what is not kept in the state comes again."""

    def _load(self, rows: list[Row]) -> None:
        count = self._destination.load(rows, self._write_mode)
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= len(rows):
            shown = count if isinstance(count, int | float) else type(count).__name__
            raise FatalError(
                f"load() was given {len(rows)} rows and returned {shown}",
                code="load.bad_count",
                hint="return the number of rows written, an int from 0 to the number of rows given",
            )
        self._loaded += count
        if self._write_mode is WriteMode.OVERWRITE:
            self._write_mode = WriteMode.APPEND

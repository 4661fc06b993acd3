"""Writing: how batches reach a destination, with transactions or without."""

from __future__ import annotations

from typing import Protocol

from acme_sdk.connector import DestinationConnector
from acme_sdk.errors import FatalError
from acme_sdk.load import Load, StreamState, WriteMode
from acme_sdk.row import Row
from acme_sdk.sync.reading import Batch
from acme_sdk.sync.state import StateStore

__all__ = ["Delivery", "RowDelivery", "StagedDelivery"]


class Delivery(Protocol):
    """One stream on its way into one destination."""

    def write(self, batch: Batch) -> None:
        """Hand over one batch."""

    def finish(self, checkpoint: StreamState) -> int:
        """Make all of it count, keep the checkpoint, and return how many rows took effect."""

    def discard(self) -> None:
        """Take back what can be taken back."""


class StagedDelivery:
    """Exactly once: all batches and the checkpoint commit together, or nothing does."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def write(self, batch: Batch) -> None:
        """Stage one batch."""
        self._load.stage(batch.columns)

    def finish(self, checkpoint: StreamState) -> int:
        """Publish what was staged."""
        return self._load.publish(checkpoint)

    def discard(self) -> None:
        """Remove what was staged."""
        self._load.discard()


class RowDelivery:
    """At least once: each batch counts as soon as it is loaded, and the checkpoint is kept after the last.

    Args:
        destination: A destination that is set up.
        write_mode: `WriteMode.OVERWRITE` holds for the first batch only, the rest is then appended.
        state: Where the checkpoint is kept.
    """

    def __init__(self, destination: DestinationConnector, write_mode: WriteMode, state: StateStore) -> None:
        self._destination = destination
        self._write_mode = write_mode
        self._state = state
        self._loaded = 0

    def write(self, batch: Batch) -> None:
        """Load one batch."""
        if rows := batch.rows():
            self._load(rows)

    def finish(self, checkpoint: StreamState) -> int:
        """Keep the checkpoint. Without rows, an overwrite still leaves its target empty."""
        if self._write_mode is WriteMode.OVERWRITE:
            self._load([])
        self._state.save(checkpoint)
        return self._loaded

    def discard(self) -> None:
        """Do nothing: what was loaded stays, and comes again with the next sync."""

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

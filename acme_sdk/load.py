"""How a destination with transactions takes a stream: batches are staged, then published all at once.

A `Load` keeps staged rows away from readers of the target table. `Load.publish` makes them visible, applies
the write mode and stores the `StreamState`, in one transaction: either all of it happened or nothing did.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from acme_sdk.cursor import CursorField, cursor_columns, cursor_field_of, split_cursor
from acme_sdk.errors import ConfigurationError, RetriableError

if TYPE_CHECKING:
    import pyarrow as pa

    from acme_sdk.encoded import Columns

__all__ = [
    "RECORD_ID",
    "ChildTable",
    "Load",
    "LoadPlan",
    "StreamState",
    "WriteMode",
    "position_columns",
]

#: The column that holds a record's id, in its table and in its child tables.
RECORD_ID = "_acme_record_id"


class WriteMode(StrEnum):
    """What happens to the rows that a table already holds."""

    APPEND = "append"
    """The new rows are added."""
    OVERWRITE = "overwrite"
    """The new rows replace all others."""
    UPSERT = "upsert"
    """A new row replaces the one with the same primary key, or is added."""


@dataclass(frozen=True)
class StreamState:
    """How far a stream of a pipeline has come: what a checkpoint stores beside the rows.

    Attributes:
        pipeline: The pipeline's public name.
        stream: The stream's name in the source.
        last_run: Start of the last successful extraction, in UTC; ``None`` before there was one.
        cursor_field: The column or columns that ``cursor`` is a value of, or ``None``.
        cursor: The highest value of the cursor that was loaded, as text (see `acme_sdk.cursor`), or ``None``.
        run_id: The run that stored this checkpoint.
        progress: How far an extraction has come that has not ended, as JSON-safe values of the sync engine's;
            ``None`` when the last one ended.
        details: What else the sync engine keeps for the next run, as JSON-safe values: the columns loaded so
            far, the cursors of partitions.
    """

    pipeline: str
    stream: str
    last_run: datetime | None
    cursor_field: CursorField | None = None
    cursor: str | None = None
    run_id: str = ""
    progress: Mapping[str, Any] | None = None
    details: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the checkpoint as JSON-safe values; ``last_run`` is ISO 8601."""
        return asdict(self) | {"last_run": self.last_run.isoformat() if self.last_run else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StreamState:
        """Rebuild a checkpoint from what `to_json` returned."""
        last_run = data["last_run"]
        values = {**data, "last_run": datetime.fromisoformat(last_run) if last_run else None}
        return cls(**values | {"cursor_field": cursor_field_of(cursor_columns(data.get("cursor_field")))})


def position_columns(depth: int) -> tuple[str, ...]:
    """Return the columns that say where a row of a child table is, in each of the lists that it is in."""
    return tuple(f"_acme_position_{level}" for level in range(1, depth + 1))


@dataclass(frozen=True)
class ChildTable:
    """A table for the items of lists within a stream's records.

    Attributes:
        name: The table, as ``table`` or ``schema.table``.
        depth: In how many lists its rows are.
    """

    name: str
    depth: int

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row."""
        return (RECORD_ID, *position_columns(self.depth))

    def require_own(self, columns: Iterable[str]) -> None:
        """Refuse a table that is there already, and is none for items of a record.

        Args:
            columns: Its columns.

        Raises:
            ConfigurationError: Code ``table.foreign``.
        """
        if RECORD_ID not in columns:
            raise ConfigurationError(
                f"the table {self.name!r} is there already, and was not made for the items of a list",
                code="table.foreign",
                hint="give it another name, or load the stream into another table",
            )


@dataclass(frozen=True)
class LoadPlan:
    """What a destination must know to take one stream.

    Attributes:
        pipeline: The pipeline's public name.
        stream: The stream's name in the source.
        table: The target, as ``table`` or ``schema.table``.
        write_mode: What happens to rows that are already there.
        primary_key: Columns that identify a row; required for `WriteMode.UPSERT`.
        cursor_field: The stream's cursor, a column or several, or ``None``.
        run_id: A name for this attempt, unique, safe in a table name.
    """

    pipeline: str
    stream: str
    table: str
    write_mode: WriteMode
    primary_key: tuple[str, ...] = ()
    cursor_field: CursorField | None = None
    run_id: str = ""
    #: The full refresh that this load is a part of: a name, unique, safe in a table name. Its rows are
    #: appended to a hidden table, which `StagedDestination.finish_refresh` puts in the target's place;
    #: ``None`` for a load into the target itself. Hidden tables of other refreshes of the stream are left
    #: over, and removed.
    refresh: str | None = None
    #: In append mode, also into a refresh's hidden table: rows whose cursor has this value or a higher one
    #: may be there already, and those that are (same key and cursor; without a key, same row) are left out.
    #: ``None`` when none can be.
    resumed_from: str | None = field(default=None)
    #: The run that must still be the one which stored the stream's checkpoint when this load is published:
    #: else another run has loaded meanwhile what this one has read. Empty if there must be no checkpoint;
    #: ``None`` if it does not matter.
    follows: str | None = None
    #: Whether each row has a primary key of its own: there are no two of one, and none without.
    unique: bool = False
    #: Child tables that earlier loads have made: what an overwrite or upsert replaces has rows there, too.
    children: tuple[ChildTable, ...] = ()

    @property
    def cursor_columns(self) -> tuple[str, ...]:
        """The columns of the cursor; none if there is no cursor."""
        return cursor_columns(self.cursor_field)

    @property
    def resumed_at(self) -> tuple[tuple[str, str], ...]:
        """The columns that ``resumed_from`` has values of, each with its text; none if it is ``None``."""
        if self.cursor_field is None or self.resumed_from is None:
            return ()
        texts = split_cursor(self.resumed_from, self.cursor_field)
        return tuple(zip(self.cursor_columns, texts, strict=False))

    def check_followed(self, held: StreamState | None) -> None:
        """Refuse to publish what another run has overtaken; to be called in the transaction that publishes.

        Args:
            held: The stream's checkpoint as it is stored now.

        Raises:
            RetriableError: It is not the one that this load follows (code ``conflict``).
        """
        if self.follows is not None and (held.run_id if held else "") != self.follows:
            raise RetriableError(
                f"stream {self.stream!r}: its checkpoint was changed by {held.run_id!r} in between"
                if held
                else f"stream {self.stream!r}: its checkpoint was removed in between",
                code="conflict",
                hint="nothing was published: run it again",
            )


class Load(ABC):
    """One attempt to load one stream; made by `StagedDestination.open_load`."""

    #: The forms of an `acme_sdk.encoded.EncodedBatch` that `stage` takes as they are.
    encodings: ClassVar[frozenset[str]] = frozenset()
    #: Whether dates and timestamps may be what `acme_sdk.encoded.EncodedBatch.decode_unbounded` returns.
    unbounded_times: ClassVar[bool] = False

    @abstractmethod
    def stage(self, batch: Columns) -> None:
        """Take a batch out of readers' sight: an Arrow record batch, or one in a form of `encodings`.

        It may be written while the caller goes on; what goes wrong then is raised by a later call.

        Later batches may have more columns than earlier ones, where a missing column counts as ``NULL``, and
        wider types (`acme_sdk.arrow.widen`): ``null`` becomes any type, integers become floats or decimals.

        Raises:
            AcmeError: The batch cannot be held by this destination; the error names the column.
        """

    def stage_child(self, child: ChildTable, batch: pa.RecordBatch) -> None:
        """Take rows of a child table out of readers' sight; only if `StagedDestination.child_tables`.

        Each has the `RECORD_ID` of a row of the batch that was staged last. When it is published, the child
        tables have the rows of the records that are then in the target, each once, and no others.
        """
        raise NotImplementedError(f"{type(self).__name__} has no child tables")

    @abstractmethod
    def publish(self, checkpoint: StreamState) -> int:
        """Make all staged rows visible and store the checkpoint, in one transaction.

        Returns:
            The number of staged rows that took effect in the target: added, or replaced by key.
        """

    @abstractmethod
    def discard(self) -> None:
        """Remove what was staged and not published. Safe to call twice, and after `publish`."""

"""What a source has to offer: its streams, and the parts in which a stream can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from acme_sdk.cursor import CursorField

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Partition", "Stream"]


@dataclass(frozen=True)
class Stream:
    """A table-like sequence of records that a source can read.

    Attributes:
        name: The stream's name, unique in its connector, e.g. ``public.orders``.
        schema: Its columns as an Arrow schema, or ``None`` when it is learnt from the rows.
        primary_key: Columns that identify a record; empty when there are none.
        unique: Whether each record that is read has a key of its own, as those of a database's table have. An
            upsert then need not look for the last record of a key.
        cursor_field: The column that grows with each change of a record, or several that are compared one
            after the other, such as ``("updated_at", "id")``; ``None`` if there is none.
        overlap: How far before the cursor, or its first column, a run begins, so that records that come late
            are not missed: a `timedelta` for times and dates, a number for numbers; ``None`` for not at all.
            A `timedelta` also goes for `Position.last_run`.
        ordered: Whether records come in ascending order of the cursor (within a partition); a sync that
            breaks off then goes on from the highest cursor that was kept, without checkpoints of the source's
            own. This needs a primary key.
    """

    name: str
    schema: pa.Schema | None = None
    primary_key: tuple[str, ...] = ()
    cursor_field: CursorField | None = None
    overlap: timedelta | int | float | None = None
    ordered: bool = False
    unique: bool = False


@dataclass(frozen=True)
class Partition:
    """A part of a stream that can be read by itself, beside the others.

    Attributes:
        name: Names the part in its stream; the same part has the same name in every run.
        values: What the source needs to know to read it.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)

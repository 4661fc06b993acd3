"""Where an extraction begins, and how a source says how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acme_sdk.catalog import Partition

__all__ = ["Checkpoint", "Position"]


@dataclass(frozen=True)
class Checkpoint:
    """Yielded between rows: what came so far may be kept, and reading can go on from here.

    An extraction that breaks off is begun again with the last checkpoint that was kept as
    `Position.checkpoint`, and the rows before it are not asked for again.

    Attributes:
        state: What the source needs to go on, such as ``{"page": 7}``; values that JSON has.
    """

    state: Mapping[str, Any]


@dataclass(frozen=True)
class Position:
    """Where an extraction begins.

    Attributes:
        last_run: Start of the last successful extraction by our own clock, in UTC, less the stream's overlap
            if that is a `timedelta`; ``None`` for everything.
        cursor: The highest value of the stream's cursor that was loaded, less the stream's overlap; records
            with this value or a higher one are wanted. ``None`` for everything. Of several columns it is a
            tuple, with fewer values than columns where all records are wanted that begin with them, as after
            an overlap: tuples compare as they should, ``(at, id) >= position.cursor``.
        checkpoint: The state of the last `Checkpoint` that was kept, if the extraction before broke off.
        partition: The part to read; ``None`` for the whole stream.
        until: In a backfill, the highest value of the cursor that is wanted, where ``cursor`` is the lowest;
            records outside are left out if they come. ``None`` for no limit. A tuple of fewer values than
            columns includes all records that begin with them.
    """

    last_run: datetime | None = None
    cursor: Any = None
    checkpoint: Mapping[str, Any] | None = None
    partition: Partition | None = None
    until: Any = None

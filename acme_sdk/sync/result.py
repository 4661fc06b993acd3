"""What a sync says when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa

from acme_sdk.cursor import CursorField
from acme_sdk.load import WriteMode

__all__ = ["Guarantee", "SyncResult"]

Guarantee = Literal["exactly-once", "at-least-once"]


@dataclass(frozen=True)
class SyncResult:
    """What one sync of one stream did.

    Attributes:
        pipeline: The pipeline's public name.
        stream: The stream's name.
        table: The target.
        write_mode: How rows were written; after a full refresh always `WriteMode.OVERWRITE`.
        rows: How many rows were read.
        loaded: How many took effect in the target: added, or replaced by key.
        batches: In how many batches they came.
        bytes: Their size as Arrow columns in memory.
        schema: Their columns, as the source names them.
        cursor_field: The cursor, a column or several, or ``None``.
        cursor: Its highest value so far, as text (see `acme_sdk.cursor`); the next run begins there.
        last_run: Start of the successful extraction before this one; ``None`` if this one read everything.
        started_at: When the extraction began, in UTC; ``last_run`` of the next run.
        finished_at: When rows and checkpoint were in place, in UTC.
        delivery: ``exactly-once`` where the destination has transactions, else ``at-least-once``.
        run_id: The run that did this.
        resumed: Whether it went on where an earlier run broke off; rows are then those of this run alone, and
            ``started_at`` is the start of the first.
        rejected: How many records were put aside: rejected by a connector, or discarded by the schema policy.
        rejected_file: The file that they are in; ``None`` if there are none.
        discarded_values: How many values the schema policy left out.
        names: The names of columns in the target, by their names in the source, where the two differ.
        children: The child tables, for nested data.
    """

    pipeline: str
    stream: str
    table: str
    write_mode: WriteMode
    rows: int
    loaded: int
    batches: int
    bytes: int
    schema: pa.Schema
    cursor_field: CursorField | None
    cursor: str | None
    last_run: datetime | None
    started_at: datetime
    finished_at: datetime
    delivery: Guarantee
    run_id: str
    resumed: bool = False
    rejected: int = 0
    rejected_file: Path | None = None
    discarded_values: int = 0
    names: Mapping[str, str] = field(default_factory=dict)
    children: tuple[str, ...] = ()

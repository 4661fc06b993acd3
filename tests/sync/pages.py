"""Sources for tests: a log that grows, read in pages or in order, whole or in parts, crashing on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Any

import pyarrow as pa

from acme_sdk import (
    Checkpoint,
    Load,
    LoadPlan,
    Partition,
    Position,
    Row,
    SourceConnector,
    Stream,
    StreamState,
)
from acme_sdk.connectors.duckdb import DuckDBDestination
from acme_sdk.cursor import CursorField, cursor_columns
from acme_sdk.load import ChildTable

__all__ = ["Crash", "CrashingDuckDB", "Ordered", "OrderedRows", "Pages", "Record"]

Record = tuple[int, int, str]

SCHEMA = pa.schema([("id", pa.int64()), ("at", pa.int64()), ("v", pa.string())])


class Crash(BaseException):
    """Not an `Exception`: nothing may catch it."""


class Steps:
    """Counts steps and crashes before the one with a number; never for a negative number."""

    def __init__(self, crash_at: int = -1) -> None:
        self.left = crash_at
        self._lock = Lock()

    def step(self) -> None:
        with self._lock:
            if self.left == 0:
                raise Crash
            self.left -= 1


@dataclass
class Pages(SourceConnector):
    """Records ``(id, at, v)`` in the order in which they came to be, with a checkpoint after each page.

    With partitions, a record is in the one that its id says. ``at`` is the cursor.
    """

    log: list[Record] = field(default_factory=list)
    page: int = 2
    parts: int = 0
    key: tuple[str, ...] = ("id",)
    cursor_field: str | None = "at"
    overlap: timedelta | int | float | None = None
    schema: pa.Schema | None = None
    steps: Steps = field(default_factory=Steps)
    asked: list[Position] = field(default_factory=list)

    def streams(self) -> list[Stream]:
        return [Stream("orders", self.schema, self.key, self.cursor_field, self.overlap)]

    def partitions(self, stream: Stream) -> Sequence[Partition]:
        return [Partition(f"part {number}", {"rest": number}) for number in range(self.parts)]

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        self.asked.append(position)
        begin = position.checkpoint["next"] if position.checkpoint else 0
        since = position.last_run and position.cursor
        for index, record in enumerate(self.log[begin:], begin + 1):
            mine = position.partition is None or record[0] % self.parts == position.partition.values["rest"]
            if mine and (since is None or record[1] >= since):
                self.steps.step()
                yield Row(zip(SCHEMA.names, record, strict=True))
            if self.page and index % self.page == 0:
                yield Checkpoint({"next": index})


@dataclass
class Ordered:
    """Records by time of change; of one time, in the order in which they came."""

    log: list[Record] = field(default_factory=list)
    key: tuple[str, ...] = ("id",)
    overlap: int | None = None
    schema: pa.Schema | None = SCHEMA
    ordered: bool = True
    cursor_field: CursorField = "at"
    steps: Steps = field(default_factory=Steps)
    asked: list[Any] = field(default_factory=list)

    def streams(self) -> list[Stream]:
        return [Stream("orders", self.schema, self.key, self.cursor_field, self.overlap, self.ordered)]

    def since(self, cursor: Any) -> list[Record]:
        self.asked.append(cursor)
        begin = cursor if isinstance(cursor, tuple) else () if cursor is None else (cursor,)
        return sorted(filter(lambda record: self.value(record) >= begin, self.log), key=self.value)

    def value(self, record: Record) -> tuple[Any, ...]:
        """Return the cursor's values."""
        return tuple(record[SCHEMA.names.index(name)] for name in cursor_columns(self.cursor_field))


@dataclass
class OrderedRows(Ordered, SourceConnector):
    """Ordered rows, whole or in partitions, without checkpoints."""

    parts: int = 0

    def partitions(self, stream: Stream) -> Sequence[Partition]:
        return [Partition(f"part {number}", {"rest": number}) for number in range(self.parts)]

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        assert position.checkpoint is None or not self.ordered
        for record in self.since(position.cursor):
            if position.partition and record[0] % self.parts != position.partition.values["rest"]:
                continue
            self.steps.step()
            yield Row(zip(SCHEMA.names, record, strict=True))


class CrashingLoad(Load):
    """Does what another load does, a step before and after each thing it does."""

    def __init__(self, load: Load, steps: Steps) -> None:
        self._load = load
        self._steps = steps

    def stage(self, batch: pa.RecordBatch) -> None:
        self._steps.step()
        self._load.stage(batch)

    def stage_child(self, child: ChildTable, batch: pa.RecordBatch) -> None:
        self._steps.step()
        self._load.stage_child(child, batch)

    def publish(self, checkpoint: StreamState) -> int:
        self._steps.step()
        count = self._load.publish(checkpoint)
        self._steps.step()
        return count

    def discard(self) -> None:
        self._load.discard()


class CrashingDuckDB(DuckDBDestination):
    """DuckDB, with steps."""

    steps = Steps()

    def open_load(self, plan: LoadPlan) -> Load:
        return CrashingLoad(super().open_load(plan), self.steps)

    def finish_refresh(self, plan: LoadPlan, state: StreamState) -> int:
        self.steps.step()
        count = super().finish_refresh(plan, state)
        self.steps.step()
        return count

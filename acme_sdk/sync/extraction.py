"""One extraction of a stream, over as many attempts as it takes: where it begins, how far it has come."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa

from acme_sdk.catalog import Partition, Stream
from acme_sdk.encoded import Columns, decoded
from acme_sdk.errors import FatalError
from acme_sdk.load import StreamState, WriteMode
from acme_sdk.position import Checkpoint, Position
from acme_sdk.sync.backfill import Backfill
from acme_sdk.sync.details import Details, read_schema, schema_text, united
from acme_sdk.sync.mark import HighWaterMark
from acme_sdk.sync.merging import GrowingSchema
from acme_sdk.sync.order import Ascent
from acme_sdk.sync.origin import Origins, begin_at, cursor_type, told_last_run
from acme_sdk.sync.plan import StreamPlan, require_columns
from acme_sdk.sync.progress import WHOLE, PartProgress, Progress
from acme_sdk.sync.reading import Batch, Start

__all__ = ["Extraction"]


class Extraction:
    """Where an extraction begins, what came so far, and the states that say so.

    Args:
        plan: What is asked for.
        stream: The planned stream.
        partitions: The stream's partitions; none for one that is read as a whole.
        before: The state that was stored last.
        origins: The cursor values to begin at.
        progress: How far an earlier attempt came, if this one goes on from there.
        backfill: The range to read; the state then stays where it is.
    """

    def __init__(
        self,
        plan: StreamPlan,
        stream: Stream,
        partitions: Sequence[Partition],
        before: StreamState | None,
        origins: Origins,
        progress: Progress | None,
        backfill: Backfill | None = None,
    ) -> None:
        self._backfill = backfill
        self._stream = stream
        self._before = before
        self._plan = plan
        self._origins = origins
        self._partitions: Mapping[str, Partition] = {partition.name: partition for partition in partitions}
        self.resumed = progress is not None
        self._progress = progress or Progress(
            datetime.now(UTC), plan.table or stream.name, plan.write_mode, stream.cursor_field
        )
        self._kept = Details.from_json(before.details if before else None)
        earlier = read_schema(self._progress.schema)
        self._merged = GrowingSchema(stream.name, earlier)
        known = self._kept.schema if earlier is None else united(self._kept.schema, earlier)
        self._cursor_type = cursor_type(stream, Details(known))
        self._columns: pa.Schema | None = None
        start = self._progress.cursor or origins.reached(None)
        self._mark = HighWaterMark(stream.name, stream.cursor_field, start) if stream.cursor_field else None
        self._part_marks: dict[str, HighWaterMark] = {}
        self._ascents: dict[str, Ascent] = {}

    @property
    def started_at(self) -> datetime:
        """The start of the first attempt, in UTC."""
        return self._progress.started_at

    @property
    def last_run(self) -> datetime | None:
        """The start of the last extraction that ended; ``None`` if this one reads everything."""
        everything = self._plan.write_mode is WriteMode.OVERWRITE or self._backfill is not None
        return None if everything or self._before is None else self._before.last_run

    @property
    def refresh(self) -> str | None:
        """The full refresh that an earlier attempt gathered rows for."""
        return self._progress.refresh

    @property
    def cursor(self) -> str | None:
        """The highest value of the cursor so far."""
        if self._backfill is not None:
            return self._before.cursor if self._before else None
        return self._mark.text if self._mark else None

    @property
    def schema(self) -> pa.Schema:
        """The columns so far; those that the stream declares if there were no rows yet."""
        if self._columns is not None:
            return self._columns
        return self._stream.schema if self._stream.schema is not None else self._merged.schema

    @property
    def parts(self) -> list[str]:
        """The parts that are still to be read, in order."""
        names = list(self._partitions) or [WHOLE]
        return [name for name in names if not self._progress.part(name).ended]

    @property
    def is_partitioned(self) -> bool:
        """Whether the stream is read in partitions."""
        return bool(self._partitions)

    @property
    def is_gathered(self) -> bool:
        """Whether an overwrite is loaded in intervals, whatever its first batch is like."""
        return self.is_partitioned or any(map(self._is_ordered, self.parts))

    @property
    def is_divisible(self) -> bool:
        """Whether what came so far may be kept before the rest; a backfill that broke off begins anew."""
        return not self._origins.at_once and self._backfill is None

    @property
    def boundary(self) -> str | None:
        """The lowest cursor value, as text, that rows can have which were loaded already and come again."""
        begins = [text for part in self.parts if (text := self._begin(part)) is not None]
        if self._cursor_type is None or not begins:
            return next(iter(begins), None)
        return self._cursor_type.lowest(begins)

    def start(self, part: str) -> Start:
        """Return where a part begins."""
        text, cursor = self._begin(part), self._cursor_type
        value = cursor.value(text) if text is not None and cursor is not None else None
        checkpoint = self._progress.part(part).checkpoint
        until = self._backfill.end if self._backfill is not None else None
        last = cursor.value(until) if until is not None and cursor is not None else None
        position = Position(
            told_last_run(self._stream, self.last_run), value, checkpoint, self._partitions.get(part), last
        )
        return Start(position, text, self._is_ordered(part), until)

    def wanted(self, batch: Batch) -> Batch:
        """Return the rows of a batch that were asked for: a source may not know of a backfill's range."""
        return batch if self._backfill is None else self._backfill.cut(batch)

    def fit(self, columns: Columns) -> Columns:
        """Return a batch with all columns that the stream has by now.

        Raises:
            ConfigurationError: It lacks one of the key or the cursor (code ``column.unknown``).
            FatalError: A column's type is not as before.
        """
        if self.is_partitioned or self.resumed:
            columns = self._merged.fit(decoded(columns))
        require_columns(self._stream, columns.schema.names)
        self._columns = columns.schema
        return columns

    def follow(self, part: str, columns: Columns) -> None:
        """Note how far the cursor has come with a batch.

        Raises:
            ConfigurationError: It is of a type that cannot be one (code ``cursor.type``).
            FatalError: The order is not as before.
        """
        if self._mark is not None:
            self._mark.update(columns)
            if self.is_partitioned:
                self._part_mark(part).update(columns)
        if self._is_ordered(part):
            self._ascent(part).follow(columns)

    def reach(self, part: str, checkpoint: Checkpoint | None) -> bool:
        """Note where reading a part can go on, and tell whether there is such a place here.

        Args:
            part: The part.
            checkpoint: The source's own; an ordered stream goes on from the cursor instead.

        Raises:
            FatalError: The checkpoint's state is not what JSON has (code ``checkpoint.state``).
        """
        if self._is_ordered(part):
            mark = self._ascent(part).mark
            if mark is not None:
                self._progress.parts[part] = PartProgress(False, self._part_cursor(part), mark=mark)
            return mark is not None
        if checkpoint is None:
            return False
        try:
            state = json.loads(json.dumps(dict(checkpoint.state), allow_nan=False))
        except (TypeError, ValueError):
            raise FatalError(
                f"stream {self._stream.name!r}: the state of a checkpoint is not what JSON has",
                code="checkpoint.state",
                hint="use text, numbers, true, false, None, lists and dictionaries; times as text",
            ) from None
        self._progress.parts[part] = PartProgress(False, self._part_cursor(part), state)
        return True

    def end(self, part: str) -> None:
        """Note that all of a part was read."""
        self._progress.parts[part] = PartProgress(True, self._part_cursor(part))

    def state(self, run_id: str, refresh: str | None) -> StreamState:
        """Return the state that keeps what came so far; what the last extraction kept stays in it."""
        progress = replace(
            self._progress, refresh=refresh, cursor=self.cursor, schema=schema_text(self.schema)
        ).to_json()
        before = self._before or StreamState(self._plan.pipeline, self._stream.name, None)
        return replace(before, run_id=run_id, progress=progress)

    def final_state(self, run_id: str) -> StreamState:
        """Return the state that says that all of it came."""
        if self._backfill is not None:
            return self._backfill.state(self._before, run_id, self._plan.pipeline, self.schema)
        cursors: dict[str, str | None] = {}
        if self.is_partitioned and self._stream.cursor_field:
            cursors = {
                **self._origins.all_reached(),
                **{name: self._part_cursor(name) for name in self._partitions},
            }
        schema = self.schema
        if self._plan.write_mode is not WriteMode.OVERWRITE:
            schema = united(self._kept.schema, schema)
        return StreamState(
            self._plan.pipeline,
            self._stream.name,
            self.started_at,
            self._stream.cursor_field,
            self.cursor,
            run_id,
            details=Details(schema, cursors).to_json(),
        )

    def _begin(self, part: str) -> str | None:
        """Return the cursor value, as text, that a part is read from."""
        if self._backfill is not None:
            return self._backfill.begin
        mark = self._progress.part(part).mark
        return self._origins.of(part) if mark is None else begin_at(self._stream, mark, self._cursor_type)

    def _is_ordered(self, part: str) -> bool:
        """Tell whether a part goes on from its cursor; one that was begun with checkpoints keeps to them."""
        return self._stream.ordered and self._progress.part(part).checkpoint is None

    def _ascent(self, part: str) -> Ascent:
        if part not in self._ascents:
            mark = self._progress.part(part).mark
            # A row from before the mark would be there twice, except by upsert.
            strict = mark is not None and self._plan.write_mode is not WriteMode.UPSERT
            where = f"stream {self._stream.name!r}" + (f", partition {part!r}" if part else "")
            self._ascents[part] = Ascent(
                where,
                self._stream.cursor_field or "",
                self._begin(part) if strict else None,
                mark or self._origins.reached(part),
            )
        return self._ascents[part]

    def _part_mark(self, part: str) -> HighWaterMark:
        field = self._stream.cursor_field or ""
        if part not in self._part_marks:
            start = self._progress.part(part).cursor or self._origins.reached(part)
            self._part_marks[part] = HighWaterMark(self._stream.name, field, start)
        return self._part_marks[part]

    def _part_cursor(self, part: str) -> str | None:
        if not self._stream.cursor_field:
            return None
        return self._part_mark(part).text if self.is_partitioned else self.cursor

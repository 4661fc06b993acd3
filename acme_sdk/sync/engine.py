"""One stream from a source to a destination."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import pyarrow as pa

from acme_sdk.catalog import Stream
from acme_sdk.connector import BatchSource, DestinationConnector, SourceConnector, StagedDestination
from acme_sdk.errors import AcmeError, ConfigurationError, FatalError, RetriableError
from acme_sdk.failures import describe
from acme_sdk.load import LoadPlan, StreamState, WriteMode
from acme_sdk.sync.cursor import HighWaterMark
from acme_sdk.sync.delivery import Delivery, RowDelivery, StagedDelivery
from acme_sdk.sync.plan import StreamPlan, SyncResult, planned_stream, require_columns
from acme_sdk.sync.reading import Batch, read_batches
from acme_sdk.sync.state import StateStore

__all__ = ["sync_stream"]


def sync_stream(
    source: SourceConnector,
    destination: DestinationConnector,
    plan: StreamPlan,
    *,
    state: StateStore | None = None,
    full_refresh: bool = False,
    run_id: str | None = None,
    on_batch: Callable[[pa.RecordBatch], None] | None = None,
) -> SyncResult:
    """Load what is new in one stream of a source into a destination.

    A destination with transactions takes rows and checkpoint in one; any other is given each row at least
    once. Memory holds one batch at a time.

    Args:
        source: A source that is set up.
        destination: A destination that is set up.
        plan: Which stream, and how it is loaded.
        state: Where the checkpoint is kept if the destination cannot; not used if it can.
        full_refresh: Forget the checkpoint, read everything and replace what the target holds.
        run_id: A name for this run, for the checkpoint; made up by default.
        on_batch: Called with each batch after the destination took it.

    Raises:
        ConfigurationError: The plan cannot be done with these two; no row was read for it.
        AcmeError: The source or the destination failed. The message says in which stream and batch; secrets
            in it are not removed, since only who configured the two knows them.
    """
    if full_refresh:
        plan = replace(plan, write_mode=WriteMode.OVERWRITE)
    run_id = run_id or uuid4().hex
    stream = planned_stream(source, destination, plan)
    with _located(stream.name):
        before = _checkpoint(destination, plan, stream, state)
        cursor = _resume_cursor(source, plan, stream, before)
        started_at = datetime.now(UTC)
        load_plan = _load_plan(plan, stream, run_id, cursor)
        delivery = _open_delivery(destination, load_plan, state)
    last_run = before.last_run if before else None
    mark = HighWaterMark(stream.name, stream.cursor_field, cursor) if stream.cursor_field else None
    try:
        batches = read_batches(source, stream, last_run=last_run, cursor=cursor)
        tally = _transfer(batches, stream, delivery, mark, on_batch)
        reached = mark.text if mark else None
        with _located(stream.name):
            loaded = delivery.finish(
                StreamState(plan.pipeline, stream.name, started_at, stream.cursor_field, reached, run_id)
            )
    except BaseException:
        with suppress(Exception):  # the error that led here is the one to show
            delivery.discard()
        raise
    return SyncResult(
        pipeline=plan.pipeline,
        stream=stream.name,
        table=load_plan.table,
        write_mode=plan.write_mode,
        rows=tally.rows,
        loaded=loaded,
        batches=tally.batches,
        bytes=tally.bytes,
        schema=tally.schema,
        cursor_field=stream.cursor_field,
        cursor=reached,
        last_run=last_run,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        delivery="exactly-once" if isinstance(destination, StagedDestination) else "at-least-once",
        run_id=run_id,
    )


@dataclass
class _Tally:
    """What went through."""

    schema: pa.Schema
    rows: int = 0
    batches: int = 0
    bytes: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self.schema = batch.schema
        self.rows += batch.num_rows
        self.batches += 1
        self.bytes += batch.nbytes


def _transfer(
    batches: Generator[Batch],
    stream: Stream,
    delivery: Delivery,
    mark: HighWaterMark | None,
    on_batch: Callable[[pa.RecordBatch], None] | None,
) -> _Tally:
    """Move all batches; without any, the stream's columns still reach the destination if they are known."""
    tally = _Tally(stream.schema if stream.schema is not None else pa.schema([]))
    with closing(batches):
        for number in count(1):
            with _located(stream.name, number):
                batch = next(batches, None)
                if batch is None:
                    break
                if number == 1:
                    require_columns(stream, batch.columns.schema.names)
                if mark is not None:
                    mark.update(batch.columns)
                delivery.write(batch)
            tally.add(batch.columns)
            if on_batch is not None:
                on_batch(batch.columns)
    if not tally.batches and stream.schema is not None:
        with _located(stream.name):
            delivery.write(Batch(pa.RecordBatch.from_pylist([], stream.schema)))
    return tally


def _checkpoint(
    destination: DestinationConnector, plan: StreamPlan, stream: Stream, state: StateStore | None
) -> StreamState | None:
    """Return where the last sync ended; nothing if this one reads everything."""
    if plan.write_mode is WriteMode.OVERWRITE:
        return None
    if isinstance(destination, StagedDestination):
        return destination.state(plan.pipeline, stream.name)
    return _required(state).load(plan.pipeline, stream.name)


def _resume_cursor(
    source: SourceConnector, plan: StreamPlan, stream: Stream, before: StreamState | None
) -> str | None:
    """Return the cursor value to begin at."""
    if before is None or stream.cursor_field is None:
        return None
    if before.cursor_field == stream.cursor_field:
        return before.cursor
    if plan.write_mode is WriteMode.APPEND and isinstance(source, BatchSource):
        raise ConfigurationError(
            f"the cursor is now {stream.cursor_field!r}, and was {before.cursor_field!r} in the last sync: "
            "reading everything would append all rows a second time",
            code="cursor.changed",
            hint="run once with --full-refresh, or use upsert",
        )
    return None


def _load_plan(plan: StreamPlan, stream: Stream, run_id: str, cursor: str | None) -> LoadPlan:
    return LoadPlan(
        pipeline=plan.pipeline,
        stream=stream.name,
        table=plan.table or stream.name,
        write_mode=plan.write_mode,
        primary_key=stream.primary_key,
        cursor_field=stream.cursor_field,
        run_id=re.sub(r"\W", "_", run_id, flags=re.ASCII),
        resumed_from=cursor,
    )


def _open_delivery(destination: DestinationConnector, plan: LoadPlan, state: StateStore | None) -> Delivery:
    if isinstance(destination, StagedDestination):
        return StagedDelivery(destination.open_load(plan))
    return RowDelivery(destination, plan.write_mode, _required(state))


def _required(state: StateStore | None) -> StateStore:
    if state is None:
        raise ConfigurationError(
            "this destination cannot keep checkpoints, and there is no state store",
            code="state.missing",
            hint="give sync_stream a state=FileStateStore(folder)",
        )
    return state


@contextmanager
def _located(stream: str, batch: int | None = None) -> Iterator[None]:
    """Say in an error where it happened; what a connector raises of its own becomes an error of ours.

    The cause is left out, since it may hold a secret; the frames that led to it stay.
    """
    where = f"stream {stream!r}" + (f", batch {batch}" if batch else "")
    try:
        yield
    except AcmeError as error:
        if not error.message.startswith(f"stream {stream!r}"):
            error.message = f"{where}: {error.message}"
            error.args = (error.message,)
        raise error from None
    except Exception as error:  # noqa: BLE001 - an author's code may raise anything
        failure = describe(error)
        kind = RetriableError if isinstance(error, ConnectionError | TimeoutError) else FatalError
        ours = kind(f"{where}: {failure.message}", code=failure.code, hint=failure.hint)
        raise ours.with_traceback(error.__traceback__) from None

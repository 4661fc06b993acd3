"""One stream from a source to a destination."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from acme_sdk.catalog import Stream
from acme_sdk.cursor import cursor_columns, cursor_field_of
from acme_sdk.destination import DestinationConnector, StagedDestination
from acme_sdk.encoded import Columns
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import LoadPlan, StreamState, WriteMode
from acme_sdk.policy import SchemaPolicy
from acme_sdk.secrets import Redactor
from acme_sdk.source import SourceConnector
from acme_sdk.sync.backfill import CursorRange, planned_backfill
from acme_sdk.sync.dead_letters import DeadLetters
from acme_sdk.sync.delivery import Delivery, RowDelivery, StagedDelivery
from acme_sdk.sync.details import Details
from acme_sdk.sync.extraction import Extraction
from acme_sdk.sync.interval import CommitInterval
from acme_sdk.sync.names import ColumnNames, column_names, planned_table, top_columns
from acme_sdk.sync.origin import Origins, find_origins
from acme_sdk.sync.plan import StreamPlan, planned_partitions, planned_stream
from acme_sdk.sync.progress import WHOLE, Progress
from acme_sdk.sync.reading import begins_at_cursor, can_resume
from acme_sdk.sync.result import Guarantee, SyncResult
from acme_sdk.sync.schema_guard import SchemaGuard
from acme_sdk.sync.shape import Shape, is_whole, planned_shape
from acme_sdk.sync.state import StateStore, state_store
from acme_sdk.sync.transfer import Transfer, located

__all__ = ["sync_stream"]


def sync_stream(
    source: SourceConnector,
    destination: DestinationConnector,
    plan: StreamPlan,
    *,
    state: StateStore | None = None,
    full_refresh: bool = False,
    cursor_range: CursorRange | None = None,
    run_id: str | None = None,
    on_batch: Callable[[Columns], None] | None = None,
    commit_interval: CommitInterval | None = None,
    rejected_folder: Path | None = None,
    redactors: Sequence[Redactor] = (),
) -> SyncResult:
    """Load what is new in one stream of a source into a destination.

    A destination with transactions takes rows and state in one; any other is given each row at least once.
    Memory holds one batch at a time. Where the source yields checkpoints or has partitions, a sync that broke
    off is gone on with by the next one.

    Args:
        source: A source that is set up.
        destination: A destination that is set up.
        plan: Which stream, and how it is loaded.
        state: Where the state is kept if the destination cannot; not used if it can.
        full_refresh: Forget the state, read everything and replace what the target holds.
        cursor_range: Read the rows of this range again, by upsert, and leave the state's cursor where it is.
        run_id: A name for this run, for the state; made up by default.
        on_batch: Called with each batch after the destination took it.
        commit_interval: How often what came so far is kept; `CommitInterval` by default.
        rejected_folder: Where the files of rejected records are; without one, nobody takes such records.
        redactors: Remove secrets from rejected records, and from the row in an error.

    Raises:
        ConfigurationError: The plan cannot be done with these two; no row was read for it.
        RetriableError: Another run has the stream (code ``pipeline.busy``); no row was read either.
        AcmeError: The source or the destination failed. The message says in which stream and batch; secrets
            in it are not removed, since only who configured the two knows them.
    """
    if full_refresh:
        plan = replace(plan, write_mode=WriteMode.OVERWRITE)
    run_id = run_id or uuid4().hex
    if isinstance(destination, StagedDestination):
        destination.get_ready()
    stream = planned_stream(source, destination, plan)
    plan = replace(plan, table=planned_table(destination, plan, stream))
    with ExitStack() as held:
        with located(stream.name):
            store = state_store(destination, plan.table or stream.name, state)
            held.enter_context(store.exclusive(plan.pipeline, stream.name, run_id))
            before = store.load(plan.pipeline, stream.name)
            extraction = _extraction(source, plan, stream, before, cursor_range, full_refresh=full_refresh)
            names = column_names(
                destination, plan, stream, extraction.schema, None if full_refresh else before
            )
            shape = planned_shape(destination, plan, stream, names, before)
            if isinstance(destination, StagedDestination) and stream.schema is not None:
                destination.check_schema(names.schema(top_columns(plan, stream.schema)))
            divided = extraction.is_divisible and (can_resume(source) or stream.ordered)
            divided = divided and not is_whole(plan)
            load_plan = _load_plan(plan, stream, names, run_id, extraction.boundary, before)
            delivery = _delivery(destination, load_plan, names, shape, extraction, store, divided=divided)
            redact = _redaction(redactors)
            letters = _letters(plan, stream, run_id, rejected_folder, redact)
        known = _known_columns(stream, None if full_refresh else before)
        guard = SchemaGuard(plan.on_schema_change, stream.name, known, letters, redact)
        interval = commit_interval or CommitInterval()
        transfer = Transfer(source, stream, extraction, delivery, run_id, interval, guard, letters, on_batch)
        with _discarding(delivery), letters.receiving(source, destination) if letters else nullcontext():
            transfer.run(commit=divided)
            with located(stream.name, kept=transfer.kept):
                last = extraction.state(f"{run_id}_last", delivery.refresh)
                loaded = delivery.finish(extraction.final_state(run_id), extraction.schema, last)
    guarantee: Guarantee = "exactly-once" if isinstance(destination, StagedDestination) else "at-least-once"
    return _result(plan, stream, names, shape, extraction, transfer, run_id, loaded, guarantee)


@contextmanager
def _discarding(delivery: Delivery) -> Iterator[None]:
    """Take back what was delivered if the block fails; its error is the one to show."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            delivery.discard()
        raise


def _extraction(
    source: SourceConnector,
    plan: StreamPlan,
    stream: Stream,
    before: StreamState | None,
    cursor_range: CursorRange | None,
    *,
    full_refresh: bool,
) -> Extraction:
    partitions = planned_partitions(source, stream)
    if cursor_range is not None:
        backfill = planned_backfill(plan, stream, before, cursor_range)
        return Extraction(plan, stream, partitions, before, Origins(), None, backfill)
    progress = None if full_refresh or is_whole(plan) else _progress(plan, stream, before)
    parts = [partition.name for partition in partitions] or [WHOLE]
    origins = find_origins(plan, stream, parts, before, by_cursor=begins_at_cursor(source))
    return Extraction(plan, stream, partitions, before, origins, progress)


def _result(
    plan: StreamPlan,
    stream: Stream,
    names: ColumnNames,
    shape: Shape,
    extraction: Extraction,
    transfer: Transfer,
    run_id: str,
    loaded: int,
    guarantee: Guarantee,
) -> SyncResult:
    return SyncResult(
        pipeline=plan.pipeline,
        stream=stream.name,
        table=plan.table or stream.name,
        write_mode=plan.write_mode,
        rows=transfer.rows,
        loaded=loaded,
        batches=transfer.batches,
        bytes=transfer.bytes,
        schema=extraction.schema,
        cursor_field=stream.cursor_field,
        cursor=extraction.cursor,
        last_run=extraction.last_run,
        started_at=extraction.started_at,
        finished_at=datetime.now(UTC),
        delivery=guarantee,
        run_id=run_id,
        resumed=extraction.resumed,
        rejected=transfer.rejected,
        rejected_file=transfer.rejected_file,
        discarded_values=transfer.discarded_values,
        names=names.changed,
        children=tuple(child.name for child in shape.children),
    )


def _redaction(redactors: Sequence[Redactor]) -> Callable[[Any], Any]:
    """Return what removes all secrets from a JSON-like value."""
    return lambda value: reduce(lambda rest, redactor: redactor.redact_json(rest), redactors, value)


def _letters(
    plan: StreamPlan, stream: Stream, run_id: str, folder: Path | None, redact: Callable[[Any], Any]
) -> DeadLetters | None:
    if folder is not None:
        return DeadLetters(folder, plan.pipeline, stream.name, run_id, plan.max_rejected, redact)
    if plan.on_schema_change is SchemaPolicy.DISCARD_ROW:
        raise ConfigurationError(
            "rows shall be discarded, and there is no place for them",
            code="rejected.missing",
            hint="give sync_stream a rejected_folder",
        )
    return None


def _known_columns(stream: Stream, before: StreamState | None) -> pa.Schema | None:
    """Return the columns that a stream has had: those that were loaded, or else those that it declares."""
    kept = Details.from_json(before.details if before else None).schema
    return stream.schema if kept is None else kept


def _progress(plan: StreamPlan, stream: Stream, before: StreamState | None) -> Progress | None:
    """Return how far an earlier attempt at the same came.

    Raises:
        ConfigurationError: It was an append that this one cannot go on with, so that its rows would be
            appended again.
    """
    if before is None or before.progress is None:
        return None
    progress = Progress.from_json(before.progress)
    if progress is None:
        return None
    target = (progress.table, progress.write_mode) == (plan.table or stream.name, plan.write_mode)
    same_cursor = progress.cursor_field == stream.cursor_field
    if target and same_cursor and (stream.ordered or not progress.has_marks):
        return progress
    if target and same_cursor and plan.write_mode is WriteMode.APPEND:
        raise ConfigurationError(
            f"the last sync broke off at a value of the cursor {stream.cursor_field!r}, and only an ordered"
            " stream with a primary key can go on from there: beginning anew would append its rows a second"
            " time",
            code="cursor.changed",
            hint="run once with --full-refresh, or use upsert",
        )
    if target and plan.write_mode is WriteMode.APPEND:
        raise ConfigurationError(
            f"the cursor is now {stream.cursor_field!r}, and was {progress.cursor_field!r} in the last sync,"
            " which broke off: beginning anew would append its rows a second time",
            code="cursor.changed",
            hint="run once with --full-refresh, or use upsert",
        )
    return None


def _load_plan(
    plan: StreamPlan,
    stream: Stream,
    names: ColumnNames,
    run_id: str,
    boundary: str | None,
    before: StreamState | None,
) -> LoadPlan:
    return LoadPlan(
        pipeline=plan.pipeline,
        stream=stream.name,
        table=plan.table or stream.name,
        write_mode=plan.write_mode,
        primary_key=tuple(map(names.of, stream.primary_key)),
        cursor_field=cursor_field_of([names.of(name) for name in cursor_columns(stream.cursor_field)]),
        run_id=re.sub(r"\W", "_", run_id, flags=re.ASCII),
        resumed_from=boundary,
        follows=before.run_id if before else "",
        unique=stream.unique,
    )


def _delivery(
    destination: DestinationConnector,
    plan: LoadPlan,
    names: ColumnNames,
    shape: Shape,
    extraction: Extraction,
    store: StateStore,
    *,
    divided: bool,
) -> Delivery:
    if isinstance(destination, StagedDestination):
        return StagedDelivery(
            destination,
            plan,
            shape,
            divided=divided,
            gathered=extraction.is_gathered,
            refresh=extraction.refresh,
        )
    return RowDelivery(destination, plan.write_mode, store, names, resumed=extraction.resumed)

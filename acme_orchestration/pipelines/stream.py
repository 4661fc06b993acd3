"""One stream of a pipeline as an asset: running it syncs the stream."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    Failure,
    MaterializeResult,
    MetadataValue,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
    asset,
)

from acme_orchestration.naming import connector_key, stream_key
from acme_orchestration.registry.entries import PipelineEntry, StreamEntry, dagster_name
from acme_sdk.cursor import cursor_columns
from acme_sdk.errors import AcmeError
from acme_sdk.load import WriteMode

if TYPE_CHECKING:
    import pyarrow as pa

    from acme_sdk.sync import SyncResult

__all__ = ["stream_asset"]

_PROGRESS_S = 10.0


def stream_asset(pipeline: PipelineEntry, stream: StreamEntry, state_folder: Path) -> AssetsDefinition:
    """Return the asset of a stream, downstream of its source's asset.

    Args:
        pipeline: The pipeline.
        stream: The stream.
        state_folder: Where checkpoints are kept for destinations that cannot keep them themselves.
    """
    source, destination = dagster_name(pipeline.source), dagster_name(pipeline.destination)

    @asset(
        key=stream_key(pipeline, stream),
        deps=[connector_key(pipeline.source)],
        required_resource_keys={source, destination},
        group_name=dagster_name(pipeline.name),
        owners=[pipeline.owner] if pipeline.owner else [],
        description=f"{stream.stream or 'The only stream'} of {pipeline.source}, in {pipeline.destination}.",
        tags={"acme/pipeline": pipeline.name},
        metadata={"acme/write_mode": stream.write_mode.value},
        pool=f"connector_{destination}",
    )
    def sync(context: AssetExecutionContext) -> MaterializeResult[Any]:
        from acme_sdk.sync import FileStateStore, sync_stream  # imports Arrow, which loading needs not

        from_, to = getattr(context.resources, source), getattr(context.resources, destination)
        with _failing_plainly(pipeline, stream), from_.connect() as reader, to.connect() as writer:
            result = sync_stream(
                reader,
                writer,
                pipeline.plan(stream),
                state=FileStateStore(state_folder),
                run_id=context.run_id,
                on_batch=_progress(context),
                rejected_folder=state_folder.with_name("rejected"),
                redactors=[from_.redactor(), to.redactor()],
            )
        context.log.info(_summary(result))
        return MaterializeResult(metadata=_metadata(result))

    return sync


@contextmanager
def _failing_plainly(pipeline: PipelineEntry, stream: StreamEntry) -> Iterator[None]:
    """Turn an error of ours into one that Dagster shows with its code and hint, without its cause."""
    try:
        yield
    except AcmeError as error:
        where = f"{pipeline.name}, {stream.stream}" if stream.stream else pipeline.name
        raise Failure(
            description=f"{where}: {error.message}", metadata={"code": error.code, "hint": error.hint or ""}
        ) from None


def _progress(context: AssetExecutionContext) -> "Callable[[pa.RecordBatch], None]":
    """Return what counts the rows of batches and says now and then in the log how many there were."""
    rows, said_at = 0, time.monotonic()

    def count(batch: "pa.RecordBatch") -> None:
        nonlocal rows, said_at
        rows += batch.num_rows
        if time.monotonic() - said_at >= _PROGRESS_S:
            said_at = time.monotonic()
            context.log.info(f"{rows:,} rows so far")

    return count


def _summary(result: "SyncResult") -> str:
    seconds = (result.finished_at - result.started_at).total_seconds()
    return (
        f"{result.stream}: {result.rows:,} rows read, {result.loaded:,} took effect in {result.table} "
        f"({result.write_mode.value}, {result.batches} batches, {seconds:.1f} s, {result.delivery})"
    )


def _metadata(result: "SyncResult") -> dict[str, Any]:
    columns = [
        TableColumn(
            result.names.get(field.name, field.name),
            str(field.type),
            description=f"{field.name!r} in the source" if field.name in result.names else None,
            constraints=TableColumnConstraints(nullable=field.nullable),
        )
        for field in result.schema
    ]
    metadata: dict[str, Any] = {
        # The table's rows: known where the load replaced them all.
        "dagster/row_count": result.loaded if result.write_mode is WriteMode.OVERWRITE else None,
        "dagster/column_schema": TableSchema(columns),
        "dagster/table_name": result.table,
        "rows_read": result.rows,
        "rows_loaded": result.loaded,
        "batches": result.batches,
        "bytes": result.bytes,
        "duration_s": round((result.finished_at - result.started_at).total_seconds(), 3),
        "child_tables": ", ".join(result.children) or None,
        "write_mode": result.write_mode.value,
        "delivery": result.delivery,
        "rejected": result.rejected or None,
        "rejected_file": MetadataValue.path(result.rejected_file) if result.rejected_file else None,
        "discarded_values": result.discarded_values or None,
        "resumed": result.resumed or None,
        "cursor_field": ", ".join(cursor_columns(result.cursor_field)) or None,
        "cursor": result.cursor,
        "started_at": MetadataValue.timestamp(result.started_at),
        "last_run": MetadataValue.timestamp(result.last_run) if result.last_run else None,
    }
    return {key: value for key, value in metadata.items() if value is not None}

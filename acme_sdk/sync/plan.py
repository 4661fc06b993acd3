"""What is asked of a sync, and whether its source and destination can do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from acme_sdk.catalog import Partition, Stream
from acme_sdk.cursor import CursorField, cursor_columns, cursor_field_of
from acme_sdk.destination import DestinationConnector, StagedDestination
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import WriteMode
from acme_sdk.policy import NestedData, SchemaPolicy
from acme_sdk.source import BatchSource, SourceConnector
from acme_sdk.sync.reading import begins_at_cursor, can_resume

__all__ = [
    "StreamPlan",
    "find_stream",
    "planned_partitions",
    "planned_stream",
    "require_columns",
]


@dataclass(frozen=True)
class StreamPlan:
    """One stream of a pipeline and how it is loaded.

    Attributes:
        pipeline: The pipeline's public name.
        stream: The stream's name in the source; ``None`` for the source's only one.
        table: The target, ``table`` or ``schema.table``; ``None`` for the stream's name.
        write_mode: What happens to rows that are already there.
        primary_key: Columns that identify a row; empty for the stream's own key.
        cursor_field: The column whose highest value is kept, so that the next run reads only from there on,
            or several columns that are compared one after the other; ``None`` for the stream's own.
        overlap: How far before that value the next run begins, for records that come late: a `timedelta` or a
            number, of the first column; ``None`` for the stream's own.
        max_rejected: How many records connectors may put aside until the sync stops: a number, a share of the
            records (a float, ``0.01``), or ``None`` for any number.
        on_schema_change: What happens to new columns, and to values that need a wider type.
        columns: Names of columns in the target, by their names in the source; the others keep theirs, as far
            as the destination can hold them.
        nested: What becomes of nested data.
        beside: Streams whose tables of the same destination are named after them, too.
    """

    pipeline: str
    stream: str | None = None
    table: str | None = None
    write_mode: WriteMode = WriteMode.OVERWRITE
    primary_key: tuple[str, ...] = ()
    cursor_field: CursorField | None = None
    overlap: timedelta | int | float | None = None
    max_rejected: int | float | None = 0
    on_schema_change: SchemaPolicy = SchemaPolicy.EVOLVE
    columns: Mapping[str, str] = field(default_factory=dict)
    nested: NestedData = NestedData.JSON
    beside: tuple[str, ...] = ()


def planned_stream(source: SourceConnector, destination: DestinationConnector, plan: StreamPlan) -> Stream:
    """Return the plan's stream, with the primary key and the cursor field that the plan asks for.

    It is `Stream.ordered` only if its order is of use to the sync, and `Stream.unique` only by its own key.

    Raises:
        ConfigurationError: There is no such stream, it lacks a column that the plan names, or the destination
            cannot write it as asked.
    """
    if plan.write_mode not in destination.write_modes:
        known = ", ".join(sorted(mode.value for mode in destination.write_modes))
        raise ConfigurationError(
            f"{type(destination).__name__} has no write mode {plan.write_mode.value!r}",
            code="write_mode.unsupported",
            hint=f"it has {known}",
        )
    has_child_tables = isinstance(destination, StagedDestination) and destination.child_tables
    if plan.nested is NestedData.TABLES and not has_child_tables:
        raise ConfigurationError(
            f"{type(destination).__name__} has no child tables for nested data",
            code="nested.unsupported",
            hint="set nested of the pipeline's stream to json",
        )
    own = find_stream(source, plan.stream)
    stream = replace(
        own,
        primary_key=tuple(plan.primary_key) or tuple(own.primary_key),
        cursor_field=cursor_field_of(cursor_columns(plan.cursor_field or own.cursor_field)),
        overlap=own.overlap if plan.overlap is None else plan.overlap,
    )
    unique = own.unique and set(stream.primary_key) == set(own.primary_key)
    stream = replace(stream, ordered=_can_use_order(source, own, stream), unique=unique)
    if plan.write_mode is WriteMode.UPSERT and not stream.primary_key:
        raise ConfigurationError(
            f"stream {stream.name!r}: upsert needs a primary key, and the stream has none of its own",
            code="primary_key.missing",
            hint="name the columns that identify a row as primary_key of the pipeline's stream",
        )
    if stream.cursor_field is None and isinstance(stream.overlap, int | float):
        raise ConfigurationError(
            f"stream {stream.name!r}: an overlap of {stream.overlap!r} is one of a cursor of numbers, and the"
            " stream has no cursor",
            code="overlap.type",
            hint="name a cursor, or give a duration, such as PT1H, which goes for last_run",
        )
    if stream.schema is not None:
        require_columns(stream, stream.schema.names)
    return stream


def planned_partitions(source: SourceConnector, stream: Stream) -> list[Partition]:
    """Return the parts that a stream is read in; none if it is read as a whole.

    Raises:
        ConfigurationError: Two have the same name, one has none, or the source could not be told which part
            to read (code ``partitions.invalid``).
    """
    if isinstance(source, BatchSource):
        return []
    partitions = list(source.partitions(stream))
    names = {partition.name for partition in partitions}
    if len(names) < len(partitions) or "" in names or (partitions and not can_resume(source)):
        raise ConfigurationError(
            f"the partitions of stream {stream.name!r} cannot be read one by one",
            code="partitions.invalid",
            hint="give each a name of its own, and read what extract_stream() is given as position.partition",
        )
    return partitions


def require_columns(stream: Stream, columns: Iterable[str]) -> None:
    """Check that a stream's key and cursor are among its columns.

    Raises:
        ConfigurationError: One is not (code ``column.unknown``).
    """
    columns = list(columns)
    wanted = [("primary key", name) for name in stream.primary_key]
    wanted += [("cursor", name) for name in cursor_columns(stream.cursor_field)]
    for role, name in wanted:
        if name not in columns:
            raise ConfigurationError(
                f"stream {stream.name!r} has no column {name!r} for its {role}",
                code="column.unknown",
                hint=f"it has {', '.join(columns[:30])}",
            )


def _can_use_order(source: SourceConnector, own: Stream, stream: Stream) -> bool:
    """Tell whether a sync of a stream can go on from a cursor value.

    The order is that of the stream's own cursor, and the source must be able to begin at a value of it. Only
    by a key can rows with this value that were loaded be told apart from others.
    """
    own_cursor = cursor_columns(own.cursor_field)
    by_own_cursor = bool(own_cursor) and cursor_columns(stream.cursor_field) == own_cursor
    return own.ordered and by_own_cursor and begins_at_cursor(source) and bool(stream.primary_key)


def find_stream(source: SourceConnector, name: str | None) -> Stream:
    """Return a source's stream, under its own name, whatever a pipeline calls it; of ``None``, its only one.

    Raises:
        ConfigurationError: There is no such stream, or more than one.
    """
    if name is not None and isinstance(source, BatchSource):
        return source.stream(name)
    streams = {stream.name: stream for stream in source.streams()}
    if len(streams) > 1 and not isinstance(source, BatchSource) and not can_resume(source):
        raise ConfigurationError(
            f"{type(source).__name__} has {len(streams)} streams, and extract() is not told which is wanted",
            code="stream.ambiguous",
            hint="implement extract_stream(stream, position)",
        )
    known = ", ".join(sorted(streams)[:20]) or "none at all"
    if name is None:
        if len(streams) != 1:
            raise ConfigurationError(
                f"this source has {len(streams)} streams: say which one",
                code="stream.ambiguous",
                hint=f"it has {known}",
            )
        return next(iter(streams.values()))
    if name not in streams:
        raise ConfigurationError(
            f"there is no stream {name!r} in this source", code="stream.unknown", hint=f"it has {known}"
        )
    return streams[name]

"""Moving a stream's cursor by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from acme_sdk.catalog import Stream
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import StreamState, WriteMode
from acme_sdk.source import SourceConnector
from acme_sdk.sync.details import Details
from acme_sdk.sync.origin import cursor_text
from acme_sdk.sync.plan import StreamPlan
from acme_sdk.sync.reading import begins_at_cursor

__all__ = ["rewound"]

# For a stream that never was synced: a source that goes by it reads too much rather than too little.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def rewound(
    source: SourceConnector, plan: StreamPlan, stream: Stream, before: StreamState | None, value: str
) -> StreamState:
    """Return the state with which the next sync begins at a cursor value, in all partitions.

    A sync that broke off is not gone on with: its rows from the value on come again.

    Args:
        source: The stream's source.
        plan: What is asked of a sync.
        stream: The planned stream.
        before: The state as it is.
        value: The cursor value.

    Raises:
        ConfigurationError: The stream is not read from a cursor on (code ``cursor.unused``), or the value is
            none of its cursor's (``cursor.invalid``, ``cursor.unknown``).
    """
    by_cursor = begins_at_cursor(source)
    if stream.cursor_field is None or not by_cursor or plan.write_mode is WriteMode.OVERWRITE:
        raise ConfigurationError(
            f"stream {stream.name!r} is not read from a cursor on: "
            + ("it has no cursor field" if stream.cursor_field is None else "a sync reads everything")
            if by_cursor
            else f"{type(source).__name__} has only extract(last_run), which is told no cursor",
            code="cursor.unused",
            hint="name a cursor and another write mode than overwrite in the pipeline, and read"
            " position.cursor in extract_stream()",
        )
    text = cursor_text(stream, before, value)
    details = Details.from_json(before.details if before else None)
    details = replace(details, cursors=dict.fromkeys(details.cursors, text))
    return StreamState(
        plan.pipeline,
        stream.name,
        (before.last_run if before else None) or _LONG_AGO,
        stream.cursor_field,
        text,
        details=details.to_json(),
    )

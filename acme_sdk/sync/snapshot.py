"""The states of a pipeline's streams as a document that people keep, look at and put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pyarrow as pa

from acme_sdk.errors import ConfigurationError
from acme_sdk.load import StreamState
from acme_sdk.sync.cursor_type import CursorType
from acme_sdk.sync.details import Details
from acme_sdk.sync.progress import Progress, without_refresh

__all__ = ["Snapshot", "stored_anew"]

_VERSION = 1


@dataclass(frozen=True)
class Snapshot:
    """How far the streams of a pipeline had come at some time.

    Attributes:
        pipeline: The pipeline.
        states: By stream; streams without a state are not in it.
    """

    pipeline: str
    states: Mapping[str, StreamState]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-safe values, of a versioned format."""
        return {
            "version": _VERSION,
            "pipeline": self.pipeline,
            "taken_at": datetime.now(UTC).isoformat(),
            "streams": {stream: state.to_json() for stream, state in self.states.items()},
        }

    @classmethod
    def from_json(cls, data: Any) -> Snapshot:
        """Read what `to_json` returned.

        Raises:
            ConfigurationError: It is something else (code ``state.invalid``).
        """
        if not isinstance(data, Mapping) or data.get("version") != _VERSION:
            raise _invalid(f"it is no JSON object with version {_VERSION}")
        pipeline, streams = data.get("pipeline"), data.get("streams")
        if not isinstance(pipeline, str) or not isinstance(streams, Mapping):
            raise _invalid("it has no pipeline, or no streams")
        return cls(pipeline, {stream: _state(stream, values) for stream, values in streams.items()})


def stored_anew(state: StreamState, pipeline: str, stream: str) -> StreamState:
    """Return a state as it is put back: under a name of its own, without the rows of a full refresh.

    A full refresh under way cannot be gone on with: nobody knows which rows its hidden table has by now.
    """
    progress = without_refresh(state.progress)
    run_id = f"state_{uuid4().hex}"
    return replace(state, pipeline=pipeline, stream=stream, run_id=run_id, progress=progress)


def _state(stream: str, values: Any) -> StreamState:
    try:
        state = StreamState.from_json(dict(values))
        kept = Details.from_json(state.details).schema
        if state.progress is not None:
            Progress.from_json(state.progress)
        cursor = CursorType.find(state.cursor_field, kept)
        if state.cursor is not None and cursor is not None:
            cursor.decode(state.cursor)
    except (ValueError, TypeError, KeyError, AttributeError, pa.ArrowException):
        raise _invalid(f"the state of stream {stream!r} is damaged") from None
    return state


def _invalid(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"this is no export of a pipeline's state: {what}",
        code="state.invalid",
        hint="use a file that 'acme state export' wrote",
    )

"""The streams of a pipeline that is open, and where their states are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from acme.cli.columns import cursor_cell
from acme.cli.errors import failing_plainly
from acme.cli.leftovers import Leftover
from acme.cli.pipeline import OpenPipeline, open_pipeline
from acme.cli.workspace import Where

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import StreamEntry
    from acme_sdk.load import StreamState
    from acme_sdk.sync.state import StateStore

__all__ = ["PipelineStream", "held", "state_cells", "working"]


@dataclass(frozen=True)
class PipelineStream:
    """A stream of the pipeline, under its own name, and where its state is."""

    name: str
    entry: StreamEntry
    store: StateStore
    opened: OpenPipeline

    @property
    def pipeline(self) -> str:
        """The pipeline's name."""
        return self.opened.entry.name

    def state(self) -> StreamState | None:
        """Return its state, if it has one."""
        return self.store.load(self.pipeline, self.name)


@contextmanager
def working(where: Where, pipeline: str, stream: str | None = None) -> Iterator[list[PipelineStream]]:
    """Yield the streams of a pipeline that is open; what goes wrong is printed and ends the command."""
    from acme_sdk.sync.names import target_table
    from acme_sdk.sync.plan import find_stream
    from acme_sdk.sync.state import state_store

    with failing_plainly(), open_pipeline(where, pipeline, stream) as opened:
        streams = []
        for entry in opened.streams:
            name = find_stream(opened.source, entry.stream).name
            table = target_table(opened.destination, name, entry.table)
            store = state_store(opened.destination, table, opened.files)
            streams.append(PipelineStream(name, entry, store, opened))
        yield streams


@contextmanager
def held(streams: Sequence[PipelineStream | Leftover]) -> Iterator[None]:
    """Keep syncs from some streams, or fail before any of them is changed."""
    run_id = f"state_{uuid4().hex}"
    with ExitStack() as stack:
        for one in streams:
            stack.enter_context(one.store.exclusive(one.pipeline, one.name, run_id))
        yield


def state_cells(name: str, state: StreamState | None) -> tuple[str, str, str, str]:
    """Return what is shown of a state: the stream, its last run, its cursor and the run that stored it."""
    if state is None:
        return name, "never", "", ""
    last_run = state.last_run.isoformat(" ", "seconds") if state.last_run else "none that ended"
    if state.progress is not None:
        last_run += ", then one broke off"
    return name, last_run, cursor_cell(state.cursor_field, state.cursor), state.run_id

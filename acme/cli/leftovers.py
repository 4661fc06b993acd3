"""What is left of streams that connectors.yaml does not have any more: their states, and tables of ours."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acme_sdk.destination import DestinationConnector
    from acme_sdk.load import StreamState
    from acme_sdk.sync.state import FileStateStore, StateStore

__all__ = ["Leftover", "left_of", "left_of_pipeline", "left_of_pipelines"]


@dataclass(frozen=True)
class Leftover:
    """A stream that is not declared.

    Attributes:
        pipeline: The pipeline that had it.
        name: Its name.
        store: Where its state is.
    """

    pipeline: str
    name: str
    store: StateStore

    def state(self) -> StreamState | None:
        """Return its state, if it has one."""
        return self.store.load(self.pipeline, self.name)


def left_of(destination: DestinationConnector, files: FileStateStore, pipeline: str, name: str) -> Leftover:
    """Return a stream by its name, whether or not anything is left of it."""
    from acme_sdk.sync.progress import Progress
    from acme_sdk.sync.state import state_store

    # Nobody says any more which table it was loaded into, but for a sync that broke off.
    own = name.rpartition(".")[2]
    state = state_store(destination, own, files).load(pipeline, name)
    progress = Progress.from_json(state.progress) if state and state.progress else None
    return Leftover(pipeline, name, state_store(destination, progress.table if progress else own, files))


def left_of_pipeline(
    destination: DestinationConnector, files: FileStateStore, pipeline: str, declared: Container[str]
) -> list[Leftover]:
    """Return the streams that a pipeline has states of, and does not declare."""
    from acme_sdk.sync.state import kept_streams

    names = (name for owner, name in kept_streams(destination, files) if owner == pipeline)
    return [left_of(destination, files, pipeline, name) for name in names if name not in declared]


def left_of_pipelines(
    destination: DestinationConnector, files: FileStateStore, declared: Container[str]
) -> list[Leftover]:
    """Return the streams of all pipelines that are not declared."""
    from acme_sdk.sync.state import kept_streams

    kept = kept_streams(destination, files)
    return [left_of(destination, files, *stream) for stream in kept if stream[0] not in declared]

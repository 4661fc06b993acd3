"""Where the states of streams are: in the destination, or in files for those that cannot keep them."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import AbstractContextManager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from acme_sdk.destination import DIRECT_LOAD, DestinationConnector, StagedDestination
from acme_sdk.errors import ConfigurationError, FatalError
from acme_sdk.exclusion import exclusive_by_file
from acme_sdk.load import LoadPlan, StreamState, WriteMode

__all__ = ["FileStateStore", "StagedStateStore", "StateStore", "kept_streams", "state_store"]

_MAX_NAME = 200


class StateStore(Protocol):
    """Keeps the last checkpoint of each stream of each pipeline."""

    def load(self, pipeline: str, stream: str) -> StreamState | None:
        """Return the checkpoint saved last, or ``None``."""

    def save(self, checkpoint: StreamState) -> None:
        """Keep a checkpoint; it replaces the one before."""

    def remove(self, pipeline: str, stream: str) -> None:
        """Forget a stream's checkpoint, so that the next sync reads everything."""

    def exclusive(self, pipeline: str, stream: str, run_id: str) -> AbstractContextManager[None]:
        """Keep other runs from a stream; see `acme_sdk.destination.StagedDestination.exclusive`."""


class StagedStateStore:
    """The `StateStore` of one stream whose destination keeps the checkpoint beside the rows.

    Args:
        destination: The destination.
        table: The stream's target.
    """

    def __init__(self, destination: StagedDestination, table: str) -> None:
        self._destination = destination
        self._table = table

    def load(self, pipeline: str, stream: str) -> StreamState | None:
        """Return the checkpoint saved last, or ``None``."""
        return self._destination.state(pipeline, stream)

    def save(self, checkpoint: StreamState) -> None:
        """Keep a checkpoint; what unfinished loads of the stream have left is removed."""
        self._replace(checkpoint.pipeline, checkpoint.stream, checkpoint)

    def remove(self, pipeline: str, stream: str) -> None:
        """Forget a stream's checkpoint; what unfinished loads of the stream have left is removed."""
        self._replace(pipeline, stream, None)

    def exclusive(self, pipeline: str, stream: str, run_id: str) -> AbstractContextManager[None]:
        """Keep other runs from a stream; see `StagedDestination.exclusive`."""
        return self._destination.exclusive(pipeline, stream, run_id)

    def _replace(self, pipeline: str, stream: str, state: StreamState | None) -> None:
        plan = LoadPlan(pipeline, stream, self._table, WriteMode.APPEND)
        self._destination.replace_state(plan, state)


class FileStateStore:
    """A `StateStore` of one JSON file per stream, each written as a whole or not at all.

    Args:
        folder: Where the files are; it is made when the first checkpoint is saved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, pipeline: str, stream: str) -> StreamState | None:
        """Return the checkpoint saved last, or ``None``.

        Raises:
            FatalError: The file is there, but is no checkpoint (code ``state.damaged``).
        """
        path = self._path(pipeline, stream)
        try:
            return StreamState.from_json(json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise FatalError(
                f"the checkpoint file {path} is damaged",
                code="state.damaged",
                hint="restore it, or delete it: the next sync then reads everything",
            ) from None

    def save(self, checkpoint: StreamState) -> None:
        """Keep a checkpoint; it replaces the one before."""
        path = self._path(checkpoint.pipeline, checkpoint.stream)
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(checkpoint.to_json(), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def remove(self, pipeline: str, stream: str) -> None:
        """Forget a stream's checkpoint, so that the next sync reads everything."""
        self._path(pipeline, stream).unlink(missing_ok=True)

    def kept_streams(self) -> list[tuple[str, str]]:
        """Return the streams that there are checkpoints of, as pairs of pipeline and stream."""
        found = []
        for path in self._folder.glob("*@*.json"):
            with suppress(FileNotFoundError, ValueError, TypeError, KeyError):  # gone by now, or damaged
                state = StreamState.from_json(json.loads(path.read_text()))
                found.append((state.pipeline, state.stream))
        return found

    def exclusive(self, pipeline: str, stream: str, run_id: str) -> AbstractContextManager[None]:
        """Keep other runs on this machine from a stream, by a file beside the checkpoint.

        Raises:
            RetriableError: Another run has it (code ``pipeline.busy``).
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = self._path(pipeline, stream).with_suffix(".lock")
        return exclusive_by_file(lock, pipeline, stream, run_id)

    def _path(self, pipeline: str, stream: str) -> Path:
        # Quoted names have no "@" and no "/" of their own.
        name = f"{quote(pipeline, safe='')}@{quote(stream, safe='')}"
        if len(name) > _MAX_NAME:
            name = f"{name[:_MAX_NAME]}@{blake2b(name.encode(), digest_size=8).hexdigest()}"
        return self._folder / f"{name}.json"


def state_store(destination: DestinationConnector, table: str, files: StateStore | None) -> StateStore:
    """Return where the state of a stream is.

    Args:
        destination: The stream's destination.
        table: The stream's target in it.
        files: Where states are if the destination cannot keep them.

    Raises:
        ConfigurationError: It cannot, and there are no files (code ``state.missing``).
    """
    if isinstance(destination, StagedDestination):
        return StagedStateStore(destination, table)
    if files is None:
        raise ConfigurationError(
            "this destination cannot keep checkpoints, and there is no state store",
            code="state.missing",
            hint="give sync_stream a state=FileStateStore(folder)",
        )
    return files


def kept_streams(destination: DestinationConnector, files: FileStateStore) -> list[tuple[str, str]]:
    """Return the streams that there are states of, as sorted pairs of pipeline and stream.

    Args:
        destination: Where they are, if it keeps states.
        files: Where they are otherwise.
    """
    store = destination if isinstance(destination, StagedDestination) else files
    return sorted(pair for pair in set(store.kept_streams()) if pair[0] != DIRECT_LOAD)

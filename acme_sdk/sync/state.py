"""Checkpoints for destinations that cannot keep their own."""

from __future__ import annotations

import json
import os
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from acme_sdk.errors import FatalError
from acme_sdk.load import StreamState

__all__ = ["FileStateStore", "StateStore"]

_MAX_NAME = 200


class StateStore(Protocol):
    """Keeps the last checkpoint of each stream of each pipeline."""

    def load(self, pipeline: str, stream: str) -> StreamState | None:
        """Return the checkpoint saved last, or ``None``."""

    def save(self, checkpoint: StreamState) -> None:
        """Keep a checkpoint; it replaces the one before."""


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

    def _path(self, pipeline: str, stream: str) -> Path:
        # Quoted names have no "@" and no "/" of their own.
        name = f"{quote(pipeline, safe='')}@{quote(stream, safe='')}"
        if len(name) > _MAX_NAME:
            name = f"{name[:_MAX_NAME]}@{blake2b(name.encode(), digest_size=8).hexdigest()}"
        return self._folder / f"{name}.json"

"""What a version of a table has: its files, those of full refreshes under way, and its checkpoints."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from acme_sdk.load import StreamState

__all__ = ["CHILDREN", "DATA", "Manifest", "Rows", "StoredCheckpoint", "child_folder"]

#: The folder of a version that readers of its table are led to.
DATA = "data"
#: The folder of those that readers of its child tables are led to. All others are of full refreshes.
CHILDREN = "children"


def child_folder(name: str) -> str:
    """Return the folder of a version for the rows of a child table."""
    return f"{CHILDREN}/{name}"


@dataclass(frozen=True)
class Rows:
    """The rows of one folder of a version.

    Attributes:
        schema: Their columns; a column that had no value yet is of type ``null``.
        files: The rows of each file, by its name.
    """

    schema: pa.Schema
    files: Mapping[str, int]

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(self.files.values())


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint in a manifest.

    Attributes:
        state: The checkpoint.
        sequence: How many the stream had before, in whichever table: the highest one counts.
    """

    state: StreamState
    sequence: int = 0


@dataclass(frozen=True)
class Manifest:
    """A version of a table.

    Attributes:
        number: The version's number.
        rows: The rows by the name of their folder.
        checkpoints: Those of all streams that were loaded into the table.
    """

    number: int = 0
    rows: Mapping[str, Rows] = field(default_factory=dict)
    checkpoints: tuple[StoredCheckpoint, ...] = ()

    def checkpoint(self, pipeline: str, stream: str) -> StoredCheckpoint | None:
        """Return a stream's checkpoint, or ``None``."""
        own = (c for c in self.checkpoints if (c.state.pipeline, c.state.stream) == (pipeline, stream))
        return next(own, None)

    def next(self, rows: Mapping[str, Rows], stored: StoredCheckpoint) -> Manifest:
        """Return the version after this one, with other rows, and a new checkpoint for a stream."""
        rest = self.forget(rows, stored.state.pipeline, stored.state.stream)
        return replace(rest, checkpoints=(*rest.checkpoints, stored))

    def forget(self, rows: Mapping[str, Rows], pipeline: str, stream: str) -> Manifest:
        """Return the version after this one, with other rows, and no checkpoint for a stream."""
        old = self.checkpoint(pipeline, stream)
        others = tuple(checkpoint for checkpoint in self.checkpoints if checkpoint is not old)
        return replace(self, number=self.number + 1, rows=dict(rows), checkpoints=others)

    def to_json(self) -> str:
        """Return the manifest as the text of a file."""
        data = {
            "number": self.number,
            "rows": {
                folder: {
                    "schema": b64encode(rows.schema.serialize()).decode(),
                    "columns": {column.name: str(column.type) for column in rows.schema},
                    "files": dict(rows.files),
                }
                for folder, rows in self.rows.items()
            },
            "checkpoints": [
                {"sequence": stored.sequence, "state": stored.state.to_json()} for stored in self.checkpoints
            ],
        }
        return json.dumps(data, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` returned."""
        data = json.loads(text)
        return cls(
            data["number"],
            {folder: _rows(rows) for folder, rows in data["rows"].items()},
            tuple(
                StoredCheckpoint(StreamState.from_json(stored["state"]), stored["sequence"])
                for stored in data["checkpoints"]
            ),
        )


def _rows(data: dict[str, Any]) -> Rows:
    return Rows(pa.ipc.read_schema(pa.py_buffer(b64decode(data["schema"]))), data["files"])

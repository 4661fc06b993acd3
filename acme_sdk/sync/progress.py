"""How far an extraction has come that has not ended: what `StreamState.progress` holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from acme_sdk.cursor import CursorField, cursor_columns, cursor_field_of
from acme_sdk.load import WriteMode

__all__ = ["WHOLE", "PartProgress", "Progress", "without_refresh"]

#: The name of the one part of a stream that has no partitions.
WHOLE = ""

_VERSION = 1


@dataclass(frozen=True)
class PartProgress:
    """How far one part has come.

    Attributes:
        ended: Whether all of it is loaded.
        cursor: The highest value of the cursor so far, as text.
        checkpoint: The state of its last checkpoint, if it has not ended.
        mark: In an ordered stream: the cursor value, as text, up to which all of it is loaded.
    """

    ended: bool = False
    cursor: str | None = None
    checkpoint: Mapping[str, Any] | None = None
    mark: str | None = None


@dataclass
class Progress:
    """How far an extraction has come.

    Attributes:
        started_at: The start of its first attempt, in UTC.
        table: The target.
        write_mode: The write mode.
        cursor_field: The cursor.
        refresh: The full refresh that its rows are gathered for, if they are.
        cursor: The highest value of the cursor so far, over all parts.
        schema: The columns so far, as `acme_sdk.sync.details` writes them.
        parts: The parts that were begun.
    """

    started_at: datetime
    table: str
    write_mode: WriteMode
    cursor_field: CursorField | None
    refresh: str | None = None
    cursor: str | None = None
    schema: str | None = None
    parts: dict[str, PartProgress] = field(default_factory=dict)

    def part(self, name: str) -> PartProgress:
        """Return how far a part has come; one that was not begun is at its start."""
        return self.parts.get(name, PartProgress())

    @property
    def has_marks(self) -> bool:
        """Whether a part goes on from a cursor value, which takes a source that reads in its order."""
        return any(part.mark is not None for part in self.parts.values())

    def to_json(self) -> dict[str, Any]:
        """Return JSON-safe values."""
        return asdict(self) | {"version": _VERSION, "started_at": self.started_at.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Progress | None:
        """Rebuild what `to_json` returned; ``None`` if another version of the engine wrote it."""
        values = dict(data)
        if values.pop("version", None) != _VERSION:
            return None
        parts = {name: PartProgress(**part) for name, part in values.pop("parts").items()}
        started_at = datetime.fromisoformat(values.pop("started_at"))
        write_mode = WriteMode(values.pop("write_mode"))
        field = cursor_field_of(cursor_columns(values.pop("cursor_field")))
        return cls(started_at=started_at, write_mode=write_mode, cursor_field=field, parts=parts, **values)


def without_refresh(progress: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return stored progress, unless it is that of a full refresh, whose rows do not outlast another load."""
    return None if progress is None or progress.get("refresh") is not None else progress

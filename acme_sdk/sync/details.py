"""What the engine keeps of an extraction that ended, for the next one: `StreamState.details`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from acme_sdk.arrow import widen

__all__ = ["Details", "read_schema", "schema_text", "united"]


@dataclass(frozen=True)
class Details:
    """What is kept beside the cursor.

    Attributes:
        schema: The columns loaded so far; ``None`` if that is not known.
        cursors: The highest cursor value of each partition, as text; empty for a stream without partitions.
        names: The names of columns in the target, by their names in the source, where the two differ.
        children: The child tables, and in how many lists their rows are.
    """

    schema: pa.Schema | None = None
    cursors: Mapping[str, str | None] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-safe values."""
        return {
            "schema": schema_text(self.schema),
            "cursors": dict(self.cursors),
            "names": dict(self.names),
            "children": dict(self.children),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Details:
        """Rebuild what `to_json` returned; of ``None``, nothing is known."""
        if data is None:
            return cls()
        return cls(
            read_schema(data.get("schema")),
            data.get("cursors") or {},
            data.get("names") or {},
            data.get("children") or {},
        )


def schema_text(schema: pa.Schema | None) -> str | None:
    """Return columns as text: base64 of Arrow's own message, which holds every type exactly."""
    if schema is None:
        return None
    return base64.b64encode(schema.remove_metadata().serialize().to_pybytes()).decode()


def read_schema(text: str | None) -> pa.Schema | None:
    """Return the columns that `schema_text` wrote."""
    return None if text is None else pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def united(before: pa.Schema | None, now: pa.Schema) -> pa.Schema:
    """Return the columns of both, each as wide as either; where no type holds both, the present one."""
    if before is None:
        return now
    types = {column.name: column.type for column in before}
    for column in now:
        types[column.name] = widen(types.get(column.name, pa.null()), column.type) or column.type
    return pa.schema(list(types.items()))

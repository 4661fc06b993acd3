"""The schema policy at work: what becomes of new columns and of values that need a wider type."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from acme_sdk.arrow import widen
from acme_sdk.columns import to_rows
from acme_sdk.encoded import decoded
from acme_sdk.errors import FatalError
from acme_sdk.policy import SchemaPolicy
from acme_sdk.row import Row
from acme_sdk.sync.dead_letters import DeadLetters, plain
from acme_sdk.sync.reading import Batch

__all__ = ["SchemaGuard"]

_SHOWN = 500


class SchemaGuard:
    """Holds batches against the columns that a stream had.

    Attributes:
        discarded_values: How many values were left out.

    Args:
        policy: What to do where they differ.
        stream: The stream's name, for errors.
        known: The columns that the stream had; ``None`` if it had none yet, and any will do.
        letters: Takes discarded rows.
        redact: Removes secrets from JSON-like values.
    """

    def __init__(
        self,
        policy: SchemaPolicy,
        stream: str,
        known: pa.Schema | None,
        letters: DeadLetters | None,
        redact: Callable[[Any], Any],
    ) -> None:
        self.discarded_values = 0
        self._policy = policy
        self._stream = stream
        self._known = None if policy is SchemaPolicy.EVOLVE else known
        self._letters = letters
        self._redact = redact

    def apply(self, batch: Batch) -> Batch:
        """Return a batch that has no columns and types but the known ones.

        Raises:
            FatalError: It has others, and the schema is frozen (code ``schema.frozen``).
        """
        if self._known is None or _is_known(batch.columns.schema, self._known):
            return batch
        columns = decoded(batch.columns)
        batch = replace(batch, columns=columns)
        changes = {
            name: offending
            for name in columns.schema.names
            if (offending := _offending(columns.column(name), name, self._known)) is not None
        }
        if not changes:
            return batch
        rows = sorted(set().union(*changes.values()))
        if rows and self._policy is SchemaPolicy.FREEZE:
            self._refuse(batch, rows[0], changes)
        if rows and self._policy is SchemaPolicy.DISCARD_ROW:
            self._discard(batch, rows, changes)
            kept = [index for index in range(columns.num_rows) if index not in set(rows)]
            source_rows = None if batch.source_rows is None else [batch.source_rows[index] for index in kept]
            batch = replace(batch, columns=columns.take(pa.array(kept, pa.int64())), source_rows=source_rows)
            changes = {name: [] for name in changes}
        self.discarded_values += sum(map(len, changes.values()))
        return self._narrowed(batch, changes, self._known)

    def _narrowed(self, batch: Batch, changes: dict[str, list[int]], known: pa.Schema) -> Batch:
        """Leave values out, and with them new columns and wider types."""
        arrays: dict[str, pa.Array] = {}
        for name in batch.columns.schema.names:
            array = batch.columns.column(name)
            if name not in changes:
                arrays[name] = array
            elif name in known.names:
                arrays[name] = _without(array, set(changes[name]), known.field(name).type)
        columns = pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
        source_rows = batch.source_rows
        if source_rows is not None:
            gone_by_row = {name: set(indices) for name, indices in changes.items()}
            source_rows = [
                Row(
                    (name, value)
                    for name, value in row.items()
                    if name in arrays and index not in gone_by_row.get(name, ())
                )
                for index, row in enumerate(source_rows)
            ]
        return replace(batch, columns=columns, source_rows=source_rows)

    def _discard(self, batch: Batch, rows: list[int], changes: dict[str, list[int]]) -> None:
        for index in rows:
            names = [name for name, offending in changes.items() if index in offending]
            if self._letters is not None:
                reason = "; ".join(self._what(batch, name) for name in names)
                self._letters.discard(_row(batch, index), reason)

    def _refuse(self, batch: Batch, index: int, changes: dict[str, list[int]]) -> None:
        name = next(name for name, offending in changes.items() if index in offending)
        shown = json.dumps(self._redact(plain(_row(batch, index))), ensure_ascii=False)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        raise FatalError(
            f"stream {self._stream!r}, {self._what(batch, name)}, and the schema is frozen; the row: {shown}",
            code="schema.frozen",
            hint="set on_schema_change of the pipeline to evolve, discard_row or discard_value",
        )

    def _what(self, batch: Batch, name: str) -> str:
        kind = batch.columns.schema.field(name).type
        if self._known is None or name not in self._known.names:
            return f"column {name!r} is new ({kind})"
        return f"column {name!r} has a value of type {kind}, which {self._known.field(name).type} cannot hold"


def _is_known(schema: pa.Schema, known: pa.Schema) -> bool:
    """Tell whether columns are among the known ones, so that no value needs to be looked at."""
    types = {field.name: field.type for field in known}
    return all(types.get(field.name) in (field.type, pa.null()) for field in schema)


def _offending(array: pa.Array, name: str, known: pa.Schema) -> list[int] | None:
    """Return the rows with values that the known columns cannot hold; ``None`` if the column is as known."""
    kind = known.field(name).type if name in known.names else None
    if kind is not None and (kind == array.type or pa.types.is_null(kind)):
        return None
    wider = widen(kind, array.type) if kind is not None else None
    if kind is not None and wider == kind:
        return None
    if wider is not None and _casts(array, kind):
        return []
    valid = [index for index, is_valid in enumerate(array.is_valid().to_pylist()) if is_valid]
    return valid if wider is None else [i for i in valid if not _casts(array.slice(i, 1), kind)]


def _without(array: pa.Array, gone: set[int], kind: pa.DataType) -> pa.Array:
    """Return a column in another type, without the values of some rows."""
    indices = pa.array([None if index in gone else index for index in range(len(array))], pa.int64())
    left = array.take(indices) if gone else array
    return left.cast(kind) if left.null_count < len(left) else pa.nulls(len(left), kind)


def _casts(array: pa.Array, kind: pa.DataType | None) -> bool:
    try:
        array.cast(kind)
    except pa.ArrowException:
        return False
    return True


def _row(batch: Batch, index: int) -> Mapping[str, Any]:
    if batch.source_rows is not None:
        return batch.source_rows[index]
    return to_rows(decoded(batch.columns).slice(index, 1))[0]

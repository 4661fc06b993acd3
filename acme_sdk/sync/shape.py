"""What becomes of a stream's batches in the target: one table, or one with child tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import pyarrow as pa

from acme_sdk.catalog import Stream
from acme_sdk.destination import DestinationConnector, StagedDestination
from acme_sdk.encoded import Columns, decoded
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import ChildTable, StreamState, WriteMode
from acme_sdk.names import NameRule
from acme_sdk.policy import NestedData
from acme_sdk.sync.details import Details
from acme_sdk.sync.names import ColumnNames, target_table
from acme_sdk.sync.nesting import KEY_PREFIX, ROOT, Path, Unnesting
from acme_sdk.sync.plan import StreamPlan

__all__ = ["FlatShape", "NestedShape", "Shape", "is_whole", "planned_shape"]


class Shape(Protocol):
    """Turns batches of a stream into those of its tables."""

    @property
    def children(self) -> tuple[ChildTable, ...]:
        """The child tables that there are by now."""

    def root(self, columns: Columns) -> Columns:
        """Return the rows of the stream's table, the child tables' left out."""

    def parts(self, columns: Columns) -> tuple[Columns, Mapping[ChildTable, pa.RecordBatch]]:
        """Return the rows of the stream's table, and those of its child tables."""

    def noted(self, state: StreamState) -> StreamState:
        """Return a state that keeps what the next sync must know of the tables."""


class FlatShape:
    """One table; nested data are JSON.

    Args:
        names: The names of its columns.
    """

    children: tuple[ChildTable, ...] = ()

    def __init__(self, names: ColumnNames) -> None:
        self._names = names

    def root(self, columns: Columns) -> Columns:
        """Return a batch with the target's names: the same one, untouched, where no name changes."""
        return self._names.apply(columns)

    def parts(self, columns: Columns) -> tuple[Columns, Mapping[ChildTable, pa.RecordBatch]]:
        """Return a batch with the target's names, and nothing else."""
        return self.root(columns), {}

    def noted(self, state: StreamState) -> StreamState:
        """Return a state that keeps the names that columns have."""
        names = self._names.changed
        return _detailed(state, names=names) if names else state


class NestedShape:
    """A table with child tables for the lists in its records.

    Args:
        stream: The planned stream.
        table: Its target.
        names: The names of the target's columns.
        destination: Says which names its tables can have.
        beside: The tables of other streams.
        children: The child tables that earlier syncs have made.
    """

    def __init__(
        self,
        stream: Stream,
        table: str,
        names: ColumnNames,
        destination: StagedDestination,
        beside: tuple[str, ...],
        children: Mapping[str, int],
    ) -> None:
        self._stream = stream
        self._names = names
        self._rule = destination.column_names
        self._tables = ChildNames(stream.name, table, destination.table_names, beside)
        self._unnesting = Unnesting(stream.name, stream.primary_key)
        self._kept = {name: ChildTable(name, depth) for name, depth in children.items()}
        self._columns: dict[Path, ColumnNames] = {}

    @property
    def children(self) -> tuple[ChildTable, ...]:
        """The child tables that there are by now."""
        return tuple(self._kept.values())

    def root(self, columns: Columns) -> Columns:
        """Return the rows of the stream's table."""
        return self._names.apply(self._unnesting.take_apart(decoded(columns))[ROOT])

    def parts(self, columns: Columns) -> tuple[Columns, Mapping[ChildTable, pa.RecordBatch]]:
        """Return the rows of the stream's table, and those of its child tables."""
        parts = self._unnesting.take_apart(decoded(columns))
        root = self._names.apply(parts.pop(ROOT))
        return root, {self._child(path): self._renamed(path, rows) for path, rows in parts.items()}

    def noted(self, state: StreamState) -> StreamState:
        """Return a state that keeps the names that columns have, and the child tables."""
        return _detailed(
            state,
            names=self._names.changed,
            children={child.name: child.depth for child in self.children},
        )

    def _child(self, path: Path) -> ChildTable:
        name = self._tables.of(path)
        return self._kept.setdefault(name, ChildTable(name, self._unnesting.depth(path)))

    def _renamed(self, path: Path, rows: pa.RecordBatch) -> pa.RecordBatch:
        if path not in self._columns:
            keys = {
                KEY_PREFIX + name: self._rule.fitted(KEY_PREFIX + self._names.of(name))
                for name in self._stream.primary_key
            }
            self._columns[path] = ColumnNames(".".join((self._stream.name, *path)), self._rule, keys)
        return decoded(self._columns[path].apply(rows))


class ChildNames:
    """The names of a stream's child tables.

    Args:
        stream: The stream's name, for errors.
        table: Its target.
        rule: Which names tables can have.
        beside: The tables of other streams, which must not be taken.
    """

    def __init__(self, stream: str, table: str, rule: NameRule, beside: tuple[str, ...]) -> None:
        schema, dot, name = table.partition(".")
        self._schema, self._table = (schema + dot, name) if dot else ("", table)
        self._stream = stream
        self._rule = rule
        self._taken = {rule.folded(other): f"the table {other!r}" for other in beside}

    def of(self, path: Path) -> str:
        """Return the name of the table that some keys lead to.

        Raises:
            ConfigurationError: Another table has it (code ``name.collision``).
        """
        # The first dot in a table's name would end that of its schema.
        name = self._schema + self._rule.safe("__".join((self._table, *path)).replace(".", "_"))
        ours = f"the child table {'.'.join(path)!r}"
        other = self._taken.setdefault(self._rule.folded(name), ours)
        if other != ours:
            raise ConfigurationError(
                f"stream {self._stream!r}: {other} and {ours} would both be {name!r}",
                code="name.collision",
                hint="load the stream's nested data as JSON, or into another table",
            )
        return name


def is_whole(plan: StreamPlan) -> bool:
    """Tell whether a stream is loaded as a whole, whatever its source could go on with.

    The rows of a full refresh that is gathered in intervals have but one hidden table.
    """
    return plan.nested is NestedData.TABLES and plan.write_mode is WriteMode.OVERWRITE


def planned_shape(
    destination: DestinationConnector,
    plan: StreamPlan,
    stream: Stream,
    names: ColumnNames,
    before: StreamState | None,
) -> Shape:
    """Return what becomes of a stream's batches.

    Args:
        destination: The stream's destination.
        plan: What is asked for.
        stream: The planned stream.
        names: The names of the columns.
        before: The state that was stored last.
    """
    if plan.nested is NestedData.JSON:
        return FlatShape(names)
    assert isinstance(destination, StagedDestination)  # noqa: S101 - planned_stream() has checked it
    children = Details.from_json(before.details if before else None).children
    beside = tuple(target_table(destination, other, None) for other in plan.beside)
    return NestedShape(stream, plan.table or stream.name, names, destination, beside, children)


def _detailed(state: StreamState, **details: Any) -> StreamState:
    return replace(state, details={**(state.details or {}), **details})

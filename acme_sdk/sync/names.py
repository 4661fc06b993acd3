"""Which names a stream's table and columns have in the target, where they cannot keep their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from acme_sdk.catalog import Stream
from acme_sdk.destination import DestinationConnector, StagedDestination
from acme_sdk.encoded import Columns, EncodedBatch
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import StreamState, WriteMode
from acme_sdk.names import NameRule
from acme_sdk.policy import NestedData
from acme_sdk.row import Row
from acme_sdk.sync.details import Details
from acme_sdk.sync.nesting import is_nested
from acme_sdk.sync.plan import StreamPlan

__all__ = ["ColumnNames", "column_names", "planned_table", "target_table", "top_columns"]


class ColumnNames:
    """The columns of one table: the name of each in the source and in the target.

    Args:
        stream: The stream's name, for errors.
        rule: What the destination can hold.
        given: Names in the target that the pipeline says, by names in the source.
        kept: Names that earlier loads gave, where they are not the source's.
        loaded: The columns, as the source names them, that the table's present rows have: they keep their
            names, and no new one may take these.

    Raises:
        ConfigurationError: A given name is none that the destination can hold (code ``name.invalid``), it is
            another one than a loaded column has (``name.changed``), or two columns would have the same
            (``name.collision``).
    """

    def __init__(
        self,
        stream: str,
        rule: NameRule,
        given: Mapping[str, str] | None = None,
        kept: Mapping[str, str] | None = None,
        loaded: Iterable[str] = (),
    ) -> None:
        self._stream = stream
        self._rule = rule
        self._given = given or {}
        self._kept = kept or {}
        self._names: dict[str, str] = {}
        self._taken: dict[str, str] = {}
        for source, target in self._given.items():
            if problem := rule.problem(target):
                raise ConfigurationError(
                    f"stream {stream!r}, column {source!r}: the name {target!r} {problem}",
                    code="name.invalid",
                    hint="choose another one under columns of the pipeline's stream",
                )
        for name in loaded:
            self._require_unchanged(name)
            self.of(name)

    @property
    def changed(self) -> dict[str, str]:
        """The names in the target, by names in the source, where the two differ."""
        return {source: target for source, target in self._names.items() if source != target}

    def of(self, name: str) -> str:
        """Return a column's name in the target.

        Raises:
            ConfigurationError: Another column has it already (code ``name.collision``).
        """
        known = self._names.get(name)
        if known is not None:
            return known
        target = self._given.get(name) or self._own(name)
        other = self._taken.setdefault(self._rule.folded(target), name)
        if other != name:
            raise ConfigurationError(
                f"stream {self._stream!r}: the columns {other!r} and {name!r} would both be {target!r} in the"
                " target",
                code="name.collision",
                hint="give one of them another name under columns of the pipeline's stream",
            )
        self._names[name] = target
        return target

    def apply(self, columns: Columns) -> Columns:
        """Return a batch with the target's names: the same one, untouched, where no name changes."""
        names = columns.schema.names
        targets = [self.of(name) for name in names]
        if targets == names:
            return columns
        if isinstance(columns, EncodedBatch):
            return columns.renamed(targets)
        return columns.rename_columns(targets)

    def rows(self, rows: list[Row]) -> list[Row]:
        """Return rows with the target's names: the same ones where no name changes."""
        targets = {name: self.of(name) for row in rows for name in row} if self._given else {}
        if all(source == target for source, target in targets.items()):
            return rows
        return [Row((targets[name], value) for name, value in row.items()) for row in rows]

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """Return columns with the target's names."""
        return pa.schema([field.with_name(self.of(field.name)) for field in schema], schema.metadata)

    def _own(self, name: str) -> str:
        """The name that was found before, or else is found now, without the pipeline's help."""
        kept = self._kept.get(name, name)
        return kept if self._rule.problem(kept) is None else self._rule.safe(name)

    def _require_unchanged(self, name: str) -> None:
        present = self._own(name)
        wanted = self._given.get(name, present)
        if self._rule.folded(wanted) != self._rule.folded(present):
            raise ConfigurationError(
                f"stream {self._stream!r}: the column {name!r} is {present!r} in the target, and would be"
                f" {wanted!r} from now on",
                code="name.changed",
                hint="leave its name as it is, or run once with --full-refresh",
            )


class _AnyName(NameRule):
    """Of a destination of rows nothing is known: it is given the names as they are."""

    def problem(self, name: str) -> None:
        return None


def column_names(
    destination: DestinationConnector,
    plan: StreamPlan,
    stream: Stream,
    columns: pa.Schema,
    before: StreamState | None,
) -> ColumnNames:
    """Return the names of a stream's columns; those that are known already are checked.

    Args:
        destination: The stream's destination; one of rows is taken to hold any name.
        plan: What is asked for.
        stream: The planned stream.
        columns: The columns that are known beforehand.
        before: The state that was stored last; ``None`` if it does not matter.

    Raises:
        ConfigurationError: See `ColumnNames`; or the plan names a column that the stream, which says what it
            has, has not (code ``column.unknown``).
    """
    declared = stream.schema.names if stream.schema is not None and plan.nested is NestedData.JSON else None
    if declared is not None and (unknown := [name for name in plan.columns if name not in declared]):
        raise ConfigurationError(
            f"stream {stream.name!r} has no column {unknown[0]!r} to give another name",
            code="column.unknown",
            hint=f"it has {', '.join(declared[:30])}",
        )
    rule = destination.column_names if isinstance(destination, StagedDestination) else _AnyName()
    # All that an overwrite leaves of the target is its name.
    stays = plan.write_mode is not WriteMode.OVERWRITE
    kept = Details.from_json(before.details if before is not None and stays else None)
    loaded = top_columns(plan, kept.schema).names if kept.schema is not None else ()
    names = ColumnNames(stream.name, rule, plan.columns, kept.names, loaded)
    names.schema(top_columns(plan, columns))
    return names


def top_columns(plan: StreamPlan, schema: pa.Schema) -> pa.Schema:
    """Return the columns of a stream that are columns of its table as well, whatever their values are."""
    if plan.nested is NestedData.JSON:
        return schema
    return pa.schema([field for field in schema if not is_nested(field.type)], schema.metadata)


def planned_table(destination: DestinationConnector, plan: StreamPlan, stream: Stream) -> str:
    """Return a stream's target: the table that the plan names, or one named after the stream.

    Raises:
        ConfigurationError: Another stream's table has the same name (code ``name.collision``).
    """
    table = target_table(destination, stream.name, plan.table)
    for other in plan.beside:
        if plan.table is None and _folded(destination, target_table(destination, other, None)) == _folded(
            destination, table
        ):
            raise ConfigurationError(
                f"the streams {stream.name!r} and {other!r} would both go to the table {table!r}",
                code="name.collision",
                hint="name the table of one of them in the pipeline",
            )
    return table


def target_table(destination: DestinationConnector, stream: str, table: str | None) -> str:
    """Return the table that a pipeline names, or else one named after the stream.

    Args:
        destination: The stream's destination.
        stream: The stream's name.
        table: The pipeline's ``table``, if it has one.
    """
    if table is not None or not isinstance(destination, StagedDestination):
        return table or stream
    schema, dot, name = stream.partition(".")
    if dot and schema and name:
        return f"{destination.schema_names.safe(schema)}.{destination.table_names.safe(name)}"
    return destination.table_names.safe(stream.replace(".", "_"))


def _folded(destination: DestinationConnector, table: str) -> str:
    return destination.table_names.folded(table) if isinstance(destination, StagedDestination) else table

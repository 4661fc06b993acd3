"""Destinations: what an author writes to load records. ``load`` is needed, all else has a default."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from acme_sdk.connector import Connector
from acme_sdk.errors import ConfigurationError
from acme_sdk.load import Load, LoadPlan, StreamState, WriteMode
from acme_sdk.names import NameRule
from acme_sdk.row import Row

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DIRECT_LOAD", "DestinationConnector", "StagedDestination"]

#: The pipeline of loads without one. None can have this name, so that none meets their checkpoints.
DIRECT_LOAD = "(direct load)"


class DestinationConnector(Connector):
    """Where records go."""

    role = "destination"

    #: The write modes that `load` does as asked; another one is refused before the first row.
    write_modes: ClassVar[frozenset[WriteMode]] = frozenset(WriteMode)

    @abstractmethod
    def load(self, rows: list[Row], write_mode: WriteMode) -> int:
        """Write one batch of rows and return how many were written.

        When an extraction comes in several batches, `WriteMode.OVERWRITE` is asked for with the first one
        only, and `WriteMode.APPEND` with the rest.
        """

    def read_back(self) -> Iterable[Mapping[str, Any]]:
        """Return the rows that the target of `load` has now; optional, and asked for by the harness alone.

        With it, ``acme test-connector`` compares what is there with what was written: each row has all its
        columns, with ``None`` where there is no value.
        """
        raise NotImplementedError


class StagedDestination(DestinationConnector):
    """A destination with transactions: rows and checkpoint commit together; see `acme_sdk.load`."""

    #: Whether its loads have child tables; see `acme_sdk.load.Load.stage_child`.
    child_tables: ClassVar[bool] = False
    #: Which names its columns, tables and schemas can have. The sync engine turns others into such names.
    column_names: ClassVar[NameRule] = NameRule()
    table_names: ClassVar[NameRule] = NameRule()
    schema_names: ClassVar[NameRule] = NameRule()
    #: The target of `load`, as ``table`` or ``schema.table``; ``setup`` takes it from the configuration.
    default_table: str | None = None
    #: The columns that identify a row of it.
    default_primary_key: tuple[str, ...] = ()

    def get_ready(self) -> None:
        """Begin what takes a while before a load can, such as to connect; it goes on in the background.

        Called when a sync begins, before its source is asked what there is. What goes wrong shows when it is
        needed. Nothing by default.
        """

    def check_schema(self, schema: pa.Schema) -> None:
        """Refuse columns that no table of this destination can have.

        Asked about a stream whose columns are known beforehand, before anything is read or made for it.

        Raises:
            AcmeError: A column's type or name; the error names the column.
        """

    @abstractmethod
    def open_load(self, plan: LoadPlan) -> Load:
        """Begin to take one stream. Remains of earlier attempts at the same stream are removed first."""

    @abstractmethod
    def state(self, pipeline: str, stream: str) -> StreamState | None:
        """Return the checkpoint that the last published load of a stream stored, or ``None``."""

    @abstractmethod
    def finish_refresh(self, plan: LoadPlan, state: StreamState) -> int:
        """Put a full refresh's hidden table in the target's place and store the state, in one transaction.

        Args:
            plan: As given to `open_load`, with its ``refresh``.
            state: Stored with it. If it is stored already, the refresh was finished by an earlier call whose
                answer got lost, and nothing changes.

        Returns:
            The number of rows that the target has now.

        Raises:
            FatalError: The refresh had rows, and its hidden table is gone (code ``refresh.lost``);
                `open_load` or `Load.publish` may say so as well.
        """

    def replace_state(self, plan: LoadPlan, state: StreamState | None) -> None:
        """Store a stream's checkpoint without any rows, and remove what unfinished loads of it have left.

        Called with the stream held by `exclusive`.

        Args:
            plan: Says which stream, and which table.
            state: The checkpoint; ``None`` for none, so that the next sync reads everything.

        Raises:
            ConfigurationError: The destination cannot do this (code ``state.fixed``).
        """
        raise ConfigurationError(
            f"{type(self).__name__} cannot change its checkpoints by itself",
            code="state.fixed",
            hint="sync with --full-refresh to begin anew",
        )

    def kept_streams(self) -> list[tuple[str, str]]:
        """Return the streams that there are checkpoints of, as pairs of pipeline and stream; by default none.

        ``acme state`` finds by it what is left of streams and pipelines that are not declared any more.
        """
        return []

    def exclusive(self, pipeline: str, stream: str, run_id: str) -> AbstractContextManager[None]:
        """Keep all other runs from a stream for the time of a ``with`` block, on all machines.

        The lock must end with the process, also if it is killed, and with its connection. By default nothing
        is held: a run that comes second notices when it publishes (`LoadPlan.follows`).

        Args:
            pipeline: The pipeline.
            stream: Its stream.
            run_id: The run, for the error that others get.

        Raises:
            RetriableError: Another run has it (code ``pipeline.busy``).
        """
        return nullcontext()

    def load(self, rows: list[Row], write_mode: WriteMode) -> int:
        """Write rows into the configured table, all of them or none.

        Returns:
            The number of rows that took effect: added, or replaced by key.

        Raises:
            ConfigurationError: No table is configured, or no primary key for `WriteMode.UPSERT`.
            AcmeError: The rows cannot be held; the error names row and column.
        """
        from acme_sdk.columns import RowBatcher

        plan = self._direct_plan(write_mode)
        load = self.open_load(plan)
        try:
            for batch in RowBatcher(plan.stream).batches(rows):
                load.stage(batch)
            state = StreamState(plan.pipeline, plan.stream, datetime.now(UTC), run_id=plan.run_id)
            return load.publish(state)
        finally:
            load.discard()

    def _direct_plan(self, write_mode: WriteMode) -> LoadPlan:
        name = type(self).__name__
        if not self.default_table:
            raise ConfigurationError(
                f"{name} does not know which table to load rows into",
                code="table.missing",
                hint="set the field table in its configuration, or sync a pipeline, which names its tables",
            )
        if write_mode is WriteMode.UPSERT and not self.default_primary_key:
            raise ConfigurationError(
                f"{name}: upsert into {self.default_table} needs a primary key",
                code="primary_key.missing",
                hint="set the field primary_key in its configuration",
            )
        return LoadPlan(
            DIRECT_LOAD,
            self.default_table,
            self.default_table,
            write_mode,
            self.default_primary_key,
            run_id=uuid4().hex,
        )

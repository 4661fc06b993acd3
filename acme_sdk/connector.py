"""The contract: what a connector's author writes.

A source needs ``extract``, a destination ``load``; all else has a default. The engine calls ``setup`` once,
then the work, then ``teardown`` exactly once, whatever happened in between.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from acme_sdk.catalog import Partition, Stream
from acme_sdk.errors import AcmeError, ConfigurationError, SkippableError
from acme_sdk.health import ConnectionReport, HealthReport, HealthStatus, check_health
from acme_sdk.load import Load, LoadPlan, StreamState, WriteMode
from acme_sdk.position import Checkpoint, Position
from acme_sdk.row import Row

if TYPE_CHECKING:
    import pyarrow as pa

    from acme_sdk.config import ConnectorConfig
    from acme_sdk.encoded import Columns
    from acme_sdk.http import HttpSession

__all__ = [
    "BatchSource",
    "Connector",
    "DestinationConnector",
    "SourceConnector",
    "StagedDestination",
]


class Connector(ABC):
    """What sources and destinations have in common."""

    #: ``source`` or ``destination``.
    role: ClassVar[str]

    _http: HttpSession | None = None
    #: What keeps the records that `reject` puts aside; set by who runs the connector.
    _on_reject: Callable[[Mapping[str, Any], str], None] | None = None

    @classmethod
    def config_schema(cls) -> dict[str, dict[str, Any]]:
        """Return the configuration's fields; see `acme_sdk.config`. None by default: any field is taken."""
        return {}

    @property
    def http(self) -> HttpSession:
        """An HTTP session with time-outs, retries and ``Retry-After``; closed after ``teardown``."""
        # Most connectors to databases never ask for it.
        from acme_sdk.http import HttpSession

        if self._http is None:
            self._http = HttpSession()
        return self._http

    def setup(self, config: ConnectorConfig) -> None:  # noqa: B027 - optional for authors
        """Get ready to work. Called once, before anything else."""

    def health_check(self) -> bool | HealthReport:
        """Tell whether the other side is reachable and lets us work."""
        raise NotImplementedError

    def test_connection(self) -> ConnectionReport:
        """Report what is on the other side: server version, database, number of tables.

        By default a passed ``health_check`` is all that can be said.

        Raises:
            AcmeError: The health check failed.
        """
        report = check_health(self)
        if report.status is HealthStatus.UNHEALTHY:
            raise AcmeError(report.message or "health check failed", code=report.code, hint=report.hint)
        return ConnectionReport(server_version=report.server_version, latency_ms=report.latency_ms)

    def reject(self, row: Mapping[str, Any], reason: str) -> None:
        """Put a record aside that cannot be read properly, instead of failing or dropping it in silence.

        It is kept in the dead-letter file with the reason, counted and shown; too many stop the sync.

        Args:
            row: What there is of the record.
            reason: What is wrong with it, for people.

        Raises:
            SkippableError: Nobody is there to keep it: the connector is not run by the sync engine.
        """
        if self._on_reject is None:
            raise SkippableError(f"a record was rejected: {reason}", code="row.rejected")
        self._on_reject(row, reason)

    def teardown(self) -> None:  # noqa: B027 - optional for authors
        """Give back what ``setup`` took. Called exactly once, also after a failure."""


class SourceConnector(Connector):
    """Where records come from."""

    role = "source"

    def streams(self) -> Sequence[Stream]:
        """Return what can be read. By default one stream, named after the class, its columns learnt."""
        return [Stream(default_stream_name(type(self)))]

    def partitions(self, stream: Stream) -> Sequence[Partition]:
        """Return the parts that a stream can be read in, side by side; none for a stream read as a whole.

        Parts are read by several threads, so what ``extract_stream`` uses must bear that; ``self.http`` does.
        """
        return ()

    def extract(self, last_run: datetime | None = None) -> Iterator[Row | Checkpoint]:
        """Yield the records that are new or changed since ``last_run``; enough for a source of one stream.

        Args:
            last_run: Start of the last successful extraction, in UTC; ``None`` on the first run.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither extract() nor extract_stream()")

    def extract_stream(self, stream: Stream, position: Position) -> Iterator[Row | Checkpoint]:
        """Yield a stream's records from a position on; for sources of several streams, or with checkpoints.

        By default `extract`, which knows only of ``last_run``.

        Args:
            stream: One of `streams`, its cursor field as the pipeline wants it.
            position: Where to begin, and the part to read where the stream has `partitions`.
        """
        return self.extract(position.last_run)


class BatchSource(SourceConnector):
    """A source that reads columns: Arrow record batches instead of rows."""

    @abstractmethod
    def extract_batches(self, stream: Stream, resume_from: str | None = None) -> Iterator[Columns]:
        """Yield the stream's records as batches that all have the stream's schema.

        A batch is an Arrow record batch, or an `acme_sdk.encoded.EncodedBatch`.

        Args:
            stream: One of `streams`, its cursor field as the pipeline wants it.
            resume_from: Only records whose cursor field is this value or higher, as text; ``None`` for all.
        """

    def extract_range(self, stream: Stream, begin: str, end: str) -> Iterator[Columns]:
        """Yield the records of a range of the cursor field, for a backfill.

        By default all from its begin on: what lies outside is left out by the sync.

        Args:
            stream: One of `streams`, its cursor field as the pipeline wants it.
            begin: The lowest value, as text.
            end: The highest value, as text.
        """
        return self.extract_batches(stream, begin)

    def stream(self, name: str) -> Stream:
        """Return one stream by name.

        Raises:
            ConfigurationError: There is none of that name (code ``stream.unknown``).
        """
        known = {stream.name: stream for stream in self.streams()}
        if name not in known:
            raise ConfigurationError(
                f"there is no stream {name!r} in this source",
                code="stream.unknown",
                hint=f"it has {', '.join(sorted(known)[:20]) or 'none at all'}",
            )
        return known[name]

    def extract(self, last_run: datetime | None = None) -> Iterator[Row]:
        """Yield the rows of the source's only stream, all of them.

        Raises:
            ConfigurationError: The source has several streams.
        """
        from acme_sdk.columns import to_rows
        from acme_sdk.encoded import decoded

        streams = self.streams()
        if len(streams) != 1:
            raise ConfigurationError(
                f"this source has {len(streams)} streams: say which one",
                code="stream.ambiguous",
                hint="call extract_batches(stream), or sync a pipeline that names its streams",
            )
        for batch in self.extract_batches(streams[0]):
            yield from to_rows(decoded(batch))


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

        With it, ``acme test-connector`` compares what is there with what was written.
        """
        raise NotImplementedError


class StagedDestination(DestinationConnector):
    """A destination with transactions: rows and checkpoint commit together; see `acme_sdk.load`."""

    #: The target of `load`, as ``table`` or ``schema.table``; ``setup`` takes it from the configuration.
    default_table: str | None = None
    #: The columns that identify a row of it.
    default_primary_key: tuple[str, ...] = ()

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
        # No pipeline can have this name, so that no pipeline meets this checkpoint.
        return LoadPlan(
            "(direct load)",
            self.default_table,
            self.default_table,
            write_mode,
            self.default_primary_key,
            run_id=uuid4().hex,
        )


def default_stream_name(connector: type[Connector]) -> str:
    """``MySource`` → ``my_source``."""
    name = connector.__name__
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))

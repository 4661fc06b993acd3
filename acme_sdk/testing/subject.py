"""The connector under test, and the ways in which checks handle it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from random import Random
from types import new_class
from typing import Any

from acme_sdk.catalog import Stream
from acme_sdk.config import ConnectorConfig, validate_config
from acme_sdk.connector import Connector
from acme_sdk.destination import DestinationConnector
from acme_sdk.http import HttpSession
from acme_sdk.lifecycle import open_connector
from acme_sdk.position import Checkpoint, Position
from acme_sdk.row import Row
from acme_sdk.secrets import Redactor
from acme_sdk.source import BatchSource, SourceConnector
from acme_sdk.testing.exchanges import Exchange, listened
from acme_sdk.testing.extraction import Extraction, Read
from acme_sdk.testing.findings import Problem
from acme_sdk.testing.result import Connector as Named
from acme_sdk.testing.samples import declared_modes, sample_rows
from acme_sdk.testing.secrecy import marked_secrets, suspected_secrets
from acme_sdk.testing.settings import ProcessSettings

__all__ = ["RecordingConfig", "Subject"]

#: How many rows of a stream are kept to be looked at.
_KEEP_ROWS = 50_000


class RecordingConfig(ConnectorConfig):
    """A configuration that remembers which fields were read."""

    def __init__(self, config: ConnectorConfig, secrets: tuple[str, ...]) -> None:
        super().__init__(config, secrets)
        self.read: set[str] = set()

    def __getitem__(self, field: str) -> Any:
        self.read.add(field)
        return super().__getitem__(field)


class Subject:
    """A connector class with a configuration that it should work with.

    Args:
        kind: The class.
        config: The configuration as the user wrote it, references included.
        file: The file that the class was loaded from.
        settings: What its author changes in the process.
        seed: What decides where chance does.
    """

    def __init__(
        self,
        kind: type[Connector],
        config: Mapping[str, Any],
        file: Path,
        settings: ProcessSettings,
        seed: int = 0,
    ) -> None:
        self.kind = kind
        self.settings = settings
        self.config = dict(config)
        self.file = file
        self.seed = seed
        self.progress: Extraction | None = None
        """The extraction under way, for the message when it does not end."""
        self.errands: list[Callable[[], None]] = []
        """What is to be done while a check does nothing but wait; what is left, at the end."""

    @property
    def named(self) -> Named:
        """The class, for results."""
        return Named(self.kind.__name__, self.kind.role)

    @cached_property
    def schema(self) -> Mapping[str, Mapping[str, Any]]:
        """What ``config_schema()`` returns."""
        return self.kind.config_schema() or {}

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The configuration as ``setup`` gets it: references resolved, defaults filled in."""
        return validate_config(self.schema, self.config)

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The values of the fields marked as secret, references resolved."""
        return tuple(dict.fromkeys(marked_secrets(self.schema, self.values)))

    @cached_property
    def redactor(self) -> Redactor:
        """Removes from text what is secret, and what looks as if it were."""
        try:
            known = (*self.secrets, *suspected_secrets(self.values))
        except Exception:  # noqa: BLE001 - a broken config_schema() is for config.schema to report
            # Nobody can say which values are secret, so none is shown.
            known = tuple(value for value in self.config.values() if isinstance(value, str))
        return Redactor((*known, *suspected_secrets(self.config)))

    @property
    def has_health_check(self) -> bool:
        """Whether the author wrote a ``health_check()``."""
        return self.kind.health_check is not Connector.health_check

    def open(
        self, config: Mapping[str, Any] | None = None, *, http: HttpSession | None = None, **members: Any
    ) -> AbstractContextManager[Any]:
        """Set the connector up for the time of a ``with`` block, as the engine does.

        Args:
            config: Another configuration than the user's.
            http: The session behind ``self.http``.
            members: Methods to put before the class's own, to listen in.
        """
        if http is not None:
            members["_http"] = http
        kind = self.kind
        if members:
            own = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
            kind = new_class(kind.__name__, (kind,), exec_body=lambda body: body.update(own | members))
        return open_connector(kind, self.config if config is None else config)

    def chance(self, what: str) -> Random:
        """Return random numbers for one purpose; the same ones each time for the same seed."""
        return Random(f"{self.seed}/{what}")  # noqa: S311 - to choose rows, not keys

    def where(self, stream: str) -> str:
        """Return how a message begins that is about a stream; nothing if there is only one."""
        return f"stream {stream!r}: " if len(self.declared) > 1 else ""

    def read(self, connector: SourceConnector, position: Position | None = None) -> Iterator[Read]:
        """Yield the rows of all streams, one stream after the other, each in its parts if it has some."""
        for stream in self.streams(connector):
            for item in self.read_stream(connector, stream, position or Position()):
                if not isinstance(item, Checkpoint):
                    yield Read(stream.name, item)

    def streams(self, connector: SourceConnector) -> list[Stream]:
        """Return the source's streams.

        Raises:
            Problem: There is something else in their place.
        """
        found = connector.streams()
        if isinstance(found, (str, Mapping)) or not hasattr(found, "__iter__"):
            raise Problem(f"streams() returned {type(found).__name__}, not a list of Stream", _STREAMS_HINT)
        found = list(found)
        for stream in found:
            if not isinstance(stream, Stream):
                raise Problem(
                    f"streams() returned a list with {type(stream).__name__} in it, not of Stream",
                    _STREAMS_HINT,
                )
        return found

    def read_stream(self, connector: SourceConnector, stream: Stream, position: Position) -> Iterator[Any]:
        """Yield what the source yields for a stream, checkpoints included, from all its parts.

        With a partition in the position, only that part is read.
        """
        if isinstance(connector, BatchSource):
            from acme_sdk.encoded import decoded  # with Arrow, which most sources do without

            for batch in connector.extract_batches(stream, position.cursor):
                yield from (Row(record) for record in decoded(batch).to_pylist())
            return
        parts: Sequence[Any] = (position.partition,)
        if position.partition is None:
            parts = tuple(connector.partitions(stream)) or parts
        for part in parts:
            yield from self.read_part(connector, stream, replace(position, partition=part))

    def read_part(self, connector: SourceConnector, stream: Stream, position: Position) -> Iterator[Any]:
        """Yield what the source yields for exactly this position, checkpoints included."""
        yield from self.items(connector, stream, position)

    def items(self, connector: SourceConnector, stream: Stream, position: Position | None = None) -> Any:
        """Return what the source's method itself returns: most often a generator."""
        if isinstance(connector, BatchSource):
            return connector.extract_batches(stream)
        rows = connector.extract_stream(stream, position or Position())
        if not hasattr(rows, "__iter__"):
            name = "extract" if type(connector).extract is not SourceConnector.extract else "extract_stream"
            raise Problem(
                f"{name}() returned {type(rows).__name__}, nothing that can be iterated over",
                "write it as a generator: `yield Row(…)` for each record",
            )
        return rows

    @contextmanager
    def errand(self) -> Iterator[None]:
        """Run an errand, if there is one, beside a ``with`` block that waits."""
        if not self.errands:
            yield
            return
        thread = threading.Thread(target=self.errands.pop(), name="errand")
        thread.start()
        try:
            yield
        finally:
            thread.join()

    @contextmanager
    def watching(self, keep: int = 0) -> Iterator[Extraction]:
        """Observe an extraction, and keep some rows; how far it came is known also when it hangs."""
        self.progress = Extraction(keep)
        try:
            yield self.progress
        finally:
            self.progress = None

    def extract(
        self, position: Position | None = None, *, http: HttpSession | None = None, keep: int = 0
    ) -> Extraction:
        """Set up, extract everything, tear down."""
        with self.open(http=http) as connector, self.watching(keep) as seen:
            return seen.watch(self.read(connector, position))

    def use(self, connector: Any) -> int | None:
        """Extract everything, or load a row; return the number of rows of a source."""
        if isinstance(connector, DestinationConnector):
            connector.load(sample_rows(1), declared_modes(type(connector))[0])
            return None
        with self.watching() as seen:
            return seen.watch(self.read(connector)).rows

    def run(self, config: Mapping[str, Any] | None = None) -> None:
        """Set up, ask for the health, use, tear down.

        Args:
            config: Another configuration than the user's.
        """
        with self.open(config) as connector:
            if self.has_health_check:
                connector.health_check()
            self.use(connector)

    @property
    def extracted(self) -> Extraction | None:
        """The `baseline`, if it was done already."""
        return self.__dict__.get("baseline")

    @cached_property
    def baseline(self) -> Extraction:
        """A full extraction with nothing in its way, done once."""
        session = HttpSession()
        during = listened(session)
        with self.open(http=session) as connector, self.watching(_KEEP_ROWS) as seen:
            during.clear()
            self.declared: list[Stream] = self.streams(connector)
            seen.watch(_noting(self.read(connector), lambda: self._note(len(during))))
        self._exchanges = during
        return seen

    @cached_property
    def again(self) -> Extraction:
        """A second full extraction by another instance, done once."""
        return self.extract(keep=_KEEP_ROWS)

    def _note(self, requests: int) -> None:
        self.requests_before_first_row = requests

    @property
    def exchanges(self) -> list[Exchange]:
        """What the baseline extraction asked for by ``self.http``, without what ``setup`` did."""
        assert self.baseline is not None  # noqa: S101 - extracts, the first time
        return self._exchanges


_STREAMS_HINT = 'return a list: `return [Stream("orders", primary_key=("id",)), Stream("customers")]`'


def _noting(reads: Iterator[Read], note: Callable[[], None]) -> Iterator[Read]:
    """Call a function before the first thing that comes."""
    first = next(reads, None)
    if first is None:
        return
    note()
    yield first
    yield from reads

"""The connector under test, and the ways in which checks handle it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from types import new_class
from typing import Any

from acme_sdk.config import ConnectorConfig, validate_config
from acme_sdk.connector import BatchSource, Connector, SourceConnector
from acme_sdk.http import HttpSession
from acme_sdk.lifecycle import open_connector
from acme_sdk.row import Row
from acme_sdk.secrets import Redactor
from acme_sdk.testing.extraction import Extraction
from acme_sdk.testing.findings import Problem
from acme_sdk.testing.result import Connector as Named
from acme_sdk.testing.secrecy import marked_secrets, suspected_secrets

__all__ = ["Exchange", "RecordingConfig", "Subject"]


class Exchange:
    """One request that a connector sent by ``self.http``, and the answer.

    Attributes:
        method: ``GET``, ``POST``, …
        is_json: Whether the answer is JSON.
    """

    def __init__(self, response: Any) -> None:
        self.method: str = response.request.method
        self.is_json: bool = "json" in response.headers.get("Content-Type", "").lower()


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
    """

    def __init__(self, kind: type[Connector], config: Mapping[str, Any], file: Path) -> None:
        self.kind = kind
        self.config = dict(config)
        self.file = file
        self.progress: Extraction | None = None
        """The extraction under way, for the message when it does not end."""

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

    def read(self, connector: SourceConnector, *arguments: Any) -> Iterator[Any]:
        """Yield whatever the source yields for ``extract(*arguments)``; of several streams, the first."""
        if isinstance(connector, BatchSource):
            for batch in connector.extract_batches(next(iter(connector.streams()))):
                yield from (Row(record) for record in batch.to_pylist())
            return
        rows = connector.extract(*arguments)
        if not hasattr(rows, "__iter__"):
            raise Problem(
                f"extract() returned {type(rows).__name__}, nothing that can be iterated over",
                "write it as a generator: `yield Row(…)` for each record",
            )
        yield from rows

    @contextmanager
    def watching(self) -> Iterator[Extraction]:
        """Observe an extraction; how far it came is known also when it hangs."""
        self.progress = Extraction()
        try:
            yield self.progress
        finally:
            self.progress = None

    def extract(self, *arguments: Any, http: HttpSession | None = None, **members: Any) -> Extraction:
        """Set up, extract everything, tear down."""
        with self.open(http=http, **members) as connector, self.watching() as seen:
            return seen.watch(self.read(connector, *arguments))

    @property
    def extracted(self) -> Extraction | None:
        """The `baseline`, if it was done already."""
        return self.__dict__.get("baseline")

    @cached_property
    def baseline(self) -> Extraction:
        """A full extraction with nothing in its way, done once."""
        session = HttpSession()
        during: list[Exchange] = []
        session.hooks["response"].append(lambda response, *_, **__: during.append(Exchange(response)))
        with self.open(http=session) as connector, self.watching() as seen:
            during.clear()
            seen.watch(self.read(connector))
        self._exchanges = during
        return seen

    @property
    def exchanges(self) -> list[Exchange]:
        """What the baseline extraction asked for by ``self.http``, without what ``setup`` did."""
        assert self.baseline is not None  # noqa: S101 - extracts, the first time
        return self._exchanges

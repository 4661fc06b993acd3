"""A pipeline with both its connectors open, for the commands that work on one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from acme.cli.workspace import Where

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry, StreamEntry
    from acme_orchestration.registry.workspace import Workspace
    from acme_sdk.config import ConnectorConfig
    from acme_sdk.connector import Connector
    from acme_sdk.destination import DestinationConnector
    from acme_sdk.secrets import Redactor
    from acme_sdk.source import SourceConnector
    from acme_sdk.sync import FileStateStore

__all__ = ["OpenPipeline", "open_destination", "open_pipeline", "print_names"]


@dataclass(frozen=True)
class OpenPipeline:
    """A pipeline at work.

    Attributes:
        entry: What is declared.
        streams: Those of its streams that were chosen.
        source: The source, set up.
        destination: The destination, set up.
        folder: Where files of the workspace's own are.
        redactors: Remove the secrets of both.
    """

    entry: PipelineEntry
    streams: Sequence[StreamEntry]
    source: SourceConnector
    destination: DestinationConnector
    folder: Path
    redactors: Sequence[Redactor]

    @property
    def files(self) -> FileStateStore:
        """Where states are for a destination that cannot keep them."""
        from acme_sdk.sync import FileStateStore

        return FileStateStore(self.folder / "state")

    def require_one_stream(self, option: str) -> None:
        """Check that one stream was chosen, since an option is about one.

        Raises:
            ConfigurationError: There are several (code ``stream.ambiguous``).
        """
        from acme_sdk.errors import ConfigurationError

        if len(self.streams) > 1:
            raise ConfigurationError(
                f"the pipeline {self.entry.name} has several streams, and {option} goes with one",
                code="stream.ambiguous",
                hint=f"choose with --stream: {', '.join(filter(None, (s.stream for s in self.streams)))}",
            )


@contextmanager
def open_pipeline(where: Where, name: str, stream: str | None = None) -> Iterator[OpenPipeline]:
    """Set up both connectors of a pipeline; errors that leave the block have their secrets removed.

    Args:
        where: The workspace.
        name: The pipeline.
        stream: The one stream that is wanted; ``None`` for all.

    Raises:
        AcmeError: There is no such pipeline or stream, or one of its connectors cannot be used.
    """
    from acme_sdk.destination import DestinationConnector
    from acme_sdk.source import SourceConnector

    workspace = where.workspace()
    entry = _entry(workspace, name)
    streams = _streams(entry, stream)
    ends = [_configured(end, workspace.folder) for end in _ends(workspace, (entry.source, entry.destination))]
    with ExitStack() as stack:
        source, destination = (stack.enter_context(_connected(end)) for end in ends)
        assert isinstance(source, SourceConnector)  # noqa: S101 - the registry checked the roles
        assert isinstance(destination, DestinationConnector)  # noqa: S101 - as above
        redactors = [end.config.redactor for end in ends]
        yield OpenPipeline(entry, streams, source, destination, workspace.home, redactors)


@contextmanager
def open_destination(where: Where, name: str) -> Iterator[tuple[Workspace, DestinationConnector]]:
    """Set up a destination alone, and yield it with the workspace; see `open_pipeline`.

    Raises:
        AcmeError: There is no such destination, or it cannot be used.
    """
    from acme_sdk.destination import DestinationConnector
    from acme_sdk.errors import ConfigurationError

    workspace = where.workspace()
    known = [entry.name for entry in workspace.connectors.values() if entry.role == "destination"]
    if name not in known:
        raise ConfigurationError(
            f"there is no destination {name!r} in {_places(workspace)}",
            code="connector.unknown",
            hint=f"it has {', '.join(known) or 'none'}",
        )
    [entry] = _ends(workspace, (name,))
    with _connected(_configured(entry, workspace.folder)) as destination:
        assert isinstance(destination, DestinationConnector)  # noqa: S101 - the registry checked the role
        yield workspace, destination


def print_names(stream: str, names: Mapping[str, str]) -> None:
    """Say which columns of a stream have another name in the target."""
    for source, target in names.items():
        click.echo(f"{stream}: column {source!r} is {target!r} in the target")


def _entry(workspace: Workspace, name: str) -> PipelineEntry:
    from difflib import get_close_matches

    from acme_sdk.errors import ConfigurationError

    if name not in workspace.pipelines:
        close = get_close_matches(name, workspace.pipelines, n=1)
        raise ConfigurationError(
            f"there is no pipeline {name!r} in {_places(workspace)}",
            code="pipeline.unknown",
            hint=f"did you mean {close[0]!r}?"
            if close
            else f"there are {', '.join(workspace.pipelines) or 'none'}",
        )
    entry = workspace.pipelines[name]
    if entry.fault is not None:
        raise ConfigurationError(entry.fault, hint=f"correct it in {workspace.path}")
    return entry


def _places(workspace: Workspace) -> str:
    if workspace.registry is None:
        return str(workspace.path)
    unread = ", which cannot be read" if workspace.revision is None else ""
    return f"{workspace.path}, nor in the registry{unread}"


def _streams(entry: PipelineEntry, name: str | None) -> Sequence[StreamEntry]:
    from acme_sdk.errors import ConfigurationError

    chosen = [stream for stream in entry.streams if name is None or stream.stream == name]
    if not chosen:
        known = ", ".join(stream.stream or "the source's only stream" for stream in entry.streams)
        raise ConfigurationError(
            f"the pipeline {entry.name} has no stream {name!r}", code="stream.unknown", hint=f"it has {known}"
        )
    return chosen


def _ends(workspace: Workspace, names: Sequence[str]) -> list[ConnectorEntry]:
    """Return some connectors, in which no secret stands in the clear."""
    from dataclasses import replace

    from acme_orchestration.registry.verification import verify
    from acme_sdk.errors import ConfigurationError

    used = replace(workspace, connectors={name: workspace.connectors[name] for name in names})
    ends = list(verify(used).connectors.values())
    for end in ends:
        if fault := f"the connector {end.name} is disabled" if end.disabled else end.fault:
            raise ConfigurationError(fault, hint=f"correct it in {workspace.path}")
    return ends


@dataclass(frozen=True)
class _End:
    """One of the two connectors, checked and with its secrets resolved."""

    name: str
    kind: type[Connector]
    config: ConnectorConfig


def _configured(entry: ConnectorEntry, folder: Path) -> _End:
    from acme_sdk.config import validate_config
    from acme_sdk.plugins import connector_class

    kind = connector_class(entry.type, entry.role, folder)
    return _End(entry.name, kind, validate_config(kind.config_schema(), entry.config, connector=entry.name))


@contextmanager
def _connected(end: _End) -> Iterator[Connector]:
    """Set a connector up; errors that leave the block have its secrets removed."""
    from acme_sdk.failures import without_secrets
    from acme_sdk.lifecycle import open_connector

    try:
        with open_connector(end.kind, end.config, name=end.name) as connector:
            yield connector
    except Exception as error:  # noqa: BLE001 - an author's setup() or teardown() may raise anything
        raise without_secrets(error, end.config.redactor) from None

"""``acme state``: how far the streams of a pipeline have come, to look at and to change."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from acme.cli.columns import cursor_cell, print_columns
from acme.cli.pipeline import (
    OpenPipeline,
    env_option,
    file_option,
    open_pipeline,
    print_error,
    print_names,
)

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import StreamEntry
    from acme_sdk.load import StreamState
    from acme_sdk.sync.snapshot import Snapshot
    from acme_sdk.sync.state import StateStore

__all__ = ["command"]

_stream_option = click.option("--stream", metavar="NAME", help="Only this stream of the pipeline.")


@click.group(name="state")
def command() -> None:
    """Show and change how far the streams of a pipeline of connectors.yaml have come.

    No stream's state is changed while a sync runs. Exit codes: 0 done, 1 nothing was changed.
    """


@command.command()
@click.argument("pipeline")
@file_option
@env_option
@_stream_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as 'acme state export' does.")
def show(pipeline: str, path: Path, environment: str | None, stream: str | None, as_json: bool) -> None:
    """Show the state of PIPELINE."""
    with _working(path, environment, pipeline, stream) as streams:
        snapshot = _snapshot(pipeline, streams)
    if as_json:
        click.echo(json.dumps(snapshot.to_json(), indent=2))
        return
    cells = (_cells(one.name, snapshot.states.get(one.name)) for one in streams)
    print_columns([("Stream", "Last run", "Cursor", "Run"), *cells])
    for one in streams:
        print_names(one.name, _names(snapshot.states.get(one.name)))


@command.command()
@click.argument("pipeline")
@file_option
@env_option
def export(pipeline: str, path: Path, environment: str | None) -> None:
    """Print the state of PIPELINE as JSON, for 'acme state set'."""
    with _working(path, environment, pipeline) as streams:
        snapshot = _snapshot(pipeline, streams)
    click.echo(json.dumps(snapshot.to_json(), indent=2))


@command.command(name="set")
@click.argument("pipeline")
@click.argument("source", metavar="[FILE|-]", required=False, type=click.File())
@file_option
@env_option
@_stream_option
@click.option("--cursor", metavar="VALUE", help="Where the next sync of the stream begins.")
def set_(
    pipeline: str, source: Any, path: Path, environment: str | None, stream: str | None, cursor: str | None
) -> None:
    """Put an exported state of PIPELINE back, or move a stream's cursor.

    FILE is what 'acme state export' printed; streams that are not in it keep their state. Without a FILE,
    --cursor says where the next sync begins.
    """
    if (source is None) == (cursor is None):
        raise click.UsageError("give either a FILE or --cursor VALUE")
    if cursor is None:
        with _working(path, environment, pipeline, stream) as streams:
            snapshot = _read(source)
            _require_streams(snapshot, streams, stream)
            _put_back(snapshot, streams)
        return
    with _working(path, environment, pipeline, stream) as streams:
        streams[0].opened.require_one_stream("--cursor")
        _move(streams[0], cursor)


@command.command()
@click.argument("pipeline")
@file_option
@env_option
@_stream_option
def reset(pipeline: str, path: Path, environment: str | None, stream: str | None) -> None:
    """Forget the state of PIPELINE: its next sync reads everything.

    What syncs that broke off have left in the destination is removed as well.
    """
    with _working(path, environment, pipeline, stream) as streams, _held(streams):
        for one in streams:
            one.store.remove(one.pipeline, one.name)
            click.echo(f"{one.name}: forgotten; the next sync reads everything")
            if one.entry.write_mode == "append":
                click.echo(
                    f"{one.name}: that sync appends; with --full-refresh, it replaces what the target holds"
                )


@dataclass(frozen=True)
class _Stream:
    """A stream of the pipeline, under its own name, and where its state is."""

    name: str
    entry: StreamEntry
    store: StateStore
    opened: OpenPipeline

    @property
    def pipeline(self) -> str:
        return self.opened.entry.name

    def state(self) -> StreamState | None:
        return self.store.load(self.pipeline, self.name)


@contextmanager
def _working(
    path: Path, environment: str | None, pipeline: str, stream: str | None = None
) -> Iterator[list[_Stream]]:
    """Yield the streams of a pipeline that is open; what goes wrong is printed and ends the command."""
    from acme_sdk.errors import AcmeError
    from acme_sdk.sync.names import target_table
    from acme_sdk.sync.plan import find_stream
    from acme_sdk.sync.state import state_store

    try:
        with open_pipeline(path, environment, pipeline, stream) as opened:
            streams = []
            for entry in opened.streams:
                name = find_stream(opened.source, entry.stream).name
                store = state_store(
                    opened.destination, target_table(opened.destination, name, entry.table), opened.files
                )
                streams.append(_Stream(name, entry, store, opened))
            yield streams
    except AcmeError as error:
        print_error(error)
        sys.exit(1)


@contextmanager
def _held(streams: Sequence[_Stream]) -> Iterator[None]:
    """Keep syncs from some streams, or fail before any of them is changed."""
    run_id = f"state_{uuid4().hex}"
    with ExitStack() as stack:
        for one in streams:
            stack.enter_context(one.store.exclusive(one.pipeline, one.name, run_id))
        yield


def _snapshot(pipeline: str, streams: Sequence[_Stream]) -> Snapshot:
    from acme_sdk.sync.snapshot import Snapshot

    states = ((one.name, one.state()) for one in streams)
    return Snapshot(pipeline, {name: state for name, state in states if state is not None})


def _read(file: Any) -> Snapshot:
    from acme_sdk.errors import ConfigurationError
    from acme_sdk.sync.snapshot import Snapshot

    try:
        data = json.load(file)
    except ValueError:
        raise ConfigurationError(
            "the file is no JSON", code="state.invalid", hint="use a file that 'acme state export' wrote"
        ) from None
    return Snapshot.from_json(data)


def _require_streams(snapshot: Snapshot, streams: Sequence[_Stream], only: str | None) -> None:
    """Refuse a file of other streams than the pipeline's, or without the one that is wanted."""
    from acme_sdk.errors import ConfigurationError

    known = [one.name for one in streams]
    if only is not None and known[0] not in snapshot.states:
        raise ConfigurationError(
            f"the file has no state of stream {known[0]!r}",
            code="stream.unknown",
            hint=f"it has {', '.join(snapshot.states) or 'none at all'}",
        )
    unknown = [name for name in snapshot.states if name not in known]
    if only is None and unknown:
        raise ConfigurationError(
            f"the file has a stream {unknown[0]!r}, and the pipeline has not",
            code="stream.unknown",
            hint=f"it has {', '.join(known)}",
        )


def _put_back(snapshot: Snapshot, streams: Sequence[_Stream]) -> None:
    from acme_sdk.sync.snapshot import stored_anew

    chosen = [one for one in streams if one.name in snapshot.states]
    with _held(chosen):
        for one in chosen:
            state = stored_anew(snapshot.states[one.name], one.pipeline, one.name)
            one.store.save(state)
            _print_change(one, state)


def _move(stream: _Stream, value: str) -> None:
    from acme_sdk.sync.plan import planned_stream
    from acme_sdk.sync.rewind import rewound
    from acme_sdk.sync.snapshot import stored_anew

    source, destination = stream.opened.source, stream.opened.destination
    plan = stream.opened.entry.plan(stream.entry)
    planned = planned_stream(source, destination, plan)
    with _held([stream]):
        state = rewound(source, plan, planned, stream.state(), value)
        stream.store.save(stored_anew(state, stream.pipeline, stream.name))
    _print_change(stream, state)


def _print_change(stream: _Stream, state: StreamState) -> None:
    _, last_run, cursor, _ = _cells(stream.name, state)
    click.echo(f"{stream.name}: " + (f"the next sync begins at {cursor}" if cursor else f"as of {last_run}"))


def _names(state: StreamState | None) -> Mapping[str, str]:
    from acme_sdk.sync.details import Details

    return Details.from_json(state.details if state else None).names


def _cells(name: str, state: StreamState | None) -> tuple[str, str, str, str]:
    if state is None:
        return name, "never", "", ""
    last_run = state.last_run.isoformat(" ", "seconds") if state.last_run else "none that ended"
    if state.progress is not None:
        last_run += ", then one broke off"
    return name, last_run, cursor_cell(state.cursor_field, state.cursor), state.run_id

"""``acme state``: how far the streams of a pipeline have come, to look at and to change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from acme.cli.columns import print_columns
from acme.cli.errors import failing_plainly
from acme.cli.leftovers import Leftover, left_of, left_of_pipeline, left_of_pipelines
from acme.cli.pipeline import open_destination, print_names
from acme.cli.streams import PipelineStream, held, state_cells, working
from acme.cli.workspace import Where, where_options

if TYPE_CHECKING:
    from acme_sdk.load import StreamState
    from acme_sdk.sync.snapshot import Snapshot

__all__ = ["command"]

_stream_option = click.option("--stream", metavar="NAME", help="Only this stream of the pipeline.")


@click.group(name="state")
def command() -> None:
    """Show and change how far the streams of a pipeline of connectors.yaml have come.

    No stream's state is changed while a sync runs. Exit codes: 0 done, 1 nothing was changed.
    """


@command.command()
@click.argument("pipeline")
@where_options
@_stream_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as 'acme state export' does.")
def show(pipeline: str, where: Where, stream: str | None, as_json: bool) -> None:
    """Show the state of PIPELINE, and of streams that it has no more."""
    with working(where, pipeline, stream) as streams:
        snapshot = _snapshot(pipeline, streams)
        left = _left(streams) if stream is None else []
        removed = [state_cells(f"{one.name} (not in the pipeline any more)", one.state()) for one in left]
    if as_json:
        click.echo(json.dumps(snapshot.to_json(), indent=2))
        return
    cells = (state_cells(one.name, snapshot.states.get(one.name)) for one in streams)
    print_columns([("Stream", "Last run", "Cursor", "Run"), *cells, *removed])
    for one in streams:
        print_names(one.name, _names(snapshot.states.get(one.name)))


@command.command()
@click.argument("pipeline")
@where_options
def export(pipeline: str, where: Where) -> None:
    """Print the state of PIPELINE as JSON, for 'acme state set'."""
    with working(where, pipeline) as streams:
        snapshot = _snapshot(pipeline, streams)
    click.echo(json.dumps(snapshot.to_json(), indent=2))


@command.command(name="set")
@click.argument("pipeline")
@click.argument("source", metavar="[FILE|-]", required=False, type=click.File())
@where_options
@_stream_option
@click.option("--cursor", metavar="VALUE", help="Where the next sync of the stream begins.")
def set_(pipeline: str, source: Any, where: Where, stream: str | None, cursor: str | None) -> None:
    """Put an exported state of PIPELINE back, or move a stream's cursor.

    FILE is what 'acme state export' printed; streams that are not in it keep their state. Without a FILE,
    --cursor says where the next sync begins.
    """
    if (source is None) == (cursor is None):
        raise click.UsageError("give either a FILE or --cursor VALUE")
    if cursor is None:
        with working(where, pipeline, stream) as streams:
            snapshot = _read(source)
            _require_streams(snapshot, streams, stream)
            _put_back(snapshot, streams)
        return
    with working(where, pipeline, stream) as streams:
        streams[0].opened.require_one_stream("--cursor")
        _move(streams[0], cursor)


@command.command()
@click.argument("pipeline", required=False)
@where_options
@_stream_option
@click.option("--destination", metavar="NAME", help="Forget what pipelines that are gone have left there.")
@click.option("--yes", is_flag=True, help="Do not ask, with --destination.")
def reset(
    pipeline: str | None,
    where: Where,
    stream: str | None,
    destination: str | None,
    yes: bool,
) -> None:
    """Forget the state of PIPELINE: its next sync reads everything.

    What syncs that broke off have left in the destination is removed as well. --stream may also name a stream
    that the pipeline does not have any more.
    """
    if (pipeline is None) == (destination is None) or (destination is not None and stream is not None):
        raise click.UsageError("give either a PIPELINE or --destination NAME")
    if pipeline is not None:
        _reset_pipeline(where, pipeline, stream)
    elif destination is not None:
        _reset_destination(where, destination, ask=not yes)


def _reset_pipeline(where: Where, pipeline: str, stream: str | None) -> None:
    with working(where, pipeline) as everything:
        streams = [one for one in everything if stream in (None, one.name, one.entry.stream)]
        left = _left(everything) if stream is None else [] if streams else [_removed(everything, stream)]
        with held([*streams, *left]):
            _forget_left(left)
            _forget(streams)


def _reset_destination(where: Where, name: str, *, ask: bool) -> None:
    from acme_sdk.sync import FileStateStore

    with failing_plainly(), open_destination(where, name) as (workspace, destination):
        # Another connector may lead to the same place, so a pipeline counts wherever it ends.
        left = left_of_pipelines(destination, FileStateStore(workspace.home / "state"), workspace.pipelines)
        if not left:
            click.echo(f"{name}: nothing is left of pipelines that are gone")
            return
        rows = ((one.pipeline, *state_cells(one.name, one.state())) for one in left)
        print_columns([("Pipeline", "Stream", "Last run", "Cursor", "Run"), *rows])
        if ask:
            click.confirm(f"{where.path} has no such pipelines. Forget them?", abort=True)
        with held(left):
            _forget_left(left)


def _forget(streams: Sequence[PipelineStream]) -> None:
    for one in streams:
        one.store.remove(one.pipeline, one.name)
        click.echo(f"{one.name}: forgotten; the next sync reads everything")
        if one.entry.write_mode == "append":
            click.echo(
                f"{one.name}: that sync appends; with --full-refresh, it replaces what the target holds"
            )


def _left(streams: Sequence[PipelineStream]) -> list[Leftover]:
    """Return what is left of streams that a pipeline with these does not have any more."""
    opened = streams[0].opened
    names = {one.name for one in streams}
    return left_of_pipeline(opened.destination, opened.files, opened.entry.name, names)


def _removed(streams: Sequence[PipelineStream], name: str) -> Leftover:
    """Return the stream of a name that a pipeline with these does not have.

    Raises:
        ConfigurationError: It cannot have left anything (code ``stream.unknown``).
    """
    from acme_sdk.destination import StagedDestination
    from acme_sdk.errors import ConfigurationError

    opened = streams[0].opened
    left = left_of(opened.destination, opened.files, opened.entry.name, name)
    if not isinstance(opened.destination, StagedDestination) and left.state() is None:
        raise ConfigurationError(
            f"the pipeline {opened.entry.name} has no stream {name!r}, and never had a state of one",
            code="stream.unknown",
            hint=f"it has {', '.join(one.name for one in streams)}",
        )
    return left


def _forget_left(left: Sequence[Leftover]) -> None:
    for one in left:
        state = "forgotten" if one.state() is not None else "it has no state"
        one.store.remove(one.pipeline, one.name)
        click.echo(f"{one.name}: not in {one.pipeline} any more; {state}, and nothing of it is left")


def _snapshot(pipeline: str, streams: Sequence[PipelineStream]) -> Snapshot:
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


def _require_streams(snapshot: Snapshot, streams: Sequence[PipelineStream], only: str | None) -> None:
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


def _put_back(snapshot: Snapshot, streams: Sequence[PipelineStream]) -> None:
    from acme_sdk.sync.snapshot import stored_anew

    chosen = [one for one in streams if one.name in snapshot.states]
    with held(chosen):
        for one in chosen:
            state = stored_anew(snapshot.states[one.name], one.pipeline, one.name)
            one.store.save(state)
            _print_change(one, state)


def _move(stream: PipelineStream, value: str) -> None:
    from acme_sdk.sync.plan import planned_stream
    from acme_sdk.sync.rewind import rewound
    from acme_sdk.sync.snapshot import stored_anew

    source, destination = stream.opened.source, stream.opened.destination
    plan = stream.opened.entry.plan(stream.entry)
    planned = planned_stream(source, destination, plan)
    with held([stream]):
        state = rewound(source, plan, planned, stream.state(), value)
        stream.store.save(stored_anew(state, stream.pipeline, stream.name))
    _print_change(stream, state)


def _print_change(stream: PipelineStream, state: StreamState) -> None:
    _, last_run, cursor, _ = state_cells(stream.name, state)
    click.echo(f"{stream.name}: " + (f"the next sync begins at {cursor}" if cursor else f"as of {last_run}"))


def _names(state: StreamState | None) -> Mapping[str, str]:
    from acme_sdk.sync.details import Details

    return Details.from_json(state.details if state else None).names

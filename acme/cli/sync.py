"""``acme sync``: run a pipeline here and now, without Dagster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from acme_orchestration.registry.declared import Workspace
    from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry, StreamEntry
    from acme_sdk.config import ConnectorConfig
    from acme_sdk.connector import Connector
    from acme_sdk.encoded import Columns
    from acme_sdk.errors import AcmeError
    from acme_sdk.sync import SyncResult

__all__ = ["command"]


@click.command(name="sync")
@click.argument("pipeline")
@click.option(
    "--file",
    "path",
    default="connectors.yaml",
    envvar="ACME_WORKSPACE_FILE",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The file that declares the pipeline.",
)
@click.option("--stream", metavar="NAME", help="Sync only this stream of the pipeline.")
@click.option(
    "--full-refresh",
    is_flag=True,
    help="Forget how far the last sync came, and replace what the target holds.",
)
@click.pass_context
def command(
    context: click.Context, pipeline: str, path: Path, stream: str | None, full_refresh: bool
) -> None:
    """Run PIPELINE of connectors.yaml: load what is new since its last sync.

    Exit codes: 0 all streams are loaded, 1 one could not be.
    """
    from acme_sdk.errors import AcmeError

    results: list[SyncResult] = []
    error: AcmeError | None = None
    try:
        for result in _sync(path, pipeline, stream, full_refresh):
            results.append(result)
    except AcmeError as caught:
        error = caught
    if results:
        _print_results(results)
    if error is not None:
        _print_error(error)
        context.exit(1)


def _sync(path: Path, pipeline: str, stream: str | None, full_refresh: bool) -> Iterator[SyncResult]:
    """Sync the streams of a pipeline, one after the other."""
    from acme_orchestration.registry.declared import load_workspace
    from acme_sdk.connector import DestinationConnector, SourceConnector
    from acme_sdk.sync import FileStateStore, StreamPlan, sync_stream

    workspace = load_workspace(path)
    entry = _pipeline(workspace, pipeline)
    streams = _streams(entry, stream)
    ends = [_configured(end, workspace.folder) for end in _ends(workspace, entry)]
    folder = workspace.path.parent / ".acme"
    with ExitStack() as stack:
        source, destination = (stack.enter_context(_connected(end)) for end in ends)
        assert isinstance(source, SourceConnector)  # noqa: S101 - the registry checked the roles
        assert isinstance(destination, DestinationConnector)  # noqa: S101 - as above
        for planned in streams:
            plan = StreamPlan(
                pipeline=entry.name,
                stream=planned.stream,
                table=planned.table,
                write_mode=planned.write_mode,
                primary_key=planned.primary_key,
                cursor_field=planned.cursor,
                overlap=planned.overlap,
                max_rejected=entry.max_rejected,
                on_schema_change=entry.on_schema_change,
            )
            with _progress(planned.stream or entry.source) as count:
                result = sync_stream(
                    source,
                    destination,
                    plan,
                    state=FileStateStore(folder / "state"),
                    full_refresh=full_refresh,
                    on_batch=count,
                    rejected_folder=folder / "rejected",
                    redactors=[end.config.redactor for end in ends],
                )
            yield result


def _pipeline(workspace: Workspace, name: str) -> PipelineEntry:
    from difflib import get_close_matches

    from acme_sdk.errors import ConfigurationError

    if name not in workspace.pipelines:
        close = get_close_matches(name, workspace.pipelines, n=1)
        raise ConfigurationError(
            f"there is no pipeline {name!r} in {workspace.path}",
            code="pipeline.unknown",
            hint=f"did you mean {close[0]!r}?"
            if close
            else f"it has {', '.join(workspace.pipelines) or 'none'}",
        )
    entry = workspace.pipelines[name]
    if entry.fault is not None:
        raise ConfigurationError(entry.fault, hint=f"correct it in {workspace.path}")
    return entry


def _streams(entry: PipelineEntry, name: str | None) -> Sequence[StreamEntry]:
    from acme_sdk.errors import ConfigurationError

    chosen = [stream for stream in entry.streams if name is None or stream.stream == name]
    if not chosen:
        known = ", ".join(stream.stream or "the source's only stream" for stream in entry.streams)
        raise ConfigurationError(
            f"the pipeline {entry.name} has no stream {name!r}", code="stream.unknown", hint=f"it has {known}"
        )
    return chosen


def _ends(workspace: Workspace, entry: PipelineEntry) -> list[ConnectorEntry]:
    """Return source and destination, of which no secret stands in the clear."""
    from dataclasses import replace

    from acme_orchestration.registry.declared import verify
    from acme_sdk.errors import ConfigurationError

    names = (entry.source, entry.destination)
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
    from acme_sdk.errors import AcmeError
    from acme_sdk.failures import describe
    from acme_sdk.lifecycle import open_connector

    redact = end.config.redact
    try:
        with open_connector(end.kind, end.config, name=end.name) as connector:
            yield connector
    except Exception as error:  # noqa: BLE001 - an author's setup() or teardown() may raise anything
        failure = describe(error)
        hint = redact(failure.hint) if failure.hint else None
        raise AcmeError(redact(failure.message), code=failure.code, hint=hint) from None


@contextmanager
def _progress(stream: str) -> Iterator[Callable[[Columns], None] | None]:
    """Show the rows on a terminal as they are loaded; yields what counts a batch, where somebody looks."""
    if not sys.stdout.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    rate = TextColumn("{task.completed:,} rows  {task.fields[rate]:,.0f} rows/s")
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), rate, TimeElapsedColumn(),
        console=Console(highlight=False), transient=True,
    ) as progress:  # fmt: skip
        task = progress.add_task(stream, total=None, rate=0.0)

        def count(batch: Columns) -> None:
            [shown] = progress.tasks
            rows = shown.completed + batch.num_rows
            progress.update(task, completed=rows, rate=rows / max(shown.elapsed or 0.0, 0.001))

        yield count


def _print_results(results: Sequence[SyncResult]) -> None:
    lines = [("Stream", "Table", "Read", "Loaded", "Seconds", "Rows/s", "Cursor"), *map(_cells, results)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for stream, table, *numbers, cursor in lines:
        names = [stream.ljust(widths[0]), table.ljust(widths[1])]
        figures = [number.rjust(width) for number, width in zip(numbers, widths[2:-1], strict=True)]
        click.echo("  ".join([*names, *figures, cursor]).rstrip())
    for result in results:
        if result.rejected_file is not None:
            records = f"{result.rejected:,} record{'s' if result.rejected > 1 else ''}"
            click.echo(f"{result.stream}: {records} put aside in {result.rejected_file}")
        if result.discarded_values:
            click.echo(f"{result.stream}: {result.discarded_values:,} values left out")


def _cells(result: SyncResult) -> tuple[str, ...]:
    seconds = (result.finished_at - result.started_at).total_seconds()
    return (
        result.stream,
        result.table,
        f"{result.rows:,}",
        f"{result.loaded:,}",
        f"{seconds:.2f}",
        f"{result.rows / max(seconds, 0.001):,.0f}",
        f"{result.cursor_field} = {result.cursor}" if result.cursor is not None else "",
    )


def _print_error(error: AcmeError) -> None:
    click.secho(f"error: {error.message} [{error.code}]", fg="red", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)

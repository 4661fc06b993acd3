"""``acme sync``: run a pipeline here and now, without Dagster."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from acme.cli.columns import cursor_cell, print_columns
from acme.cli.errors import print_error
from acme.cli.pipeline import open_pipeline, print_names
from acme.cli.workspace import Where, where_options

if TYPE_CHECKING:
    from acme_sdk.encoded import Columns
    from acme_sdk.errors import AcmeError
    from acme_sdk.sync import SyncResult

__all__ = ["command"]


@click.command(name="sync")
@click.argument("pipeline")
@where_options
@click.option("--stream", metavar="NAME", help="Sync only this stream of the pipeline.")
@click.option(
    "--full-refresh",
    is_flag=True,
    help="Forget how far the last sync came, and replace what the target holds.",
)
@click.option(
    "--from", "begin", metavar="VALUE", help="Read rows again from this cursor value on, by upsert."
)
@click.option("--to", "end", metavar="VALUE", help="The last cursor value that is read again.")
@click.pass_context
def command(
    context: click.Context,
    pipeline: str,
    where: Where,
    stream: str | None,
    full_refresh: bool,
    begin: str | None,
    end: str | None,
) -> None:
    """Run PIPELINE of connectors.yaml: load what is new since its last sync.

    With --from and --to, load the rows of that range of the cursor again, and leave the state where it is.

    Exit codes: 0 all streams are loaded, 1 one could not be.
    """
    # Rows, and what is imported, are many objects without cycles: to look for some after every 700 costs a
    # sixth of a sync.
    gc.set_threshold(200_000, 20, 20)
    from acme_sdk.errors import AcmeError

    limits = None if begin is None or end is None else (begin, end)
    if (begin is None) != (end is None):
        raise click.UsageError("--from and --to go together")
    if limits and full_refresh:
        raise click.UsageError("--full-refresh reads everything: leave --from and --to out")
    results: list[SyncResult] = []
    error: AcmeError | None = None
    try:
        for result in _sync(where, pipeline, stream, full_refresh, limits):
            results.append(result)
    except AcmeError as caught:
        error = caught
    if results:
        _print_results(results)
    # What is there now goes with the process: to look for cycles in it would take a tenth of a small sync.
    gc.freeze()
    if error is not None:
        print_error(error)
        context.exit(1)


def _sync(
    where: Where,
    pipeline: str,
    stream: str | None,
    full_refresh: bool,
    limits: tuple[str, str] | None,
) -> Iterator[SyncResult]:
    """Sync the streams of a pipeline, one after the other; with limits, that range of its only one again."""
    from acme_sdk.sync import CursorRange, sync_stream

    with open_pipeline(where, pipeline, stream) as opened:
        if limits:
            opened.require_one_stream("--from and --to")
        for planned in opened.streams:
            with _progress(planned.stream or opened.entry.source) as count:
                result = sync_stream(
                    opened.source,
                    opened.destination,
                    opened.entry.plan(planned),
                    state=opened.files,
                    full_refresh=full_refresh,
                    cursor_range=CursorRange(*limits) if limits else None,
                    on_batch=count,
                    rejected_folder=opened.folder / "rejected",
                    redactors=opened.redactors,
                )
            yield result


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
    titles = ("Stream", "Table", "Read", "Loaded", "Seconds", "Rows/s", "Cursor")
    print_columns([titles, *map(_cells, results)], right=range(2, 6))
    for result in results:
        print_names(result.stream, result.names)
        if result.children:
            click.echo(f"{result.stream}: child tables {', '.join(result.children)}")
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
        cursor_cell(result.cursor_field, result.cursor),
    )

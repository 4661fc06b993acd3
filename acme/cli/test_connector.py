"""``acme test-connector``: run the harness on a connector's file."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acme.cli.config_option import read_config

if TYPE_CHECKING:
    from acme_sdk.testing.result import Result

__all__ = ["command"]


def _list_checks(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from acme_sdk.testing.registry import all_checks

    for check in all_checks():
        role = next(iter(check.roles)) if len(check.roles) == 1 else ""
        click.echo(f"{check.id:<24}{role:<13}{check.title}")
    context.exit()


@click.command(name="test-connector")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--config", required=True, callback=read_config, metavar="JSON|@FILE|-",
    help='The connector\'s configuration. Secrets may be references: {"env": "API_KEY"}.',
)  # fmt: skip
@click.option("--only", multiple=True, metavar="ID", help="Run only this check, or all of one noun (http).")
@click.option("--skip", multiple=True, metavar="ID", help="Leave this check out, or all of one noun.")
@click.option(
    "--role", type=click.Choice(["source", "destination"]), help="Test only this class of the file."
)
@click.option(
    "--timeout", default=30.0, show_default=True, metavar="SECONDS", help="Longest time for one check."
)
@click.option(
    "--seed",
    type=int,
    metavar="NUMBER",
    help="Choose as an earlier run did, which showed its seed at the end.",
)
@click.option(
    "--junit", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE",
    help="Also write a report in JUnit's format.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for CI.")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_checks, help="Show the checks."
)
@click.pass_context
def command(
    context: click.Context,
    path: Path,
    config: dict[str, Any],
    only: tuple[str, ...],
    skip: tuple[str, ...],
    role: str | None,
    timeout: float,
    seed: int | None,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Find what is wrong with the connector in the Python file PATH.

    The real connector runs against the real target of its configuration. A destination is given test rows to
    write, in each of its write modes: point it at a place where that does no harm.

    Exit codes: 0 all passed, 1 the connector is at fault, 2 bad usage or configuration, 3 the target is
    unreachable, 130 interrupted.
    """
    from acme_sdk.testing.runner import Job, run

    started = time.monotonic()
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    events = run(Job(path, config, only, skip, role, timeout, seed, keep=_rows_file(path)))

    from rich.console import Console

    from acme_sdk.testing.report import Progress, Report, print_event, print_summary

    console = Console(quiet=as_json, highlight=False)
    report = Report(path, seed)
    try:
        with Progress(console) as progress:
            for event in events:
                report.add(event)
                progress.show(event)
                print_event(console, event, path)
    except KeyboardInterrupt:
        console.print("interrupted; the connector was torn down", style="yellow")
        context.exit(130)
    seconds = time.monotonic() - started
    print_summary(console, report, seconds)
    if as_json:
        click.echo(json.dumps(report.to_json(seconds), indent=2))
    if junit is not None:
        _write_junit(report.results, seconds, junit)
    context.exit(report.exit_code)


def _rows_file(path: Path) -> Path:
    """Where the extracted rows are kept until the next run: they may be nobody else's business."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "acme" / "rows" / f"{path.stem}.duckdb"


def _write_junit(results: list[Result], seconds: float, file: Path) -> None:
    from acme_sdk.testing.junit import to_junit

    try:
        to_junit(results, seconds).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise click.BadParameter(
            f"{file} cannot be written: {error.strerror}", param_hint="--junit"
        ) from None

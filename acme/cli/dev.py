"""``acme dev``: everything on an embedded default."""

from __future__ import annotations

import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from acme.cli.errors import print_error
from acme.cli.workspace import env_option
from acme_sdk.errors import AcmeError, ConfigurationError

if TYPE_CHECKING:
    from acme_orchestration.dev.stack import Ports, Stack

__all__ = ["command"]

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_console = Console(highlight=False)

_READY = """
[bold]List the connectors[/bold]
curl {api}/api/v1/connectors
[bold]Test a connection[/bold]
curl {api}/api/v1/connectors/test -H 'Content-Type: application/json' \\
  -d '{{"type": "postgres", "connection": "{connection}"}}'
[bold]Ask for a connector's health[/bold]
curl {api}/api/v1/connectors/users_db/health

The API may test connections to this machine ({egress}); elsewhere it refuses that by default.
Ctrl-C stops everything; all data stays in {home}."""


@click.command()
@click.option("--ui-port", default=3000, show_default=True, help="Port of Dagster's web UI.")
@click.option("--api-port", default=8000, show_default=True, help="Port of the API.")
@click.option("--postgres-port", default=5433, show_default=True, help="Port of the embedded Postgres.")
@click.option(
    "--home",
    default=".acme",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for databases, logs and history.",
)
@env_option
def command(ui_port: int, api_port: int, postgres_port: int, home: Path, environment: str | None) -> None:
    """Run everything here: Postgres with sample data, DuckDB, Dagster and the API.

    Reads connectors.yaml and workspace.yaml in this folder. The first start loads the sample data and runs
    the pipelines once.
    """
    from acme_orchestration.dev.stack import Ports

    # A closed terminal and `kill` stop everything, too, like Ctrl-C.
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    # The embedded Postgres looks for a folder that we do not use.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    try:
        ports = Ports(ui=ui_port, api=api_port, postgres=postgres_port)
        _run(home.resolve(), ports, environment)
    except KeyboardInterrupt:
        _console.print("Stopped.")
    except AcmeError as error:
        print_error(error)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)


def _run(home: Path, ports: Ports, environment: str | None) -> None:
    from acme_orchestration.dev.home import DevHome
    from acme_orchestration.dev.stack import Stack

    began = time.monotonic()
    with DevHome(home).lock(), Stack(DevHome(home), Path.cwd(), ports, environment) as stack:
        stack.check()
        try:
            _start(stack)
            _print_addresses(stack, time.monotonic() - began)
            stack.watch()
        finally:
            # Told once is enough: stopping takes a few seconds.
            for number in _STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            _console.print("Stopping …")


def _start(stack: Stack) -> None:
    with _step(f"Postgres on port {stack.ports.postgres}"):
        stack.start_postgres()
    with _console.status("Sample data"):
        for table, rows in stack.load_sample():
            _done(f"Sample table {table}: {rows:,} rows")
    with _step("Dagster and the API"):
        stack.start_services()
        stack.wait_until_ready()
    with _console.status("First runs") as status:
        for pipeline, run_id, state in stack.first_runs():
            done = ", ".join(f"{table} {rows:,}" for table, rows in state.rows.items())
            status.update(f"First run of {pipeline}: {done or state.status.lower()}")
            if state.status == "SUCCESS":
                _done(f"Pipeline {pipeline}: {done} rows")
            elif state.is_finished:
                run_url = f"{stack.webserver.url}/runs/{run_id}"
                _console.print(f"[red]✗[/red] Pipeline {pipeline} failed: {run_url}", soft_wrap=True)


def _print_addresses(stack: Stack, seconds: float) -> None:
    addresses = {
        "Dagster UI": stack.webserver.url,
        "Connectors": stack.api_url,
        "API": f"{stack.api_url}/api/v1/connectors",
        "API docs": f"{stack.api_url}/docs",
        "Postgres": stack.connection,
        "DuckDB": str(stack.home.analytics),
        "Logs": str(stack.home.logs),
    }
    _console.print(f"\nReady after {seconds:.0f} s.\n")
    # Soft-wrapped, so that what is pasted has no line breaks of ours in it.
    for what, where in addresses.items():
        _console.print(f"[bold]{what:<12}[/bold]{where}", soft_wrap=True)
    ready = _READY.format(
        api=stack.api_url, connection=stack.connection, egress=stack.egress_allow, home=stack.home.path
    )
    _console.print(ready, soft_wrap=True)


@contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    with _console.status(what):
        yield
    _done(f"{what}  [dim]{time.monotonic() - began:.1f} s[/dim]")


def _done(what: str) -> None:
    _console.print(f"[green]✓[/green] {what}", soft_wrap=True)

"""``acme api``: serve the HTTP API, and manage its keys."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import click

from acme.cli.api_keys import audit, keys
from acme.cli.errors import failing_plainly
from acme.cli.metrics_folder import metrics_folder
from acme.cli.workspace import Where, dagster_home_option, where_options

__all__ = ["command"]

_MOST_WORKERS = 4


def _default_workers() -> int:
    """One for each core that this process may use, a few at most: what they do is short."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_WORKERS)


def _root_path(_: click.Context, option: click.Parameter, value: str) -> str:
    if value.strip("/") and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", f"/{value.strip('/')}"):
        raise click.BadParameter("write a path such as /connectors-api", param=option)
    return f"/{value.strip('/')}" if value.strip("/") else ""


@click.group(name="api", invoke_without_command=True)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; beyond loopback, keys are needed.",
)
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one."
)
@click.option(
    "--workers",
    default=_default_workers,
    envvar="ACME_API_WORKERS",
    show_default="one a core, at most 4",
    type=click.IntRange(1),
    help="How many processes answer.",
)
@where_options
@dagster_home_option
@click.option(
    "--dagster-url",
    envvar="ACME_WEBSERVER_URL",
    metavar="URL",
    help="Dagster's webserver, which knows who uses connectors beside the pipelines declared; "
    "$ACME_WEBSERVER_URL by default.",
)
@click.option(
    "--egress-allow",
    envvar="ACME_EGRESS_ALLOW",
    default="",
    metavar="LIST",
    help="Networks and host patterns that connection tests may reach beside public addresses, "
    "e.g. 10.0.0.0/8,*.db.example.com; $ACME_EGRESS_ALLOW by default.",
)
@click.option(
    "--rates",
    envvar="ACME_API_RATES",
    default="",
    metavar="LIST",
    help="How often a key may read, test and write, an address send no valid key (refused), and a target be "
    "tested, e.g. test=30/minute,write=1000/hour; others are generous.",
)
@click.option(
    "--rate-store",
    envvar="ACME_API_RATE_STORE",
    metavar="URL",
    help="Where several machines count these together, e.g. redis://host:6379; each by itself by default.",
)
@click.option(
    "--trusted-proxies",
    envvar="ACME_API_TRUSTED_PROXIES",
    default="",
    metavar="LIST",
    help="Proxies whose X-Forwarded headers are believed: how many, or their networks, e.g. 10.0.0.0/8.",
)
@click.option(
    "--root-path",
    envvar="ACME_API_ROOT_PATH",
    default="",
    callback=_root_path,
    metavar="PATH",
    help="Under which path people see the API, e.g. /connectors-api.",
)
@click.option(
    "--allow-origin",
    envvar="ACME_API_ALLOW_ORIGIN",
    default="",
    metavar="LIST",
    help="Sites whose pages may use the API, e.g. https://portal.example.com; none by default.",
)
@click.option(
    "--log-format",
    envvar="ACME_API_LOG_FORMAT",
    type=click.Choice(["text", "json"]),
    default=lambda: "text" if sys.stderr.isatty() else "json",
    show_default="text on a terminal",
    help="How log lines look.",
)
@click.pass_context
def command(context: click.Context, /, where: Where, **options: Any) -> None:
    """Serve the HTTP API.

    Once a key was made, each request needs one. Before that, it listens on the loopback interface only.
    """
    if context.invoked_subcommand is not None:
        return
    with metrics_folder(), failing_plainly():
        try:
            from acme.cli.api_server import ServerOptions, run
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"{error.name} is not installed: pip install 'acme-connectors[api]'"
            ) from None
        run(ServerOptions(where=where, **options))


command.add_command(keys)
command.add_command(audit)

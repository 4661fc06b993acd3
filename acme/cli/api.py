"""``acme api``: serve the HTTP API."""

from __future__ import annotations

import ipaddress
import signal
from pathlib import Path
from typing import NoReturn

import click

from acme.cli.pipeline import env_option
from acme_sdk.errors import AcmeError

__all__ = ["command"]

_THREADS = 8


@click.command(name="api")
@click.option("--host", default="127.0.0.1", show_default=True, help="The loopback address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one."
)
@click.option(
    "--file",
    "workspace_file",
    default="connectors.yaml",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="What declares the connectors and pipelines.",
)
@env_option
@click.option(
    "--dagster-home",
    envvar="DAGSTER_HOME",
    type=click.Path(file_okay=False, path_type=Path),
    help="The Dagster instance to read; $DAGSTER_HOME by default.",
)
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
def command(
    host: str,
    port: int,
    workspace_file: Path,
    environment: str | None,
    dagster_home: Path | None,
    dagster_url: str | None,
    egress_allow: str,
) -> None:
    """Serve the HTTP API.

    The API has no keys yet, so that it listens on the loopback interface only.
    """
    _require_loopback(host)
    try:
        _serve(host, port, workspace_file, environment, dagster_home, dagster_url, egress_allow)
    except AcmeError as error:
        raise click.ClickException(error.message + (f"\n{error.hint}" if error.hint else "")) from None


def _require_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise click.BadParameter(
            f"{host} is not a loopback address. Without API keys anybody who reaches the server could use "
            "it: listen on 127.0.0.1 and put a proxy that authenticates in front of it.",
            param_hint="--host",
        )


def _serve(
    host: str,
    port: int,
    workspace_file: Path,
    environment: str | None,
    dagster_home: Path | None,
    dagster_url: str | None,
    egress_allow: str,
) -> None:
    try:
        from waitress.server import create_server  # type: ignore[import-untyped] # it has no stubs

        from acme_orchestration.instance import InstanceReader
        from acme_orchestration.registry.declared import load_workspace
        from acme_orchestration.registry.place import find_registry
        from acme_orchestration.usage.reader import UsageReader
        from api.app import MAX_BODY_BYTES, create_app
        from api.egress import EgressPolicy
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is not installed: pip install 'acme-connectors[api]'"
        ) from None

    # A mistake in it is told now, not with the first request.
    load_workspace(workspace_file, environment)
    reader = InstanceReader.open(dagster_home)
    usage = UsageReader(dagster_url, reader) if dagster_url else None
    app = create_app(
        workspace_file,
        reader,
        registry=find_registry(dagster_home),
        usage=usage,
        environment=environment,
        egress=EgressPolicy.parse(egress_allow),
        trusted_hosts={"localhost", "127.0.0.1", "::1", host},
    )
    try:
        server = create_server(
            app, host=host, port=port, threads=_THREADS, ident=None, max_request_body_size=MAX_BODY_BYTES
        )
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror}. Choose another port with --port."
        ) from None
    signal.signal(signal.SIGTERM, _stop)
    if usage is not None:
        usage.watch()
    address = f"[{host}]" if ":" in host else host
    click.echo(f"Connector API on http://{address}:{server.effective_port}/docs")
    server.run()


def _stop(*_: object) -> NoReturn:
    """End as Ctrl-C does: the server finishes what it is answering."""
    raise SystemExit(0)

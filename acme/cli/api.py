"""``acme api``: serve the HTTP API, and manage its keys."""

from __future__ import annotations

import ipaddress
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from acme.cli.api_keys import audit, keys
from acme.cli.errors import failing_plainly
from acme.cli.workspace import Where, where_options

if TYPE_CHECKING:
    from acme_orchestration.registry.registered import Registry
    from api.keys import KeyRing

__all__ = ["command"]

_THREADS = 8


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
@where_options
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
@click.pass_context
def command(
    context: click.Context,
    host: str,
    port: int,
    where: Where,
    dagster_home: Path | None,
    dagster_url: str | None,
    egress_allow: str,
) -> None:
    """Serve the HTTP API.

    Once a key was made, each request needs one. Before that, it listens on the loopback interface only.
    """
    if context.invoked_subcommand is not None:
        return
    with failing_plainly():
        _serve(host, port, where, dagster_home, dagster_url, egress_allow)


command.add_command(keys)
command.add_command(audit)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _key_ring(host: str, registry: Registry | None) -> KeyRing | None:
    """Return what recognizes keys; beyond loopback, nobody is let in without one."""
    from acme_orchestration.registry.keys import KeyStore
    from api.keys import KeyRing

    local = _is_loopback(host)
    store = KeyStore(registry.database) if registry is not None else None
    if not local and not (store and any(key.revoked_at is None for key in store.all())):
        raise click.BadParameter(
            f"{host} is not a loopback address. Without API keys anybody who reaches the server could use "
            "it: make one with acme api keys create, or listen on 127.0.0.1.",
            param_hint="--host",
        )
    return KeyRing(store, required=not local) if store else None


def _serve(
    host: str,
    port: int,
    where: Where,
    dagster_home: Path | None,
    dagster_url: str | None,
    egress_allow: str,
) -> None:
    try:
        from waitress.server import create_server  # type: ignore[import-untyped] # it has no stubs

        from acme_orchestration.instance import InstanceReader
        from acme_orchestration.registry.current import read_workspace
        from acme_orchestration.registry.place import find_registry
        from acme_orchestration.usage.reader import UsageReader
        from api.app import MAX_BODY_BYTES, create_app
        from api.egress import EgressPolicy
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is not installed: pip install 'acme-connectors[api]'"
        ) from None

    # A mistake in it is told now, not with the first request.
    read_workspace(where.path, environment=where.environment)
    registry = find_registry(dagster_home)
    ring = _key_ring(host, registry)
    reader = InstanceReader.open(dagster_home)
    usage = UsageReader(dagster_url, reader) if dagster_url else None
    app = create_app(
        where.path,
        reader,
        registry=registry,
        keys=ring,
        usage=usage,
        webserver_url=dagster_url,
        environment=where.environment,
        egress=EgressPolicy.parse(egress_allow),
        # A page that gets at a server by a name of its own has no key.
        trusted_hosts={"localhost", "127.0.0.1", "::1", host} if _is_loopback(host) else None,
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

"""The server behind ``acme api``: what its options mean, and one line that says where it listens."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module

import click
from flask import Flask

from acme.cli.workspace import Where
from acme_orchestration.instance import InstanceReader
from acme_orchestration.registry.current import read_workspace
from acme_orchestration.registry.errors import RegistryUnavailableError
from acme_orchestration.registry.keys import KeyStore
from acme_orchestration.registry.place import find_registry
from acme_orchestration.registry.registered import Registry
from acme_orchestration.usage.reader import UsageReader
from api.access.cors import AllowedOrigins
from api.access.keys import KeyRing
from api.access.proxies import BehindProxies, TrustedProxies
from api.app import create_app
from api.probing.egress import EgressPolicy
from api.quotas.limits import Limits
from api.quotas.rates import Rates, parse_rates, rate_storage
from api.server.arbiter import serve
from api.server.logs import LogFormat, configure_logs
from api.state.changes import Changes

__all__ = ["ServerOptions", "run"]

# What Dagster imports when an instance is opened: imported here, it is there for all workers.
_IMPORTED_LATE = (
    "dagster._core.instance.factory",
    "dagster._core.storage.root",
    "dagster._core.storage.runs",
    "dagster._core.storage.event_log",
    "dagster._core.storage.schedules",
)


@dataclass(frozen=True)
class ServerOptions:
    """The options of ``acme api``, which says what each one means."""

    where: Where
    host: str
    port: int
    workers: int
    dagster_url: str | None
    egress_allow: str
    rates: str
    rate_store: str | None
    trusted_proxies: str
    root_path: str
    allow_origin: str
    log_format: LogFormat

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def run(options: ServerOptions) -> None:
    """Serve the API until the process is told to stop.

    Raises:
        AcmeError: Something that the options name is wrong.
        click.ClickException: The port is taken, or there are no keys where they are needed.
    """
    # A mistake is told now, not with the first request. What is opened for that is closed again: each worker
    # has connections of its own.
    read_workspace(options.where.path, environment=options.where.environment)
    if not options.is_local:
        _require_keys(options)
    egress = EgressPolicy.parse(options.egress_allow)
    origins = AllowedOrigins.parse(options.allow_origin)
    proxies = TrustedProxies.parse(options.trusted_proxies)
    store = rate_storage(options.rate_store) if options.rate_store else None
    limits, changes = Limits(rates=Rates(parse_rates(options.rates), store)), Changes()
    for name in _IMPORTED_LATE:
        with suppress(ImportError):
            import_module(name)
    listener = _listener(options)
    host = f"[{options.host}]" if ":" in options.host else options.host
    click.echo(f"Connector API on http://{host}:{listener.getsockname()[1]}{options.root_path}/docs")
    configure_logs(options.log_format)
    serve(
        lambda: BehindProxies(_app(options, egress, origins, limits, changes), proxies, options.root_path),
        listener,
        workers=options.workers,
    )


def _app(
    options: ServerOptions, egress: EgressPolicy, origins: AllowedOrigins, limits: Limits, changes: Changes
) -> Flask:
    """Make the application, with the connections and threads of one worker."""
    where = options.where
    registry = find_registry(where.dagster_home)
    reader = InstanceReader.open(where.dagster_home)
    usage = UsageReader(options.dagster_url, reader) if options.dagster_url else None
    if usage is not None:
        usage.watch()
    return create_app(
        where.path,
        reader,
        registry=registry,
        keys=_key_ring(options, registry) if registry else None,
        usage=usage,
        webserver_url=options.dagster_url,
        environment=where.environment,
        egress=egress,
        limits=limits,
        changes=changes,
        origins=origins,
        # A page that gets at a server by a name of its own has no key.
        trusted_hosts={"localhost", "127.0.0.1", "::1", options.host} if options.is_local else None,
    )


def _key_ring(options: ServerOptions, registry: Registry) -> KeyRing:
    """Return what recognizes keys; beyond loopback nobody is let in without one."""
    ring = KeyRing(KeyStore(registry.database), required=not options.is_local)
    with suppress(RegistryUnavailableError):
        ring.is_required()  # reads them
    return ring


def _require_keys(options: ServerOptions) -> None:
    registry = find_registry(options.where.dagster_home)
    keys = KeyStore(registry.database).all() if registry is not None else []
    if registry is not None:
        registry.database.close()
    if not any(key.revoked_at is None for key in keys):
        raise click.BadParameter(
            f"{options.host} is not a loopback address. Without API keys anybody who reaches the server "
            "could use it: make one with acme api keys create, or listen on 127.0.0.1.",
            param_hint="--host",
        )


def _listener(options: ServerOptions) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=1024)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {options.host}:{options.port}: {error.strerror}. "
            "Choose another port with --port."
        ) from None

"""``acme remote``: what the HTTP API of a server has, from the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from acme.cli.columns import print_columns
from acme.cli.config_option import read_config
from acme.cli.registry import json_option, version_option
from acme.cli.remote_server import (
    cell,
    print_failure,
    print_fields,
    print_json,
    print_run,
    sent,
    time_cell,
    with_client,
)

if TYPE_CHECKING:
    from api.client import Client

__all__ = ["command"]

_STATUSES = ["healthy", "degraded", "unhealthy", "unknown", "disabled"]
_ROLES = ["source", "destination"]

_wait_option = click.option(
    "--wait", default=0.0, show_default=True, metavar="SECONDS", help="Wait so long for its end."
)


@click.group(name="remote")
def command() -> None:
    """Use the HTTP API of a server.

    The server is $ACME_API_URL, the key $ACME_API_KEY. Exit codes: 0 done, 1 refused, failed or unhealthy,
    2 wrong usage, 3 the server cannot be reached, or cannot do it at present.
    """


@command.command()
@click.option("--role", type=click.Choice(_ROLES), help="Only sources, or destinations.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only those of this type, or of these.")
@click.option("--status", multiple=True, type=click.Choice(_STATUSES), help="Only those in this state.")
@click.option("--pipeline", metavar="NAME", help="Only those that this pipeline, asset or job uses.")
@click.option(
    "--search", metavar="TEXT", help="Only those with this in name, type, description or pipelines."
)
@click.option(
    "--sort", metavar="FIELD", help="name, type, role, status or last_check; -FIELD turns it round."
)
@json_option
@with_client
def connectors(
    client: Client, as_json: bool, types: tuple[str, ...], search: str | None, **chosen: Any
) -> None:
    """List connectors and their states."""
    found = list(client.connectors(type=types, q=search, **chosen))
    if as_json:
        print_json(found)
        return
    lines = [
        (one.name, one.type, one.role, one.status, time_cell(one.last_check), ", ".join(one.pipelines))
        for one in found
    ]
    print_columns([("Name", "Type", "Role", "Status", "Last check (UTC)", "Used by"), *lines])


@command.command()
@click.argument("name")
@json_option
@with_client
def show(client: Client, name: str, as_json: bool) -> None:
    """Show the connector NAME as it is declared or registered."""
    found = client.connector(name)
    if as_json:
        print_json(found)
        return
    fields = found.model_dump(mode="json")
    config = fields.pop("config")
    print_fields(fields | {f"config.{field}": value for field, value in config.items()})


@command.command()
@click.argument("name")
@json_option
@with_client
def health(client: Client, name: str, as_json: bool) -> None:
    """Show the health of the connector NAME; exit code 1 if it is unhealthy."""
    found = client.health(name)
    if as_json:
        print_json(found)
    else:
        fields = found.model_dump(mode="json", include={"status", "since", "last_check", "latency_ms"})
        spans = {"24 h": found.uptime_24h, "7 d": found.uptime_7d, "30 d": found.uptime_30d}
        uptimes = {f"uptime {span}": f"{u.ratio:.2%}" for span, u in spans.items() if u.ratio is not None}
        print_fields(fields | uptimes)
        if found.error:
            print_failure(found.error.message, found.error.code, found.error.hint)
    if found.status == "unhealthy":
        sys.exit(1)


@command.command()
@click.argument("name")
@_wait_option
@json_option
@with_client
def test(client: Client, name: str, wait: float, as_json: bool) -> None:
    """Have Dagster test the connector NAME; exit code 1 if that does not come to a good end while we wait."""
    print_run(client.test_connector(name, wait=wait), wait, as_json)


@command.command(name="test-connection")
@click.argument("type_name", metavar="TYPE")
@click.option("--connection", metavar="URL|-", help="A connection string; - reads it from standard input.")
@click.option("--ssl-mode", metavar="MODE", help="How it is encrypted and verified, e.g. verify-full.")
@click.option("--config", callback=read_config, metavar="JSON|@FILE|-", help="The type's fields instead.")
@click.option("--role", type=click.Choice(_ROLES), help="Where TYPE is both.")
@json_option
@with_client
def test_connection(
    client: Client,
    type_name: str,
    connection: str | None,
    ssl_mode: str | None,
    config: dict[str, Any] | None,
    role: str | None,
    as_json: bool,
) -> None:
    """Try a connection of a TYPE that is not registered; exit code 1 if it does not work."""
    from api.client import TestFailed, TestRequest

    if connection == "-":
        connection = sys.stdin.read().strip()
    given = {
        "type": type_name,
        "connection": connection,
        "ssl": {"mode": ssl_mode} if ssl_mode else None,
        "config": config,
        "role": role,
    }
    outcome = client.test(sent(TestRequest, **given))
    if as_json:
        print_json(outcome)
    elif isinstance(outcome, TestFailed):
        print_failure(outcome.error.message, outcome.error.code, outcome.error.hint)
    else:
        print_fields(outcome.model_dump(mode="json"))
    if isinstance(outcome, TestFailed):
        sys.exit(1)


_CONFIG_HELP = 'Its configuration, secrets as references: {"password": {"env": "DB_PASSWORD"}}.'
_field_options = (
    click.option("--config", callback=read_config, metavar="JSON|@FILE|-", help=_CONFIG_HELP),
    click.option("--description", help="For people."),
    click.option("--owner", help="An e-mail address, or team:NAME."),
    click.option("--disabled/--enabled", default=None, help="Neither checked nor used; or so again."),
    click.option("--check-interval", "check_interval_s", type=int, metavar="SECONDS", help="Between checks."),
)


def _with_fields(command: Any) -> Any:
    for option in reversed(_field_options):
        command = option(command)
    return command


@command.command()
@click.argument("name")
@click.option("--type", "type", required=True, metavar="TYPE", help="The connector type.")
@click.option("--role", required=True, type=click.Choice(_ROLES))
@_with_fields
@json_option
@with_client
def register(client: Client, as_json: bool, **given: Any) -> None:
    """Register the connector NAME."""
    from api.client import ConnectorDraft

    made = client.register(sent(ConnectorDraft, **given))
    if as_json:
        print_json(made)
        return
    click.echo(f"Registered {made.name}, version {made.version}.")


@command.command()
@click.argument("name")
@_with_fields
@version_option
@json_option
@with_client
def change(client: Client, name: str, version: int | None, as_json: bool, **given: Any) -> None:
    """Change the registered connector NAME; what is not named stays, also in its configuration."""
    from api.client import ConnectorPatch

    changed = client.change(name, sent(ConnectorPatch, **given), version=version)
    if as_json:
        print_json(changed)
        return
    click.echo(f"Changed {changed.name}, version {changed.version}.")


@command.command()
@click.argument("name")
@version_option
@click.confirmation_option("--yes", prompt="Delete the connector?", help="Do not ask.")
@with_client
def delete(client: Client, name: str, version: int | None) -> None:
    """Delete the registered connector NAME; rows that were loaded stay."""
    client.delete(name, version=version)
    click.echo(f"Deleted {name}.")


@command.command()
@click.argument("name")
@click.option("--max-age", type=int, metavar="SECONDS", help="How old the answer may be; 0 asks the source.")
@json_option
@with_client
def streams(client: Client, name: str, max_age: int | None, as_json: bool) -> None:
    """List what the source NAME can read."""
    found = client.streams(name, max_age=max_age)
    if as_json:
        print_json(found)
        return
    lines = [
        (
            stream.name,
            ", ".join(stream.primary_key),
            ", ".join(stream.cursor),
            "" if stream.columns is None else str(len(stream.columns)),
        )
        for stream in found
    ]
    print_columns([("Stream", "Primary key", "Cursor", "Columns"), *lines], right={3})


@command.command()
@json_option
@with_client
def types(client: Client, as_json: bool) -> None:
    """List the connector types of the server; --json has the JSON Schemas of their configurations."""
    found = client.connector_types()
    if as_json:
        print_json(found)
        return
    lines = [
        (
            one.name,
            ", ".join(role.role for role in one.roles),
            one.provider,
            one.fault.message if one.fault else "",
        )
        for one in found
    ]
    print_columns([("Type", "Roles", "From", "Fault"), *lines])


@command.command()
@json_option
@with_client
def pipelines(client: Client, as_json: bool) -> None:
    """List pipelines and how they are doing."""
    found = client.pipelines()
    if as_json:
        print_json(found)
        return
    lines = [
        (
            p.name,
            p.source,
            p.destination,
            p.schedule or "",
            p.last_run or "",
            time_cell(p.last_sync),
            cell(p.rows),
        )
        for p in found
    ]
    titles = ("Name", "Source", "Destination", "Schedule", "Last run", "Last sync (UTC)", "Rows")
    print_columns([titles, *lines], right={6})


@command.command()
@click.argument("pipeline")
@_wait_option
@json_option
@with_client
def run(client: Client, pipeline: str, wait: float, as_json: bool) -> None:
    """Have Dagster run PIPELINE; exit code 1 if that does not come to a good end while we wait."""
    print_run(client.run_pipeline(pipeline, wait=wait), wait, as_json)

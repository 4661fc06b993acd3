"""``acme connectors``: which connectors there are, and registering, changing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acme.cli.entries import add_entry_commands, field_options, with_given
from acme.cli.errors import failing_plainly
from acme.cli.fields import ask_fields, set_fields
from acme.cli.registry import actor, open_registrar, seen, version_option
from acme.cli.workspace import Where, where_options

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import ConnectorEntry, PipelineEntry

__all__ = ["command"]

# Of `add` and `change`, what goes into the entry as it is given.
_field_options = field_options(
    click.option("--description", help="For people; empty for none."),
    click.option("--owner", help="An e-mail address, or team:NAME; empty for none."),
    click.option(
        "--check-interval",
        "check_interval_s",
        type=int,
        metavar="SECONDS",
        help="Between health checks; 60 by default.",
    ),
    click.option(
        "--check-timeout",
        "check_timeout_s",
        type=float,
        metavar="SECONDS",
        help="Until a health check counts as hanging; 10 by default.",
    ),
    click.option(
        "--failure-threshold",
        type=int,
        metavar="CHECKS",
        help="How many in a row must fail until it is unhealthy; 1 by default.",
    ),
    click.option(
        "--success-threshold",
        type=int,
        metavar="CHECKS",
        help="How many in a row must succeed until it is healthy again; 1 by default.",
    ),
)
_set_option = click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    help="A field of the configuration, e.g. host=db.example.com or 'password={env: DB_PASSWORD}'.",
)
_save_anyway_option = click.option(
    "--save-anyway", is_flag=True, help="Save it even if the connection cannot be established."
)


@click.group(name="connectors")
def command() -> None:
    """Show the connectors of a workspace, and register, change and delete some.

    Connectors of connectors.yaml are declared: they are changed there. Registered ones are in the registry,
    which is in Dagster's home, or where ACME_REGISTRY_URL says. A running Dagster shows and checks what is
    registered by itself. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
    """


add_entry_commands(command, "connector", ("type", "role"))


@command.command()
@click.argument("type_name", metavar="TYPE")
@where_options
@click.option("--name", help="Its name; with it, nothing is asked.")
@click.option("--role", type=click.Choice(["source", "destination"]), help="Where TYPE is both.")
@_set_option
@_field_options
@click.option(
    "--disabled", is_flag=True, help="It is neither tested nor checked nor used, until it is enabled."
)
@_save_anyway_option
def add(
    type_name: str,
    where: Where,
    name: str | None,
    role: str | None,
    settings: tuple[str, ...],
    disabled: bool,
    save_anyway: bool,
    **given: Any,
) -> None:
    """Register a connector of a TYPE: asks for each field, and tests the connection before it saves.

    Secrets are stored as references to environment variables or files, which must be there where Dagster
    runs. With --name nothing is asked: give the fields with --set.
    """
    with failing_plainly():
        folder = where.folder
        role = role or _role(type_name, folder, ask=name is None)
        schema = _schema(type_name, role, folder)
        config = set_fields({}, settings, schema)
        chosen = name or click.prompt("Name")
        if name is None:
            config = ask_fields(config, schema)
        body = with_given({"type": type_name, "role": role, "config": config, "disabled": disabled}, given)
        registrar = open_registrar(where)
        entry = registrar.check("connector", chosen, body)
        if not disabled:
            _require_connection(entry, folder, save_anyway, ask=name is None)
        record = registrar.register("connector", chosen, body, actor=actor())
    click.echo(f"Registered {chosen}, version {record.version}.")


@command.command()
@click.argument("name")
@where_options
@_set_option
@_field_options
@version_option
@_save_anyway_option
def change(
    name: str,
    where: Where,
    settings: tuple[str, ...],
    version: int | None,
    save_anyway: bool,
    **given: Any,
) -> None:
    """Change the registered connector NAME; what is not named stays. 'FIELD=' takes a field out."""
    with failing_plainly():
        record, version = seen(where, "connector", name, version)
        folder = where.folder
        config = dict(record.body.get("config", {}))
        if settings:
            schema = _schema(record.body["type"], record.body["role"], folder)
            config = set_fields(config, settings, schema)
        body = with_given({**record.body, "config": config}, given)
        registrar = open_registrar(where)
        if settings:
            _require_connection(registrar.check("connector", name, body), folder, save_anyway, ask=False)
        changed = registrar.change("connector", name, body, version=version, actor=actor())
    click.echo(f"Changed {name}, version {changed.version}.")


@command.command()
@click.argument("name")
@where_options
@version_option
def disable(name: str, where: Where, version: int | None) -> None:
    """Have the registered connector NAME neither checked nor used."""
    _switch(where, name, version, disabled=True)


@command.command()
@click.argument("name")
@where_options
@version_option
def enable(name: str, where: Where, version: int | None) -> None:
    """Have the registered connector NAME checked and used again."""
    _switch(where, name, version, disabled=False)


def _switch(where: Where, name: str, version: int | None, *, disabled: bool) -> None:
    with failing_plainly():
        record, version = seen(where, "connector", name, version)
        body = {**record.body, "disabled": disabled}
        changed = open_registrar(where).change("connector", name, body, version=version, actor=actor())
    click.echo(f"{'Disabled' if disabled else 'Enabled'} {name}, version {changed.version}.")


def _role(type_name: str, folder: Path, *, ask: bool) -> str:
    """Return the role of a type; of one that has both, the one that is wanted."""
    from acme_sdk.plugins import connector_type

    roles = sorted(connector_type(type_name, folder).classes(), reverse=True)
    if len(roles) == 1:
        return roles[0]
    if not ask:
        raise click.UsageError(f"{type_name} is a {' and a '.join(roles)}: choose one with --role")
    chosen: str = click.prompt("Role", type=click.Choice(roles))
    return chosen


def _schema(type_name: str, role: str, folder: Path) -> Mapping[str, Mapping[str, Any]]:
    from acme_orchestration.registry.verification import type_schema

    return type_schema(type_name, role, folder)


def _require_connection(
    entry: ConnectorEntry | PipelineEntry, folder: Path, save_anyway: bool, *, ask: bool
) -> None:
    """Test the connection; end the command if it fails, unless it is to be saved all the same."""
    from acme_orchestration.registry.entries import ConnectorEntry
    from acme_sdk.probe import Probe, run_probes

    assert isinstance(entry, ConnectorEntry)  # noqa: S101 - of that kind it was asked for
    probe = Probe(
        entry.name,
        entry.type,
        entry.role,
        entry.config,
        action="test",
        folder=str(folder) if folder.is_dir() else None,
        timeout=entry.check_timeout_s,
    )
    click.echo(f"Testing {entry.name} … ", nl=False)
    [result] = run_probes([probe])
    report = result.report
    if report.code is None:
        version = f", {report.server_version}" if report.server_version else ""
        took = "" if report.latency_ms is None else f" in {report.latency_ms} ms"
        click.echo(f"connected{took}{version}")
        return
    click.echo(f"failed: {report.message} [{report.code}]")
    if report.hint:
        click.echo(f"hint: {report.hint}")
    if save_anyway or (ask and click.confirm("Save it anyway?", default=False)):
        return
    raise click.ClickException("Nothing was saved. Correct the configuration, or add --save-anyway.")

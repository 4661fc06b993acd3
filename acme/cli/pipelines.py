"""``acme pipelines``: which pipelines there are, and registering, changing and deleting them."""

from __future__ import annotations

from typing import Any

import click

from acme.cli.entries import add_entry_commands, field_options, with_given
from acme.cli.errors import failing_plainly
from acme.cli.fields import read_value
from acme.cli.registry import actor, open_registrar, seen, version_option
from acme.cli.workspace import Where, where_options

__all__ = ["command"]

# Of `add` and `change`, what goes into the entry as it is given.
_field_options = field_options(
    click.option("--schedule", metavar="CRON", help="When it runs, in UTC; empty for by hand."),
    click.option("--description", help="For people; empty for none."),
    click.option("--owner", help="An e-mail address, or team:NAME; empty for none."),
    click.option("--on-schema-change", help="evolve, freeze, discard_row or discard_value."),
    click.option(
        "--max-rejected",
        metavar="LIMIT",
        help="How many records a sync may put aside: a number, a share such as 0.01, or null for any number.",
    ),
    click.option(
        "--wait-for-healthy-source/--no-wait-for-healthy-source",
        default=None,
        help="Whether its schedule waits while the source is unhealthy.",
    ),
    click.option(
        "--stream",
        "streams",
        metavar="STREAM",
        multiple=True,
        help="A stream's name, or its fields: '{stream: orders, write_mode: upsert, primary_key: [id]}'. "
        "The source's only stream by default.",
    ),
)


@click.group(name="pipelines")
def command() -> None:
    """Show the pipelines of a workspace, and register, change and delete some.

    Pipelines of connectors.yaml are declared: they are changed there. Exit codes: 0 done, 1 refused or
    failed, 2 wrong usage.
    """


add_entry_commands(command, "pipeline", ("source", "destination", "schedule"))


@command.command()
@click.argument("name")
@where_options
@click.option("--source", required=True, help="The connector that is read.")
@click.option("--destination", required=True, help="The connector that is loaded.")
@_field_options
def add(name: str, where: Where, **given: Any) -> None:
    """Register the pipeline NAME."""
    with failing_plainly():
        record = open_registrar(where).register("pipeline", name, _changed({}, given), actor=actor())
    click.echo(f"Registered {name}, version {record.version}.")


@command.command()
@click.argument("name")
@where_options
@click.option("--source", help="The connector that is read.")
@click.option("--destination", help="The connector that is loaded.")
@_field_options
@version_option
def change(name: str, where: Where, version: int | None, **given: Any) -> None:
    """Change the registered pipeline NAME; what is not named stays, and --stream replaces all streams."""
    with failing_plainly():
        record, version = seen(where, "pipeline", name, version)
        body = _changed(dict(record.body), given)
        changed = open_registrar(where).change("pipeline", name, body, version=version, actor=actor())
    click.echo(f"Changed {name}, version {changed.version}.")


def _changed(body: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with those of the options in their place."""
    streams = given.pop("streams")
    fields = with_given(body, given)
    if streams:
        fields["streams"] = [read_value(stream, {"type": "string"}) for stream in streams]
    if given["max_rejected"] == "null":
        fields["max_rejected"] = None
    return fields

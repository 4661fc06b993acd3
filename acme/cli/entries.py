"""What commands of connectors and pipelines share: ``list``, ``show`` and others, and options of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from acme.cli.errors import failing_plainly
from acme.cli.registry import (
    actor,
    json_option,
    open_registrar,
    print_entry,
    print_history,
    print_list,
    seen,
    version_option,
)
from acme.cli.workspace import Where, where_options

if TYPE_CHECKING:
    from acme_orchestration.registry.entries import Kind

__all__ = ["add_entry_commands", "field_options", "with_given"]


def field_options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what gives a command options for fields of an entry, in this order."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def with_given(body: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an entry with those of the options in their place.

    Args:
        body: The fields so far.
        given: Values by field: ``None`` leaves the field as it is, an empty text takes it out.
    """
    left = {field: value for field, value in body.items() if given.get(field) != ""}
    return left | {field: value for field, value in given.items() if value not in (None, "")}


def add_entry_commands(group: click.Group, kind: Kind, fields: Sequence[str]) -> None:
    """Add them to a group.

    Args:
        group: ``acme connectors`` or ``acme pipelines``.
        kind: What it is about.
        fields: What its list has beside name, origin and state.
    """

    @group.command(name="list", help=f"List the {kind}s, declared and registered.")
    @where_options
    @json_option
    def list_(where: Where, as_json: bool) -> None:
        with failing_plainly():
            print_list(where.workspace(), kind, fields, as_json)

    @group.command(help=f"Show the {kind} NAME.")
    @click.argument("name")
    @where_options
    @json_option
    def show(name: str, where: Where, as_json: bool) -> None:
        with failing_plainly():
            print_entry(where.workspace(), kind, name, as_json)

    @group.command(help=f"Delete the registered {kind} NAME; rows that were loaded stay.")
    @click.argument("name")
    @where_options
    @version_option
    @click.confirmation_option("--yes", prompt=f"Delete the {kind}?", help="Do not ask.")
    def delete(name: str, where: Where, version: int | None) -> None:
        with failing_plainly():
            _, version = seen(where, kind, name, version)
            open_registrar(where).delete(kind, name, version=version, actor=actor())
        click.echo(f"Deleted {name}.")

    @group.command(help=f"Show who changed what, and when: of the {kind} NAME, or of all.")
    @click.argument("name", required=False)
    @where_options
    @click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
    @json_option
    def history(name: str | None, where: Where, limit: int, as_json: bool) -> None:
        with failing_plainly():
            print_history(where.registry().history(kind, name, limit), as_json)

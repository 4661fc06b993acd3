"""The commands that connectors and pipelines have in common: ``list``, ``show``, ``delete``, ``history``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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

__all__ = ["add_entry_commands"]


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

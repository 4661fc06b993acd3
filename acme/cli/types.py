"""``acme types``: which connector types there are, and what their configuration has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acme.cli.errors import print_error

if TYPE_CHECKING:
    from rich.table import Table

    from acme_sdk.connector import Connector
    from acme_sdk.plugins import ConnectorType

__all__ = ["command"]

_folder_option = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The connectors folder; ./connectors by default, if there is one.",
)
_DEFAULT_FOLDER = Path("connectors")
# Leaves room for descriptions where there are 80 columns.
_WIDTHS = {"Notes": 11}
_ENDLESS = 1_000_000


@click.group(name="types", invoke_without_command=True)
@_folder_option
@click.pass_context
def command(context: click.Context, folder: Path | None) -> None:
    """List the connector types: built in, installed, and those of the connectors folder.

    A type that cannot be imported is listed with the reason and what to do about it.
    """
    context.obj = folder or _DEFAULT_FOLDER
    if context.invoked_subcommand is not None:
        return
    from acme_sdk.plugins import connector_types

    table = _table("Type", "Role", "From", "Description")
    for _, found in sorted(connector_types(context.obj).items()):
        for role, description in _descriptions(found):
            table.add_row(found.name, role, found.provider, description)
    _print(table)


@command.command()
@click.argument("type_name", metavar="TYPE")
@click.option("--role", type=click.Choice(["source", "destination"]), help="Only what this role takes.")
@click.option("--json-schema", is_flag=True, help="Print the JSON Schema of the configuration instead.")
@click.option("--markdown", is_flag=True, help="Print a Markdown table instead, for documentation.")
@_folder_option
@click.pass_context
def show(
    context: click.Context,
    type_name: str,
    role: str | None,
    json_schema: bool,
    markdown: bool,
    folder: Path | None,
) -> None:
    """Show the configuration's fields of a connector TYPE.

    Exit codes: 0 shown, 1 the type cannot be imported or describes its fields wrongly, 2 there is no such
    type or role.
    """
    from acme_sdk.description import config_schema
    from acme_sdk.errors import AcmeError
    from acme_sdk.fields import config_fields, markdown_table

    if json_schema and markdown:
        raise click.UsageError("--json-schema and --markdown exclude each other")
    try:
        classes = _classes(type_name, role, folder or context.obj)
        if json_schema:
            click.echo(json.dumps(_json_schema(classes), indent=2, ensure_ascii=False))
            return
        fields = config_fields({name: config_schema(kind) for name, kind in classes.items()})
    except AcmeError as error:
        print_error(error)
        context.exit(2 if error.code in ("type.unknown", "type.no_role") else 1)
    if not fields:
        click.echo(f"{type_name} declares no fields: it takes any.")
    elif markdown:
        click.echo(markdown_table(fields))
    else:
        from acme_sdk.fields import HEADERS

        table = _table(*HEADERS)
        for field in fields:
            table.add_row(*field.row())
        _print(table)


def _classes(type_name: str, role: str | None, folder: Path) -> dict[str, type[Connector]]:
    from acme_sdk.plugins import connector_class, connector_type

    if role is not None:
        return {role: connector_class(type_name, role, folder)}
    return _source_first(connector_type(type_name, folder).classes())


def _source_first(classes: dict[str, type[Connector]]) -> dict[str, type[Connector]]:
    return dict(sorted(classes.items(), reverse=True))


def _json_schema(classes: dict[str, type[Connector]]) -> dict[str, Any]:
    from acme_sdk.description import config_json_schema

    if len(classes) > 1:
        raise click.UsageError(f"the type is a {' and a '.join(classes)}: choose one with --role")
    return config_json_schema(*classes.values())


def _descriptions(found: ConnectorType) -> Iterator[tuple[str, str]]:
    """Yield each role with the first line of its class's docstring, or why there is none."""
    from acme_sdk.errors import AcmeError

    try:
        classes = _source_first(found.classes())
    except AcmeError as error:
        text = f"{error.message}; {error.hint}" if error.hint else error.message
        yield "?", " ".join(text.split())
        return
    for role, kind in classes.items():
        yield role, (kind.__doc__ or "").strip().partition("\n")[0]


def _table(*headers: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, header in enumerate(headers):
        # Names stay whole: they are what is copied.
        table.add_column(header, no_wrap=number == 0, overflow="fold", max_width=_WIDTHS.get(header))
    return table


def _print(table: Table) -> None:
    """Print a table as wide as the terminal; in a pipe as wide as it is, so that no value is wrapped."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _ENDLESS
        for column in table.columns:
            column.no_wrap, column.max_width = True, None
    console.print(table)

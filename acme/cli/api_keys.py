"""``acme api keys`` and ``acme api audit``: who may use the HTTP API, and what they did."""

from __future__ import annotations

import click

from acme.cli.columns import print_columns
from acme.cli.errors import failing_plainly
from acme.cli.registry import actor, json_option, print_history
from acme.cli.workspace import Where, dagster_home_option, where_options

__all__ = ["audit", "keys"]


@click.group()
def keys() -> None:
    """Make, list and revoke the keys of the HTTP API.

    They are in the registry. Once one was made, no request is answered without one.
    """


@keys.command()
@click.option(
    "--scope", "scopes", required=True, metavar="LIST", help="What it may do: some of read,test,write."
)
@click.option("--name", help="Whose it is, for the audit trail; your own name by default.")
@where_options
@dagster_home_option
def create(scopes: str, name: str | None, where: Where) -> None:
    """Make a key, and print it: it is shown this once."""
    from acme_orchestration.registry.keys import SCOPES, KeyStore

    wanted = [scope for scope in SCOPES if scope in scopes.split(",")]
    if unknown := sorted(set(scopes.split(",")) - set(SCOPES)):
        raise click.BadParameter(f"there is no scope {unknown[0]!r}", param_hint="--scope")
    with failing_plainly():
        database = where.registry().database
        click.echo(KeyStore(database).create(name or actor(), wanted, actor=actor()))
    click.echo(f"It is in the registry {database}.", err=True)


@keys.command(name="list")
@where_options
@dagster_home_option
def list_(where: Where) -> None:
    """List the keys, valid and revoked."""
    from acme_orchestration.registry.keys import KeyStore

    with failing_plainly():
        found = KeyStore(where.registry().database).all()
    lines = [
        (
            key.name,
            f"acme_{key.id}_…",
            ",".join(key.scopes),
            f"{key.created_at:%Y-%m-%d %H:%M:%S}",
            "valid" if key.revoked_at is None else f"revoked {key.revoked_at:%Y-%m-%d %H:%M:%S}",
        )
        for key in found
    ]
    print_columns([("Name", "Key", "Scopes", "Made (UTC)", "State"), *lines])


@keys.command()
@click.argument("name")
@where_options
@dagster_home_option
def revoke(name: str, where: Where) -> None:
    """Revoke the key NAME; a running server refuses it a second later."""
    from acme_orchestration.registry.keys import KeyStore

    with failing_plainly():
        KeyStore(where.registry().database).revoke(name, actor=actor())
    click.echo(f"Revoked {name}.")


@click.command()
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1), help="How many lines at most."
)
@where_options
@dagster_home_option
@json_option
def audit(limit: int, where: Where, as_json: bool) -> None:
    """Show who registered, changed, deleted, tested and ran what, the newest first."""
    with failing_plainly():
        print_history(where.registry().history(limit=limit), as_json)

"""Which server ``acme remote`` talks to, and how its answers are shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from acme.cli.columns import print_columns
from acme.cli.errors import print_error

if TYPE_CHECKING:
    from pydantic import BaseModel

    from api.client import Client

__all__ = ["cell", "print_fields", "print_json", "with_client"]

_url_option = click.option(
    "--url", envvar="ACME_API_URL", metavar="URL", help="Where the API is; $ACME_API_URL by default."
)
_key_option = click.option(
    "--key", envvar="ACME_API_KEY", metavar="KEY", help="The API key; better set as $ACME_API_KEY."
)


def with_client(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options ``--url`` and ``--key``, and its argument ``client`` made of them."""

    @_url_option
    @_key_option
    @wraps(command)
    def with_server(url: str | None, key: str | None, **arguments: Any) -> None:
        with _opened(url, key) as client:
            command(client=client, **arguments)

    return with_server


@contextmanager
def _opened(url: str | None, key: str | None) -> Iterator[Client]:
    """Yield a client; what goes wrong is printed and ends the command."""
    from acme_sdk.errors import AcmeError, ConfigurationError
    from api.client import Client, ServerError, UnreachableError

    try:
        with Client(url, key=key) as client:
            yield client
    except AcmeError as error:
        print_error(error)
        for field in getattr(error, "errors", ()):
            click.echo(f"  {field.field}: {field.message}", err=True)
        codes = {ConfigurationError: 2, ServerError: 3, UnreachableError: 3}
        sys.exit(next((code for kind, code in codes.items() if isinstance(error, kind)), 1))


def print_json(shown: BaseModel | list[Any]) -> None:
    """Print an answer, or several, as JSON."""
    document = (
        [one.model_dump(mode="json") for one in shown]
        if isinstance(shown, list)
        else shown.model_dump(mode="json")
    )
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print fields below each other, without those that say nothing."""
    print_columns([(name, cell(value)) for name, value in fields.items() if value not in (None, [], {})])


def cell(value: Any) -> str:
    """Return a value as it stands in a column."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

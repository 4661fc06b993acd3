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
    from datetime import datetime

    from pydantic import BaseModel

    from api.client import Client, LaunchedRun

__all__ = [
    "cell", "print_failure", "print_fields", "print_json", "print_run", "sent", "time_cell", "with_client",
]  # fmt: skip

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


def print_run(run: LaunchedRun, wait: float, as_json: bool) -> None:
    """Print a run; end the command with exit code 1 if it was waited for and has not succeeded."""
    if as_json:
        print_json(run)
    else:
        click.echo(f"{run.job}: {run.status} ({run.id})")
    if wait and run.status != "SUCCESS":
        sys.exit(1)


def print_failure(message: str, code: str, hint: str | None) -> None:
    """Print what does not work, and what to do."""
    click.secho(f"failed: {message} [{code}]", fg="red")
    if hint:
        click.echo(f"hint: {hint}")


def sent(kind: Any, **given: Any) -> Any:
    """Return the model of a request, made of the options that were given.

    Raises:
        click.UsageError: They do not fit it.
    """
    from pydantic import ValidationError

    try:
        return kind(**{field: value for field, value in given.items() if value is not None})
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
        raise click.UsageError(wrong) from None


def time_cell(value: datetime | None) -> str:
    """Return a point in time as it stands in a column."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"

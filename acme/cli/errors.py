"""Errors of ours, as commands tell them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from acme_sdk.errors import AcmeError

__all__ = ["failing_plainly", "print_error"]


@contextmanager
def failing_plainly() -> Iterator[None]:
    """Turn an error of ours into its message, its hint and exit code 1."""
    from acme_sdk.errors import AcmeError

    try:
        yield
    except AcmeError as error:
        print_error(error)
        sys.exit(1)


def print_error(error: AcmeError) -> None:
    """Say on standard error what is wrong and what to do."""
    click.secho(f"error: {error.message} [{error.code}]", fg="red", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)

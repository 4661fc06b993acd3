"""Plain columns on standard output: a sync does not wait for a library that draws tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import click

from acme_sdk.cursor import cursor_columns

__all__ = ["cursor_cell", "print_columns"]


def cursor_cell(field: str | Sequence[str] | None, value: str | None) -> str:
    """Return how a cursor's value is shown; nothing if there is none."""
    return f"{', '.join(cursor_columns(field))} = {value}" if value is not None else ""


def print_columns(lines: Sequence[Sequence[str]], right: Collection[int] = ()) -> None:
    """Print lines of cells below each other.

    Args:
        lines: The cells of each line; as many in each.
        right: The columns, from 0, whose cells end below each other, as numbers do.
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())

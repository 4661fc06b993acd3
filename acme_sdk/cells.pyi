"""Rows taken apart into the values of their columns."""

from typing import Any

__all__ = ["take_apart"]

def take_apart(rows: list[dict[str, Any]], names: list[str]) -> list[tuple[list[Any], set[type]]] | None:
    """Return each column's values, and the classes of those that are not ``None``.

    Args:
        rows: Dictionaries that look up their keys as `dict` does. A column that is not there counts as
            ``None``.
        names: The columns.

    Returns:
        ``None`` if a row has a column that is not among them.
    """

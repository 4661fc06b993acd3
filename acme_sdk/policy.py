"""What a pipeline does with columns that are no longer what they were, and with nested data."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["NestedData", "SchemaPolicy"]


class NestedData(StrEnum):
    """What becomes of dictionaries and lists."""

    JSON = "json"
    """They are columns of JSON."""
    TABLES = "tables"
    """Dictionaries become columns, lists become child tables."""


class SchemaPolicy(StrEnum):
    """What happens to new columns, and to values that need a wider type than their column had."""

    EVOLVE = "evolve"
    """The target gets them."""
    FREEZE = "freeze"
    """The sync stops."""
    DISCARD_ROW = "discard_row"
    """Rows that have them go to the dead letters."""
    DISCARD_VALUE = "discard_value"
    """The values are left out, and counted."""

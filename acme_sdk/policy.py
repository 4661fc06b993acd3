"""What a pipeline does when the columns of a stream are no longer what they were."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["SchemaPolicy"]


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

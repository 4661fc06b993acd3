"""How a check says what it found out."""

from __future__ import annotations

__all__ = ["Problem", "Skip"]


class Problem(Exception):  # noqa: N818 - it is the finding, not an error of the harness
    """The connector is at fault.

    Args:
        message: What is wrong, in a sentence; it may hold secrets, which the runner removes.
        hint: What to do about it; the check's own hint by default.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Skip(Exception):  # noqa: N818 - as above
    """The check does not apply to this connector, or cannot tell; the message says why."""

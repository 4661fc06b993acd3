"""What becomes of columns in a destination: a sync of all, and again without each one that is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from acme_sdk import AcmeError
from tests.types.targets import Found, Target

__all__ = ["Outcome", "Refusal", "sync_what_can_be"]

TABLE = "arrived"


@dataclass(frozen=True)
class Refusal:
    """Why a column did not arrive.

    Attributes:
        error: What the sync raised.
        rows: How many rows were read before.
    """

    error: AcmeError
    rows: int


@dataclass(frozen=True)
class Outcome:
    """What became of the columns in one destination.

    Attributes:
        found: Those that arrived.
        refused: Those that did not. A column in neither could not be looked at.
    """

    found: dict[str, Found]
    refused: dict[str, Refusal]


def sync_what_can_be(
    target: Target, names: Iterable[str], sync: Callable[[list[str], str], Refusal | None]
) -> Outcome:
    """Sync columns until none is refused any more.

    Args:
        target: The destination.
        names: The columns' names.
        sync: Syncs some of them into a table of that name.
    """
    left, refused = list(names), dict[str, Refusal]()
    while refusal := sync(left, TABLE):
        match = re.search(r"column '?(\w+)", refusal.error.message)
        assert match, f"no column is named: {refusal.error}"
        # Nothing is made for a column that cannot be loaded.
        assert target.tables() == set(), refusal.error
        refused[match[1]] = refusal
        left.remove(match[1])
    return Outcome(target.read(TABLE), refused)

"""Which checks there are.

A check is a function in a module of `acme_sdk.testing.checks`, named after what it looks at. It returns when
all is well, raises `Problem` when the connector is at fault and `Skip` when it cannot tell. Whatever else
comes out of it comes from the connector, and is a fault, too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from acme_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from acme_sdk.testing.subject import Subject

__all__ = ["Check", "all_checks", "check", "select"]

#: In the order in which they run: the later ones build on what the earlier ones found.
_MODULES = (
    "config",
    "lifecycle",
    "health",
    "extraction",
    "streams",
    "incremental",
    "resume",
    "destination",
    "http",
    "memory",
    "secrets",
)

CheckFunction = Callable[["Subject"], None]


@dataclass(frozen=True)
class Check:
    """One thing that a connector must get right.

    Attributes:
        id: Stable and dotted: the noun, then what about it.
        title: What is so when the check passes.
        hint: What to do when it does not.
        roles: The roles it applies to.
        run: The check itself.
        needs: Checks without which this one makes no sense: skipped when one of them did not pass.
    """

    id: str
    title: str
    hint: str
    roles: frozenset[str]
    run: CheckFunction
    needs: tuple[str, ...] = ()


_CHECKS: dict[str, Check] = {}


def check(
    check_id: str, title: str, *, hint: str, role: str | None = None, needs: Iterable[str] = ()
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a function as a check; see `Check` for the arguments. Without a role it is for both."""

    def register(function: CheckFunction) -> CheckFunction:
        if check_id in _CHECKS:
            raise ValueError(f"there are two checks {check_id}")
        roles = frozenset({role} if role else {"source", "destination"})
        _CHECKS[check_id] = Check(check_id, title, hint, roles, function, tuple(needs))
        return function

    return register


def all_checks() -> list[Check]:
    """Return every check, in the order in which they run: by noun, and what a check needs before it."""
    for module in _MODULES:
        importlib.import_module(f"acme_sdk.testing.checks.{module}")
    waiting = sorted(_CHECKS.values(), key=lambda found: _MODULES.index(found.id.split(".")[0]))
    placed: dict[str, Check] = {}
    while waiting:
        ready = next(found for found in waiting if placed.keys() >= set(found.needs))
        waiting.remove(ready)
        placed[ready.id] = ready
    return list(placed.values())


def select(only: Iterable[str] = (), skip: Iterable[str] = ()) -> list[Check]:
    """Return the checks that are asked for.

    Args:
        only: Ids, or nouns such as ``http``; all by default.
        skip: Ids or nouns to leave out.

    Raises:
        ConfigurationError: There is no such check (code ``check.unknown``).
    """
    checks = all_checks()
    known = {found.id for found in checks} | {found.id.split(".")[0] for found in checks}
    only, skip = set(only), set(skip)
    for name in sorted(only | skip):
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise ConfigurationError(
                f"there is no check {name!r}",
                code="check.unknown",
                hint=f"did you mean {close[0]!r}?" if close else "--list shows them all",
            )

    def named(found: Check, names: set[str]) -> bool:
        return found.id in names or found.id.split(".")[0] in names

    return [found for found in checks if (not only or named(found, only)) and not named(found, skip)]

"""A change of a connector's state, and how people read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acme_sdk.health import HealthStatus

__all__ = ["Alert", "StateChange", "subject", "text"]

_MOST_LINES = 20


@dataclass(frozen=True)
class StateChange:
    """A connector that is in another state than before.

    Attributes:
        connector: Its public name.
        before: The state that was told last; ``healthy`` if none was.
        after: The state it is in.
        since: Since when, in UTC; ``None`` where nobody knows.
        code: Stable code of a failure.
        message: What is wrong, without secrets.
        hint: What to do about it.
        owner: Who the connector belongs to, as its entry says.
    """

    connector: str
    before: HealthStatus
    after: HealthStatus
    since: datetime | None = None
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    owner: str | None = None

    @property
    def id(self) -> str:
        """The same for the same change, however often it is told."""
        since = int(self.since.timestamp()) if self.since else 0
        return f"{self.connector}/{self.after.value}/{since}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are known, and the id, as JSON has them."""
        fields = {
            "id": self.id,
            "connector": self.connector,
            "before": self.before.value,
            "after": self.after.value,
            "since": self.since and self.since.isoformat(),
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "owner": self.owner,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def __str__(self) -> str:
        since = f" since {self.since:%Y-%m-%d %H:%M:%S} UTC" if self.since else ""
        why = f": {self.message}" if self.message and self.after is not HealthStatus.HEALTHY else ""
        return f"{self.connector} is {self.after.value}{since}{why}"


#: What is told all changes that one look found. It raises if it could not pass them on, and is told again.
Alert = Callable[[Sequence[StateChange]], None]


def subject(changes: Sequence[StateChange]) -> str:
    """Return one line about changes: ``users_db is unhealthy``."""
    names = ", ".join(change.connector for change in changes[:3])
    states = {change.after.value for change in changes}
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    state = states.pop() if len(states) == 1 else "in another state"
    return f"{names}{more} {'is' if len(changes) == 1 else 'are'} {state}"


def text(changes: Sequence[StateChange]) -> str:
    """Return a line for each change, at most twenty, with what to do where that is known."""
    lines = [f"{change} ({change.hint})" if change.hint else str(change) for change in changes[:_MOST_LINES]]
    if len(changes) > _MOST_LINES:
        lines.append(f"… and {len(changes) - _MOST_LINES} more")
    return "\n".join(lines)

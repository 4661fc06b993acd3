"""What came out of a check. All text in here is free of the configuration's secrets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Connector", "Frame", "Outcome", "Result"]


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    """The connector is at fault."""
    SKIPPED = "skipped"
    """The check does not apply, or cannot tell; the message says why."""
    UNREACHABLE = "unreachable"
    """Nothing answers where the configuration points to: no verdict on the connector."""
    MISCONFIGURED = "misconfigured"
    """The connector refuses the configuration it was given: no verdict on the connector."""


@dataclass(frozen=True)
class Frame:
    """A line of the author's own code, on the way to an error.

    Attributes:
        file: Path of the file.
        line: Line number, from 1.
        function: The function it is in.
        source: The line itself, without indentation.
    """

    file: str
    line: int
    function: str
    source: str


@dataclass(frozen=True)
class Connector:
    """A connector class that is being tested.

    Attributes:
        name: The class's name.
        role: ``source`` or ``destination``.
    """

    name: str
    role: str


@dataclass(frozen=True)
class Result:
    """One check of one connector.

    Attributes:
        id: The check's stable id.
        title: What the check makes sure of.
        connector: The class it was run on.
        outcome: See `Outcome`.
        seconds: How long it took.
        message: What is wrong, or why the check was skipped; empty when it passed.
        hint: What to do about it.
        frames: Where in the author's code, outermost first.
    """

    id: str
    title: str
    connector: Connector
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    hint: str = ""
    frames: tuple[Frame, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON-safe values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Result:
        """Rebuild a result from what `to_json` returned."""
        return cls(
            **{
                **data,
                "connector": Connector(**data["connector"]),
                "outcome": Outcome(data["outcome"]),
                "frames": tuple(Frame(**frame) for frame in data["frames"]),
            }
        )

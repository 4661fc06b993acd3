"""The steps of checks and connection tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field

from api.schemas.base import Model

if TYPE_CHECKING:
    from acme_sdk.steps import Step

__all__ = ["StepItem", "Steps"]


class StepItem(Model):
    """One step of a check."""

    name: str = Field(
        description="What was done: `resolve`, `connect`, `tls`, `authenticate`, `query`, or what the "
        "connector calls it.",
        examples=["connect"],
    )
    result: Literal["passed", "failed"] = Field(description="A check ends with the step that fails.")
    latency_ms: int = Field(ge=0, description="How long it took.")

    @classmethod
    def all_of(cls, steps: Iterable[Step]) -> list[Self]:
        """Return what is said about the steps of a check."""
        return [cls(name=step.name, result=step.result, latency_ms=step.latency_ms) for step in steps]


Steps = Annotated[
    list[StepItem],
    Field(
        description="What was done, one after the other; empty where the connector does not say.",
        examples=[
            [
                {"name": "resolve", "result": "passed", "latency_ms": 1},
                {"name": "connect", "result": "passed", "latency_ms": 2},
                {"name": "tls", "result": "passed", "latency_ms": 4},
                {"name": "authenticate", "result": "passed", "latency_ms": 4},
                {"name": "query", "result": "passed", "latency_ms": 1},
            ]
        ],
    ),
]

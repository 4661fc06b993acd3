"""What goes wrong, and at which requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from acme_sdk.testing.faults.answers import Answer, Manner, cut_in_half

__all__ = ["OUT_OF_ORDER", "Fault", "Replay"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and when.

    Attributes:
        answer: Given instead of asking the target; ``None`` asks it and spoils its answer.
        first: The number of the first request that it happens to, from 1.
        times: How many requests it happens to; ``None`` for all from the first on.
        manner: How the answer is sent.
        spoil: What is done to the target's answer.
    """

    answer: Answer | None
    first: int = 1
    times: int | None = None
    manner: Manner = Manner.WHOLE
    spoil: Callable[[Answer], Answer] = cut_in_half

    def hits(self, number: int) -> bool:
        """Tell whether it happens to a request."""
        return number >= self.first and (self.times is None or number < self.first + self.times)

    def respond(self, number: int, ask: Callable[[], Answer]) -> tuple[Answer, Manner]:
        """Return what a request gets.

        Args:
            number: The request's, from 1.
            ask: Asks the target.
        """
        if not self.hits(number):
            return ask(), Manner.WHOLE
        if self.answer is None:
            return self.spoil(ask()), self.manner
        return self.answer, self.manner


#: Every request is answered with 503.
OUT_OF_ORDER = Fault(Answer(503, {"Content-Type": "text/plain"}, b"out of order"))


@dataclass(frozen=True)
class Replay:
    """One page again and again, then the last one: a long extraction out of a short one.

    Attributes:
        page: An answer that says that there are more.
        last: The one that says that there are none.
        first: The number of the first request that gets the page, from 1.
        times: How often the page comes.
    """

    page: Answer
    last: Answer
    first: int
    times: int

    def hits(self, number: int) -> bool:
        """Tell whether a request gets the page."""
        return self.first <= number < self.first + self.times

    def remembered(self, number: int) -> Answer | None:
        """Return what a request gets, if the target need not be asked for it."""
        if number < self.first:
            return None
        return self.page if self.hits(number) else self.last

    def respond(self, number: int, ask: Callable[[], Answer]) -> tuple[Answer, Manner]:
        """Return what a request gets; see `Fault.respond`."""
        return self.remembered(number) or ask(), Manner.WHOLE

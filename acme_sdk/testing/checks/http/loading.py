"""Does a destination count as written what its target did not take?"""

from __future__ import annotations

from acme_sdk.testing.attempts import PATIENCE_S, Attempt, load, must_be_clear
from acme_sdk.testing.faults import Answer, Fault, Manner, unchanged
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_ERROR_PAGE = Answer(500, {"Content-Type": "application/json"}, b'{"error": "something went wrong"}')


@check(
    "http.load_refused",
    "refused rows are not counted as written",
    hint="use response.json() or response.raise_for_status() of self.http before the rows are counted",
    role="destination",
    needs=["destination.count"],
)
def load_refused(subject: Subject) -> None:
    """The target answers 500 to everything; none of the rows reaches it."""
    _must_raise(subject, load(subject, Fault(_ERROR_PAGE)), "the target answered 500")


@check(
    "http.load_hang",
    "rows that the target does not confirm are not counted as written",
    hint="leave the time-out to self.http, and let its error through",
    role="destination",
    needs=["http.load_refused"],
)
def load_hang(subject: Subject) -> None:
    """The target takes the request and never answers. Time-outs are cut short for this."""
    fault = Fault(None, manner=Manner.NEVER, spoil=unchanged)
    attempt = load(subject, fault, patience=PATIENCE_S)
    attempt.must_have_timeout()
    _must_raise(subject, attempt, "the target never answered")


def _must_raise(subject: Subject, attempt: Attempt, what: str) -> None:
    if not attempt.server.requests:
        raise Skip(f"{subject.kind.__name__} does not use self.http")
    if attempt.error is None:
        raise Problem(f"{what}, yet load() returned {attempt.written!r} as if nothing had happened")
    must_be_clear(attempt.error, what)

"""A run of the connector while a fault server gives wrong answers, and what may be made of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from acme_sdk.errors import AcmeError
from acme_sdk.testing.extraction import Extraction
from acme_sdk.testing.faults import Fault, FaultServer, Replay
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.samples import declared_modes, sample_rows
from acme_sdk.testing.subject import Subject

__all__ = [
    "PATIENCE_S",
    "Attempt",
    "extract",
    "first_and_last",
    "hurried",
    "load",
    "must_be_clear",
    "must_not_pass",
]

#: The time-out of requests that are never answered, in seconds.
PATIENCE_S = 0.1
_LONGEST_PAUSE_S = 0.02
# An error that speaks of the code instead of the answer.
_PROGRAMMING_ERRORS = (LookupError, TypeError, AttributeError, NameError, AssertionError)


@dataclass(frozen=True)
class Attempt:
    """How a run ended.

    Attributes:
        server: What stood in its way; `FaultServer.requests` has what came by.
        error: What it ended in, if in an error.
        rows: How many rows came.
        written: What ``load()`` returned.
    """

    server: FaultServer
    error: Exception | None = None
    rows: int = 0
    written: Any = None

    def must_not_lose(self, expected: int, what: str) -> None:
        """Raise if rows are missing without an error, or the error does not say what happened."""
        if self.error is not None:
            must_be_clear(self.error, what)
        elif self.rows < expected:
            raise Problem(
                f"{what}, and the extraction ended without an error after {self.rows:,} "
                f"of {expected:,} rows: the rest is lost in silence"
            )
        elif self.rows > expected:
            raise Problem(
                f"{what}, and the extraction gave {self.rows:,} rows, though there are {expected:,}: "
                "some came twice"
            )

    def must_have_timeout(self) -> None:
        """Raise if a request was sent that would wait for ever; only what had patience can tell."""
        if self.server.without_timeout:
            raise Problem("a request was sent without a time-out: it would wait for ever")


def first_and_last(subject: Subject) -> list[int]:
    """Return the numbers of the requests of an extraction to spoil, from 1.

    Raises:
        Skip: There are none.
    """
    sent = len(subject.exchanges)
    if not sent:
        raise Skip("extract() does not use self.http")
    return sorted({1, sent})


def extract(
    subject: Subject, fault: Fault | Replay, *, patience: float | None = None, hurry: bool = True
) -> Attempt:
    """Extract everything while a fault happens.

    Args:
        subject: What to extract with.
        fault: What goes wrong.
        patience: See `FaultServer.session`.
        hurry: Whether the connector's own pauses are cut short.
    """
    seen, error = Extraction(), None
    with FaultServer(fault) as server, hurried(hurry):
        try:
            with subject.open(http=server.session(patience)) as connector, subject.watching() as seen:
                server.arm()
                seen.watch(subject.read(connector))
        except Exception as caught:  # noqa: BLE001 - judged by the caller
            error = caught
    return Attempt(server, error, rows=seen.rows)


def load(subject: Subject, fault: Fault, *, rows: int = 2, patience: float | None = None) -> Attempt:
    """Load some rows while a fault happens; see `extract`."""
    written, error = None, None
    with FaultServer(fault) as server, hurried():
        try:
            with subject.open(http=server.session(patience)) as connector:
                server.arm()
                written = connector.load(sample_rows(rows), declared_modes(type(connector))[0])
        except Exception as caught:  # noqa: BLE001 - judged by the caller
            error = caught
    return Attempt(server, error, written=written)


def must_not_pass(subject: Subject, fault: Fault, what: str) -> None:
    """Raise if an extraction takes a fault for the end of the data; see `Attempt.must_not_lose`."""
    extract(subject, fault).must_not_lose(subject.baseline.rows, what)


def must_be_clear(error: Exception, what: str) -> None:
    """Raise if an error speaks of the code instead of the answer that led to it."""
    if isinstance(error, _PROGRAMMING_ERRORS) and not isinstance(error, AcmeError):
        raise Problem(
            f"{what}, and that ended in {type(error).__name__}: {error}, which says nothing of the answer"
        ) from error


@contextmanager
def hurried(wanted: bool = True) -> Iterator[None]:
    """Cut the pauses short that a connector makes between its own attempts."""
    if not wanted:
        yield
        return
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(float(seconds), _LONGEST_PAUSE_S))
    try:
        yield
    finally:
        time.sleep = sleep

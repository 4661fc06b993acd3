"""What does a connector make of connections that break off, drip or stay silent?"""

from __future__ import annotations

from acme_sdk.testing.attempts import PATIENCE_S, extract, first_and_last, must_not_pass
from acme_sdk.testing.clients import trust_noted, waits_noted
from acme_sdk.testing.faults import Fault, Manner, unchanged
from acme_sdk.testing.findings import Problem
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []


@check(
    "http.disconnect",
    "a connection that is closed in the middle of an answer is noticed",
    hint="do not take a lost connection for the end of the data: let the error of self.http through",
    role="source",
    needs=["extraction.repeatable"],
)
def disconnect(subject: Subject) -> None:
    """The first or the last answer breaks off."""
    for number in first_and_last(subject):
        fault = Fault(None, first=number, times=1, manner=Manner.BROKEN_OFF, spoil=unchanged)
        must_not_pass(subject, fault, f"the connection was closed in the middle of answer {number}")


@check(
    "http.slow",
    "an answer in small pieces costs no row",
    hint="read the whole answer before it is parsed, as response.json() does",
    role="source",
    needs=["extraction.repeatable"],
)
def slow(subject: Subject) -> None:
    """The last answer drips in."""
    number = first_and_last(subject)[-1]
    fault = Fault(None, first=number, times=1, manner=Manner.SLOW, spoil=unchanged)
    must_not_pass(subject, fault, f"answer {number} came in small pieces")


@check(
    "http.hang",
    "a target that never answers ends in an error",
    hint="leave the time-out to self.http, or give one: `self.http.get(url, timeout=30)`",
    role="source",
    needs=["extraction.repeatable"],
)
def hang(subject: Subject) -> None:
    """From the last request on, no answer comes. Time-outs are cut short for this."""
    number = first_and_last(subject)[-1]
    fault = Fault(None, first=number, manner=Manner.NEVER, spoil=unchanged)
    attempt = extract(subject, fault, patience=PATIENCE_S)
    attempt.must_have_timeout()
    attempt.must_not_lose(subject.baseline.rows, f"request {number} was never answered")


@check(
    "http.own_client",
    "no request is sent beside self.http without a time-out",
    hint="use self.http, which has one, or give one: `requests.get(url, timeout=30)`",
    needs=["extraction.repeatable", "destination.count", "health.answer"],
)
def own_client(subject: Subject) -> None:
    """A run and a health check wait for no answer without end, whatever client they ask by."""
    with waits_noted(subject.file) as places:
        subject.run()
    if places:
        raise Problem(f"{places[0]}, sends a request without a time-out: it would wait for ever")


@check(
    "http.verify",
    "certificates are verified",
    hint="do not turn verification off: give the authority of the certificate, "
    '`self.http.verify = config["ca_file"]`',
    needs=["extraction.repeatable", "destination.count", "health.answer"],
)
def verify(subject: Subject) -> None:
    """A run and a health check trust no server that cannot show who it is."""
    with trust_noted(subject.file) as places:
        subject.run()
    if places:
        raise Problem(
            f"{places[0]}, lets certificates go unverified: whoever is in between reads the secrets"
        )

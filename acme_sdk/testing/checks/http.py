"""What does the connector make of answers that are wrong? A fault server stands before its target."""

from __future__ import annotations

from acme_sdk.errors import AcmeError
from acme_sdk.testing.extraction import Extraction
from acme_sdk.testing.faults import Answer, Fault, FaultServer
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.samples import declared_modes, sample_rows
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_ERROR_PAGE = Answer(500, {"Content-Type": "application/json"}, b'{"error": "something went wrong"}')
_WAIT_S = 1
_TOO_MANY = Answer(
    429, {"Content-Type": "application/json", "Retry-After": str(_WAIT_S)}, b'{"error": "too many"}'
)
# An error that speaks of the code instead of the answer.
_PROGRAMMING_ERRORS = (LookupError, TypeError, AttributeError, NameError, AssertionError)


@check(
    "http.server_error",
    "a server error is not taken for the end of the data",
    hint="use response.json() or response.raise_for_status() of self.http, and do not catch what they raise",
    role="source",
    needs=["extraction.repeatable"],
)
def server_error(subject: Subject) -> None:
    """From the first request on, or from the last, the target answers 500."""
    for number in _first_and_last(subject):
        _must_not_pass(subject, Fault(_ERROR_PAGE, first=number), f"answer {number} was a 500")


@check(
    "http.rate_limit",
    "a 429 is waited out, as long as Retry-After says",
    hint="leave the waiting to self.http, which does it",
    role="source",
    needs=["extraction.repeatable"],
)
def rate_limit(subject: Subject) -> None:
    """The first request is answered with 429 once."""
    _first_and_last(subject)
    with FaultServer(Fault(_TOO_MANY, times=1)) as server:
        seen, error = _extract(subject, server)
    what = f"the first answer was a 429 with Retry-After: {_WAIT_S}"
    _judge(subject, seen, error, what)
    if len(server.requests) > 1:
        waited = server.requests[1].at - server.requests[0].at
        if waited < _WAIT_S * 0.9:
            raise Problem(f"{what}, but the next request came after {waited:.2f} s")


@check(
    "http.truncated",
    "JSON that was cut off is an error",
    hint="do not catch what response.json() raises",
    role="source",
    needs=["extraction.repeatable"],
)
def truncated(subject: Subject) -> None:
    """The first or the last answer is cut in half."""
    numbers = _first_and_last(subject)
    if not all(subject.exchanges[number - 1].is_json for number in numbers):
        raise Skip("the target does not answer with JSON")
    for number in numbers:
        _must_not_pass(subject, Fault(None, first=number, times=1), f"answer {number} was cut in half")


@check(
    "http.load_refused",
    "refused rows are not counted as written",
    hint="use response.json() or response.raise_for_status() of self.http before the rows are counted",
    role="destination",
    needs=["destination.count"],
)
def load_refused(subject: Subject) -> None:
    """The target answers 500 to everything; none of the rows reaches it."""
    written: object = None
    raised: Exception | None = None
    with FaultServer(Fault(_ERROR_PAGE)) as server:
        try:
            with subject.open(http=server.session()) as connector:
                server.arm()
                written = connector.load(sample_rows(2), declared_modes(type(connector))[0])
        except Exception as error:  # noqa: BLE001 - what we want; looked at below
            raised = error
    if not server.requests:
        raise Skip(f"{subject.kind.__name__} does not use self.http")
    if raised is None:
        raise Problem(f"the target answered 500, yet load() returned {written!r} as if nothing had happened")
    _must_be_clear(raised, "the target answered 500")


def _first_and_last(subject: Subject) -> list[int]:
    """The numbers of the requests to spoil."""
    sent = len(subject.exchanges)
    if not sent:
        raise Skip("extract() does not use self.http")
    return sorted({1, sent})


def _must_not_pass(subject: Subject, fault: Fault, what: str) -> None:
    with FaultServer(fault) as server:
        seen, error = _extract(subject, server)
    _judge(subject, seen, error, what)


def _extract(subject: Subject, server: FaultServer) -> tuple[Extraction, Exception | None]:
    seen = Extraction()
    try:
        with subject.open(http=server.session()) as connector, subject.watching() as seen:
            server.arm()
            seen.watch(subject.read(connector))
    except Exception as error:  # noqa: BLE001 - judged by the caller
        return seen, error
    return seen, None


def _judge(subject: Subject, seen: Extraction, error: Exception | None, what: str) -> None:
    """An extraction that something went wrong with is complete, or ends in an error that says what."""
    if error is not None:
        _must_be_clear(error, what)
    elif seen.rows != subject.baseline.rows:
        raise Problem(
            f"{what}, and the extraction ended without an error after {seen.rows:,} "
            f"of {subject.baseline.rows:,} rows: the rest is lost in silence"
        )


def _must_be_clear(error: Exception, what: str) -> None:
    if isinstance(error, _PROGRAMMING_ERRORS) and not isinstance(error, AcmeError):
        raise Problem(
            f"{what}, and that ended in {type(error).__name__}: {error}, which says nothing of the answer"
        ) from error

"""What does a source make of answers that refuse, fail, lead elsewhere or make no sense?"""

from __future__ import annotations

from acme_sdk.secrets import Redactor
from acme_sdk.testing.attempts import extract, first_and_last, must_not_pass
from acme_sdk.testing.faults import Answer, Fault, FaultServer, Request
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.registry import check
from acme_sdk.testing.secrecy import looks_secret
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_JSON = {"Content-Type": "application/json"}
_ERROR_PAGE = Answer(500, _JSON, b'{"error": "something went wrong"}')
_UNAUTHORIZED = Answer(401, _JSON, b'{"error": "the credentials have expired"}')
_LOGIN_PAGE = Answer(
    200, {"Content-Type": "text/html"}, b"<!doctype html><html><title>Sign in</title><p>Back soon.</html>"
)
_ELSEWHERE = Answer(302, {"Location": f"{FaultServer.ELSEWHERE}/moved"})
_WAIT_S = 1
_TOO_MANY = Answer(429, {**_JSON, "Retry-After": str(_WAIT_S)}, b'{"error": "too many"}')
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# A new token may be worth a second attempt, a tenth of the same is not.
_MOST_REFUSALS = 10


@check(
    "http.server_error",
    "a server error is not taken for the end of the data",
    hint="use response.json() or response.raise_for_status() of self.http, and do not catch what they raise",
    role="source",
    needs=["extraction.repeatable"],
)
def server_error(subject: Subject) -> None:
    """From the first request on, or from the last, the target answers 500."""
    for number in first_and_last(subject):
        must_not_pass(subject, Fault(_ERROR_PAGE, first=number), f"answer {number} was a 500")


@check(
    "http.recovers",
    "a single server error costs no row",
    hint="leave it to self.http to ask again: do not raise or give up before its attempts are used up",
    role="source",
    needs=["http.server_error"],
)
def recovers(subject: Subject) -> None:
    """The first, then the last request is answered with 500 once."""
    for number in first_and_last(subject):
        attempt = extract(subject, Fault(_ERROR_PAGE, first=number, times=1))
        what = f"request {number} was answered with 500 once"
        attempt.must_not_lose(subject.baseline.rows, what)
        spoilt = next((request for request in attempt.server.requests if request.faulted), None)
        if attempt.error is not None and spoilt is not None and spoilt.method in _IDEMPOTENT:
            raise Problem(f"{what}, and the extraction ended in an error: {attempt.error}") from attempt.error


@check(
    "http.rate_limit",
    "a 429 is waited out, as long as Retry-After says",
    hint="leave the waiting to self.http, which does it",
    role="source",
    needs=["extraction.repeatable"],
)
def rate_limit(subject: Subject) -> None:
    """The first request is answered with 429 once."""
    first_and_last(subject)
    with subject.errand():
        attempt = extract(subject, Fault(_TOO_MANY, times=1), hurry=False)
    what = f"the first answer was a 429 with Retry-After: {_WAIT_S}"
    attempt.must_not_lose(subject.baseline.rows, what)
    requests = attempt.server.requests
    if len(requests) > 1:
        waited = requests[1].at - requests[0].at
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
    for number in _first_and_last_json(subject):
        must_not_pass(subject, Fault(None, first=number, times=1), f"answer {number} was cut in half")


@check(
    "http.content_type",
    "a page of HTML is not taken for data",
    hint="use response.json() of self.http, which refuses it, and do not catch what it raises",
    role="source",
    needs=["http.truncated"],
)
def content_type(subject: Subject) -> None:
    """From the first request on, or from the last, there is HTML with status 200, as of a proxy."""
    for number in _first_and_last_json(subject):
        fault = Fault(_LOGIN_PAGE, first=number)
        must_not_pass(subject, fault, f"answer {number} was a page of HTML with status 200")


@check(
    "http.unauthorized",
    "a 401 in the middle ends in an error",
    hint="ask for a new token once, if there is such a thing; then raise what response.json() raises",
    role="source",
    needs=["http.server_error"],
)
def unauthorized(subject: Subject) -> None:
    """From the last request on, the target answers 401."""
    number = first_and_last(subject)[-1]
    what = f"answer {number} was a 401"
    attempt = extract(subject, Fault(_UNAUTHORIZED, first=number))
    attempt.must_not_lose(subject.baseline.rows, what)
    refused = sum(request.faulted for request in attempt.server.requests)
    if refused > _MOST_REFUSALS:
        raise Problem(f"{what}, and {refused:,} requests were sent with refused credentials")


@check(
    "http.redirect",
    "no secret is sent to another host",
    hint="leave redirects to self.http, which takes credentials off; never follow them by hand",
    role="source",
    needs=["extraction.repeatable"],
)
def redirect(subject: Subject) -> None:
    """The first or the last answer redirects to another host."""
    for number in first_and_last(subject):
        attempt = extract(subject, Fault(_ELSEWHERE, first=number, times=1))
        moved = next((request for request in attempt.server.requests if request.faulted), None)
        for request in attempt.server.requests:
            if moved is None or not request.url.startswith(FaultServer.ELSEWHERE):
                continue
            if place := _credentials_in(subject, moved, request):
                raise Problem(f"answer {number} redirected to another host, which was sent {place}")


def _first_and_last_json(subject: Subject) -> list[int]:
    numbers = first_and_last(subject)
    if not all(subject.exchanges[number - 1].is_json for number in numbers):
        raise Skip("the target does not answer with JSON")
    return numbers


def _credentials_in(subject: Subject, moved: Request, request: Request) -> str | None:
    """Return where in a request to another host there is something that is meant for the first one."""
    redactor = Redactor(subject.secrets)
    if redactor.redact(request.url) != request.url:
        return "a secret in the address"
    body = (request.body or b"").decode(errors="replace")
    if redactor.redact(body) != body:
        return "a secret in the body"
    for name, value in request.headers.items():
        if redactor.redact(value) != value:
            return f"a secret in the header {name}"
        mine = looks_secret(name) or name.lower() in {"authorization", "cookie"}
        if mine and moved.headers.get(name) == value:
            return f"the header {name}"
    return None

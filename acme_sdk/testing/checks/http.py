"""What does the connector make of answers that are wrong? A fault server stands before its target."""

from __future__ import annotations

from collections import Counter

from acme_sdk.secrets import Redactor
from acme_sdk.testing.attempts import PATIENCE_S, Attempt, extract, load, must_be_clear
from acme_sdk.testing.clients import waits_noted
from acme_sdk.testing.exchanges import Exchange, path_of
from acme_sdk.testing.faults import Answer, Fault, FaultServer, Manner, Request, unchanged
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.paging import Paging
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
_ENDLESS_PAGES = 40
_AT_REST_S = 0.1
# What a connector may have asked for ahead when its rows are no longer wanted.
_MOST_AHEAD = 20


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
    "http.recovers",
    "a single server error costs no row",
    hint="leave it to self.http to ask again: do not raise or give up before its attempts are used up",
    role="source",
    needs=["http.server_error"],
)
def recovers(subject: Subject) -> None:
    """The first, then the last request is answered with 500 once."""
    for number in _first_and_last(subject):
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
    _first_and_last(subject)
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
        _must_not_pass(subject, Fault(None, first=number, times=1), f"answer {number} was cut in half")


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
        _must_not_pass(subject, fault, f"answer {number} was a page of HTML with status 200")


@check(
    "http.disconnect",
    "a connection that is closed in the middle of an answer is noticed",
    hint="do not take a lost connection for the end of the data: let the error of self.http through",
    role="source",
    needs=["extraction.repeatable"],
)
def disconnect(subject: Subject) -> None:
    """The first or the last answer breaks off."""
    for number in _first_and_last(subject):
        fault = Fault(None, first=number, times=1, manner=Manner.BROKEN_OFF, spoil=unchanged)
        _must_not_pass(subject, fault, f"the connection was closed in the middle of answer {number}")


@check(
    "http.slow",
    "an answer in small pieces costs no row",
    hint="read the whole answer before it is parsed, as response.json() does",
    role="source",
    needs=["extraction.repeatable"],
)
def slow(subject: Subject) -> None:
    """The last answer drips in."""
    number = _first_and_last(subject)[-1]
    fault = Fault(None, first=number, times=1, manner=Manner.SLOW, spoil=unchanged)
    _must_not_pass(subject, fault, f"answer {number} came in small pieces")


@check(
    "http.hang",
    "a target that never answers ends in an error",
    hint="leave the time-out to self.http, or give one: `self.http.get(url, timeout=30)`",
    role="source",
    needs=["extraction.repeatable"],
)
def hang(subject: Subject) -> None:
    """From the last request on, no answer comes. Time-outs are cut short for this."""
    number = _first_and_last(subject)[-1]
    fault = Fault(None, first=number, manner=Manner.NEVER, spoil=unchanged)
    attempt = extract(subject, fault, patience=PATIENCE_S)
    _must_have_timeout(attempt)
    attempt.must_not_lose(subject.baseline.rows, f"request {number} was never answered")


@check(
    "http.endless",
    "an extraction without end can be stopped",
    hint="ask for the next page when its rows are wanted, and stop when the generator is closed",
    role="source",
    needs=["memory.streaming", "lifecycle.abandoned"],
)
def endless(subject: Subject) -> None:
    """One page comes again and again; when its rows are no longer taken, no more requests are sent."""
    paging = _paging(subject)
    with FaultServer(paging.replay(times=10**9)) as server:
        with subject.open(http=server.session()) as connector, subject.watching():
            server.arm()
            rows = subject.read(connector)
            try:
                for _ in rows:
                    if server.asked >= _ENDLESS_PAGES:
                        break
            except Exception:  # noqa: BLE001 - to notice that there is no end is best of all
                return
            sent = server.asked
            server.ending.wait(_AT_REST_S)
            ahead = server.asked - sent
            rows.close()  # type: ignore[attr-defined]  # read() is a generator
        after = server.asked
        server.ending.wait(_AT_REST_S / 4)
        late = server.asked - after
    if ahead > _MOST_AHEAD:
        raise Problem(
            f"the same page came again and again; in {_AT_REST_S:g} s in which no row was taken, "
            f"{ahead:,} more requests were sent"
        )
    if late > _MOST_AHEAD:
        raise Problem(f"after the extraction was stopped, {late:,} more requests were sent")


@check(
    "http.empty_page",
    "an empty page is not taken for the last one",
    hint="go on as long as the answer says that there are more, whatever is on the page",
    role="source",
    needs=["extraction.repeatable"],
)
def empty_page(subject: Subject) -> None:
    """A page in the middle has no records, but says that there are more."""
    paging = _paging(subject)
    index = (len(paging.pages) - 1) // 2
    number = paging.numbers[index]
    attempt = extract(subject, Fault(paging.emptied(index), first=number, times=1))
    what = f"answer {number} was an empty page that says that there are more"
    if attempt.error is not None:
        must_be_clear(attempt.error, what)
        return
    path = paging.pages[0].path
    usual = sum(exchange.path == path for exchange in subject.exchanges)
    asked = sum(path_of(request.method, request.url) == path for request in attempt.server.requests)
    if asked < usual:
        raise Problem(
            f"{what}, and the extraction ended without an error after {asked} requests instead of {usual}: "
            "the rest is lost in silence"
        )


@check(
    "http.unauthorized",
    "a 401 in the middle ends in an error",
    hint="ask for a new token once, if there is such a thing; then raise what response.json() raises",
    role="source",
    needs=["http.server_error"],
)
def unauthorized(subject: Subject) -> None:
    """From the last request on, the target answers 401."""
    number = _first_and_last(subject)[-1]
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
    for number in _first_and_last(subject):
        attempt = extract(subject, Fault(_ELSEWHERE, first=number, times=1))
        moved = next((request for request in attempt.server.requests if request.faulted), None)
        for request in attempt.server.requests:
            if moved is None or not request.url.startswith(FaultServer.ELSEWHERE):
                continue
            if place := _credentials_in(subject, moved, request):
                raise Problem(f"answer {number} redirected to another host, which was sent {place}")


@check(
    "http.repeated_requests",
    "no page is asked for again and again",
    hint="keep what is needed twice, or ask for the next page",
    role="source",
    needs=["extraction.ends"],
)
def repeated_requests(subject: Subject) -> None:
    """The same request with the same records for an answer is rare in one extraction."""
    _first_and_last(subject)
    with subject.open() as connector:
        most = 2 + sum(max(1, len(connector.partitions(stream))) for stream in subject.declared)
    asked = Counter(
        (exchange.method, exchange.url, str(exchange.sent), exchange.body)
        for exchange in subject.exchanges
        if _has_records(exchange)
    )
    for (_, _, _, _), times in asked.most_common(1):
        if times > most:
            raise Problem(f"one extraction sent the same request {times:,} times, and got the same records")


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
    _must_have_timeout(attempt)
    _must_raise(subject, attempt, "the target never answered")


def _first_and_last(subject: Subject) -> list[int]:
    """The numbers of the requests to spoil."""
    sent = len(subject.exchanges)
    if not sent:
        raise Skip("extract() does not use self.http")
    return sorted({1, sent})


def _first_and_last_json(subject: Subject) -> list[int]:
    numbers = _first_and_last(subject)
    if not all(subject.exchanges[number - 1].is_json for number in numbers):
        raise Skip("the target does not answer with JSON")
    return numbers


def _paging(subject: Subject) -> Paging:
    _first_and_last(subject)
    found = Paging.of(subject.exchanges)
    if found is None:
        raise Skip(
            "there are no two pages, the first of which says that there are more: use a smaller page size"
        )
    return found


def _must_not_pass(subject: Subject, fault: Fault, what: str) -> None:
    extract(subject, fault).must_not_lose(subject.baseline.rows, what)


def _must_raise(subject: Subject, attempt: Attempt, what: str) -> None:
    if not attempt.server.requests:
        raise Skip(f"{subject.kind.__name__} does not use self.http")
    if attempt.error is None:
        raise Problem(f"{what}, yet load() returned {attempt.written!r} as if nothing had happened")
    must_be_clear(attempt.error, what)


def _must_have_timeout(attempt: Attempt) -> None:
    if attempt.server.without_timeout:
        raise Problem("a request was sent without a time-out: it would wait for ever")


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


def _has_records(exchange: Exchange) -> bool:
    document = exchange.document
    lists = document.values() if isinstance(document, dict) else [document]
    return any(isinstance(found, list) and len(found) > 1 for found in lists)

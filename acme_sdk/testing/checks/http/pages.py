"""Does a source go from page to page, each once, and no further than it must?"""

from __future__ import annotations

from collections import Counter

from acme_sdk.testing.attempts import extract, first_and_last, must_be_clear
from acme_sdk.testing.exchanges import Exchange, path_of
from acme_sdk.testing.faults import Fault, FaultServer
from acme_sdk.testing.findings import Problem, Skip
from acme_sdk.testing.paging import Paging
from acme_sdk.testing.registry import check
from acme_sdk.testing.subject import Subject

__all__: list[str] = []

_ENDLESS_PAGES = 40
_AT_REST_S = 0.1
# What a connector may have asked for ahead when its rows are no longer wanted.
_MOST_AHEAD = 20


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
            ahead = _asked_until_at_rest(server)
            rows.close()  # type: ignore[attr-defined]  # read() is a generator
        late = _asked_until_at_rest(server)
    if ahead > _MOST_AHEAD:
        raise Problem(
            f"the same page came again and again; while no row was taken, {ahead:,} more requests were sent"
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
    "http.repeated_requests",
    "no page is asked for again and again",
    hint="keep what is needed twice, or ask for the next page",
    role="source",
    needs=["extraction.ends"],
)
def repeated_requests(subject: Subject) -> None:
    """The same request with the same records for an answer is rare in one extraction."""
    first_and_last(subject)
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


def _asked_until_at_rest(server: FaultServer) -> int:
    """Wait until no more requests come, or more than may come; return how many came."""
    before, seen = server.asked, -1
    while seen < server.asked <= before + _MOST_AHEAD:
        seen = server.asked
        server.ending.wait(_AT_REST_S)
    return server.asked - before


def _paging(subject: Subject) -> Paging:
    first_and_last(subject)
    found = Paging.of(subject.exchanges)
    if found is None:
        raise Skip(
            "there are no two pages, the first of which says that there are more: use a smaller page size"
        )
    return found


def _has_records(exchange: Exchange) -> bool:
    document = exchange.document
    lists = document.values() if isinstance(document, dict) else [document]
    return any(isinstance(found, list) and len(found) > 1 for found in lists)

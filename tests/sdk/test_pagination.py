"""`self.http.pages` against real servers on loopback: every record once, and no way without an end."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acme.sdk import FatalError, RetriableError
from acme.sdk.http import (
    ApiKeyAuth,
    BearerAuth,
    CursorInBody,
    HttpSession,
    LinkHeader,
    NextUrl,
    Offset,
    PageNumber,
)
from acme_sdk.http import session as http
from tests.sdk.http_server import Answer, Asked, serving

SIZE = 10


def slice_of(records: list, start: int, size: int = SIZE) -> list:
    return records[start : start + size]


def by_page(records):
    def respond(asked: Asked) -> Answer:
        start = (int(asked.query["page"]) - 1) * SIZE
        return Answer(
            {
                "items": slice_of(records, start),
                "meta": {"pages": -(-len(records) // SIZE), "more": start + SIZE < len(records)},
            }
        )

    return respond


def by_offset(records):
    def respond(asked: Asked) -> Answer:
        start, asked_for = int(asked.query["offset"]), int(asked.query["limit"])
        # As many servers do, this one gives no more than it likes to.
        return Answer({"items": slice_of(records, start, min(asked_for, SIZE)), "total": len(records)})

    return respond


def by_cursor(records):
    def respond(asked: Asked) -> Answer:
        start = int(asked.query.get("cursor", "c0")[1:])
        body = {"items": slice_of(records, start)}
        if start + SIZE < len(records):
            body["meta"] = {"next": f"c{start + SIZE}"}
        return Answer(body)

    return respond


def by_key(records):
    def respond(asked: Asked) -> Answer:
        start = int(asked.query.get("after", -1)) + 1
        return Answer({"items": slice_of(records, start), "has_more": start + SIZE < len(records)})

    return respond


def by_url(records):
    def respond(asked: Asked) -> Answer:
        start = int(asked.query.get("start", 0))
        more = start + SIZE < len(records)
        return Answer(
            {
                "items": slice_of(records, start),
                "@odata.nextLink": f"/items?start={start + SIZE}" if more else None,
            }
        )

    return respond


def by_link(records):
    def respond(asked: Asked) -> Answer:
        start = int(asked.query.get("start", 0))
        links = ['</items>; rel="first"']
        if start + SIZE < len(records):
            links.append(f'</items?start={start + SIZE}>; rel="next"')
        return Answer(slice_of(records, start), headers={"Link": ", ".join(links)})

    return respond


STYLES = {
    "page": (by_page, PageNumber(size=SIZE)),
    "page, number of pages": (by_page, PageNumber(pages="meta.pages")),
    "page, flag": (by_page, PageNumber(more="meta.more")),
    "offset": (by_offset, Offset(limit=25)),
    "offset, total": (by_offset, Offset(limit=25, total="total")),
    "cursor": (by_cursor, CursorInBody(cursor="meta.next", param="cursor")),
    "key of the last record": (
        by_key,
        CursorInBody(cursor="items.-1.id", param="after", more="has_more"),
    ),
    "URL": (by_url, NextUrl(url="@odata.nextLink")),
    "link": (by_link, LinkHeader()),
}


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(http, "PAUSE_S", 0.001)
    with HttpSession() as session:
        yield session


def read(session, url, **options):
    records = []
    collect(session.pages(f"{url}/items", **options), records)
    return records


def collect(pages, records):
    for page in pages:
        records += records_of(page.json())


def records_of(body):
    return body if isinstance(body, list) else body["items"]


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=12)
@given(count=st.one_of(st.integers(0, 35), st.sampled_from([SIZE, 2 * SIZE, 2 * SIZE + 1])))
def test_every_record_comes_once_and_in_order(style, count):
    respond, paginator = STYLES[style]
    records = [{"id": number} for number in range(count)]
    with serving(respond(records)) as server, HttpSession() as session:
        assert read(session, server.url, paginator=paginator) == records
        assert len(server.asked) <= count / SIZE + 2


def test_the_authors_parameters_are_sent_with_each_page(session):
    with serving(by_page([{"id": 1}] * 1)) as server:
        read(session, server.url, paginator=PageNumber(size=7), params={"since": "2026-01-01", "until": None})
        assert [asked.query for asked in server.asked] == [
            {"page": "1", "per_page": "7", "since": "2026-01-01"},
            {"page": "2", "per_page": "7", "since": "2026-01-01"},
        ]


def test_a_cursor_may_stand_for_all_other_parameters(session):
    paginator = CursorInBody(cursor="meta.next", param="cursor", alone=True)
    with serving(by_cursor([{"id": number} for number in range(15)])) as server:
        read(session, server.url, paginator=paginator, params={"since": "2026-01-01"})
        assert [asked.query for asked in server.asked] == [{"since": "2026-01-01"}, {"cursor": "c10"}]


def test_a_page_is_asked_for_when_it_is_wanted(session):
    with serving(by_page([{"id": number} for number in range(100)])) as server:
        list(islice(session.pages(f"{server.url}/items", paginator=PageNumber()), 2))
        assert len(server.asked) == 2


def test_a_short_page_is_not_the_end(session):
    pages = [[1, 2, 3], [4], [5, 6, 7], []]
    with serving(lambda asked: Answer(pages[int(asked.query["page"]) - 1])) as server:
        assert read(session, server.url, paginator=PageNumber()) == [1, 2, 3, 4, 5, 6, 7]


def fails(session, url, **options):
    with pytest.raises(FatalError) as caught:
        # One that never ends must not take the test with it.
        list(islice(session.pages(f"{url}/items", **options), 50))
    return caught.value


def test_the_same_cursor_twice_is_an_error(session):
    answers = iter(range(1000))
    with serving(lambda asked: Answer({"items": [next(answers)], "next": "c1"})) as server:
        error = fails(session, server.url, paginator=CursorInBody(cursor="next", param="cursor"))
        assert error.code == "pages.repeated"
        assert str(error).startswith(f"request 3, {server.url}/items: ")
        assert len(server.asked) == 2


def test_cursors_that_go_round_in_a_circle_are_an_error(session):
    answers = iter(range(1000))
    following = {None: "a", "a": "b", "b": "c", "c": "a"}
    with serving(
        lambda asked: Answer({"items": [next(answers)], "next": following[asked.query.get("cursor")]})
    ) as server:
        error = fails(session, server.url, paginator=CursorInBody(cursor="next", param="cursor"))
        assert (error.code, len(server.asked)) == ("pages.repeated", 4)


@pytest.mark.parametrize("paginator", [NextUrl(), LinkHeader()])
def test_the_same_next_url_twice_is_an_error(session, paginator):
    answers = iter(range(1000))
    link = {"Link": '</items?p=2>; rel="next"'}
    with serving(
        lambda asked: Answer({"items": [next(answers)], "next": "/items?p=2"}, headers=link)
    ) as server:
        error = fails(session, server.url, paginator=paginator)
        assert (error.code, len(server.asked)) == ("pages.repeated", 2)


@pytest.mark.parametrize(
    "paginator",
    [PageNumber(), Offset(limit=2), PageNumber(pages="pages"), CursorInBody(cursor="at", param="at")],
)
def test_a_page_that_equals_the_one_before_is_an_error_and_is_not_given_out(session, paginator):
    # The server ignores what it is asked for; only the time in its answers changes.
    counter = iter(range(1000))
    given = []
    with serving(lambda asked: Answer({"items": [1, 2], "at": next(counter) + 1, "pages": 9})) as server:
        with pytest.raises(FatalError) as caught:
            collect(islice(session.pages(f"{server.url}/items", paginator=paginator), 50), given)
        assert caught.value.code == "pages.same"
        assert str(caught.value).startswith("request 2, ")
        assert given == [1, 2]


def test_an_empty_page_that_says_there_is_more_is_an_error(session):
    cursors = iter(range(1000))
    with serving(lambda asked: Answer({"items": [], "next": f"c{next(cursors)}"})) as server:
        error = fails(session, server.url, paginator=CursorInBody(cursor="next", param="cursor"))
        assert (error.code, len(server.asked)) == ("pages.empty", 1)
        assert error.hint


def test_empty_pages_can_be_allowed_but_not_without_end(session):
    def respond(asked: Asked) -> Answer:
        number = int(asked.query.get("cursor", 0))
        return Answer({"items": [] if number in (1, 2) or number > 3 else [number], "next": number + 1})

    with serving(respond) as server:
        error = fails(
            session, server.url, paginator=CursorInBody(cursor="next", param="cursor"), empty_pages=2
        )
        assert (error.code, len(server.asked)) == ("pages.empty", 7)


@pytest.mark.parametrize(
    "elsewhere",
    ["{other}/items", "https://127.0.0.1/items", "//evil.invalid/x", "file:///etc/passwd", "http://x:y/"],
)
@pytest.mark.parametrize("paginator", [NextUrl(), LinkHeader()])
def test_a_next_page_at_another_host_is_an_error_and_is_not_asked_for(session, paginator, elsewhere):
    session.auth = BearerAuth("hunter2")
    with serving(lambda asked: Answer([])) as other:
        url = elsewhere.format(other=other.url)
        with serving(
            lambda asked: Answer({"items": [1], "next": url}, headers={"Link": f'<{url}>; rel="next"'})
        ) as server:
            error = fails(session, server.url, paginator=paginator)
            assert error.code == "pages.other_host"
            assert server.asked[0].headers["Authorization"] == "Bearer hunter2"
        assert other.asked == []


@pytest.mark.parametrize(
    ("paginator", "body", "words"),
    [
        (PageNumber(items="data"), {"items": [1]}, "a list at data"),
        (PageNumber(), {"items": [1], "tags": [2]}, "which part of the answer"),
        (PageNumber(more="more"), {"items": [1]}, "true or false at more"),
        (PageNumber(pages="pages"), {"items": [1], "pages": None}, "a number at pages"),
        (Offset(total="total"), {"items": [1], "total": "many"}, "a number at total"),
        (NextUrl(), {"items": [1], "next": {"page": 2}}, "a URL at next"),
        (
            CursorInBody(cursor="nxt", param="cursor", more="more"),
            {"items": [1], "more": True, "next": 1},
            "a cursor, though more says that there is more at nxt",
        ),
    ],
)
def test_a_paginator_that_does_not_fit_the_answer_is_an_error(session, paginator, body, words):
    with serving(lambda asked: Answer(body)) as server:
        error = fails(session, server.url, paginator=paginator)
        assert error.code == "pages.missing"
        assert words in str(error)


@pytest.mark.parametrize(("status", "kind"), [(500, RetriableError), (404, FatalError)])
@pytest.mark.parametrize("style", STYLES)
def test_an_error_page_is_not_the_end(session, style, status, kind):
    respond, paginator = STYLES[style]
    whole = respond([{"id": number} for number in range(25)])
    with serving(
        lambda asked: whole(asked) if len(server.asked) < 2 else Answer({"items": []}, status)
    ) as server:
        given = []
        with pytest.raises(kind) as caught:
            collect(session.pages(f"{server.url}/items", paginator=paginator), given)
        assert (caught.value.code, len(given)) == (f"http.{status}", SIZE)


def test_a_key_in_the_query_stays_with_each_page_and_comes_once(session):
    session.auth = ApiKeyAuth("hunter2", query="key")

    def respond(asked: Asked) -> Answer:
        following = "/items?start=10&key=of-the-server" if "start" not in asked.query else None
        return Answer({"items": [len(server.asked)], "next": following})

    with serving(respond) as server:
        assert read(session, server.url, paginator=NextUrl(), params={"a": "ü b"}) == [1, 2]
        assert [asked.query for asked in server.asked] == [
            {"a": "ü b", "key": "hunter2"},
            {"start": "10", "key": "hunter2"},
        ]

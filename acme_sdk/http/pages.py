"""Going from page to page, and noticing when that leads nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from acme_sdk.errors import FatalError
from acme_sdk.http.hosts import other_host, without_query
from acme_sdk.http.pagination import PageRequest, Paginator
from acme_sdk.http.response import HttpResponse

__all__ = ["read_pages"]


def read_pages(
    ask: Callable[[PageRequest], HttpResponse],
    url: str,
    paginator: Paginator,
    *,
    params: Mapping[str, Any] | None,
    empty_pages: int,
) -> Iterator[HttpResponse]:
    """Yield the pages; see `HttpSession.pages`.

    Args:
        ask: Sends one request.
        url: The address of the first page.
        paginator: How the API continues.
        params: The query's parameters, besides the paginator's.
        empty_pages: How many pages in a row may be empty although they say that there is more.
    """
    walk = _Walk(paginator, url, empty_pages)
    request: PageRequest | None = paginator.first(PageRequest(url, params or {}))
    while request is not None:
        walk.begin(request)
        response = ask(request)
        response.raise_for_status()
        request = walk.following(request, response)
        yield response


class _Walk:
    """What was seen so far, to tell a long way from a circle."""

    def __init__(self, paginator: Paginator, url: str, empty_pages: int) -> None:
        self._paginator = paginator
        self._home = url
        self._empty_pages = empty_pages
        self._number = 0
        self._asked: set[int] = set()
        self._before: Any = None
        self._empty_in_a_row = 0

    def begin(self, request: PageRequest) -> None:
        """Note a request; refuse one that was made before, or that leads to another host."""
        self._number += 1
        if other_host(self._home, request.url):
            raise self._error(
                request.url,
                "the next page is at another host than the first, which is not to get the credentials",
                "pages.other_host",
                "check the API's address; if the API really has several hosts, read each by itself",
            )
        asked = hash((request.url, repr(sorted(request.params.items(), key=lambda pair: pair[0]))))
        if asked in self._asked:
            raise self._error(
                request.url,
                "the next page is one that was read already, so there would be no end",
                "pages.repeated",
                "the server gave the same cursor or next page twice; check the paginator's parameter",
            )
        self._asked.add(asked)

    def following(self, request: PageRequest, response: HttpResponse) -> PageRequest | None:
        """Return what to ask for after an answer; refuse an answer that does not get on."""
        records = self._paginator.records(response)
        following = self._paginator.following(request, response)
        content = response.content if records is None else records
        if content and content == self._before:
            raise self._error(
                request.url,
                "the page is the same as the one before it, so there would be no end",
                "pages.same",
                "does the server heed the parameter of the paginator? Where it repeats the last page, "
                "say where in the body the end is told",
            )
        self._before = content
        self._empty_in_a_row = 0 if content else self._empty_in_a_row + 1
        if following is not None and self._empty_in_a_row > self._empty_pages:
            raise self._error(
                request.url,
                "the page is empty, yet it says that there is more",
                "pages.empty",
                "if the API may leave pages empty, allow it with empty_pages=…",
            )
        return following

    def _error(self, url: str, what: str, code: str, hint: str) -> FatalError:
        return FatalError(f"request {self._number}, {without_query(url)}: {what}", code=code, hint=hint)

"""How an API continues: page numbers, offsets, cursors, links."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from acme_sdk.errors import FatalError
from acme_sdk.http.response import HttpResponse

__all__ = ["CursorInBody", "LinkHeader", "NextUrl", "Offset", "PageNumber", "PageRequest", "Paginator"]

_MISSING: Any = object()


@dataclass(frozen=True)
class PageRequest:
    """What to ask for.

    Attributes:
        url: The address.
        params: The query's parameters, besides those in the address; ``None`` values are not sent.
    """

    url: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def with_params(self, **params: Any) -> PageRequest:
        """Return the same request with other or more parameters."""
        return PageRequest(self.url, {**self.params, **params})


@dataclass(frozen=True, kw_only=True)
class Paginator(ABC):
    """One way of getting from a page to the next.

    Places in the body are given as keys joined by dots, ``meta.next``; a number counts in a list, from the
    end if it is negative, ``data.-1.id``. A key that has dots itself, ``@odata.nextLink``, is found, too.

    Attributes:
        items: Where in the body the list of records is. By default the body itself, or the only list in it.
    """

    items: str | None = None

    def first(self, request: PageRequest) -> PageRequest:
        """Return the request for the first page, made from the author's."""
        return request

    @abstractmethod
    def following(self, request: PageRequest, response: HttpResponse) -> PageRequest | None:
        """Return the request for the page after this one, or ``None`` if this is the last.

        Raises:
            FatalError: The answer does not have what it should (code ``pages.missing``).
        """

    def records(self, response: HttpResponse) -> list[Any] | None:
        """Return the page's records, or ``None`` if it cannot be told which they are.

        Raises:
            FatalError: There is no list where `items` says (code ``pages.missing``).
        """
        if "json" not in response.headers.get("Content-Type", "").lower():
            return None
        body = response.json()
        if self.items is not None:
            records: list[Any] = _expect(response, body, self.items, list, "a list")
            return records
        if isinstance(body, list):
            return body
        lists = (
            [value for value in body.values() if isinstance(value, list)] if isinstance(body, dict) else []
        )
        return lists[0] if len(lists) == 1 else None


@dataclass(frozen=True, kw_only=True)
class PageNumber(Paginator):
    """``?page=1``, ``?page=2``, … until ``more`` or ``pages`` says so, or else until a page is empty.

    A page that is merely short is not the end: servers give fewer records than they are asked for.

    Attributes:
        param: The parameter for the page's number.
        start: The number of the first page.
        size_param: The parameter for the number of records on a page.
        size: That number; ``None`` leaves it to the server.
        more: Where in the body it says whether there are more pages.
        pages: Where in the body the number of pages is.
    """

    param: str = "page"
    start: int = 1
    size_param: str = "per_page"
    size: int | None = None
    more: str | None = None
    pages: str | None = None

    def first(self, request: PageRequest) -> PageRequest:
        """Ask for the page with the first number."""
        return request.with_params(**{self.param: self.start, self.size_param: self.size})

    def following(self, request: PageRequest, response: HttpResponse) -> PageRequest | None:
        """Ask for the page with the next number."""
        number = int(request.params[self.param])
        if self.more is not None:
            goes_on = _expect(response, response.json(), self.more, bool, "true or false")
        elif self.pages is not None:
            goes_on = number - self.start + 1 < _expect(
                response, response.json(), self.pages, int, "a number"
            )
        else:
            goes_on = bool(_known(response, self.records(response)))
        return request.with_params(**{self.param: number + 1}) if goes_on else None


@dataclass(frozen=True, kw_only=True)
class Offset(Paginator):
    """``?offset=0``, ``?offset=100``, … until ``more`` or ``total`` says so, or else until a page is empty.

    The offset grows by the number of records that came, since a server may give fewer than it is asked for.

    Attributes:
        limit: How many records to ask for at a time.
        offset_param: The parameter for the offset.
        limit_param: The parameter for the limit.
        start: The first offset.
        more: Where in the body it says whether there are more records.
        total: Where in the body the number of all records is.
    """

    limit: int = 100
    offset_param: str = "offset"
    limit_param: str = "limit"
    start: int = 0
    more: str | None = None
    total: str | None = None

    def first(self, request: PageRequest) -> PageRequest:
        """Ask for the first records."""
        return request.with_params(**{self.offset_param: self.start, self.limit_param: self.limit})

    def following(self, request: PageRequest, response: HttpResponse) -> PageRequest | None:
        """Ask for the records after those that came."""
        records = _known(response, self.records(response))
        reached = int(request.params[self.offset_param]) + len(records)
        if self.more is not None:
            goes_on = _expect(response, response.json(), self.more, bool, "true or false")
        elif self.total is not None:
            goes_on = reached - self.start < _expect(response, response.json(), self.total, int, "a number")
        else:
            goes_on = bool(records)
        return request.with_params(**{self.offset_param: reached}) if goes_on else None


@dataclass(frozen=True, kw_only=True)
class CursorInBody(Paginator):
    """The body holds a cursor that the next request sends back, until there is none.

    Attributes:
        cursor: Where in the body the cursor is. An API that continues after the last record's key has it at
            ``data.-1.id``, for instance.
        param: The parameter to send it in.
        more: Where in the body it says whether there are more pages, for APIs whose last page has a cursor.
        alone: Whether the cursor stands for all other parameters, which are then not sent again.
    """

    cursor: str
    param: str
    more: str | None = None
    alone: bool = False

    def following(self, request: PageRequest, response: HttpResponse) -> PageRequest | None:
        """Ask for what comes after the cursor."""
        body = response.json()
        cursor = _dig(body, self.cursor)
        if self.more is not None and not _expect(response, body, self.more, bool, "true or false"):
            return None
        if cursor is _MISSING or cursor is None or cursor is False or cursor == "":
            if self.more is not None:
                raise _missing(response, self.cursor, f"a cursor, though {self.more} says that there is more")
            return None
        if self.alone:
            return PageRequest(request.url, {self.param: cursor})
        return request.with_params(**{self.param: cursor})


@dataclass(frozen=True, kw_only=True)
class NextUrl(Paginator):
    """The body holds the next page's URL, until there is none.

    Attributes:
        url: Where in the body it is. A relative one is completed.
    """

    url: str = "next"

    def following(self, request: PageRequest, response: HttpResponse) -> PageRequest | None:
        """Ask for the URL, which has all parameters in it."""
        url = _dig(response.json(), self.url)
        if url is _MISSING or url is None or url is False or url == "":
            return None
        if not isinstance(url, str):
            raise _missing(response, self.url, "a URL")
        return PageRequest(urljoin(response.url, url))


@dataclass(frozen=True, kw_only=True)
class LinkHeader(Paginator):
    """The header ``Link: <…>; rel="next"`` holds the next page's URL, until there is none (RFC 8288)."""

    def following(self, request: PageRequest, response: HttpResponse) -> PageRequest | None:
        """Ask for the URL, which has all parameters in it."""
        link = response.links.get("next")
        return PageRequest(urljoin(response.url, link["url"])) if link else None


def _dig(body: Any, path: str) -> Any:
    """Return what is at a place in the body, or `_MISSING`."""
    if isinstance(body, dict) and path in body:
        return body[path]
    key, _, rest = path.partition(".")
    if isinstance(body, dict) and key in body and rest:
        return _dig(body[key], rest)
    if isinstance(body, list) and key.removeprefix("-").isdigit():
        try:
            found = body[int(key)]
        except IndexError:
            return _MISSING
        return _dig(found, rest) if rest else found
    return _MISSING


def _expect(response: HttpResponse, body: Any, path: str, kind: type, what: str) -> Any:
    value = _dig(body, path)
    if not isinstance(value, kind):
        raise _missing(response, path, what)
    return value


def _missing(response: HttpResponse, path: str, what: str) -> FatalError:
    return FatalError(
        f"{response.where}: the answer does not have {what} at {path}",
        code="pages.missing",
        hint="compare the paginator with an answer of the API",
    )


def _known(response: HttpResponse, records: list[Any] | None) -> list[Any]:
    if records is None:
        raise FatalError(
            f"{response.where}: which part of the answer is the list of records?",
            code="pages.missing",
            hint='say where it is, as in items="data"',
        )
    return records

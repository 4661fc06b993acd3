"""The session behind ``self.http``: `requests`, with time-outs, retries and errors that say what happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from acme_sdk.errors import AcmeError, FatalError, RetriableError
from acme_sdk.http.budget import Budget
from acme_sdk.http.hosts import other_host, without_query
from acme_sdk.http.pages import read_pages
from acme_sdk.http.pagination import PageRequest, Paginator
from acme_sdk.http.response import HttpResponse

__all__ = ["HttpAdapter", "HttpSession"]

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
RETRIES = 4
PAUSE_S = 0.5
LONGEST_WAIT_S = 60
LONGEST_BUDGET_WAIT_S = 300.0

_IDEMPOTENT = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"})
_TRANSIENT = frozenset({500, 502, 503, 504})
_TOO_MANY = 429
_AT_WORK = 409
_IDEMPOTENCY_KEY = "Idempotency-Key"
# Keys travel in headers of any name: what may go to another host is listed, not what may not.
_HARMLESS_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "content-length",
        "content-type",
        "user-agent",
    }
)


class HttpSession(requests.Session):
    """A `requests.Session` fit for unattended work.

    Every call has a time-out. Calls are repeated, with growing jittered pauses, after a lost connection and
    after 429, 500, 502, 503 and 504; a pause that the server asks for by ``Retry-After`` is kept, up to a
    minute. A POST or PATCH is repeated only where the server says that it did not act on it: after 429, after
    503 with ``Retry-After``, and when no connection came about. One with an ``Idempotency-Key`` is repeated
    as a GET is, and while the server is at work on it (409 with ``Retry-After``).

    Args:
        retries: How often a call is repeated at most.
    """

    def __init__(self, *, retries: int = RETRIES) -> None:
        super().__init__()
        retry = _Retry(
            budget=Budget(),
            total=retries,
            backoff_factor=PAUSE_S,
            backoff_jitter=PAUSE_S,
            backoff_max=LONGEST_WAIT_S,
            retry_after_max=LONGEST_WAIT_S,
            raise_on_status=False,
        )
        self._budget = retry.budget
        for scheme in ("http://", "https://"):
            self.mount(scheme, HttpAdapter(max_retries=retry))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """Send a request; see `requests.Session.request`.

        Raises:
            RetriableError: No answer came: the connection failed or timed out, after all retries.
            FatalError: The address or the answer is no HTTP.
        """
        kwargs.setdefault("timeout", (CONNECT_TIMEOUT_S, READ_TIMEOUT_S))
        try:
            response = super().request(method, url, *args, **kwargs)
        except requests.exceptions.RequestException as error:
            raise _readable(method, url, error) from None
        assert isinstance(response, HttpResponse)  # noqa: S101 - what the adapter builds
        return response

    def pages(
        self,
        url: str,
        *,
        paginator: Paginator,
        params: Mapping[str, Any] | None = None,
        method: str = "GET",
        empty_pages: int = 0,
        **options: Any,
    ) -> Iterator[HttpResponse]:
        """Yield one answer per page, each asked for when it is wanted.

        Args:
            url: The address of the first page.
            paginator: How the API continues.
            params: The query's parameters, besides the paginator's; ``None`` values are not sent.
            method: How to ask.
            empty_pages: How many pages in a row may be empty although they say that there is more.
            options: See `requests.Session.request`.

        Raises:
            RetriableError: A page could not be had, or the status is 429 or 5xx, after all retries.
            FatalError: The status is another of 400 and above; there would be no end
                (code ``pages.repeated``, ``pages.same``, ``pages.empty``); the next page is at another host
                (``pages.other_host``); or an answer does not have what the paginator looks for
                (``pages.missing``).
        """

        def ask(page: PageRequest) -> HttpResponse:
            return self.request(method, page.url, params=page.params, **options)

        return read_pages(ask, url, paginator, params=params, empty_pages=empty_pages)

    def limit(
        self, requests: int | None = None, per: float = 1.0, *, longest_wait: float = LONGEST_BUDGET_WAIT_S
    ) -> None:
        """Send at most so many requests in any ``per`` seconds, from all threads together.

        From then on the server's own headers (``X-RateLimit-Remaining`` and ``-Reset``, or ``RateLimit-…``)
        are heeded, too; without ``requests`` only those are. Limits add up: call it again for a second one.
        A request that does not get its turn within ``longest_wait`` seconds raises a `RetriableError` (code
        ``http.budget``).
        """
        self._budget.add(requests, per, longest_wait)

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """After a redirect to another host, send only headers that can hold no credentials."""
        if other_host(str(response.request.url), str(prepared_request.url)):
            for name in list(prepared_request.headers):
                if name.lower() not in _HARMLESS_HEADERS:
                    del prepared_request.headers[name]
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call] # not in the stubs


class HttpAdapter(HTTPAdapter):
    """What gives an `HttpSession` its responses, each request within the session's budget."""

    max_retries: _Retry

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request when the budget allows."""
        budget = self.max_retries.budget
        adapter = self._repeating if _IDEMPOTENCY_KEY in request.headers else self
        with budget.request():
            response = HTTPAdapter.send(adapter, request, *args, **kwargs)
            budget.observe(response.headers)
        return response

    @cached_property
    def _repeating(self) -> HttpAdapter:
        """The same connections, for requests that may be sent twice whatever their method is."""
        twin = HttpAdapter.__new__(HttpAdapter)
        vars(twin).update(vars(self), max_retries=self.max_retries.new(allowed_methods=None))
        return twin

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the answer as an `HttpResponse`."""
        response = super().build_response(req, resp)
        response.__class__ = HttpResponse
        return response


class _Retry(Retry):
    """Which attempts are repeated, each within the budget."""

    def __init__(self, *, budget: Budget, **settings: Any) -> None:
        super().__init__(**settings)
        self.budget = budget

    def new(self, **changes: Any) -> Self:
        return super().new(budget=self.budget, **changes)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        if response is not None:
            self.budget.observe(response.headers)
            self.budget.hold(self.get_retry_after(response))
        super().sleep(response)
        self.budget.repeat()

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if not self.total:
            return False
        if status_code == _TOO_MANY:
            return True
        if self.allowed_methods is None and status_code == _AT_WORK:
            return has_retry_after
        if self.allowed_methods is None or method.upper() in _IDEMPOTENT:
            return status_code in _TRANSIENT
        return status_code == 503 and has_retry_after


def _readable(method: str, url: str, error: requests.exceptions.RequestException) -> AcmeError:
    """Say what happened without the query, which may hold a key."""
    where = f"{method.upper()} {without_query(url)}"
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return RetriableError(
            f"{where}: no trusted TLS connection", code="tls.failed", hint="check the certificate"
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return RetriableError(f"{where}: no connection in {CONNECT_TIMEOUT_S:g} s", code="connect.timeout")
    if isinstance(error, requests.exceptions.Timeout) or "Read timed out" in text:
        return RetriableError(f"{where}: no answer in time", code="timeout")
    if isinstance(error, requests.exceptions.ConnectionError):
        if "NameResolutionError" in text:
            return RetriableError(f"{where}: unknown host", code="dns.not_found", hint="check the host name")
        if "Connection refused" in text:
            return RetriableError(
                f"{where}: connection refused",
                code="connect.refused",
                hint="check that the server runs and listens on this port",
            )
        return RetriableError(f"{where}: the connection was lost", code="connect.lost")
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return RetriableError(f"{where}: the answer was cut off", code="connect.lost")
    return FatalError(f"{where}: {type(error).__name__}", code="http.failed", hint="check the address")

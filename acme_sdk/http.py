"""The session behind ``self.http``: `requests`, with time-outs, retries and errors that say what happened."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from acme_sdk.errors import AcmeError, FatalError, RetriableError

__all__ = ["HttpAdapter", "HttpResponse", "HttpSession"]

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
RETRIES = 4
PAUSE_S = 0.5
LONGEST_WAIT_S = 60

_IDEMPOTENT = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"})
_TRANSIENT = frozenset({500, 502, 503, 504})
_TOO_MANY = 429
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


class HttpResponse(requests.Response):
    """A `requests.Response` whose ``json()`` refuses an error page instead of misreading it.

    ``status_code`` can always be looked at, so a health check may compare it.
    """

    def json(self, **kwargs: Any) -> Any:
        """Return the parsed body.

        Raises:
            RetriableError: The status is 429 or 5xx, after all retries (code ``http.429``, ``http.500``, …).
            FatalError: The status is another of 400 and above, or the body is not JSON
                (code ``http.not_json``).
        """
        self.raise_for_status()
        try:
            return super().json(**kwargs)
        except requests.exceptions.JSONDecodeError as error:
            content_type = self.headers.get("Content-Type", "no content type")
            raise FatalError(
                f"{self._where} answered {self.status_code} with {len(self.content)} bytes of {content_type} "
                f"that are not JSON: {error.msg} at character {error.pos}",
                code="http.not_json",
                hint="check the address; the answer may have been cut off on its way",
            ) from None

    def raise_for_status(self) -> None:
        """Raise if the server refused the request; the message holds no query, which may hold a key.

        Raises:
            RetriableError: The status is 429 or 5xx (code ``http.429``, ``http.500``, …).
            FatalError: The status is another of 400 and above.
        """
        if self.status_code < 400:
            return
        kind = RetriableError if self.status_code == _TOO_MANY or self.status_code >= 500 else FatalError
        raise kind(
            f"{self._where} answered {self.status_code} {self.reason or ''}".rstrip(),
            code=f"http.{self.status_code}",
            hint=_STATUS_HINTS.get(self.status_code),
        )

    @property
    def _where(self) -> str:
        return f"{self.request.method} {_without_query(self.url)}"


class HttpSession(requests.Session):
    """A `requests.Session` fit for unattended work.

    Every call has a time-out. Calls are repeated, with growing jittered pauses, after a lost connection and
    after 429, 500, 502, 503 and 504; a pause that the server asks for by ``Retry-After`` is kept, up to a
    minute. A POST or PATCH is repeated only where the server says that it did not act on it: after 429, after
    503 with ``Retry-After``, and when no connection came about.
    """

    def __init__(self) -> None:
        super().__init__()
        retry = _Retry(
            total=RETRIES,
            backoff_factor=PAUSE_S,
            backoff_jitter=PAUSE_S,
            backoff_max=LONGEST_WAIT_S,
            retry_after_max=LONGEST_WAIT_S,
            raise_on_status=False,
        )
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

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """After a redirect to another host, send only headers that can hold no credentials."""
        elsewhere: bool = self.should_strip_auth(  # type: ignore[no-untyped-call] # the stubs leave it out
            str(response.request.url), str(prepared_request.url)
        )
        if elsewhere:
            for name in list(prepared_request.headers):
                if name.lower() not in _HARMLESS_HEADERS:
                    del prepared_request.headers[name]
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call] # as above


class HttpAdapter(HTTPAdapter):
    """What gives an `HttpSession` its responses."""

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the answer as an `HttpResponse`."""
        response = super().build_response(req, resp)
        response.__class__ = HttpResponse
        return response


class _Retry(Retry):
    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if not self.total:
            return False
        if status_code == _TOO_MANY:
            return True
        if method.upper() in _IDEMPOTENT:
            return status_code in _TRANSIENT
        return status_code == 503 and has_retry_after


_STATUS_HINTS = {
    401: "check the credentials",
    403: "the credentials are known, but may not do this",
    404: "check the address",
    429: "the server limits the rate of requests; it still did after all retries",
}


def _readable(method: str, url: str, error: requests.exceptions.RequestException) -> AcmeError:
    """Say what happened without the query, which may hold a key."""
    where = f"{method.upper()} {_without_query(url)}"
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


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))

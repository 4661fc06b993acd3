"""Who we are: credentials that `requests` adds to each request.

Assign one to ``self.http.auth``. After a redirect to another host nothing of it is sent along.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from requests import PreparedRequest, Response
from requests.auth import AuthBase, HTTPBasicAuth

from acme_sdk.http.hosts import other_host

__all__ = ["ApiKeyAuth", "BasicAuth", "BearerAuth", "Token", "TokenAuth"]

_LEEWAY_S = 30.0


class BearerAuth(AuthBase):
    """``Authorization: Bearer …`` with a token that does not change.

    Args:
        token: The token.
        scheme: Another word than ``Bearer``, for APIs that have their own.
    """

    def __init__(self, token: str, *, scheme: str = "Bearer") -> None:
        self._value = f"{scheme} {token}"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = self._value
        return request


class BasicAuth(HTTPBasicAuth):
    """User name and password, encoded as UTF-8 (RFC 7617)."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username.encode(), password.encode())


class ApiKeyAuth(AuthBase):
    """A key in a header or, where the API wants that, in the query.

    Args:
        key: The key.
        header: The header's name.
        query: The name of the query's parameter, to send it there instead. URLs tend to be logged: prefer
            the header.
    """

    def __init__(self, key: str, *, header: str = "X-Api-Key", query: str | None = None) -> None:
        self._key = key
        self._header = header
        self._query = query

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the key; in a query it replaces one that a next-page URL brought along."""
        if self._query is None:
            request.headers[self._header] = self._key
            return request
        parts = urlsplit(str(request.url))
        others = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != self._query]
        query = urlencode([*others, (self._query, self._key)])
        request.url = urlunsplit(parts._replace(query=query))
        return request


@dataclass(frozen=True)
class Token:
    """A token and its end.

    Attributes:
        value: The token.
        expires_in: Its lifetime, in seconds from now; ``None`` if nobody knows.
    """

    value: str = field(repr=False)
    expires_in: float | None = None


class TokenAuth(AuthBase, ABC):
    """``Authorization: Bearer …`` with a token that expires; a subclass says how to `obtain` one.

    A token is renewed shortly before it expires, and once for a request that is answered with 401. Threads
    that find the same token expired share one renewal.
    """

    #: The word before the token.
    scheme: ClassVar[str] = "Bearer"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._stale_at = float("inf")

    @abstractmethod
    def obtain(self) -> Token:
        """Return a new token. Called by one thread at a time.

        Raises:
            AcmeError: There is none to be had; the message holds no secret.
        """

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header, and be told of the answer."""
        with self._lock:
            if self._token is None or time.monotonic() >= self._stale_at:
                self._renew()
            token = self._token
        assert token is not None  # noqa: S101 - what _renew sets
        request.headers["Authorization"] = f"{self.scheme} {token.value}"
        request.register_hook("response", partial(self._answered, token, str(request.url)))  # type: ignore[no-untyped-call] # the stubs leave it out
        return request

    def _answered(self, token: Token, url: str, response: Response, **options: Any) -> Response:
        """Send a request that was answered with 401 once more, with a new token."""
        refused = response.request
        repeatable = refused.body is None or isinstance(refused.body, (bytes, str))
        # The hook is also called for what a redirect led to: another host is not to get the token.
        if response.status_code != 401 or not repeatable or other_host(url, str(refused.url)):
            return response
        response.content  # noqa: B018 - read to its end, so that the connection can be used again
        response.close()
        with self._lock:
            if self._token is token:
                self._renew()
            newer = self._token
        assert newer is not None  # noqa: S101 - what _renew sets
        again = refused.copy()
        again.headers["Authorization"] = f"{self.scheme} {newer.value}"
        answer: Response = response.connection.send(again, **options)
        answer.history.append(response)
        return answer

    def _renew(self) -> None:
        token = self.obtain()
        self._token = token
        self._stale_at = float("inf")
        if token.expires_in is not None:
            leeway = min(_LEEWAY_S, token.expires_in / 10)
            self._stale_at = time.monotonic() + token.expires_in - leeway

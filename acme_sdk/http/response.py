"""Answers whose errors cannot be taken for data."""

from __future__ import annotations

from typing import Any

import requests

from acme_sdk.errors import FatalError, RetriableError
from acme_sdk.http.hosts import without_query

__all__ = ["HttpResponse"]

_TOO_MANY = 429
_STATUS_HINTS = {
    401: "check the credentials",
    403: "the credentials are known, but may not do this",
    404: "check the address",
    429: "the server limits the rate of requests; it still did after all retries",
}


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
                f"{self.where} answered {self.status_code} with {len(self.content)} bytes of {content_type} "
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
            f"{self.where} answered {self.status_code} {self.reason or ''}".rstrip(),
            code=f"http.{self.status_code}",
            hint=_STATUS_HINTS.get(self.status_code),
        )

    @property
    def ok(self) -> bool:
        """Whether the status is below 400; asking never raises."""
        return self.status_code < 400

    @property
    def where(self) -> str:
        """Method and address, for messages: without the query."""
        return f"{self.request.method} {without_query(self.url)}"

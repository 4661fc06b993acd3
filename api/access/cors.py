"""Pages of other sites that may use the API (CORS): none, but for those that the operator names."""

from __future__ import annotations

import re
from collections.abc import Collection
from http import HTTPStatus

from flask import Response, request

from acme_sdk.errors import ConfigurationError
from api.messages.headers import REQUEST_ID

__all__ = ["AllowedOrigins"]

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
_METHODS = "GET, POST, PATCH, DELETE"
_SENT = f"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, {REQUEST_ID}"
_SHOWN = f"ETag, Location, RateLimit, RateLimit-Policy, Retry-After, {REQUEST_ID}"
_KEPT_S = "600"


class AllowedOrigins:
    """The sites whose pages may use the API; they send a key as everybody does, and no cookies.

    Args:
        origins: As browsers write them, e.g. ``https://portal.example.com``.
    """

    def __init__(self, origins: Collection[str] = ()) -> None:
        self._origins = frozenset(origins)

    @classmethod
    def parse(cls, text: str) -> AllowedOrigins:
        """Read a comma-separated list.

        Raises:
            ConfigurationError: An entry is no origin (code ``origins.invalid``).
        """
        origins = [entry for part in text.split(",") if (entry := part.strip().lower().rstrip("/"))]
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ConfigurationError(
                    f"allowed origins: {origin!r} is none",
                    code="origins.invalid",
                    hint="write each with its scheme and without a path, as in https://portal.example.com",
                )
        return cls(origins)

    def has_sent(self) -> bool:
        """Tell whether a page of one of these sites sent the present request."""
        return request.headers.get("Origin") in self._origins

    def answer_preflight(self) -> Response | None:
        """Answer the question of a browser whether such a page may send something; it has no key."""
        if request.method != "OPTIONS" or not self.has_sent():
            return None
        if "Access-Control-Request-Method" not in request.headers:
            return None
        response = Response(status=HTTPStatus.NO_CONTENT)
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _SENT
        response.headers["Access-Control-Max-Age"] = _KEPT_S
        return response

    def allow(self, response: Response) -> Response:
        """Let such a page read the present answer."""
        if self._origins:
            response.vary.add("Origin")
        if self.has_sent():
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = _SHOWN
        return response

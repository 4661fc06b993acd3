"""The headers that every answer has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

__all__ = ["REQUEST_ID", "Secured", "secured"]

#: The id of a request; its answer has it, too.
REQUEST_ID = "X-Request-Id"

_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
# Where an answer does not say something else.
_OTHERWISE = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
)


def secured(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Add the headers that keep a browser from doing more with an answer than it should."""
    all_of_them = [*headers, *_ALWAYS]
    names = {name.lower() for name, _ in all_of_them}
    return all_of_them + [header for header in _OTHERWISE if header[0].lower() not in names]


class Secured:
    """An application whose answers are `secured`.

    Args:
        app: The application.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, secured(headers), *error)

        return self._app(environ, start)

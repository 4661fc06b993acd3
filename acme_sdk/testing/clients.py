"""What a connector asks of HTTP clients that it must not: to wait without end, to trust everybody."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from types import FrameType
from typing import Any

from requests import Session

from acme_sdk.testing.frames import is_authors

__all__ = ["trust_noted", "waits_noted"]

# `requests`, `urllib` and `urllib3` end in `http.client`; the rest is between them and who calls them.
_CLIENTS = frozenset({"contextlib", "http", "httpx", "requests", "urllib", "urllib3"})
_OWN = frozenset({"acme_sdk", "ssl"})


@contextmanager
def waits_noted(file: Path) -> Iterator[list[str]]:
    """Note where a connector waits for an answer without a time-out, for the time of a ``with`` block.

    What counts is the time-out that is left in the end, wherever it was set. Requests by ``self.http`` and
    those that a library makes for its own purposes do not count.

    Args:
        file: The connector's file.

    Yields:
        A list that grows while the connector works: ``FILE, line NUMBER``, once per request.
    """
    places: list[str] = []

    def note(timeout: float | None) -> None:
        if timeout is None and (place := _caller(sys._getframe(1), file, _CLIENTS)):
            places.append(place)

    def note_socket(connection: Any, *_: Any, **__: Any) -> None:
        # One that was lost has no socket: the client raises that itself.
        if connection.sock is not None:
            note(connection.sock.gettimeout())

    def note_request(_: Any, request: Any) -> None:
        note(request.extensions.get("timeout", {}).get("read"))

    with ExitStack() as stack:
        stack.enter_context(_before(HTTPConnection, "getresponse", note_socket))
        if httpx := sys.modules.get("httpx"):
            stack.enter_context(_before(httpx.HTTPTransport, "handle_request", note_request))
            stack.enter_context(_before(httpx.AsyncHTTPTransport, "handle_async_request", note_request))
        yield places


@contextmanager
def trust_noted(file: Path) -> Iterator[list[str]]:
    """Note where a connector lets certificates go unverified, for the time of a ``with`` block.

    It may say so to ``self.http``, to a client of its own, or to a context of ``ssl``.

    Args:
        file: The connector's file.

    Yields:
        A list that grows while the connector works: ``FILE, line NUMBER``, once per request or context.
    """
    places: list[str] = []
    mode: Any = ssl.SSLContext.verify_mode

    def note() -> None:
        if place := _caller(sys._getframe(1), file, _CLIENTS | _OWN):
            places.append(place)

    def note_request(session: Session, *_: Any, verify: Any = True, **__: Any) -> None:
        # A bundle of authorities in the environment goes before what the session says: that is luck.
        if verify is False or session.verify is False:
            note()

    def set_mode(context: ssl.SSLContext, value: int) -> None:
        if value == ssl.CERT_NONE:
            note()
        mode.fset(context, value)

    with _before(Session, "send", note_request):
        ssl.SSLContext.verify_mode = property(mode.fget, set_mode)  # type: ignore[assignment]
        try:
            yield places
        finally:
            ssl.SSLContext.verify_mode = mode


@contextmanager
def _before(owner: type, name: str, listen: Callable[..., None]) -> Iterator[None]:
    """Call a function with the arguments of a method before the method itself."""
    method = getattr(owner, name)

    def listening(*args: Any, **options: Any) -> Any:
        listen(*args, **options)
        return method(*args, **options)

    setattr(owner, name, listening)
    try:
        yield
    finally:
        setattr(owner, name, method)


def _caller(frame: FrameType | None, file: Path, between: frozenset[str]) -> str | None:
    """Return the line that uses an HTTP client, if the connector's author wrote it.

    Args:
        frame: Where to begin.
        file: The connector's file.
        between: The packages that may be between the client and who calls it.
    """
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module != __name__ and module.split(".")[0] not in between:
            path = Path(frame.f_code.co_filename)
            return f"{path.name}, line {frame.f_lineno}" if is_authors(path, file) else None
        frame = frame.f_back
    return None

"""What a connector asked for by ``self.http`` and what it got, while nothing stood in its way."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from acme_sdk.http import HttpSession
from acme_sdk.testing.faults import Answer

__all__ = ["Exchange", "listened", "path_of"]

_KEPT_BYTES = 32 << 20
# Headers about the bytes on the way: the body is kept decoded.
_OF_THE_WAY = frozenset(
    {"content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive"}
)


class Exchange:
    """One request and its answer.

    Attributes:
        method: ``GET``, ``POST``, …
        url: The whole address.
        sent: The request's body.
        status: The answer's status.
        headers: The answer's headers.
        body: The answer's body; ``None`` if it was streamed, or there was too much of it in all.
    """

    def __init__(self, response: Any, body: bytes | None) -> None:
        self.method: str = response.request.method
        self.url: str = response.request.url
        self.sent: Any = response.request.body
        self.status: int = response.status_code
        self.headers: dict[str, str] = dict(response.headers)
        self.body = body

    @property
    def is_json(self) -> bool:
        """Whether the answer is JSON."""
        return "json" in self._header("content-type").lower()

    @property
    def path(self) -> str:
        """The method, host and path that were asked, without the query."""
        return path_of(self.method, self.url)

    @property
    def link(self) -> str:
        """The ``Link`` header."""
        return self._header("link")

    @cached_property
    def document(self) -> Any:
        """The answer's JSON; ``None`` where there is none."""
        if self.body is None or not self.is_json:
            return None
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def answer(self, document: Any = None) -> Answer:
        """Return the answer, with another document in its body if one is given."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_WAY}
        body = self.body or b"" if document is None else json.dumps(document).encode()
        return Answer(self.status, headers, body)

    def _header(self, name: str) -> str:
        return next((value for key, value in self.headers.items() if key.lower() == name), "")


def path_of(method: str, url: str) -> str:
    """Return the method, host and path of a request, without the query."""
    parts = urlsplit(url)
    return f"{method} {parts.netloc}{parts.path}"


def listened(session: HttpSession) -> list[Exchange]:
    """Return a list to which the exchanges of a session are added as they happen."""
    heard: list[Exchange] = []
    kept = 0

    def hear(response: Any, *_: Any, stream: bool = False, **__: Any) -> None:
        nonlocal kept
        body = None
        if not stream and kept < _KEPT_BYTES:
            body = response.content
            kept += len(body)
        heard.append(Exchange(response, body))

    session.hooks["response"].append(hear)
    return heard

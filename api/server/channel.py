"""A connection to the server, with what waitress leaves to others: slow requests, and errors as problems."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from waitress.channel import HTTPChannel  # type: ignore[import-untyped] # it has no stubs
from waitress.task import ErrorTask  # type: ignore[import-untyped]

from api.access.request_log import new_id
from api.messages.headers import REQUEST_ID, secured
from api.messages.problems import ProblemError, problem_answer

__all__ = ["Channel"]

# What a client may take to send a request.
_REQUEST_S = 30
# For how long the rest of a refused one is read.
_REST_S = 5
_REST_BYTES = 64 * 1024

_REFUSED = {
    400: ("request.malformed", "this is not an HTTP request"),
    413: ("request.too_large", "the request's body is larger than this server takes"),
    431: ("request.headers_too_large", "the request's headers are larger than this server takes"),
}


log = logging.getLogger(__name__)


class _Refusal(ErrorTask):  # type: ignore[misc] # it has no stubs
    """Answers with a problem what is no request, or too large for one."""

    def execute(self) -> None:
        status = HTTPStatus(self.request.error.code)
        code, detail = _REFUSED.get(status, (f"http.{status.value}", status.description))
        request_id = new_id()
        answer = problem_answer(ProblemError(status, code, detail), request_id)
        answer.headers[REQUEST_ID] = request_id
        log.info(
            "refused with %d",
            status,
            extra={"status": status.value, "address": self.channel.addr[0], "request_id": request_id},
        )
        self.status = f"{status.value} {status.phrase}"
        self.response_headers.extend(secured(answer.headers.items()))
        self.set_close_on_finish()
        body = answer.get_data()
        self.content_length = len(body)
        self.write(body)
        self.channel.is_refused = True


class Channel(HTTPChannel):  # type: ignore[misc] # it has no stubs
    """A connection."""

    error_task_class = _Refusal
    is_refused = False
    _coming: tuple[Any, float] = (None, 0)
    _closes_at: float | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a request comes in, is being answered, or its answer is not sent yet."""
        return bool(self.request or self.requests or self.total_outbufs_len)

    def handle_close(self) -> None:
        """Close it; after a refusal, not before the client had time to read that.

        Closed while it still sends, it would see its connection reset instead.
        """
        if not self.is_refused or not self.connected or self._closes_at is not None:
            super().handle_close()
            return
        self._closes_at = time.monotonic() + _REST_S
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def readable(self) -> bool:
        """Tell whether more may come in."""
        return self._closes_at is not None or bool(super().readable())

    def writable(self) -> bool:
        """Tell whether there is something to send, or it is to be closed."""
        return self._closes_at is None and bool(super().writable())

    def handle_read(self) -> None:
        """Read what comes in; the rest of a refused request goes nowhere."""
        if self._closes_at is None:
            super().handle_read()
        else:
            self.recv(_REST_BYTES)

    def close_if_slow(self) -> None:
        """Close it if a request has been coming in for too long."""
        request, since = self._coming
        if self._closes_at is not None:
            if time.monotonic() > self._closes_at:
                self.handle_close()
        elif self.request is not request:
            self._coming = self.request, time.monotonic()
        elif request is not None and time.monotonic() - since > _REQUEST_S:
            self.will_close = True

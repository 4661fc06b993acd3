"""The server on loopback itself, and what came by."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import requests

from acme_sdk.http import HttpSession
from acme_sdk.testing.faults.answers import Answer, Manner
from acme_sdk.testing.faults.detour import DetourSession
from acme_sdk.testing.faults.fault import Fault, Replay

__all__ = ["FaultServer", "Request"]

# What belongs to one connection and is not passed on (RFC 9110, 7.6.1), and what is computed anew.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"content-length", "host"}
)
_FORWARD_TIMEOUT_S = 60.0
_LONGEST_SILENCE_S = 120.0
_PIECES = 8
_PIECE_PAUSE_S = 0.01


@dataclass(frozen=True)
class Request:
    """A request that came by.

    Attributes:
        method: ``GET``, ``POST``, …
        url: The whole address.
        headers: Its headers.
        body: Its body, if it has one.
        at: When, on the monotonic clock, in seconds.
        faulted: Whether the fault happened to it.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    at: float
    faulted: bool


class FaultServer:
    """Forwards requests to their targets until `arm` is called; from then on the fault happens.

    Sessions made by `session` send everything through it, over TLS or not; retries go the same way, without
    the usual pauses (those that ``Retry-After`` asks for are kept).
    """

    #: Whatever is asked of this host is answered as the first request that the fault happened to would be.
    ELSEWHERE = "http://elsewhere.invalid"

    def __init__(self, fault: Fault | Replay) -> None:
        self.requests: list[Request] = []
        """What came by since `arm`, but for what was answered out of memory."""
        self.asked = 0
        """How many requests there were since `arm`."""
        self.without_timeout: list[str] = []
        """Addresses that a session was asked for without a time-out since `arm`."""
        self.mistakes: list[Exception] = []
        self._fault = fault
        self.armed = False
        """Whether the fault may happen."""
        self.ending = threading.Event()
        """Set when the server goes away."""
        self._lock = threading.Lock()
        self._upstream = requests.Session()
        self._upstream.headers.clear()
        self.tls: dict[str, Any] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.faults = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> FaultServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._upstream.close()
        if self.mistakes:
            raise RuntimeError("the fault server itself failed") from self.mistakes[0]

    def arm(self) -> None:
        """Begin to count requests, and let the fault happen."""
        self.armed = True

    def session(self, patience: float | None = None) -> HttpSession:
        """Return a session for a connector, all of whose requests come here.

        Args:
            patience: The longest time-out of a request once the fault may happen, in seconds; a request is
                then repeated no more than once. Without it, time-outs are the connector's own.
        """
        return DetourSession(self, patience)

    def answer(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[Answer, Manner]:
        """Return the answer to one request: the target's, or the fault's."""
        with self._lock:
            if not self.armed:
                number = 0
            else:
                self.asked = number = self.asked + 1
                self.requests.append(
                    Request(method, url, headers, body, time.monotonic(), self._fault.hits(number))
                )
        if number == 0:
            return self._forward(method, url, headers, body), Manner.WHOLE
        if url.startswith(self.ELSEWHERE):
            moved = next(request for request in self.requests if request.faulted)
            return self._forward(moved.method, moved.url, moved.headers, moved.body), Manner.WHOLE
        return self._fault.respond(number, lambda: self._forward(method, url, headers, body))

    def remembered(self) -> Answer | None:
        """Return the next answer if it needs no connection: a `Replay` is to be long, and keep nothing."""
        with self._lock:
            if not self.armed or not isinstance(self._fault, Replay):
                return None
            answer = self._fault.remembered(self.asked + 1)
            self.asked += answer is not None
            return answer

    def _forward(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
        response = self._upstream.request(
            method,
            url,
            headers=headers,
            data=body,
            allow_redirects=False,
            stream=True,
            timeout=_FORWARD_TIMEOUT_S,
            auth=lambda request: request,  # the connector's own, not one out of ~/.netrc
            **self.tls,
        )
        with response:
            content = response.raw.read(decode_content=False)
        kept = {name: value for name, value in response.headers.items() if name.lower() not in _HOP_BY_HOP}
        return Answer(response.status_code, kept, content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    faults: FaultServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: a connector may hang up whenever it likes."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True
    server: _Server

    def _pass_on(self) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            answer, manner = self.server.faults.answer(self.command, self.path, headers, self._body())
        except requests.RequestException:
            self.close_connection = True  # what the connector would have seen: no answer
            return
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not look like a lost connection
            self.server.faults.mistakes.append(error)
            self.close_connection = True
            return
        if manner is Manner.NEVER:
            self.close_connection = True
            self.server.faults.ending.wait(_LONGEST_SILENCE_S)
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(answer.body, manner)

    def _send_body(self, body: bytes, manner: Manner) -> None:
        if manner is Manner.BROKEN_OFF:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif manner is Manner.SLOW:
            size = len(body) // _PIECES + 1
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                self.wfile.flush()
                self.server.faults.ending.wait(_PIECE_PAUSE_S)
        else:
            self.wfile.write(body)

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length else None

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


for _method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"):
    setattr(_Handler, f"do_{_method}", _Handler._pass_on)

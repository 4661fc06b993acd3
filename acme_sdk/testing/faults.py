"""A server on loopback between ``self.http`` and its target, which gives wrong answers when told to."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import requests
from requests.adapters import DEFAULT_POOLSIZE
from urllib3 import HTTPConnectionPool, HTTPResponse

from acme_sdk.http import HttpAdapter, HttpSession

__all__ = [
    "Answer",
    "Fault",
    "FaultServer",
    "Manner",
    "Replay",
    "Request",
    "cut_in_half",
    "decoded",
    "unchanged",
]

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
class Answer:
    """An HTTP answer.

    Attributes:
        status: Its status.
        headers: Its headers.
        body: Its body, encoded as the headers say.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Manner(Enum):
    """How an answer is sent."""

    WHOLE = "whole"
    SLOW = "slow"
    """In small pieces, with pauses between them."""
    BROKEN_OFF = "broken off"
    """The connection is closed in the middle of the body."""
    NEVER = "never"


def unchanged(answer: Answer) -> Answer:
    """Return the target's answer as it is."""
    return answer


def cut_in_half(answer: Answer) -> Answer:
    """Keep half of the text; its length is the one announced, as behind a proxy that lost the rest."""
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-encoding"}
    body = decoded(answer)
    return Answer(answer.status, headers, body[: len(body) // 2])


def decoded(answer: Answer) -> bytes:
    """Return an answer's body without its content encoding."""
    response = HTTPResponse(io.BytesIO(answer.body), headers=answer.headers, preload_content=False)
    return bytes(response.read(decode_content=True))


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and when.

    Attributes:
        answer: Given instead of asking the target; ``None`` asks it and spoils its answer.
        first: The number of the first request that it happens to, from 1.
        times: How many requests it happens to; ``None`` for all from the first on.
        manner: How the answer is sent.
        spoil: What is done to the target's answer.
    """

    answer: Answer | None
    first: int = 1
    times: int | None = None
    manner: Manner = Manner.WHOLE
    spoil: Callable[[Answer], Answer] = cut_in_half

    def hits(self, number: int) -> bool:
        """Tell whether it happens to a request."""
        return number >= self.first and (self.times is None or number < self.first + self.times)

    def respond(self, number: int, ask: Callable[[], Answer]) -> tuple[Answer, Manner]:
        """Return what a request gets.

        Args:
            number: The request's, from 1.
            ask: Asks the target.
        """
        if not self.hits(number):
            return ask(), Manner.WHOLE
        if self.answer is None:
            return self.spoil(ask()), self.manner
        return self.answer, self.manner


@dataclass(frozen=True)
class Replay:
    """One page again and again, then the last one: a long extraction out of a short one.

    Attributes:
        page: An answer that says that there are more.
        last: The one that says that there are none.
        first: The number of the first request that gets the page, from 1.
        times: How often the page comes.
    """

    page: Answer
    last: Answer
    first: int
    times: int

    def hits(self, number: int) -> bool:
        """Tell whether a request gets the page."""
        return self.first <= number < self.first + self.times

    def remembered(self, number: int) -> Answer | None:
        """Return what a request gets, if the target need not be asked for it."""
        if number < self.first:
            return None
        return self.page if self.hits(number) else self.last

    def respond(self, number: int, ask: Callable[[], Answer]) -> tuple[Answer, Manner]:
        """Return what a request gets; see `Fault.respond`."""
        return self.remembered(number) or ask(), Manner.WHOLE


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
        return _DetourSession(self, patience)

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


class _DetourSession(HttpSession):
    def __init__(self, server: FaultServer, patience: float | None) -> None:
        super().__init__()
        self._detours: dict[int, _DetourAdapter] = {}
        self._server = server
        self._patience = patience

    def get_adapter(self, url: str) -> Any:
        """Send everything to the fault server, with the retries of whatever adapter the connector chose."""
        usual: Any = super().get_adapter(url)
        if id(usual) not in self._detours:
            once = {} if self._patience is None else {"total": 1}
            self._detours[id(usual)] = _DetourAdapter(self._server, usual, once)
        return self._detours[id(usual)]

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Note a request that would wait for ever, and be less patient than the connector."""
        timeout = options.get("timeout")
        connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        if self._server.armed and self._patience is not None:
            if read is None:
                self._server.without_timeout.append(str(request.url))
            options["timeout"] = (connect, min(read or self._patience, self._patience))
        return super().send(request, **options)

    def close(self) -> None:
        """Close the connections to the fault server, too."""
        for detour in self._detours.values():
            detour.close()
        super().close()


class _DetourAdapter(HttpAdapter):
    """Connects to the fault server whatever the URL, and tells it the whole URL, as to a proxy."""

    def __init__(self, server: FaultServer, usual: Any, changes: dict[str, Any]) -> None:
        # One attempt more or less must not cost the user minutes: no growing pauses.
        own: Any = usual if isinstance(usual, HttpAdapter) else HttpSession().get_adapter("http://")
        changes = changes if own is usual else changes | {"total": usual.max_retries.total}
        retries = own.max_retries.new(backoff_factor=0.0, backoff_jitter=0.0, **changes)
        super().__init__(DEFAULT_POOLSIZE, DEFAULT_POOLSIZE, max_retries=retries)
        self._server = server

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request to the server, unless the answer is known."""
        answer = self._server.remembered()
        if answer is None:
            return super().send(request, *args, **kwargs)
        body = io.BytesIO(answer.body)
        return self.build_response(
            request, HTTPResponse(body, answer.headers, answer.status, preload_content=False)
        )

    def get_connection_with_tls_context(
        self,
        request: Any,
        verify: Any,
        proxies: Any = None,
        cert: Any = None,
    ) -> HTTPConnectionPool:
        self._server.tls = {"verify": verify, "cert": cert}
        pool: HTTPConnectionPool = self.poolmanager.connection_from_host(
            "127.0.0.1", self._server.port, scheme="http"
        )
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave it to the server, which makes the connection to the target."""

    def request_url(self, request: Any, proxies: Any) -> str:
        return str(request.url)


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

"""A server on loopback between ``self.http`` and its target, which gives wrong answers when told to."""

from __future__ import annotations

import io
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import requests
from requests.adapters import DEFAULT_POOLSIZE
from urllib3 import HTTPConnectionPool, HTTPResponse

from acme_sdk.http import HttpAdapter, HttpSession

__all__ = ["Answer", "Fault", "FaultServer", "Request"]

# What belongs to one connection and is not passed on (RFC 9110, 7.6.1), and what is computed anew.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"content-length", "host"}
)
_FORWARD_TIMEOUT_S = 60.0


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


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and when.

    Attributes:
        answer: Given instead of asking the target; ``None`` asks it and cuts the body of its answer in half.
        first: The number of the first request that it happens to, from 1.
        times: How many requests it happens to; ``None`` for all from the first on.
    """

    answer: Answer | None
    first: int = 1
    times: int | None = None

    def hits(self, number: int) -> bool:
        """Tell whether it happens to a request."""
        return number >= self.first and (self.times is None or number < self.first + self.times)


@dataclass(frozen=True)
class Request:
    """A request that came by.

    Attributes:
        method: ``GET``, ``POST``, …
        at: When, on the monotonic clock, in seconds.
        faulted: Whether the fault happened to it.
    """

    method: str
    at: float
    faulted: bool


class FaultServer:
    """Forwards requests to their targets until `arm` is called; from then on the fault happens.

    Sessions made by `session` send everything through it, over TLS or not; retries go the same way, without
    the usual pauses (those that ``Retry-After`` asks for are kept).
    """

    def __init__(self, fault: Fault) -> None:
        self.requests: list[Request] = []
        """What came by since `arm`."""
        self.mistakes: list[Exception] = []
        self._fault = fault
        self._armed = False
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
        self._server.shutdown()
        self._server.server_close()
        self._upstream.close()
        if self.mistakes:
            raise RuntimeError("the fault server itself failed") from self.mistakes[0]

    def arm(self) -> None:
        """Begin to count requests, and let the fault happen."""
        self._armed = True

    def session(self) -> HttpSession:
        """Return a session for a connector, all of whose requests come here."""
        session = HttpSession()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _DetourAdapter(self, session.get_adapter(scheme)))
        return session

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Return the answer to one request: the target's, or the fault's."""
        with self._lock:
            hit = self._armed and self._fault.hits(len(self.requests) + 1)
            if self._armed:
                self.requests.append(Request(method, time.monotonic(), hit))
        if hit and self._fault.answer is not None:
            return self._fault.answer
        answer = self._forward(method, url, headers, body)
        return _cut_in_half(answer) if hit else answer

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


def _cut_in_half(answer: Answer) -> Answer:
    """Keep half of the text; its length is the one announced, as behind a proxy that lost the rest."""
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-encoding"}
    body = _decoded(answer)
    return Answer(answer.status, headers, body[: len(body) // 2])


def _decoded(answer: Answer) -> bytes:
    response = HTTPResponse(io.BytesIO(answer.body), headers=answer.headers, preload_content=False)
    return bytes(response.read(decode_content=True))


class _DetourAdapter(HttpAdapter):
    """Connects to the fault server whatever the URL, and tells it the whole URL, as to a proxy."""

    def __init__(self, server: FaultServer, usual: Any) -> None:
        # One attempt more or less must not cost the user minutes: no growing pauses.
        retries = usual.max_retries.new(backoff_factor=0.0, backoff_jitter=0.0)
        super().__init__(DEFAULT_POOLSIZE, DEFAULT_POOLSIZE, max_retries=retries)
        self._server = server

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
    server: _Server

    def _pass_on(self) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            answer = self.server.faults.answer(self.command, self.path, headers, self._body())
        except requests.RequestException:
            self.close_connection = True  # what the connector would have seen: no answer
            return
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not look like a lost connection
            self.server.faults.mistakes.append(error)
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

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

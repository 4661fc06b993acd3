"""A connector's session whose requests all go to the fault server."""

from __future__ import annotations

import io
from typing import Any, Protocol

import requests
from requests.adapters import DEFAULT_POOLSIZE
from urllib3 import HTTPConnectionPool, HTTPResponse

from acme_sdk.http import HttpAdapter, HttpSession
from acme_sdk.testing.faults.answers import Answer

__all__ = ["DetourSession"]


class _Server(Protocol):
    """The fault server; see `FaultServer` for what these are."""

    armed: bool
    without_timeout: list[str]
    tls: dict[str, Any]

    @property
    def port(self) -> int: ...

    def remembered(self) -> Answer | None: ...


class DetourSession(HttpSession):
    """Sends everything to a fault server.

    Args:
        server: The server.
        patience: See `FaultServer.session`.
    """

    def __init__(self, server: _Server, patience: float | None) -> None:
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

    def __init__(self, server: _Server, usual: Any, changes: dict[str, Any]) -> None:
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

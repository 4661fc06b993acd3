"""HTTP connections that say what they are at: the name, the connection, TLS, the request."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

__all__ = ["say_steps"]


def say_steps(session: requests.Session, step: Callable[[str], None], then: str = "query") -> None:
    """Have the connections that a session opens say what they are at.

    Args:
        session: The session; a proxy's connections say nothing.
        step: Told ``resolve``, ``connect``, and ``tls`` for HTTPS.
        then: What it is told when the request is sent.
    """
    plain, secure = _pools(step, then)
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            adapter.poolmanager.pool_classes_by_scheme = {"http": plain, "https": secure}


def _pools(
    step: Callable[[str], None], then: str
) -> tuple[type[HTTPConnectionPool], type[HTTPSConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            _resolve(self, step)
            return super()._new_conn()

        def connect(self) -> None:
            super().connect()
            step(then)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            _resolve(self, step)
            opened = super()._new_conn()
            step("tls")
            return opened

        def connect(self) -> None:
            super().connect()
            step(then)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return PlainPool, SecurePool


def _resolve(connection: HTTPConnection, step: Callable[[str], None]) -> None:
    """Look the name up ahead of the connection, which does so itself and tells nobody how long it takes."""
    step("resolve")
    with suppress(OSError, UnicodeError):  # it fails with the connection's own error then
        socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
        step("connect")

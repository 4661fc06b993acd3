"""Opening a connection step by step, so that it is known what takes long, and what fails."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg.pq import ConnStatus, PollingStatus
from psycopg.pq.abc import PGconn

__all__ = ["dial"]

_DEMANDING_SSL_MODES = ("require", "verify-ca", "verify-full")
# From when on the server is asked to let us in.
_KNOCKING = (ConnStatus.AWAITING_RESPONSE, ConnStatus.AUTH_OK)


def dial(parameters: Mapping[str, Any], timeout_s: float, step: Callable[[str], None]) -> PGconn:
    """Open a connection: the name is looked up once, and its addresses are tried in their order.

    Args:
        parameters: Those of libpq.
        timeout_s: Seconds until the server, at all of its addresses together, counts as silent.
        step: Told ``resolve``, ``connect``, ``tls`` where there is any, and ``authenticate``.

    Raises:
        psycopg.OperationalError: There is no connection.
    """
    if not parameters["hostaddr"]:
        step("resolve")
        parameters = {**parameters, **_resolved(parameters["host"], parameters["port"])}
    step("connect")
    connection = pq.PGconn.connect_start(make_conninfo("", **parameters).encode())
    try:
        _finish(connection, time.monotonic() + timeout_s, parameters["sslmode"], step)
    except BaseException:
        connection.finish()
        raise
    connection.nonblocking = 1  # as psycopg has them
    return connection


def _finish(connection: PGconn, deadline: float, ssl_mode: str, step: Callable[[str], None]) -> None:
    """Do what is left to do until the connection is there."""
    present = "connect"
    while (status := connection.connect_poll()) != PollingStatus.OK:
        if status == PollingStatus.FAILED:
            raise psycopg.OperationalError(connection.get_error_message("utf-8"))
        if (name := _step(connection, present, ssl_mode)) != present:
            present = name
            step(name)
        waiting = select.poll()
        waiting.register(
            connection.socket, select.POLLIN if status == PollingStatus.READING else select.POLLOUT
        )
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise psycopg.OperationalError("connection timeout expired")


def _step(connection: PGconn, present: str, ssl_mode: str) -> str:
    status = connection.status
    if status == ConnStatus.SSL_STARTUP:
        # A server that is only asked whether it has TLS may say no.
        return "tls" if connection.ssl_in_use or ssl_mode in _DEMANDING_SSL_MODES else present
    if status in _KNOCKING:
        return "authenticate"
    # Also with the next address, or once more without TLS.
    return "connect" if status == ConnStatus.STARTED else present


def _resolved(host: str, port: int) -> dict[str, str]:
    """Return the parameters that lead to all addresses of a host; TLS still verifies the name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise psycopg.OperationalError(f"failed to resolve host: {error.strerror}") from None
    addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
    return {"host": ",".join([host] * len(addresses)), "hostaddr": ",".join(addresses)}

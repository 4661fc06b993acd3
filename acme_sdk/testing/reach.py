"""Is it the connector, or is nobody there? Tells an unreachable target from a faulty connector."""

from __future__ import annotations

import re
import socket
import sys
from typing import Any

from acme_sdk.errors import AcmeError
from acme_sdk.failures import describe

__all__ = ["Dialled", "is_unreachable"]

_CODES = frozenset({"connect.refused", "connect.timeout", "connect.unreachable", "dns.not_found"})
# Drivers written in C raise errors of their own, in which the system's words survive.
_WORDS = re.compile(
    r"connection refused|name or service not known|nodename nor servname|name resolution|no route to host"
    r"|could not translate host name|network is unreachable|unknown host",
    re.IGNORECASE,
)
_DIAL_TIMEOUT_S = 2.0


class Dialled:
    """Remembers where this process connects to, for as long as it lives.

    Sockets made by Python code are seen, whatever library made them.
    """

    def __init__(self) -> None:
        self._addresses: set[tuple[str, int]] = set()
        sys.addaudithook(self._listen)

    def forget(self) -> None:
        """Begin anew."""
        self._addresses.clear()

    def nobody_answers(self) -> bool:
        """Tell whether there were addresses, and none of them takes a connection now."""
        addresses = sorted(self._addresses)
        return bool(addresses) and not any(_answers(host, port) for host, port in addresses)

    def _listen(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
        elif event == "socket.getaddrinfo":
            address = arguments[:2]
        else:
            return
        if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[0], str):
            try:
                self._addresses.add((address[0], int(address[1])))
            except (TypeError, ValueError):
                return  # a service name, or no port: nothing to dial


def is_unreachable(error: BaseException) -> bool:
    """Tell whether an error, or one that led to it, says that nothing answers at the target's address."""
    seen: BaseException | None = error
    while seen is not None:
        if describe(seen).code in _CODES:
            return True
        if not isinstance(seen, AcmeError) and isinstance(seen, Exception) and _WORDS.search(str(seen)):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_DIAL_TIMEOUT_S):
            return True
    except OSError:
        return False

"""Ports for servers of our own."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping

from acme_sdk.errors import ConfigurationError

__all__ = ["HOST", "check_ports", "free_port"]

#: All servers listen here only.
HOST = "127.0.0.1"

# Below those that systems give to connections and to servers that ask for any: they stay free until a server
# is started on them.
_PORTS = iter(random.sample(range(10_000, 32_768), 22_768))


def free_port() -> int:
    """Return a TCP port that nothing listens on, each time another one."""
    return next(filter(_is_free, _PORTS))


def check_ports(ports: Mapping[str, int]) -> None:
    """Find out whether servers can listen on the ports.

    Args:
        ports: The option that sets a port → the port, e.g. ``{"--ui-port": 3000}``.

    Raises:
        ConfigurationError: Names every port that is taken and the option that changes it (code
            ``dev.port_taken``).
    """
    taken = {option: port for option, port in ports.items() if not _is_free(port)}
    if len(set(ports.values())) < len(ports):
        raise ConfigurationError("each server needs a port of its own", code="dev.port_taken")
    if taken:
        raise ConfigurationError(
            "; ".join(
                f"port {port} is taken: choose another with {option}" for option, port in taken.items()
            ),
            code="dev.port_taken",
            hint="e.g. acme dev " + " ".join(f"{option} {port + 1}" for option, port in taken.items()),
        )


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        # As servers do: a port whose last connections are still closing counts as free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
        return True

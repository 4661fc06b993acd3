"""The ports of ``acme dev``."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from acme_sdk.errors import ConfigurationError

__all__ = ["HOST", "check_ports"]

#: All servers listen here only.
HOST = "127.0.0.1"


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

"""Proxies in front of the server: which are believed who a request is from, and what it was sent to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.http import parse_list_header
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.utils import redirect

from acme_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

__all__ = ["BehindProxies", "TrustedProxies"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST = 10
_FORWARDED = ("FOR", "PROTO", "HOST", "PREFIX")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True)
class TrustedProxies:
    """Which proxies are believed.

    Attributes:
        number: So many, one before the other, whatever their addresses.
        networks: Or else those in these networks.
    """

    number: int = 0
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> TrustedProxies:
        """Read a number, or networks such as ``10.0.0.0/8,::1/128``; none by default.

        Raises:
            ConfigurationError: It is neither (code ``proxies.invalid``).
        """
        entries = [entry for part in text.split(",") if (entry := part.strip())]
        try:
            if len(entries) == 1 and entries[0].isdecimal() and int(entries[0]) <= _MOST:
                return cls(number=int(entries[0]))
            return cls(networks=tuple(ipaddress.ip_network(entry) for entry in entries))
        except ValueError as error:
            raise ConfigurationError(
                f"trusted proxies: {error}",
                code="proxies.invalid",
                hint="write how many there are, as in 1, or their networks, as in 10.0.0.0/8,127.0.0.1",
            ) from None

    def passed(self, addresses: list[str]) -> int:
        """Return how many of them a request has passed.

        Args:
            addresses: What it says to have passed, from the client to the last proxy.
        """
        if not self.networks:
            return self.number
        trusted = 0
        for address in reversed(addresses):
            if not self._has(address):
                break
            trusted += 1
        return trusted

    def _has(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self.networks if network.version == plain.version)


class BehindProxies:
    """Shows an application who a request is from and what it was sent to, although a proxy passed it on.

    That is in ``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Prefix``; without a trusted proxy, these
    headers mean nothing.

    Args:
        app: The application.
        proxies: Which proxies are believed.
        root_path: Under which path people see the application, e.g. ``/connectors-api``, whether or not the
            proxy takes it away.
    """

    def __init__(self, app: WSGIApplication, proxies: TrustedProxies, root_path: str = "") -> None:
        self._app = app
        self._proxies = proxies
        self._root_path = root_path

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if self._root_path and environ["PATH_INFO"] == self._root_path:
            # The links of the page there are relative.
            return redirect(f"{self._root_path}/", 308)(environ, start_response)
        environ["SCRIPT_NAME"] = self._root_path
        if environ["PATH_INFO"].startswith(f"{self._root_path}/"):
            environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(self._root_path)
        passed = self._proxies.passed([*_forwarded(environ, "FOR"), environ.get("REMOTE_ADDR", "")])
        if not passed:
            return self._app(environ, start_response)
        values = {name: _forwarded(environ, name) for name in _FORWARDED}
        if not all(_PREFIX.fullmatch(prefix) for prefix in values["PREFIX"]):
            values["PREFIX"] = []
        # Each proxy adds to the first; of the others, some proxies keep one value.
        trusted = {f"x_{name.lower()}": min(passed, len(found)) for name, found in values.items()}
        return ProxyFix(self._app, **trusted)(environ, start_response)


def _forwarded(environ: dict[str, Any], name: str) -> list[str]:
    return parse_list_header(environ.get(f"HTTP_X_FORWARDED_{name}", ""))

"""Which targets a connection test may reach.

A host is resolved once; what is checked is the address that comes out, and that address is what the connector
connects to. Only public addresses are allowed, unless the operator opens others.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from acme_sdk.errors import AcmeError, ConfigurationError

__all__ = ["EgressPolicy", "EgressRefusedError"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PATTERN = re.compile(r"[a-z0-9_*.-]+")
# Cloud metadata services outside the link-local range.
_METADATA = {ipaddress.ip_address("100.100.100.200"), ipaddress.ip_address("fd00:ec2::254")}


class EgressRefusedError(AcmeError):
    """The target is none that this server may reach."""

    default_code = "egress.refused"


@dataclass(frozen=True)
class EgressPolicy:
    """What may be reached beside public addresses.

    Attributes:
        networks: Networks that are open, whatever lies in them.
        hosts: Patterns of host names (``*.db.example.com``) that are open at private and loopback addresses;
            link-local, multicast and metadata addresses need a network.
    """

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> EgressPolicy:
        """Read a comma-separated allowlist, e.g. ``10.0.0.0/8,*.db.example.com``.

        Raises:
            ConfigurationError: An entry is neither a network nor a host pattern (code ``egress.invalid``).
        """
        networks: list[Network] = []
        hosts: list[str] = []
        for entry in filter(None, (part.strip().lower() for part in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError:
                # What looks like an address and is none is a slip, not a host name.
                if not _PATTERN.fullmatch(entry) or re.fullmatch(r"[0-9.]+", entry):
                    raise ConfigurationError(
                        f"egress allowlist: {entry!r} is neither a network nor a host pattern",
                        code="egress.invalid",
                        hint="write networks as 10.0.0.0/8, hosts as db.example.com or *.example.com",
                    ) from None
                hosts.append(entry)
        return cls(tuple(networks), tuple(hosts))

    def resolve(self, host: str, port: int, *, timeout: float) -> str:
        """Return the address to connect to: the first of the host's that is allowed.

        Args:
            host: A host name or an address, in any spelling that the system's resolver takes.
            port: The port.
            timeout: Seconds until the resolver counts as hanging.

        Raises:
            EgressRefusedError: None of the host's addresses is allowed. The error does not say which.
            AcmeError: The name cannot be resolved (``dns.not_found``), or not in time (``timeout``).
        """
        allowed = [address for address in _lookup(host, port, timeout) if self.allows(address, host)]
        if not allowed:
            raise EgressRefusedError(
                f"this server may not connect to {host}",
                hint="only public addresses may be tested; an operator opens others with ACME_EGRESS_ALLOW",
            )
        return str(allowed[0])

    def allows(self, address: Address, host: str = "") -> bool:
        """Tell whether an address may be reached, when it is that of this host."""
        address = _plain(address)
        if any(address in network for network in self.networks if network.version == address.version):
            return True
        if _is_public(address):
            return True
        never = (
            address.is_link_local or address.is_multicast or address.is_unspecified or address in _METADATA
        )
        name = host.lower().rstrip(".")
        return not never and any(fnmatch.fnmatchcase(name, pattern) for pattern in self.hosts)


def _is_public(address: Address) -> bool:
    # 6to4 carries an IPv4 address along; NAT64 and IPv4-compatible ones are reserved.
    tunnelled = getattr(address, "sixtofour", None)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not getattr(address, "is_site_local", False)
        and (tunnelled is None or _is_public(tunnelled))
    )


def _plain(address: Address) -> Address:
    """An IPv4-mapped address is the IPv4 address that it leads to."""
    return getattr(address, "ipv4_mapped", None) or address


def _lookup(host: str, port: int, timeout: float) -> Iterable[Address]:
    pool = ThreadPoolExecutor(max_workers=1)  # getaddrinfo() knows no time-out of its own
    try:
        found = pool.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(timeout)
    except TimeoutError:
        raise AcmeError(
            f"the name {host} was not resolved in {timeout:g} s",
            code="timeout",
            hint="check the server's name resolution",
        ) from None
    except (OSError, UnicodeError):
        raise AcmeError(
            f"the name {host} cannot be resolved", code="dns.not_found", hint="check the host name"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [ipaddress.ip_address(item[4][0]) for item in found]

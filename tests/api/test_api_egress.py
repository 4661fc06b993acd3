"""Which targets a connection test may reach."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_sdk.errors import AcmeError, ConfigurationError
from api.probing.egress import EgressPolicy, EgressRefusedError

CLOSED = EgressPolicy()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "0",
        "0.0.0.0",
        "::",
        "::1",
        "0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "::ffff:10.0.0.1",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "::ffff:169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "100.64.0.1",
        "fd00:ec2::254",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "224.0.0.1",
        "239.255.255.250",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "64:ff9b::7f00:1",
        "2001:db8::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_addresses_that_are_not_public_are_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(EgressRefusedError) as caught:
        CLOSED.resolve(host, 5432, timeout=60)

    assert caught.value.code == "egress.refused"


@pytest.mark.parametrize("host", ["8.8.8.8", "134744072", "::ffff:8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses_are_allowed(host: str) -> None:
    assert CLOSED.allows(ipaddress.ip_address(socket.getaddrinfo(host, 1)[0][4][0]))


def test_what_is_returned_is_the_address_itself() -> None:
    assert EgressPolicy.parse("127.0.0.0/8").resolve("localhost", 5432, timeout=60) == "127.0.0.1"


def test_an_open_network_opens_itself_alone() -> None:
    policy = EgressPolicy.parse(" 10.1.0.0/16, fd12::/16 ")

    assert policy.allows(ipaddress.ip_address("10.1.2.3"))
    assert policy.allows(ipaddress.ip_address("::ffff:10.1.2.3"))
    assert policy.allows(ipaddress.ip_address("fd12::1"))
    assert not policy.allows(ipaddress.ip_address("10.2.0.1"))
    assert not policy.allows(ipaddress.ip_address("127.0.0.1"))


def test_an_open_host_may_be_private_but_no_metadata_service() -> None:
    policy = EgressPolicy.parse("*.db.example.com")
    private, metadata = ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("169.254.169.254")

    assert policy.allows(private, "users.DB.example.com.")
    assert not policy.allows(private, "users.example.com")
    assert not policy.allows(private, "db.example.com.evil.test")
    assert not policy.allows(metadata, "users.db.example.com")
    assert not policy.allows(ipaddress.ip_address("100.100.100.200"), "users.db.example.com")


def test_an_open_host_is_resolved_as_any_other() -> None:
    assert EgressPolicy.parse("localhost").resolve("localhost", 5432, timeout=60) in ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    "text", ["10.0.0.0/33", "10.0.0.1/8", "10.0.0", "a b", "http://x", "fe80::1%eth0/64"]
)
def test_a_slip_in_the_allowlist_is_an_error(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        EgressPolicy.parse(text)

    assert caught.value.code == "egress.invalid"


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AcmeError) as caught:
        CLOSED.resolve("nobody.invalid", 5432, timeout=60)

    assert caught.value.code == "dns.not_found"


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_fares_the_same_however_it_is_written(address: ipaddress.IPv4Address) -> None:
    wanted = CLOSED.allows(address)

    for spelling in (str(int(address)), hex(int(address)), f"::ffff:{address}"):
        found = socket.getaddrinfo(spelling, 1, type=socket.SOCK_STREAM)[0][4][0]
        assert CLOSED.allows(ipaddress.ip_address(found)) is wanted


@given(
    st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "224.0.0.0/4"]),
    st.data(),
)
def test_no_address_of_a_closed_network_is_allowed(network: str, data: st.DataObject) -> None:
    address = data.draw(st.ip_addresses(network=network))

    assert not CLOSED.allows(address)
    assert EgressPolicy.parse(network).allows(address)

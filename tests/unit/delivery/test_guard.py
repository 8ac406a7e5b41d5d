"""Where a callback may lead."""

import socket
from ipaddress import ip_address

import pytest
from aiohttp import AsyncResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from bridge.delivery.guard import CallbackRefused, GuardedResolver, check_callback, is_public


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.2.1",
        "192.0.0.192",
        "192.88.99.1",
        "3fff::1",
        "64:ff9b:1::7f00:1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_every_other_address_is_refused_however_it_is_wrapped(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://buyer.example/", "'http' is not allowed, only https"),
        ("ftp://buyer.example/", "'ftp' is not allowed, only https"),
        ("https://127.0.0.1/", "127.0.0.1, which is not a public address"),
        ("https://[::1]:8443/", "::1, which is not a public address"),
        ("https://user@169.254.169.254/", "169.254.169.254, which is not a public address"),
    ],
)
def test_what_the_url_shows_already_is_refused(url: str, reason: str) -> None:
    with pytest.raises(CallbackRefused, match=reason):
        check_callback(url)


@pytest.mark.parametrize("url", ["https://buyer.example/", "https://8.8.8.8/", "https://[2606:4700::1111]/"])
def test_names_and_public_addresses_pass(url: str) -> None:
    assert refusal_of(url) is None


def refusal_of(url: str) -> CallbackRefused | None:
    try:
        check_callback(url)
    except CallbackRefused as refused:
        return refused
    return None


class FixedResolver(AbstractResolver):
    """Knows the answer already."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in self._addresses
        ]

    async def close(self) -> None:
        self.closed = True


async def test_a_name_with_public_addresses_is_resolved() -> None:
    inner = FixedResolver("8.8.8.8", "8.8.4.4")
    resolver = GuardedResolver(inner)
    assert [each["host"] for each in await resolver.resolve("buyer.example", 443)] == ["8.8.8.8", "8.8.4.4"]
    await resolver.close()
    assert inner.closed


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("8.8.8.8", "10.0.0.1")])
async def test_a_name_with_an_address_that_is_not_public_is_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(CallbackRefused, match=r"buyer\.example is 10\.0\.0\.1, which is not a public address"):
        await GuardedResolver(FixedResolver(*addresses)).resolve("buyer.example", 443)


async def test_localhost_is_refused_by_what_it_really_resolves_to() -> None:
    with pytest.raises(CallbackRefused, match="localhost is"):
        await GuardedResolver(AsyncResolver()).resolve("localhost", 443)

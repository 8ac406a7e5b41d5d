"""The callback guard: a Buyer chooses where the bridge posts to, so it must not reach what only the Seller may reach.

Names are judged by the addresses that they resolve to, at the moment of connecting, so a name that changes its mind
between check and use (DNS rebinding) gains nothing. Addresses written into the URL are judged before, as the HTTP
client reads them; and whatever either check made of it, each socket is judged by the address that it is to dial.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bridge.domain.callback_host import host_problem

Address = IPv4Address | IPv6Address

_METADATA = frozenset({ip_address("168.63.129.16")})  # Azure's; the other clouds' are link-local or private
_NOT_DIALLED = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # RFC 6890; Oracle's metadata is at 192.0.0.192
            "192.88.99.0/24",  # RFC 7526: relays of 6to4, of which there are none any more
            "3fff::/20",  # RFC 9637: documentation
            "64:ff9b:1::/48",  # RFC 8215: NAT64 of one's own network
        ),
    )
)
"""Besides what Python takes for private: which of these it knows depends on its version."""
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address


class CallbackRefused(OSError):
    """The callback leads where the bridge does not post to. An OSError, as aiohttp expects of a failed resolution."""


def check_callback(url: str) -> None:
    """Refuse what is not https, odd hosts, and addresses in the URL that are not public.

    Raises `CallbackRefused`, and `ValueError` for what is no URL.
    """
    target = URL(url)
    if target.scheme != "https":
        raise CallbackRefused(f"callback refused: '{target.scheme}' is not allowed, only https")
    host = target.host or ""
    if (address := _literal(host)) is not None:
        check_address(address)
    problem = host_problem(_written_host(url)) or host_problem(host)
    if problem is not None:
        raise CallbackRefused(f"callback refused: {problem}")


def is_address(host: str) -> bool:
    """Tell an address from a name."""
    return _literal(host) is not None


def guarded_socket(address_info: AddrInfoType) -> socket.socket:
    """Make the socket for one address, the last moment to refuse it. Raises `CallbackRefused`."""
    family, kind, protocol, _, where = address_info
    check_address(ip_address(where[0]))
    return socket.socket(family=family, type=kind, proto=protocol)


def check_address(address: Address, name: str = "") -> None:
    """Refuse an address that is not public. Raises `CallbackRefused`."""
    if not is_public(address):
        where = f"{name} is {address}" if name else str(address)
        raise CallbackRefused(f"callback refused: {where}, which is not a public address")


def is_public(address: Address) -> bool:
    """Tell whether an address is on the public Internet, whatever it is wrapped in."""
    if isinstance(address, IPv6Address):
        if (inner := _embedded(address)) is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    if address in _METADATA or any(address in network for network in _NOT_DIALLED):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Give the IPv4 address that packets for this one end at."""
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour


def _written_host(url: str) -> str:
    """Give the host as the Buyer wrote it, before the client made another of it."""
    return urlsplit(url).hostname or ""


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses those with an address that is not public."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Give the addresses of `host`, all public. Raises `CallbackRefused`."""
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            check_address(ip_address(each["host"]), host)
        return found

    async def close(self) -> None:
        """Close the resolver behind."""
        await self._resolver.close()

"""The way out to listeners: straight, or through the Seller's HTTP proxy, and in both cases past the callback guard.

Through a proxy, the bridge dials the proxy alone, so the guard of sockets sees no listener. By default the bridge still
resolves a listener's name itself, refuses what is not public, and asks the proxy (CONNECT) for the address that it
judged; the name goes into TLS and the Host header, so certificates are checked as ever. Where the proxy is to resolve
names (`delivery.proxy_resolves`), only what stands in the URL is judged here; the proxy must refuse private addresses.
"""

import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from aiohttp import encode_basic_auth
from aiohttp.abc import AbstractResolver
from yarl import URL

from bridge.delivery.config import DeliveryConfig
from bridge.delivery.guard import CallbackRefused, check_callback, is_address

MOST_URLS: Final = 1024  # that are remembered as read and judged, by what stands in them alone

_parsed = lru_cache(maxsize=MOST_URLS)(URL)
_checked = lru_cache(maxsize=MOST_URLS)(check_callback)


@dataclass(frozen=True, slots=True)
class Way:
    """Where a request goes: the URL as it is dialled, headers that belong to it, and options of the client."""

    url: URL
    headers: Mapping[str, str]
    options: Mapping[str, Any]


class Egress:
    """Finds the way. `resolver` refuses names with addresses that are not public."""

    def __init__(self, settings: DeliveryConfig, resolver: AbstractResolver) -> None:
        self._is_free = settings.allow_private_callbacks
        self._judges_names = not settings.proxy_resolves and not settings.allow_private_callbacks
        self._resolver = resolver
        self.proxy = proxy_options(settings.proxy)

    async def way_to(self, url: str, trust: ssl.SSLContext | bool, hosts: Collection[str] = ()) -> Way:
        """Give the way to a listener, which must be at one of the `hosts` if there are any.

        Raises `CallbackRefused`, an `OSError`, and `ValueError` for what is no URL.
        """
        if not self._is_free:
            _checked(url)
        target = _parsed(url)
        if hosts and target.host not in hosts:
            raise CallbackRefused(f"callback refused: {target.host} is none of the hosts of this Buyer's listeners")
        options = {"ssl": trust, **self.proxy}
        if not self.proxy or not self._judges_names or is_address(target.host or ""):
            return Way(target, {}, options)
        address = await self._address(target)
        return Way(
            target.with_host(address),
            {"Host": target.host_port_subcomponent or ""},
            {**options, "server_hostname": target.host},
        )

    async def _address(self, target: URL) -> str:
        """Resolve a name; of several addresses IPv4 goes first, which every proxy can reach."""
        found = await self._resolver.resolve(target.host or "", target.port or 0, socket.AF_UNSPEC)
        return min(found, key=lambda each: each["family"] != socket.AF_INET)["host"]


def proxy_options(url: str | None) -> dict[str, Any]:
    """Give what the client is told of the proxy at a URL with its password; nothing where there is none."""
    if url is None:
        return {}
    proxy = URL(url)
    login = {"Proxy-Authorization": encode_basic_auth(proxy.user, proxy.password or "")} if proxy.user else {}
    return {"proxy": proxy.with_user(None), "proxy_headers": login}

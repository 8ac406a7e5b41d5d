"""Where the issuer's public keys are read from: a file, or an https URL."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

from bridge.api.identity.jwks import InvalidKeySet, parse_key_set
from bridge.api.identity.key_set import Read
from bridge.errors import PermanentError

MAX_BYTES: Final = 1024 * 1024
FETCH_SECONDS: Final = 5.0
STRAIGHT: Final[Mapping[str, Any]] = MappingProxyType({})

DEVELOPMENT_KID: Final = "development-"
"""Begins the id of every key that `mef-bridge token key` makes."""


def reader(place: str, *, production: bool, options: Mapping[str, Any] = STRAIGHT) -> Read:
    """Say how to read the keys at a path or an https URL; `options` are the client's, such as a proxy.

    A file must be readable now, and in production hold no development key; raises `PermanentError`.
    """
    if place.startswith("https://"):
        return lambda: fetch(place, options)
    path = Path(place)
    try:
        keys = parse_key_set(path.read_bytes())
    except (InvalidKeySet, OSError) as error:
        raise PermanentError(f"identity.jwks: {place}: {getattr(error, 'strerror', None) or error}") from error
    if production and any(str(key.kid).startswith(DEVELOPMENT_KID) for key in keys):
        raise PermanentError(f"identity.jwks: {place}: this holds a development key, which is refused in production")
    return lambda: read_file(path)


async def read_file(path: Path) -> bytes:
    """Read a file without holding the loop up. Where that never ends (a share that is away), it takes one thread."""
    return await asyncio.to_thread(path.read_bytes)


async def fetch(url: str, options: Mapping[str, Any] = STRAIGHT) -> bytes:
    """Get a document of bounded size in bounded time. A redirect could lead anywhere, and is not followed.

    The issuer's name is resolved without a thread (aiohttp does so where aiodns is): one that nobody answers for would
    keep it for longer than we wait.
    """
    timeout = ClientTimeout(total=FETCH_SECONDS)
    async with (
        ClientSession(timeout=timeout, cookie_jar=DummyCookieJar()) as session,
        session.get(url, allow_redirects=False, **options) as response,
    ):
        if response.status != 200:
            raise InvalidKeySet(f"{url} answered {response.status}")
        raw = bytearray()
        async for chunk in response.content.iter_any():
            raw += chunk
            if len(raw) > MAX_BYTES:
                raise InvalidKeySet(f"{url} sent more than {MAX_BYTES} bytes")
    return bytes(raw)

"""Where the issuer's public keys are read from: a file, or an https URL."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from bridge.api.identity.bounded import TooLong, request
from bridge.api.identity.jwks import InvalidKeySet, parse_key_set
from bridge.api.identity.key_set import Read
from bridge.errors import PermanentError

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
    """Get a document; raises `InvalidKeySet`, and what `request` does."""
    try:
        status, raw = await request("GET", url, **options)
    except TooLong as error:
        raise InvalidKeySet(str(error)) from error
    if status != 200:
        raise InvalidKeySet(f"{url} answered {status}")
    return raw

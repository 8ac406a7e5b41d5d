"""The issuer's public keys, kept at hand and read again when they may have changed.

A request never waits for keys that are there. A token with an unknown key has them read anew, for all such requests
together and not more often than the floor allows, so that forged tokens cannot make us flood the issuer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import ClientError

from bridge.api.identity.jwks import InvalidKeySet, Key, PublicKey, parse_key_set
from bridge.errors import TransientError

LONGEST_WAIT_S: Final = 6.0
"""How long a request waits for keys: a reading may hang, as of a file on a share that is away."""

log = structlog.get_logger(__name__)

Read = Callable[[], Awaitable[bytes]]


class KeysUnavailable(TransientError):
    """Tokens cannot be verified now: the keys of their issuer cannot be read."""


class KeySet:
    """The keys, by id. `refresh_s` and `floor_s` are seconds; `clock` gives seconds that only grow."""

    def __init__(
        self, read: Read, *, refresh_s: float, floor_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._refresh_s = refresh_s
        self._floor_s = floor_s
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._tried_at: float | None = None
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """Give the key that a token names, or the only one if it names none; raises `KeysUnavailable`."""
        found = self._known(kid, algorithm)
        if found is None or self._older_than(self._refresh_s):
            reading = self._start_reading()
            if found is None and reading is not None:
                await asyncio.wait({reading}, timeout=LONGEST_WAIT_S)
                found = self._known(kid, algorithm)
        if not self._keys:
            raise KeysUnavailable
        return found

    async def load(self) -> bool:
        """Read the keys now, and tell whether there are any."""
        reading = self._start_reading()
        if reading is not None:
            await asyncio.wait({reading}, timeout=LONGEST_WAIT_S)
        return bool(self._keys)

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    def _known(self, kid: str | None, algorithm: str) -> PublicKey | None:
        fitting = [key for key in self._keys if algorithm in key.algorithms and kid in (None, key.kid)]
        return fitting[0].public if len(fitting) == 1 else None

    def _older_than(self, seconds: float) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= seconds

    def _start_reading(self) -> asyncio.Task[None] | None:
        """Read, unless somebody does already (then join them), or did too short a time ago."""
        if self._reading is None and self._older_than(self._floor_s):
            self._tried_at = self._clock()
            self._reading = asyncio.create_task(self._renew(), name="jwks")
            self._reading.add_done_callback(self._done)
        return self._reading

    def _done(self, _: asyncio.Task[None]) -> None:
        self._reading = None

    async def _renew(self) -> None:
        """Replace the keys. Those at hand stay if it fails: the issuer may be away for a while."""
        try:
            self._keys = parse_key_set(await self._read())
        except (InvalidKeySet, ClientError, OSError, TimeoutError) as trouble:
            log.warning("jwks.not_read", reason=str(trouble) or type(trouble).__name__, keys_at_hand=len(self._keys))
            return
        log.info("jwks.read", kids=[key.kid for key in self._keys])

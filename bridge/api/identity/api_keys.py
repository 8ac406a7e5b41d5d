"""Callers known by an API key."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from bridge.api.identity.presented import presented
from bridge.api.identity.principal import Principal, RequestingEntity, invalid


class ApiKeyIdentity:
    """Knows callers by an API key, sent as `Authorization: Bearer <key>` or as `X-API-Key: <key>`."""

    def __init__(self, entities: Iterable[RequestingEntity]) -> None:
        """Raise ValueError if two entities have the same key: nobody could tell them apart."""
        self._principals: dict[bytes, Principal] = {}
        for entity in entities:
            for digest in map(bytes.fromhex, entity.api_key_sha256):
                if digest in self._principals:
                    raise ValueError(f"an API key of {entity.name} is already in use")
                self._principals[digest] = entity.principal()

    async def authenticate(self, headers: Mapping[str, str], peer: str | None = None) -> Principal:
        """Give the entity whose key was sent."""
        return self.identify(presented(headers))

    def identify(self, key: str) -> Principal:
        """Give the entity that has the key."""
        principal = self._find(key)
        if principal is None:
            raise invalid("The API key is not known, or no longer valid.")
        return principal

    def _find(self, key: str) -> Principal | None:
        """Compare with every known key in constant time, so that timing tells nothing about any of them."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known, principal in self._principals.items():
            if hmac.compare_digest(known, digest):
                found = principal
        return found

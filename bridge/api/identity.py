"""Who is asking. A principal is a requesting entity with the Buyers that it may represent (R5, R6; MEF 79, 8.8)."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from bridge.domain.model import BuyerId
from bridge.errors import BridgeError
from bridge.mef.errors import Error401Code

API_KEY_HEADER: Final = "X-API-Key"


@dataclass(frozen=True, slots=True)
class Principal:
    """A requesting entity: its name (for the log) and its Buyers, at least one."""

    name: str
    buyers: tuple[BuyerId, ...]


class Unauthenticated(BridgeError):
    """The caller is not known."""

    def __init__(self, code: Error401Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Identity(Protocol):
    """Tells who sent a request from its headers (names in any case), or raises `Unauthenticated`."""

    async def authenticate(self, headers: Mapping[str, str]) -> Principal: ...


class RequestingEntity(BaseModel):
    """One entry of `config/buyers.yaml`. Keys are kept as SHA-256 in lower-case hex; several allow rotation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    api_key_sha256: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...]
    buyers: Annotated[tuple[BuyerId, ...], Field(min_length=1)]

    def principal(self) -> Principal:
        """The caller this entry describes."""
        return Principal(self.name, self.buyers)


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

    async def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """Give the entity whose key was sent."""
        principal = self._find(presented_key(headers))
        if principal is None:
            raise Unauthenticated(Error401Code.INVALID_CREDENTIALS, "The API key is not known, or no longer valid.")
        return principal

    def _find(self, key: str) -> Principal | None:
        """Compare with every known key in constant time, so that timing tells nothing about any of them."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known, principal in self._principals.items():
            if hmac.compare_digest(known, digest):
                found = principal
        return found


class NoIdentity:
    """Takes everybody for the same principal. For a lab on a loopback address only; the caller sees to that."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    async def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """Ask for nothing."""
        del headers
        return self._principal


def presented_key(headers: Mapping[str, str]) -> str:
    """Read the key from the headers; `Authorization` counts where both are sent."""
    authorization = headers.get("Authorization")
    if authorization is not None:
        return _bearer(authorization)
    key = headers.get(API_KEY_HEADER, "").strip()
    if not key:
        raise Unauthenticated(
            Error401Code.MISSING_CREDENTIALS,
            f"Send an API key as 'Authorization: Bearer <key>' or as '{API_KEY_HEADER}: <key>'.",
        )
    return key


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            Error401Code.INVALID_CREDENTIALS, "The Authorization header must be 'Bearer', a space and the key."
        )
    return token.strip()

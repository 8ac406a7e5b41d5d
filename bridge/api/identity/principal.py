"""A principal is a requesting entity with the Buyers that it may represent (R5, R6; MEF 79, 8.8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from bridge.domain.model import BuyerId
from bridge.errors import BridgeError
from bridge.mef.enums import Api
from bridge.mef.error_bodies import Error401Code

ALL_APIS: Final = frozenset(Api)


@dataclass(frozen=True, slots=True)
class Principal:
    """A requesting entity: its name (for the log), its Buyers, at least one, and the APIs it may use now.

    `bound_to` is the SHA-256 (lower-case hex) of the certificate with which alone its token may be used (RFC 8705, 3).
    """

    name: str
    buyers: tuple[BuyerId, ...]
    apis: frozenset[Api] = ALL_APIS
    bound_to: str | None = None


class Unauthenticated(BridgeError):
    """The caller is not known."""

    def __init__(self, code: Error401Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def invalid(reason: str) -> Unauthenticated:
    """Refuse credentials that were sent; the reason never repeats them."""
    return Unauthenticated(Error401Code.INVALID_CREDENTIALS, reason)


class Identity(Protocol):
    """Tells who sent a request from its headers (names in any case), or raises `Unauthenticated`.

    `peer` is the address at the other end of the connection.
    """

    async def authenticate(self, headers: Mapping[str, str], peer: str | None = None) -> Principal: ...


class RequestingEntity(BaseModel):
    """One entry of `config/buyers.yaml`. Keys are kept as SHA-256 in lower-case hex; several allow rotation.

    `client_id` is how tokens name the entity, if not by its `name`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    client_id: Annotated[str, Field(min_length=1)] | None = None
    api_key_sha256: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...] = ()
    certificates_sha256: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...] = ()
    buyers: Annotated[tuple[BuyerId, ...], Field(min_length=1)]

    def principal(self) -> Principal:
        """The caller this entry describes."""
        return Principal(self.name, self.buyers)

"""Who may use the console: operators and viewers, known by a token of their own or by one of the issuer's (JWT).

Of a token only its SHA-256 is kept. All known ones are compared in constant time, so that timing tells nothing of any.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from bridge.errors import BridgeError

NAMING_CLAIMS: Final = ("preferred_username", "email", "name", "sub")
"""What a person is called in the audit log: the first of these that a token has."""


class Role(StrEnum):
    """What somebody may do: a viewer looks, and sees no contact data; an operator acts, and sees all."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is known. `until` is when his token ends, in seconds of Unix time; None where it does not."""

    name: str
    role: Role
    until: float | None = None

    @property
    def may_act(self) -> bool:
        """Tell whether he may change anything."""
        return self.role is Role.OPERATOR


@dataclass(frozen=True, slots=True)
class KnownToken:
    """The SHA-256 of a token, and whose it is."""

    digest: bytes
    user: User


class Unknown(BridgeError):
    """The token is not known, or no longer valid."""


ReadToken = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Gives the claims of a JWT that was verified; raises a `BridgeError`."""


class Users:
    """Knows users by what they present. `read` verifies JWTs; None where there are none.

    `roles` says which scope gives which role, the highest first; `scopes` reads them from claims.
    """

    def __init__(
        self,
        tokens: Sequence[KnownToken],
        read: ReadToken | None = None,
        scopes: Callable[[Mapping[str, Any]], frozenset[str]] = lambda _: frozenset(),
        roles: Mapping[str, Role] = MappingProxyType({}),
    ) -> None:
        self._tokens = tokens
        self._read = read
        self._scopes = scopes
        self._roles = roles

    async def identify(self, token: str) -> User:
        """Give the user whose token this is; raises `Unknown`, or what `read` raises."""
        if self._read is not None and token.count(".") == 2 and token.startswith("ey"):
            return self._of_claims(await self._read(token))
        found = self._find(token)
        if found is None:
            raise Unknown
        return found

    def find(self, name: str) -> User | None:
        """Give the user with a token of his own who has this name."""
        return next((known.user for known in self._tokens if known.user.name == name), None)

    def _find(self, token: str) -> User | None:
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known in self._tokens:
            if hmac.compare_digest(known.digest, digest):
                found = known.user
        return found

    def _of_claims(self, claims: Mapping[str, Any]) -> User:
        if "cnf" in claims:
            raise Unknown("The token is bound to a certificate, which this door cannot see.")
        granted = self._scopes(claims)
        role = next((role for scope, role in self._roles.items() if scope in granted), None)
        if role is None:
            raise Unknown(f"The token has none of the scopes {', '.join(self._roles)}.")
        name = next((claims[key] for key in NAMING_CLAIMS if isinstance(claims.get(key), str)), "")
        return User(name or "somebody without a name", role, float(claims["exp"]))

"""Who may use the console: operators and viewers, known by a token of their own, by one of the issuer's (JWT), or by
their login at an issuer (OpenID Connect).

Of a token only its SHA-256 is kept. All known ones are compared in constant time, so that timing tells nothing of any.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from bridge.errors import BridgeError

NAMING_CLAIMS: Final = ("preferred_username", "email", "name", "sub")
"""What a person is called in the audit log: the first of these that a token has."""
LONGEST_NAME: Final = 100


class Role(StrEnum):
    """What somebody may do: a viewer looks, and sees no contact data; an operator acts, and sees all."""

    VIEWER = "viewer"
    OPERATOR = "operator"


class Grant(NamedTuple):
    """What gave somebody his role: a value in a claim, and the `Grants` in which it counts, by their key."""

    of: str
    value: str


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is known. `until` is when his token ends, in seconds of Unix time; None where it does not.

    `grant` is what an issuer vouches for; None for who has a token of his own.
    """

    name: str
    role: Role
    until: float | None = None
    grant: Grant | None = None

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


class NoRole(Unknown):
    """Who it is has been shown, but he may not enter."""


ReadToken = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Gives the claims of a JWT that was verified; raises a `BridgeError`."""
Values = Mapping[str, frozenset[str] | None]
"""What stands in claims, by their names; None for one that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """Which values in an issuer's token make whom. `key` tells them from others and from those of other issuers.

    `roles` are by value, the highest first; `values` reads the claims that count.
    """

    key: str
    issuer: str
    values: Callable[[Mapping[str, Any]], Values]
    roles: Mapping[str, Role]

    def user(self, claims: Mapping[str, Any], until: float | None) -> User:
        """Give the user that a token is of; raises `NoRole`."""
        found = self.values(claims)
        granted = frozenset[str]().union(*(values for values in found.values() if values is not None))
        value = next((value for value in self.roles if value in granted), None)
        name = name_in(claims)
        if value is None:
            raise NoRole(self._missing(name, found))
        return User(name, self.roles[value], until, Grant(self.key, value))

    def _missing(self, name: str, found: Values) -> str:
        wanted = ", ".join(f"{value} ({role})" for value, role in self.roles.items())
        said = "; ".join(
            f"{claim} {'is not in it' if values is None else 'has none'}" for claim, values in found.items()
        )
        return f"{name} may not enter: the token of {self.issuer} must have one of {wanted}. Of the claims, {said}."


class Users:
    """Knows users by what they present.

    `read` verifies JWTs that are presented as tokens, of which `by_token` says who they make; None where there are
    none. `by_login` is for those who log in at an issuer.
    """

    def __init__(
        self,
        tokens: Sequence[KnownToken],
        read: ReadToken | None = None,
        by_token: Grants | None = None,
        by_login: Grants | None = None,
    ) -> None:
        self._tokens = tokens
        self._read = read
        self._by_token = by_token
        self._by_login = by_login
        self._grants = {grants.key: grants for grants in (by_token, by_login) if grants is not None}

    @property
    def have_tokens(self) -> bool:
        """Tell whether anybody could have a token."""
        return bool(self._tokens) or self._read is not None

    async def identify(self, token: str) -> User:
        """Give the user whose token this is; raises `Unknown`, or what `read` raises."""
        if self._read is not None and token.count(".") == 2 and token.startswith("ey"):
            return self._of_token(await self._read(token))
        found = self._find(token)
        if found is None:
            raise Unknown
        return found

    def who_logged_in(self, claims: Mapping[str, Any]) -> User:
        """Give the user of whom an issuer tells, by a login; raises `NoRole`.

        The login lasts longer than its ID token, which is good for nothing else.
        """
        if self._by_login is None:
            raise Unknown
        return self._apart(self._by_login.user(claims, None), self._by_login)

    def came_by_login(self, user: User) -> bool:
        """Tell whether somebody logged in at the issuer."""
        return self._by_login is not None and user.grant is not None and user.grant.of == self._by_login.key

    def again(self, name: str, grant: Grant | None) -> User | None:
        """Give a user who was known before, as he is now; None if he is not known any more."""
        if grant is None:
            return self._named(name)
        grants = self._grants.get(grant.of)
        role = None if grants is None else grants.roles.get(grant.value)
        return None if role is None else User(name, role, None, grant)

    def _named(self, name: str) -> User | None:
        return next((known.user for known in self._tokens if known.user.name == name), None)

    def _find(self, token: str) -> User | None:
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known in self._tokens:
            if hmac.compare_digest(known.digest, digest):
                found = known.user
        return found

    def _of_token(self, claims: Mapping[str, Any]) -> User:
        if "cnf" in claims:
            raise Unknown("The token is bound to a certificate, which this door cannot see.")
        if self._by_token is None:
            raise Unknown
        return self._apart(self._by_token.user(claims, float(claims["exp"])), self._by_token)

    def _apart(self, user: User, grants: Grants) -> User:
        """See that nobody acts by the name of one who has a token of his own: an issuer may let people choose names."""
        return user if self._named(user.name) is None else replace(user, name=f"{user.name} of {grants.issuer}")


def name_in(claims: Mapping[str, Any], wanted: Sequence[str] = NAMING_CLAIMS) -> str:
    """Give a name that can be written in a line: the first of some claims that is one."""
    names = (claims[key] for key in wanted if isinstance(claims.get(key), str))
    printable = ("".join(filter(str.isprintable, name)).strip()[:LONGEST_NAME] for name in names)
    return next(filter(None, printable), "somebody without a name")

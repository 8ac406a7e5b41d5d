"""Callers known by an OAuth2 access token: a JWT (RFC 7519, RFC 9068) signed by the issuer that the settings name.

Nothing of a token is believed before its signature has been verified, and then only if it was made by our issuer, for
us, and is in force. Which signatures are accepted is our choice, never the token's.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import jwt

from bridge.api.identity.claims import claim, scopes_in
from bridge.api.identity.jwks import PublicKey
from bridge.api.identity.key_set import KeySet
from bridge.api.identity.presented import presented
from bridge.api.identity.principal import Principal, RequestingEntity, Unauthenticated, invalid
from bridge.mef.enums import Api

_REASONS: Final[tuple[tuple[type[jwt.PyJWTError], str], ...]] = (
    (jwt.ExpiredSignatureError, "The token has expired."),
    (jwt.ImmatureSignatureError, "The token is not in force yet."),
    (jwt.InvalidAudienceError, "The token was made for another audience."),
    (jwt.InvalidIssuerError, "The token was made by another issuer."),
)
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}=?")  # 32 bytes as base64url
# What hostile or broken tokens make the JSON reader and the checks of times raise.
_MALFORMED: Final = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What a token must be: see the `identity` section of the settings.

    `scopes` names the scope of each API; a token has those of all `scope_claims`. Names of claims are those that
    `claim` takes.
    """

    issuer: str
    audience: str
    algorithms: frozenset[str]
    scopes: Mapping[Api, str]
    entity_claim: str = "client_id"
    scope_claims: tuple[str, ...] = ("scope", "scp")
    leeway: timedelta = timedelta(seconds=30)


class TokenIdentity:
    """Knows callers by the claim of their token that names a requesting entity."""

    def __init__(self, entities: Iterable[RequestingEntity], keys: KeySet, rules: TokenRules) -> None:
        self._principals = {entity.client_id or entity.name: entity.principal() for entity in entities}
        self._keys = keys
        self._rules = rules

    async def authenticate(self, headers: Mapping[str, str], peer: str | None = None) -> Principal:
        """Give the entity whose token was sent."""
        return await self.identify(presented(headers))

    async def identify(self, token: str) -> Principal:
        """Give the entity that the token names; raises as `verified`."""
        return self._principal(await self.verified(token))

    async def verified(self, token: str) -> Mapping[str, Any]:
        """Give what a token says, once it has been verified.

        Raises `Unauthenticated`, and `KeysUnavailable` if nobody can say whether it is genuine.
        """
        kid, algorithm = self._header(token)
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise invalid("The token is signed with a key that is not known here.")
        return self._claims(token, key, algorithm)

    def _header(self, token: str) -> tuple[str | None, str]:
        try:
            header = jwt.get_unverified_header(token)
        except _MALFORMED as error:
            raise invalid("The token is not a JWT that can be read.") from error
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            accepted = ", ".join(sorted(self._rules.algorithms))
            raise invalid(f"The token is signed in a way that is not accepted here; accepted are {accepted}.")
        return header.get("kid"), algorithm

    def _claims(self, token: str, key: PublicKey, algorithm: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self._rules.issuer,
                audience=self._rules.audience,
                leeway=self._rules.leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        except _MALFORMED as error:
            raise _refusal(error) from error
        return claims

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        name = claim(claims, self._rules.entity_claim)
        principal = self._principals.get(name) if isinstance(name, str) else None
        if principal is None:
            raise invalid(f"The token's {self._rules.entity_claim} names nobody who is known here.")
        granted = scopes_in(claims, self._rules.scope_claims)
        apis = frozenset(api for api, scope in self._rules.scopes.items() if scope in granted)
        return replace(principal, apis=apis, bound_to=_certificate_in(claims))


def _certificate_in(claims: Mapping[str, Any]) -> str | None:
    """Give the SHA-256, in hex, of the certificate that a token is bound to (RFC 8705, 3.1)."""
    confirmation = claims.get("cnf")
    written = confirmation.get("x5t#S256") if isinstance(confirmation, Mapping) else confirmation
    if written is None:
        return None
    if not isinstance(confirmation, Mapping) or not isinstance(written, str) or not _THUMBPRINT.fullmatch(written):
        raise invalid("The token is bound to a certificate in a way that cannot be read.")
    return base64.urlsafe_b64decode(written.rstrip("=") + "=").hex()


def _refusal(error: Exception) -> Unauthenticated:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return invalid(f"The token has no {error.claim}.")
    return invalid(next((reason for kind, reason in _REASONS if isinstance(error, kind)), "The token is not valid."))

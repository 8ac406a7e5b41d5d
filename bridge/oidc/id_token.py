"""What the claims of an ID token say of a person, and what they must say of the login."""

import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bridge.api.identity.claims import claim
from bridge.oidc.trouble import LoginRefused

SPACED: Final = frozenset({"scope", "scp"})
"""Claims that are lists written as text (RFC 8693, 4.2). In any other one a space is a part of the value: people choose
names, and parts of addresses, themselves."""


def granted(claims: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
    """Read what stands in some claims; None where one is not there. Names are those that `claim` takes.

    An address of mail counts only where the issuer has verified it (Core 1.0, 5.7).
    """
    return {name: _values(claims, name) for name in names}


def _values(claims: Mapping[str, Any], name: str) -> frozenset[str] | None:
    value = claim(claims, name)
    if value is None or (name == "email" and claims.get("email_verified") is not True):
        return None
    parts = (
        value if isinstance(value, list) else value.split() if name in SPACED and isinstance(value, str) else [value]
    )
    return frozenset(part for part in parts if isinstance(part, str))


def check_login(claims: Mapping[str, Any], client_id: str, nonce: str) -> None:
    """Raise `LoginRefused` unless an ID token, whose signature, issuer, audience and time were verified, is of this
    login (Core 1.0, 3.1.3.7).
    """
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode("utf-8", "replace"), nonce.encode()):
        raise LoginRefused("The ID token is of another login. Log in again.")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", client_id if len(audiences) == 1 else None) != client_id:
        raise LoginRefused("The ID token was made for another client.")
    missing = [name for name in ("sub", "iat") if name not in claims]
    if missing:
        raise LoginRefused(f"The ID token has no {' and no '.join(missing)}.")

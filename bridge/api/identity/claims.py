"""Claims of a token, by the names that the settings give.

Issuers do not agree where they say what a token may do: Entra ID has `roles`, Okta `scp`, Keycloak
`realm_access.roles`. A name is first taken as it stands, because some are URLs (`https://bridge.example.com/roles`),
and then as a path: what is before a dot names an object, the rest a claim in it.
"""

from collections.abc import Iterable, Mapping
from typing import Any


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """Give the value of a claim; None if it is not there."""
    if name in claims:
        return claims[name]
    for end in (index for index, character in enumerate(name) if character == "."):
        inner = claims.get(name[:end])
        found = claim(inner, name[end + 1 :]) if isinstance(inner, Mapping) else None
        if found is not None:
            return found
    return None


def scopes_in(claims: Mapping[str, Any], names: Iterable[str]) -> frozenset[str]:
    """Read all scopes that some claims hold: each a list, or text with spaces in between (RFC 8693, 4.2)."""
    return frozenset(scope for name in names for scope in _scopes(claim(claims, name)))


def _scopes(value: object) -> Iterable[str]:
    parts = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return [part for part in parts if isinstance(part, str)]

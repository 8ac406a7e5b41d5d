"""Which credentials a request carries."""

from collections.abc import Mapping
from typing import Final

from bridge.api.identity.principal import Unauthenticated, invalid
from bridge.mef.error_bodies import Error401Code

API_KEY_HEADER: Final = "X-API-Key"


def presented(headers: Mapping[str, str]) -> str:
    """Read the API key or token from the headers; `Authorization` counts where both are sent."""
    authorization = headers.get("Authorization")
    if authorization is not None:
        return _bearer(authorization)
    key = headers.get(API_KEY_HEADER, "").strip()
    if not key:
        raise Unauthenticated(
            Error401Code.MISSING_CREDENTIALS,
            f"Send a token or an API key as 'Authorization: Bearer <it>', or an API key as '{API_KEY_HEADER}: <key>'.",
        )
    return key


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise invalid("The Authorization header must be 'Bearer', a space and the token or key.")
    return token.strip()


def looks_like_token(credential: str) -> bool:
    """Tell a signed JWT (RFC 7515, 7.1: three parts, the first one JSON in base64url) from an API key."""
    return credential.count(".") == 2 and credential.startswith("ey")

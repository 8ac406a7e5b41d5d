"""Keys and tokens for tests, as an issuer makes them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.example.com"
AUDIENCE = "https://bridge.example.com"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_WRITERS: Mapping[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}


@cache
def private_key(kind: str, name: str = "first") -> PrivateKey:
    """A key of a kind; another `name` is another key."""
    if kind == "RSA":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if kind == "EC" else ed25519.Ed25519PrivateKey.generate()


def jwk(kind: str, kid: str | None, name: str = "first", **members: Any) -> dict[str, Any]:
    """The public half, as an issuer publishes it."""
    public = json.loads(_WRITERS[kind].to_jwk(private_key(kind, name).public_key()))
    return {**public, **({"kid": kid} if kid else {}), "use": "sig", **members}


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says; None takes a claim away."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": datetime.now(UTC) + timedelta(minutes=5),
        "client_id": "acme",
        "scope": "appointment workOrder",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(
    algorithm: str = "ES256", kid: str | None = "k1", name: str = "first", kind: str | None = None, **changes: Any
) -> str:
    kinds = {"RS256": "RSA", "PS256": "RSA", "RS512": "RSA", "ES256": "EC", "EdDSA": "OKP"}
    headers = {"kid": kid} if kid else {}
    return jwt.encode(claims(**changes), private_key(kind or kinds[algorithm], name), algorithm, headers)

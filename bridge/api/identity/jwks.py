"""A JSON Web Key Set (RFC 7517) as public keys: what verifies a signature and nothing else."""

import json
from dataclasses import dataclass
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

log = structlog.get_logger(__name__)

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

LEAST_RSA_BITS: Final = 2048  # RFC 7518, 3.3

# The signatures that a type of key can make, of those that the settings know.
_ALGORITHMS: Final = {
    ("RSA", None): frozenset({"RS256", "PS256"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}


class InvalidKeySet(ValueError):
    """The keys cannot be read."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, its id, and what it may verify."""

    kid: str | None
    algorithms: frozenset[str]
    public: PublicKey


def parse_key_set(raw: bytes) -> tuple[Key, ...]:
    """Read the keys that we can use; others are left out. Raises `InvalidKeySet` if there are none."""
    try:
        entries = json.loads(raw)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidKeySet("expected a JSON object with a list of `keys`") from error
    found = [_key(entry) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    keys = tuple(key for key in found if key is not None)
    if not keys:
        raise InvalidKeySet("there is no key of type RSA, EC (P-256) or OKP (Ed25519) for signatures in it")
    return keys


def _key(entry: dict[str, Any]) -> Key | None:
    algorithms = _algorithms(entry)
    if not algorithms:
        return None
    if "d" in entry:
        log.warning("jwks.private_key", kid=entry.get("kid"), advice="never publish it; it is not used")
        return None
    try:
        public = PyJWK(entry, next(iter(algorithms))).key
    except (PyJWTError, ValueError, TypeError) as error:
        log.warning("jwks.unreadable_key", kid=entry.get("kid"), reason=str(error))
        return None
    if isinstance(public, RSAPublicKey) and public.key_size < LEAST_RSA_BITS:
        log.warning("jwks.short_key", kid=entry.get("kid"), bits=public.key_size, least=LEAST_RSA_BITS)
        return None
    return Key(entry.get("kid"), algorithms, public)


def _algorithms(entry: dict[str, Any]) -> frozenset[str]:
    """Say what a key may verify; nothing if it is for encryption, secret, or of a type that we do not know."""
    if entry.get("use", "sig") != "sig":
        return frozenset()
    curve = str(entry["crv"]) if "crv" in entry else None
    possible = _ALGORITHMS.get((str(entry.get("kty")), curve), frozenset())
    return frozenset(algorithm for algorithm in possible if entry.get("alg", algorithm) == algorithm)

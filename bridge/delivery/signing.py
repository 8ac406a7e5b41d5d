"""Signatures on notifications as Standard Webhooks has them (standardwebhooks.com): the body stays as it is.

What is signed is `<id>.<timestamp>.<body>`: the id is that of the event, the same on every attempt, and the timestamp
that of the attempt, in seconds, so that a listener can refuse what somebody recorded and sends again. Several keys sign
side by side, so that one can replace another without a pause.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.errors import PermanentError

HMAC_PREFIX: Final = "whsec_"
PRIVATE_PREFIX: Final = "whsk_"
PUBLIC_PREFIX: Final = "whpk_"
LEAST_BYTES, MOST_BYTES = 24, 64  # of an HMAC key, as the specification has it
ED25519_BYTES: Final = 32


class InvalidSigningKey(PermanentError):
    """A signing key begins with whsec_ (HMAC, 24 to 64 bytes) or whsk_ (ed25519, 32 or 64 bytes), then base64."""


class SigningKey(Protocol):
    """Signs, and says in front of the signature how."""

    def sign(self, content: bytes) -> str: ...


@dataclass(frozen=True, slots=True, repr=False)
class HmacKey:
    """A secret that both sides have."""

    secret: bytes

    def sign(self, content: bytes) -> str:
        """HMAC-SHA256, `v1`."""
        return f"v1,{_base64(hmac.digest(self.secret, content, hashlib.sha256))}"


@dataclass(frozen=True, slots=True, repr=False)
class Ed25519Key:
    """A private key; the listener has the public one, and can sign nothing with it."""

    private: Ed25519PrivateKey

    def sign(self, content: bytes) -> str:
        """Ed25519, `v1a`."""
        return f"v1a,{_base64(self.private.sign(content))}"

    @property
    def public(self) -> str:
        """What the Buyer is given: `whpk_…`."""
        return PUBLIC_PREFIX + _base64(self.private.public_key().public_bytes_raw())


def read_key(text: str) -> HmacKey | Ed25519Key:
    """Read a key as it is written; raises `InvalidSigningKey`, which never repeats it."""
    for prefix, make in ((HMAC_PREFIX, _hmac_key), (PRIVATE_PREFIX, _ed25519_key)):
        if text.startswith(prefix):
            return make(_bytes(text.removeprefix(prefix)))
    raise InvalidSigningKey


def new_key(*, is_symmetric: bool) -> str:
    """Make a key, as it is written."""
    return (HMAC_PREFIX if is_symmetric else PRIVATE_PREFIX) + _base64(secrets.token_bytes(32))


def signature_headers(keys: Sequence[SigningKey], event_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """Make the three headers; none without a key."""
    if not keys:
        return {}
    content = f"{event_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(key.sign(content) for key in keys),
    }


def _hmac_key(secret: bytes) -> HmacKey:
    if not LEAST_BYTES <= len(secret) <= MOST_BYTES:
        raise InvalidSigningKey
    return HmacKey(secret)


def _ed25519_key(secret: bytes) -> Ed25519Key:
    """Read the private key alone, or with the public one behind it, as many libraries keep it."""
    if len(secret) not in (ED25519_BYTES, 2 * ED25519_BYTES):
        raise InvalidSigningKey
    key = Ed25519Key(Ed25519PrivateKey.from_private_bytes(secret[:ED25519_BYTES]))
    if secret[ED25519_BYTES:] not in (b"", key.private.public_key().public_bytes_raw()):
        raise InvalidSigningKey
    return key


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSigningKey from None


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

"""Signatures as Standard Webhooks has them, held against the specification and an implementation of others."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from standardwebhooks import Webhook as Peer
from standardwebhooks import WebhookVerificationError

from bridge.delivery.signing import Ed25519Key, HmacKey, InvalidSigningKey, new_key, read_key, signature_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another key of thirty-two bytes!").decode()
BODY = b'{"eventId":"event-1","event":{"id":"\xc5\x82"}}'


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def signed(*keys: str, timestamp: int | None = None, body: bytes = BODY) -> Mapping[str, str]:
    return signature_headers([read_key(key) for key in keys], "event-1", timestamp or now(), body)


def accepts(secret: str, headers: Mapping[str, str], body: bytes = BODY) -> bool:
    """Ask the implementation of the specification's authors."""
    try:
        Peer(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        return False
    return True


def test_the_example_of_the_specification_comes_out() -> None:
    headers = signature_headers([read_key(SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_an_implementation_of_others_accepts_it_and_nothing_else() -> None:
    headers = signed(SECRET)
    assert accepts(SECRET, headers)
    assert not accepts(OTHER, headers)
    assert not accepts(SECRET, headers, BODY + b" ")
    assert not accepts(SECRET, {**headers, "webhook-id": "event-2"})
    assert not accepts(SECRET, signed(SECRET, timestamp=now() - 3600))


def test_while_keys_are_exchanged_either_is_accepted() -> None:
    headers = signed(OTHER, SECRET)
    assert headers["webhook-signature"].count("v1,") == 2
    assert accepts(SECRET, headers)
    assert accepts(OTHER, headers)


def test_a_private_key_signs_what_its_public_key_verifies() -> None:
    key = read_key(new_key(is_symmetric=False))
    assert isinstance(key, Ed25519Key)
    headers = signature_headers([key], "event-1", 1614265330, BODY)
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1a"
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public.removeprefix("whpk_")))
    public.verify(base64.b64decode(signature), b"event-1.1614265330." + BODY)
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signature), b"event-1.1614265331." + BODY)


def test_both_kinds_of_keys_sign_side_by_side() -> None:
    headers = signed(new_key(is_symmetric=False), SECRET)
    assert [each.partition(",")[0] for each in headers["webhook-signature"].split(" ")] == ["v1a", "v1"]
    assert accepts(SECRET, headers)


def test_without_a_key_nothing_is_signed() -> None:
    assert signature_headers([], "event-1", 1, BODY) == {}


def test_a_private_key_may_have_its_public_one_behind_it() -> None:
    private = Ed25519PrivateKey.generate()
    seed, public = private.private_bytes_raw(), private.public_key().public_bytes_raw()
    alone, both = (read_key("whsk_" + base64.b64encode(raw).decode()) for raw in (seed, seed + public))
    assert isinstance(alone, Ed25519Key)
    assert isinstance(both, Ed25519Key)
    assert alone.public == both.public


@pytest.mark.parametrize("is_symmetric", [True, False])
def test_new_keys_can_be_read_and_are_not_shown(is_symmetric: bool) -> None:
    text = new_key(is_symmetric=is_symmetric)
    key = read_key(text)
    assert isinstance(key, HmacKey if is_symmetric else Ed25519Key)
    assert text not in repr(key)
    assert text != new_key(is_symmetric=is_symmetric)


def test_padding_may_be_left_out() -> None:
    assert read_key(OTHER.rstrip("=")) == read_key(OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_" + "A" * 100,
        "whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
        "whsk_c2hvcnQ=",
        "whsk_" + base64.b64encode(b"x" * 64).decode(),
        "whpk_" + base64.b64encode(b"x" * 32).decode(),
        "whsec_ł",
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidSigningKey) as refused:
        read_key(text)
    assert str(refused.value).startswith("A signing key begins with whsec_ (HMAC, 24 to 64 bytes)")
    assert not text[6:] or text[6:] not in str(refused.value)

"""Attacks with tokens that tests/api/test_tokens.py has not: odd algorithms, where keys come from, sizes.

All end in 401 (or in 400 before anybody looks), say nothing of the token, and cost the issuer no readings.
"""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs

from bridge.api.identity import ApiKeyIdentity, CredentialsIdentity, Identity, KeySet, TokenIdentity
from tests.api.conftest import ENTITIES, BuyerClient
from tests.api.test_tokens import APPOINTMENTS, PUBLISHED, RULES, Issuer, bearer, refusal
from tests.api.tokens import claims, jwk, private_key, token


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(PUBLISHED)


@pytest.fixture
async def identity(issuer: Issuer) -> AsyncIterator[Identity]:
    keys = KeySet(issuer.read, refresh_s=3600, floor_s=30)
    yield CredentialsIdentity(ApiKeyIdentity(ENTITIES), TokenIdentity(ENTITIES, keys, RULES))
    await keys.close()


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    return f"{encoded(header)}.{encoded(claims(exp=2**40))}.{signature}"


def forged(**header: Any) -> str:
    """Signed by a key of the forger's own, with a header that leads to it."""
    return jwt.encode(claims(), private_key("EC", "forger"), "ES256", {"kid": "k1", **header})


ALGORITHMS = [
    "none",
    "None",
    "NONE",
    "nOnE",
    "",
    None,
    0,
    "HS256",
    "HS512",
    "ES256K",
    "RSA-OAEP",
    ["ES256"],
    {"ES256": 1},
    True,
]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_what_is_not_signed_in_a_way_of_our_choice_is_refused(buyer: BuyerClient, algorithm: object) -> None:
    await refusal(buyer, unsigned({"alg": algorithm, "kid": "k1", "typ": "JWT"}, "AAAA"))


async def test_a_key_that_the_token_brings_along_or_points_to_is_never_used(buyer: BuyerClient, issuer: Issuer) -> None:
    for header in (
        {"jwk": jwk("EC", "k1", "forger")},
        {"jku": "https://forger.example.com/jwks.json"},
        {"x5u": "https://forger.example.com/cert.pem"},
        {"x5c": ["MIIB"]},
    ):
        assert await refusal(buyer, forged(**header)) == "The token is not valid."
    assert issuer.reads == 1  # at the first token, and of our own place


@pytest.mark.parametrize(
    "kid",
    [
        "",
        " k1",
        "K1",
        "k1\0",
        "../../etc/passwd",
        "/dev/null",
        "' OR 1=1 --",
        "https://forger.example/k",
        "k" * 3000,
    ],
)
async def test_a_key_id_is_a_name_and_nothing_else(buyer: BuyerClient, kid: str) -> None:
    assert "a key that is not known here" in await refusal(buyer, token(kid=kid) if kid else forged(kid=""))


async def test_key_ids_of_forgers_do_not_have_the_keys_read_again_and_again(buyer: BuyerClient, issuer: Issuer) -> None:
    for number in range(20):
        await refusal(buyer, token(kid=f"forged-{number}"))
    assert issuer.reads == 1


@pytest.mark.parametrize("size", [5_000, 20_000, 200_000])
async def test_a_huge_token_is_refused_before_anybody_reads_it(buyer: BuyerClient, issuer: Issuer, size: int) -> None:
    buyer.headers = {}
    url = buyer.server.make_url(APPOINTMENTS)
    async with buyer.session.get(url, headers=bearer(token(name="forger", padding="x" * size))) as answer:
        assert answer.status in (400, 401)
    assert issuer.reads <= 1


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_token_that_is_cut_or_joined_of_several_is_refused(buyer: BuyerClient, part: int) -> None:
    good, other = token().split("."), token(name="forger", client_id="other").split(".")
    mixed = [*good]
    mixed[part] = other[part] if part else encoded({"alg": "RS256", "kid": "rsa"})
    await refusal(buyer, ".".join(mixed))
    await refusal(buyer, ".".join([*good[:part], good[part][:-5], *good[part + 1 :]]))


@pytest.mark.parametrize("extra", [".x", ".", "..", ".x.y"])
async def test_more_parts_make_no_token(buyer: BuyerClient, extra: str) -> None:
    """Five parts are an encrypted token (JWE), which nobody here can read."""
    await refusal(buyer, token() + extra)


async def test_all_that_was_refused_looks_the_same_to_who_guesses_entities(buyer: BuyerClient) -> None:
    """Whether somebody is known is said only of tokens that our issuer has signed."""
    known, unknown = token(name="forger"), token(name="forger", client_id="stranger")
    assert await refusal(buyer, known) == await refusal(buyer, unknown) == "The token is not valid."


async def test_an_expired_token_of_a_forger_is_not_called_expired(buyer: BuyerClient) -> None:
    """Nothing in a token is believed, nor answered to, before its signature is verified."""
    old = datetime.now(UTC) - timedelta(days=1)
    assert await refusal(buyer, token(name="forger", exp=old, aud="x", iss="y")) == "The token is not valid."


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic YWNtZTphY21lLWtleQ=="},
        {"Authorization": "Bearer"},
        {"Authorization": "acme-key"},
        {"Authorization": "Bearer acme-key, Bearer other-key"},
        {"Authorization": "Bearer wrong", "X-API-Key": "acme-key"},
    ],
)
async def test_an_odd_authorization_lets_nobody_in(buyer: BuyerClient, headers: dict[str, str]) -> None:
    buyer.headers = headers
    with capture_logs() as logs:
        answer = await buyer.get(APPOINTMENTS)
    assert (answer.status, answer.value["code"]) == (401, "invalidCredentials")
    assert "acme-key" not in str(logs) + json.dumps(answer.value)

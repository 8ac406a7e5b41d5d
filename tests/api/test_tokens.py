"""OAuth2 tokens: believed only if our issuer signed them, for us, now, in a way that we chose; then by scope."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs

from bridge.api.identity import (
    ApiKeyIdentity,
    CredentialsIdentity,
    Identity,
    KeySet,
    RequestingEntity,
    TokenIdentity,
    TokenRules,
)
from bridge.mef.enums import Api
from tests.api.conftest import ENTITIES, BuyerClient, Serve
from tests.api.fakes import ACME, OTHER, FakeBridge
from tests.api.tokens import AUDIENCE, ISSUER, claims, jwk, key_set, token

APPOINTMENTS = "/mefApi/sonata/appointment/v2/appointment"
WORK_ORDERS = "/mefApi/sonata/workOrderManagement/v2/workOrder"
PUBLISHED = key_set(jwk("EC", "k1"), jwk("RSA", "rsa"), jwk("OKP", "ed"))
CLIENT = RequestingEntity(name="reseller", client_id="0b1c-5f", buyers=(ACME, OTHER))
RULES = TokenRules(
    issuer=ISSUER,
    audience=AUDIENCE,
    algorithms=frozenset({"RS256", "PS256", "ES256", "EdDSA"}),
    scopes={Api.APPOINTMENT: "appointment", Api.WORK_ORDER: "workOrder"},
)


class Issuer:
    """Publishes keys; counts how often they are read."""

    def __init__(self, published: bytes = PUBLISHED) -> None:
        self.published = published
        self.failure: Exception | None = None
        self.reads = 0

    async def read(self) -> bytes:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        return self.published


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def identity(issuer: Issuer) -> AsyncIterator[Identity]:
    keys = KeySet(issuer.read, refresh_s=3600, floor_s=30)
    yield CredentialsIdentity(ApiKeyIdentity(ENTITIES), TokenIdentity((*ENTITIES, CLIENT), keys, RULES))
    await keys.close()


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


async def refusal(buyer: BuyerClient, credential: str) -> str:
    """What a refused caller is told."""
    buyer.headers = bearer(credential)
    answer = await buyer.get(APPOINTMENTS)
    assert (answer.status, answer.value["code"]) == (401, "invalidCredentials")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert credential not in json.dumps(answer.value)
    return str(answer.value["reason"])


@pytest.mark.parametrize(("algorithm", "kid"), [("ES256", "k1"), ("RS256", "rsa"), ("PS256", "rsa"), ("EdDSA", "ed")])
async def test_a_token_of_our_issuer_lets_its_entity_in(
    buyer: BuyerClient, bridge: FakeBridge, algorithm: str, kid: str
) -> None:
    buyer.headers = bearer(token(algorithm, kid))
    assert (await buyer.get(APPOINTMENTS)).status == 200
    assert bridge.appointments.calls[0][1].buyers == {ACME}  # type: ignore[attr-defined]


async def test_a_token_may_name_its_entity_by_client_id_and_it_may_stand_for_several_buyers(
    buyer: BuyerClient, bridge: FakeBridge
) -> None:
    buyer.headers = bearer(token(client_id="0b1c-5f"))
    assert (await buyer.get(APPOINTMENTS)).status == 400
    assert (await buyer.get(f"{APPOINTMENTS}?buyerId={OTHER}")).status == 200
    assert bridge.appointments.calls[0][1].buyers == {OTHER}  # type: ignore[attr-defined]


async def test_an_api_key_works_beside_tokens(buyer: BuyerClient) -> None:
    buyer.headers = bearer("acme-key")
    assert (await buyer.get(APPOINTMENTS)).status == 200


async def test_without_credentials_they_are_missing(buyer: BuyerClient) -> None:
    buyer.headers = {}
    answer = await buyer.get(APPOINTMENTS)
    assert (answer.status, answer.value["code"]) == (401, "missingCredentials")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="MEF 137"'


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": timedelta(minutes=-5)}, "The token has expired."),
        ({"exp": None}, "The token has no exp."),
        ({"nbf": timedelta(minutes=5)}, "The token is not in force yet."),
        ({"iat": timedelta(minutes=5)}, "The token is not in force yet."),
        ({"iss": "https://other.example.com"}, "The token was made by another issuer."),
        ({"iss": None}, "The token has no iss."),
        ({"aud": "https://other.example.com"}, "The token was made for another audience."),
        ({"aud": None}, "The token has no aud."),
        ({"client_id": "stranger"}, "The token's client_id names nobody who is known here."),
        ({"client_id": "reseller"}, "The token's client_id names nobody who is known here."),
        ({"client_id": None, "sub": "acme"}, "The token's client_id names nobody who is known here."),
        ({"client_id": ["acme"]}, "The token's client_id names nobody who is known here."),
        ({"exp": [1]}, "The token is not valid."),
        ({"exp": float("inf")}, "The token is not valid."),
    ],
)
async def test_a_token_that_is_not_for_us_or_not_now_is_refused(
    buyer: BuyerClient, changes: dict[str, Any], reason: str
) -> None:
    now = datetime.now(UTC)
    moved = {name: now + value if isinstance(value, timedelta) else value for name, value in changes.items()}
    assert await refusal(buyer, token(**moved)) == reason


async def test_clocks_may_differ_a_little(buyer: BuyerClient) -> None:
    buyer.headers = bearer(token(exp=datetime.now(UTC) - timedelta(seconds=20)))
    assert (await buyer.get(APPOINTMENTS)).status == 200


async def test_a_token_for_several_audiences_is_for_us_too(buyer: BuyerClient) -> None:
    buyer.headers = bearer(token(aud=["https://other.example.com", AUDIENCE]))
    assert (await buyer.get(APPOINTMENTS)).status == 200


async def test_a_signature_by_another_key_is_refused(buyer: BuyerClient) -> None:
    assert await refusal(buyer, token(name="forger")) == "The token is not valid."


async def test_a_token_that_was_changed_is_refused(buyer: BuyerClient) -> None:
    head, _, signature = token().split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims(client_id="other", exp=2**40)).encode()).decode().rstrip("=")
    assert await refusal(buyer, f"{head}.{other}.{signature}") == "The token is not valid."


async def test_a_token_without_a_signature_is_refused(buyer: BuyerClient) -> None:
    unsigned = jwt.encode(claims(), None, "none", {"kid": "k1"})
    assert "not accepted here" in await refusal(buyer, unsigned)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_the_public_key_is_no_secret_to_sign_with(buyer: BuyerClient) -> None:
    """Algorithm confusion: HS256 with what everybody can read."""
    public = PUBLISHED
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "kid": "rsa"}, claims(exp=2**40))
    )
    mac = base64.urlsafe_b64encode(hmac.digest(public, head + b"." + body, hashlib.sha256)).rstrip(b"=")
    assert "not accepted here" in await refusal(buyer, b".".join((head, body, mac)).decode())


async def test_a_key_verifies_only_its_own_kind_of_signature(buyer: BuyerClient) -> None:
    assert "a key that is not known here" in await refusal(buyer, token("RS256", "k1"))
    assert "not accepted here" in await refusal(buyer, token("RS512", "rsa"))


async def test_an_unknown_key_is_refused(buyer: BuyerClient) -> None:
    assert "a key that is not known here" in await refusal(buyer, token(kid="k9"))


def headed(header: str) -> str:
    """Something with a header of our choice."""
    return base64.urlsafe_b64encode(header.encode()).decode().rstrip("=") + ".e30.x"


@pytest.mark.parametrize(
    "credential",
    [
        "ey..",
        "ey.ey.ey",
        headed("{}"),
        headed('{"alg":["ES256"],"kid":"k1"}'),
        headed('{"alg":"ES256","kid":{}}'),
        headed('{"alg":"ES256","kid":"k1","crit":["x"]}'),
        headed('{"a":' + "[" * 4000),
    ],
)
async def test_nonsense_that_looks_like_a_token_is_refused(buyer: BuyerClient, credential: str) -> None:
    await refusal(buyer, credential)


@pytest.mark.parametrize(
    ("scopes", "appointments", "work_orders"),
    [
        ({"scope": "appointment"}, 200, 403),
        ({"scope": "openid workOrder"}, 403, 200),
        ({"scope": None, "scp": ["appointment", "workOrder"]}, 200, 200),
        ({"scope": None, "scp": "workOrder"}, 403, 200),
        ({"scope": None}, 403, 403),
        ({"scope": "Appointment workorder"}, 403, 403),
        ({"scope": 5}, 403, 403),
        ({"scope": [["appointment"]]}, 403, 403),
    ],
)
async def test_a_token_opens_the_apis_that_it_has_the_scope_for(
    buyer: BuyerClient, scopes: dict[str, Any], appointments: int, work_orders: int
) -> None:
    buyer.headers = bearer(token(**scopes))
    answers = [await buyer.get(APPOINTMENTS), await buyer.get(WORK_ORDERS)]
    assert [answer.status for answer in answers] == [appointments, work_orders]
    assert {answer.value["code"] for answer in answers if answer.status == 403} <= {"accessDenied"}


async def test_no_token_gets_into_the_log(buyer: BuyerClient) -> None:
    good, bad = token(), token(name="forger")
    with capture_logs() as logs:
        for credential in (good, bad):
            buyer.headers = bearer(credential)
            await buyer.get(APPOINTMENTS)
    assert good not in str(logs)
    assert bad not in str(logs)
    assert {entry.get("status") for entry in logs} >= {200, 401}


# keys that come and go


async def test_the_keys_are_read_once_for_many_requests(buyer: BuyerClient, issuer: Issuer) -> None:
    buyer.headers = bearer(token())
    for _ in range(5):
        assert (await buyer.get(APPOINTMENTS)).status == 200
    assert issuer.reads == 1


async def test_without_any_keys_nobody_can_say_and_the_answer_is_503(buyer: BuyerClient, issuer: Issuer) -> None:
    """It would be wrong to call a genuine token invalid; API keys work on."""
    issuer.failure = OSError("no route to host")
    buyer.headers = bearer(token())
    answer = await buyer.get(APPOINTMENTS)
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    buyer.headers = bearer("acme-key")
    assert (await buyer.get(APPOINTMENTS)).status == 200


async def test_a_listener_of_a_token_is_remembered_with_its_parties(serve: Serve, bridge: FakeBridge) -> None:
    """R9."""
    buyer = await serve(sellers=("us", "them"))
    buyer.headers = bearer(token(client_id="0b1c-5f"))
    hub = "/mefApi/sonata/appointment/v2/hub"
    answer = await buyer.post(f"{hub}?buyerId={OTHER}&sellerId=them", {"callback": "https://b.example.com"})
    assert answer.status == 201
    (made,) = bridge.subscriptions.items.values()
    assert (made.buyer, made.buyer_param, made.seller_param) == (OTHER, OTHER, "them")

"""Who asks, and for whom (R5 to R9): one Buyer must not be named, of several one must; others' objects are 404."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.api.identity import ApiKeyIdentity, NoIdentity, Principal, RequestingEntity
from tests.api.bodies import booking_body
from tests.api.conftest import AUTHORIZED, BuyerClient, Serve, hashed
from tests.api.fakes import ACME, OTHER, FakeBridge, an_appointment

LIST = "/mefApi/sonata/appointment/v2/appointment"
HUB = "/mefApi/sonata/appointment/v2/hub"
EVERY_ROUTE = [
    ("POST", "/appointment/v2/searchTimeSlot"),
    ("POST", "/appointment/v2/appointment"),
    ("GET", "/appointment/v2/appointment"),
    ("GET", "/appointment/v2/appointment/A-1"),
    ("PATCH", "/appointment/v2/appointment/A-1"),
    ("POST", "/appointment/v2/appointment/A-1/cancel"),
    ("POST", "/appointment/v2/hub"),
    ("GET", "/appointment/v2/hub/S-1"),
    ("DELETE", "/appointment/v2/hub/S-1"),
    ("GET", "/workOrderManagement/v2/workOrder"),
    ("GET", "/workOrderManagement/v2/workorder"),
    ("GET", "/workOrderManagement/v2/workOrder/W-1"),
    ("GET", "/workOrderManagement/v2/workorder/W-1"),
    ("POST", "/workOrderManagement/v2/hub"),
    ("GET", "/workOrderManagement/v2/hub/S-1"),
    ("DELETE", "/workOrderManagement/v2/hub/S-1"),
]


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
async def test_no_operation_is_open_to_strangers(
    buyer: BuyerClient, bridge: FakeBridge, irp: str, method: str, path: str
) -> None:
    buyer.headers = {}
    answer = await buyer.send(method, f"/mefApi/{irp}{path}")
    assert (answer.status, answer.value["code"]) == (401, "missingCredentials")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="MEF 137"'
    assert bridge.appointments.calls + bridge.work_orders.calls + bridge.subscriptions.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic acme-key"},
        {"Authorization": ""},
        {"X-API-Key": "wrong"},
        {"Authorization": "Bearer wrong", "X-API-Key": "acme-key"},
        {"Authorization": f"Bearer {hashed('acme-key')}"},
    ],
)
async def test_wrong_credentials_are_invalid(buyer: BuyerClient, headers: dict[str, str]) -> None:
    buyer.headers = headers
    answer = await buyer.get(LIST)
    assert (answer.status, answer.value["code"]) == (401, "invalidCredentials")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("headers", [AUTHORIZED, {"Authorization": "bearer  acme-key"}, {"X-API-Key": "acme-key"}])
async def test_a_key_is_taken_from_either_header(buyer: BuyerClient, headers: dict[str, str]) -> None:
    buyer.headers = headers
    assert (await buyer.get(LIST)).status == 200


async def test_who_stands_for_several_buyers_must_name_one(serve: Serve, bridge: FakeBridge) -> None:
    """R5."""
    agency = await serve()
    agency.headers = {"X-API-Key": "agency-key"}
    unnamed = await agency.get(LIST)
    assert (unnamed.status, unnamed.value["code"]) == (400, "missingQueryParameter")
    assert "buyerId" in unnamed.value["reason"]
    assert (await agency.get(f"{LIST}?buyerId={OTHER}")).status == 200
    assert [call[1].buyers for call in bridge.appointments.calls] == [{OTHER}]  # type: ignore[attr-defined]


async def test_a_buyer_that_the_caller_does_not_stand_for_is_denied(serve: Serve, bridge: FakeBridge) -> None:
    agency = await serve()
    agency.headers = {"X-API-Key": "agency-key"}
    answer = await agency.get(f"{LIST}?buyerId=third-buyer")
    assert (answer.status, answer.value["code"]) == (403, "accessDenied")
    assert bridge.appointments.calls == []


async def test_who_stands_for_one_buyer_must_not_name_him(buyer: BuyerClient) -> None:
    """R6."""
    answer = await buyer.get(f"{LIST}?buyerId={ACME}")
    assert (answer.status, answer.value["code"]) == (400, "invalidQuery")
    assert "buyerId must not be given" in answer.value["reason"]


@pytest.mark.parametrize("sellers", [(), ("us",)])
async def test_a_bridge_for_one_seller_does_not_want_him_named(serve: Serve, sellers: tuple[str, ...]) -> None:
    """R8."""
    buyer = await serve(sellers=sellers)
    answer = await buyer.get(f"{LIST}?sellerId=us")
    assert (answer.status, answer.value["code"]) == (400, "invalidQuery")


async def test_a_bridge_for_several_sellers_wants_one_named(serve: Serve) -> None:
    """R7."""
    buyer = await serve(sellers=("us", "them"))
    assert (await buyer.get(LIST)).value["code"] == "missingQueryParameter"
    assert (await buyer.get(f"{LIST}?sellerId=nobody")).status == 403
    assert (await buyer.get(f"{LIST}?sellerId=them")).status == 200


async def test_a_listener_remembers_how_the_parties_were_named(serve: Serve, bridge: FakeBridge) -> None:
    """R9: what the hub request carried will be in the notifications."""
    agency = await serve(sellers=("us", "them"))
    agency.headers = {"X-API-Key": "agency-key"}
    await agency.post(f"{HUB}?buyerId={OTHER}&sellerId=us", {"callback": "https://agency.example.com"})
    made = bridge.subscriptions.items["S-1"]
    assert (made.buyer, made.buyer_param, made.seller_param) == (OTHER, OTHER, "us")


async def test_a_listener_of_a_single_buyer_names_nobody(buyer: BuyerClient, bridge: FakeBridge) -> None:
    await buyer.post(HUB, {"callback": "https://buyer.example.com"})
    made = bridge.subscriptions.items["S-1"]
    assert (made.buyer, made.buyer_param, made.seller_param) == (ACME, None, None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/appointment/v2/appointment/A-1"),
        ("PATCH", "/appointment/v2/appointment/A-1"),
        ("POST", "/appointment/v2/appointment/A-1/cancel"),
        ("GET", "/appointment/v2/hub/S-1"),
        ("DELETE", "/appointment/v2/hub/S-1"),
        ("GET", "/workOrderManagement/v2/workOrder/W-1"),
    ],
)
async def test_objects_of_another_buyer_do_not_exist(buyer: BuyerClient, method: str, path: str) -> None:
    await buyer.post(HUB, {"callback": "https://buyer.example.com"})
    buyer.headers = {"X-API-Key": "other-key"}
    body: object = {"note": []} if method == "PATCH" else None
    answer = await buyer.send(method, f"/mefApi/sonata{path}", body)
    assert (answer.status, answer.value["code"]) == (404, "notFound")


async def test_a_lab_takes_everybody_for_its_one_principal(serve: Serve, bridge: FakeBridge) -> None:
    bridge.appointments.items["A-9"] = an_appointment("A-9", buyer=OTHER)
    anybody = await serve(identity=NoIdentity(Principal("lab", (OTHER,))))
    anybody.headers = {}
    assert [item["id"] for item in (await anybody.get(LIST)).value] == ["A-9"]


async def test_the_caller_is_known_before_his_query_or_body_is_looked_at(buyer: BuyerClient) -> None:
    buyer.headers = {}
    assert (await buyer.post(f"{LIST}?colour=red", booking_body())).status == 401


async def test_several_keys_of_one_entity_allow_rotation(serve: Serve) -> None:
    entity = RequestingEntity(name="acme", api_key_sha256=(hashed("old"), hashed("new")), buyers=(ACME,))
    buyer = await serve(identity=ApiKeyIdentity([entity]))
    for key in ("old", "new"):
        buyer.headers = {"X-API-Key": key}
        assert (await buyer.get(LIST)).status == 200


def test_a_key_of_two_entities_is_refused() -> None:
    entities = [RequestingEntity(name=n, api_key_sha256=(hashed("k"),), buyers=(ACME,)) for n in ("a", "b")]
    with pytest.raises(ValueError, match="key of b is already in use"):
        ApiKeyIdentity(entities)


@pytest.mark.parametrize(
    "change",
    [{"buyers": []}, {"api_key_sha256": ["plain-text-key"]}, {"name": ""}, {"api_keys": ["x"]}],
)
def test_a_requesting_entity_is_checked(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {"name": "acme", "api_key_sha256": [hashed("k")], "buyers": ["acme-buyer"]}
    assert RequestingEntity(**good).principal() == Principal("acme", (ACME,))
    with pytest.raises(ValidationError):
        RequestingEntity(**(good | change))

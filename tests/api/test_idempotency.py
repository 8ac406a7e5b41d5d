"""The Idempotency-Key header: whoever sends a POST again gets the same answer, and nothing is done again."""

from typing import Any

import pytest

from bridge.flows.ports.keyed_request import RequestKey
from bridge.flows.refusals import Rejected, WfmTimeout
from tests.api.bodies import booking_body, note_body, search_body
from tests.api.conftest import BuyerClient, Serve
from tests.api.fakes import FakeBridge

BASE = "/mefApi/sonata/appointment/v2"
BOOK = f"{BASE}/appointment"
CANCEL = f"{BASE}/appointment/A-1/cancel"
HUB = f"{BASE}/hub"
LISTENER = {"callback": "https://buyer.example.com"}
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}

KEYED: list[tuple[str, Any, int]] = [(BOOK, booking_body(), 201), (CANCEL, None, 204), (HUB, LISTENER, 201)]


def done(bridge: FakeBridge) -> list[str]:
    calls = bridge.appointments.calls + bridge.subscriptions.calls
    return [str(call[0]) for call in calls if call[0] in ("book", "cancel", "register", "search")]


@pytest.mark.parametrize(("path", "body", "status"), KEYED)
async def test_a_post_that_is_sent_again_is_answered_the_same_and_not_done_again(
    buyer: BuyerClient, bridge: FakeBridge, path: str, body: Any, status: int
) -> None:
    first, again = [await buyer.post(path, body, KEY) for _ in "ab"]
    assert (first.status, again.status, again.value) == (status, status, first.value)
    assert (first.headers.get("Location"), first.headers.get("Content-Type")) == (
        again.headers.get("Location"),
        again.headers.get("Content-Type"),
    )
    assert ("Idempotency-Replayed" in first.headers, again.headers.get("Idempotency-Replayed")) == (False, "true")
    assert first.headers["X-Correlation-ID"] != again.headers["X-Correlation-ID"]
    assert len(done(bridge)) == 1


@pytest.mark.parametrize(("path", "body", "status"), KEYED)
async def test_without_a_key_every_post_is_a_request_of_its_own(
    buyer: BuyerClient, bridge: FakeBridge, path: str, body: Any, status: int
) -> None:
    assert [(await buyer.post(path, body)).status for _ in "ab"] == [status, status]
    assert len(done(bridge)) == 2
    assert set(bridge.appointments.commands) <= {None}


async def test_what_is_done_under_a_key_has_the_id_that_was_stored_with_it(
    buyer: BuyerClient, bridge: FakeBridge
) -> None:
    await buyer.post(BOOK, booking_body(), KEY)
    await buyer.post(CANCEL, None, KEY)
    assert bridge.appointments.commands == ["effect-1", "effect-2"]
    assert (await buyer.post(HUB, LISTENER, KEY)).value["id"] == "effect-3"


async def test_another_body_under_a_key_is_refused(buyer: BuyerClient, bridge: FakeBridge) -> None:
    await buyer.post(BOOK, booking_body(), KEY)
    answer = await buyer.post(BOOK, {**booking_body(), "note": [note_body()]}, KEY)
    assert (answer.status, [problem["code"] for problem in answer.value]) == (422, ["otherIssue"])
    assert "used for another request already" in answer.value[0]["reason"]
    assert done(bridge) == ["book"]


async def test_another_listener_under_a_key_is_an_invalid_body(buyer: BuyerClient) -> None:
    """The hub has no 422."""
    await buyer.post(HUB, LISTENER, KEY)
    answer = await buyer.post(HUB, {"callback": "https://other.example.com"}, KEY)
    assert (answer.status, answer.value["code"]) == (400, "invalidBody")


async def test_the_order_of_names_and_blanks_in_a_body_say_nothing_else(buyer: BuyerClient) -> None:
    await buyer.send("POST", HUB, raw=b'{"callback":"https://b.example","query":"eventType=a"}', headers=KEY)
    again = await buyer.send(
        "POST", HUB, raw=b'{ "query": "eventType=a", "callback": "https://b.example" }', headers=KEY
    )
    assert again.headers.get("Idempotency-Replayed") == "true"


async def test_a_key_counts_for_the_very_object_and_reference_point(buyer: BuyerClient) -> None:
    await buyer.post(CANCEL, None, KEY)
    assert (await buyer.post(f"{BASE}/appointment/A-2/cancel", None, KEY)).status == 422
    assert (await buyer.post(CANCEL.replace("sonata", "cantata"), None, KEY)).status == 422


async def test_each_requester_and_operation_has_keys_of_its_own(buyer: BuyerClient, bridge: FakeBridge) -> None:
    await buyer.post(HUB, LISTENER, KEY)
    await buyer.post("/mefApi/sonata/workOrderManagement/v2/hub", LISTENER, KEY)
    buyer.headers = {"X-API-Key": "other-key"}
    await buyer.post(HUB, LISTENER, KEY)
    key = KEY["Idempotency-Key"]
    assert list(bridge.requests.answers) == [
        RequestKey("acme", "POST appointment/hub", key),
        RequestKey("acme", "POST workOrder/hub", key),
        RequestKey("other", "POST appointment/hub", key),
    ]


async def test_who_stands_for_several_buyers_has_a_request_for_each(serve: Serve, bridge: FakeBridge) -> None:
    agency = await serve()
    agency.headers = {"X-API-Key": "agency-key"}
    assert (await agency.post(f"{HUB}?buyerId=acme-buyer", LISTENER, KEY)).status == 201
    assert (await agency.post(f"{HUB}?buyerId=other-buyer", LISTENER, KEY)).status == 400


async def test_while_the_first_is_under_way_the_answer_is_409(buyer: BuyerClient, bridge: FakeBridge) -> None:
    bridge.requests.under_way = True
    answer = await buyer.post(BOOK, booking_body(), KEY)
    assert (answer.status, answer.headers["Retry-After"]) == (409, "1")
    assert "still under way" in answer.value["reason"]


@pytest.mark.parametrize("key", ["", " ", "a\tb", "a" * 256, "ż"])
async def test_a_key_that_is_none_is_refused(buyer: BuyerClient, bridge: FakeBridge, key: str) -> None:
    answer = await buyer.post(BOOK, booking_body(), {"Idempotency-Key": key})
    assert (answer.status, answer.value["code"]) == (400, "invalidQuery")
    assert "1 to 255 printable" in answer.value["reason"]
    assert done(bridge) == []


@pytest.mark.parametrize("key", ["a", "a" * 255, "!~", "with a blank"])
async def test_any_printable_key_is_taken(buyer: BuyerClient, key: str) -> None:
    assert (await buyer.post(BOOK, booking_body(), {"Idempotency-Key": key})).status == 201


async def test_a_failure_is_answered_in_the_standards_shape_with_a_key_as_without(
    buyer: BuyerClient, bridge: FakeBridge
) -> None:
    bridge.fail(WfmTimeout())
    assert (await buyer.post(BOOK, booking_body(), KEY)).status == 504
    assert [answer.status for _, answer in bridge.requests.answers.values()] == [504]
    bridge.fail(Rejected())
    assert (await buyer.post(CANCEL, None, KEY)).status == 422


async def test_a_failure_of_ours_is_500_and_says_nothing(buyer: BuyerClient, bridge: FakeBridge) -> None:
    bridge.fail(RuntimeError("secret"))
    answer = await buyer.post(BOOK, booking_body(), KEY)
    assert answer.status == 500
    assert "secret" not in answer.value["reason"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{BASE}/searchTimeSlot", search_body()),
        ("PATCH", f"{BASE}/appointment/A-1", {"note": [note_body()]}),
        ("GET", f"{BASE}/appointment/A-1", None),
    ],
)
async def test_where_nothing_is_made_a_key_says_nothing(
    buyer: BuyerClient, bridge: FakeBridge, method: str, path: str, body: Any
) -> None:
    for _ in "ab":
        assert (await buyer.send(method, path, body, headers={"Idempotency-Key": "k" * 300})).status < 300
    assert bridge.requests.answers == {}


async def test_strangers_use_no_keys(buyer: BuyerClient, bridge: FakeBridge) -> None:
    buyer.headers = {}
    assert (await buyer.post(BOOK, booking_body(), KEY)).status == 401
    assert bridge.requests.answers == {}

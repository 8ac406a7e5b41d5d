"""Whatever is another Buyer's does not exist, by every way in: the path, a body, a filter, the hub, a key.

What is answered is the same, byte for byte, as for what never was, so that nobody can find out what there is.
"""

import hmac
from typing import Any

import pytest

from tests.api.bodies import booking_body, search_body
from tests.api.conftest import ENTITIES, Answer, BuyerClient
from tests.api.fakes import ACME, OTHER, FakeBridge

BASE = "/mefApi/sonata"
HUB = f"{BASE}/appointment/v2/hub"
CALLBACK = {"callback": "https://buyer.example.com"}
OBJECTS = [
    ("GET", "/appointment/v2/appointment/{}", "A-1"),
    ("PATCH", "/appointment/v2/appointment/{}", "A-1"),
    ("POST", "/appointment/v2/appointment/{}/cancel", "A-1"),
    ("GET", "/appointment/v2/hub/{}", "S-1"),
    ("DELETE", "/appointment/v2/hub/{}", "S-1"),
    ("GET", "/workOrderManagement/v2/workOrder/{}", "W-1"),
]


def shown(answer: Answer) -> tuple[int, Any, dict[str, str]]:
    """All of an answer but what differs from request to request."""
    kept = {name: value for name, value in answer.headers.items() if name not in ("X-Correlation-ID", "Date")}
    return answer.status, answer.value, kept


@pytest.mark.parametrize(("method", "path", "theirs"), OBJECTS)
async def test_what_is_anothers_is_answered_like_what_never_was(
    buyer: BuyerClient, method: str, path: str, theirs: str
) -> None:
    await buyer.post(HUB, CALLBACK)
    buyer.headers = {"X-API-Key": "other-key"}
    body = {"note": []} if method == "PATCH" else None
    anothers = await buyer.send(method, BASE + path.format(theirs), body)
    nobodys = await buyer.send(method, BASE + path.format("N-0"), body)
    assert anothers.status == 404
    assert shown(anothers) == shown(nobodys)


@pytest.mark.parametrize(("method", "path", "theirs"), OBJECTS)
async def test_so_it_is_for_who_stands_for_several_and_names_the_wrong_one(
    buyer: BuyerClient, method: str, path: str, theirs: str
) -> None:
    await buyer.post(HUB, CALLBACK)
    buyer.headers = {"X-API-Key": "agency-key"}
    body = {"note": []} if method == "PATCH" else None
    anothers = await buyer.send(method, f"{BASE}{path.format(theirs)}?buyerId={OTHER}", body)
    assert anothers.status == 404
    assert (await buyer.send(method, f"{BASE}{path.format(theirs)}?buyerId={ACME}", body)).status < 300


async def test_a_search_or_booking_for_anothers_work_order_asks_only_for_ones_own(
    buyer: BuyerClient, bridge: FakeBridge
) -> None:
    """Who calls is decided by the credentials; a name in the body changes nothing, and is no property of ours."""
    buyer.headers = {"X-API-Key": "other-key"}
    await buyer.post(f"{BASE}/appointment/v2/appointment", booking_body())
    await buyer.post(f"{BASE}/appointment/v2/searchTimeSlot", search_body())
    assert [call[1] for call in bridge.appointments.calls] == [{OTHER}, {OTHER}]
    named = booking_body() | {"buyerId": ACME}
    assert (await buyer.post(f"{BASE}/appointment/v2/appointment", named)).status == 422


QUERIES = [f"buyerId={ACME}", f"buyerId={ACME}&buyerId={OTHER}", f"buyerid={ACME}", f"buyer={ACME}"]
PATHS = ["/appointment/v2/appointment", "/workOrderManagement/v2/workOrder", "/appointment/v2/hub/S-1"]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("path", PATHS)
async def test_a_query_does_not_make_somebody_else_of_the_caller(
    buyer: BuyerClient, bridge: FakeBridge, path: str, query: str
) -> None:
    await buyer.post(HUB, CALLBACK)
    buyer.headers = {"X-API-Key": "other-key"}
    assert (await buyer.get(f"{BASE}{path}?{query}")).status == 400
    assert bridge.appointments.calls == []


@pytest.mark.parametrize("header", ["X-Buyer-Id", "buyerId", "X-HTTP-Method-Override", "X-Forwarded-User", "Cookie"])
async def test_a_header_does_not_either(buyer: BuyerClient, header: str) -> None:
    buyer.headers = {"X-API-Key": "other-key", header: ACME}
    assert (await buyer.get(f"{BASE}/appointment/v2/appointment/A-1")).status == 404


@pytest.mark.parametrize("filter_", ["workOrder=W-1", "geographicSiteId=SITE-7", "status=confirmed"])
async def test_a_filter_looks_only_among_ones_own(buyer: BuyerClient, bridge: FakeBridge, filter_: str) -> None:
    buyer.headers = {"X-API-Key": "other-key"}
    assert (await buyer.get(f"{BASE}/appointment/v2/appointment?{filter_}")).status == 200
    assert [call[1].buyers for call in bridge.appointments.calls] == [{OTHER}]  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", ["acme-key", "agency-key", "guessed"])
async def test_a_guessed_key_is_compared_with_every_key_whichever_fits(
    buyer: BuyerClient, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """So the time that it takes says nothing of how near a guess was, nor of whose key it is."""
    compared: list[bytes] = []

    def compare(known: bytes, sent: bytes) -> bool:
        compared.append(known)
        return known == sent

    monkeypatch.setattr(hmac, "compare_digest", compare)
    buyer.headers = {"X-API-Key": key}
    await buyer.get(f"{BASE}/appointment/v2/appointment")
    assert len(set(compared)) == len(ENTITIES)

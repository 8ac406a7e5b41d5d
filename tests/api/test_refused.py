"""Requests that were refused are told of: whose they were, what they were about, and what the Buyer was told."""

import pytest

from bridge.flows.ports.refused_request import RefusedRequest
from tests.api.conftest import BuyerClient, Serve
from tests.api.usual import usual_limits

API = "/mefApi/sonata/appointment/v2"
Refused = list[RefusedRequest]


async def test_a_body_that_is_wrong_is_told_of_with_its_work_order(buyer: BuyerClient, refused: Refused) -> None:
    answer = await buyer.post(f"{API}/appointment", {"workOrder": {"id": "wo-1"}}, {"X-Correlation-ID": "corr-1"})
    assert answer.status == 422
    (told,) = refused
    assert (told.requester, told.buyer, told.status, told.correlation_id) == ("acme", "acme-buyer", 422, "corr-1")
    assert (told.work_order, told.appointment) == ("wo-1", None)
    assert told.operation.startswith("POST ")
    assert told.operation.endswith("/appointment")
    assert "(/validFor)" in told.reason


async def test_a_change_of_an_appointment_is_told_of_with_its_id(buyer: BuyerClient, refused: Refused) -> None:
    answer = await buyer.send(
        "PATCH", f"{API}/appointment/ap-7", raw=b"{", headers={"Content-Type": "application/json"}
    )
    assert answer.status == 400
    (told,) = refused
    assert (told.work_order, told.appointment) == (None, "ap-7")
    assert told.reason.startswith("invalidBody: The body is not valid JSON")


async def test_what_is_too_much_is_told_of_too(serve: Serve, refused: Refused) -> None:
    buyer = await serve(limits=usual_limits(requests_per_second=0.001, burst=1))
    for _ in range(2):
        await buyer.post(f"{API}/searchTimeSlot", {})
    assert [(told.buyer, told.status) for told in refused] == [("acme-buyer", 422), ("acme-buyer", 429)]


@pytest.mark.parametrize("work_order", ["wo", {"id": 7}, {}, None, [1]])
async def test_whatever_stands_for_the_work_order_is_no_trouble(
    buyer: BuyerClient, refused: Refused, work_order: object
) -> None:
    assert (await buyer.post(f"{API}/searchTimeSlot", {"workOrder": work_order})).status == 422
    assert [told.work_order for told in refused] == [None]


async def test_strangers_readers_and_who_gets_what_he_wants_are_not_told_of(
    buyer: BuyerClient, refused: Refused
) -> None:
    hub = {"callback": "https://buyer.example.com/cb"}
    assert (await buyer.post("/mefApi/sonata/appointment/v2/hub", hub)).status == 201
    assert (await buyer.get(f"{API}/appointment/nothing")).status == 404
    buyer.headers = {"Authorization": "Bearer nobody"}
    assert (await buyer.post(f"{API}/appointment", {})).status == 401
    assert refused == []

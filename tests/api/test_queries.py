"""A query that is not fully understood is refused, with a sentence that helps."""

import pytest

from tests.api.conftest import BuyerClient
from tests.api.fakes import FakeBridge

APPOINTMENT = "/mefApi/sonata/appointment/v2/appointment"
WORK_ORDER = "/mefApi/sonata/workOrderManagement/v2/workOrder"


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ("colour=red", "invalidQuery", "no parameter 'colour' here; known are buyerId, geographicAddressId,"),
        ("Status=confirmed", "invalidQuery", "no parameter 'Status'"),
        ("status=confirmed&status=confirmed", "invalidQuery", "status is given twice"),
        ("workOrder=W-1&workOrderId=W-1", "invalidQuery", "workOrder and workOrderId are the same parameter"),
        ("geographicSiteId=1&geographicalSiteId=1", "invalidQuery", "are the same parameter"),
        ("status", "missingQueryValue", "status has no value"),
        ("status=", "missingQueryValue", "status has no value"),
        ("status=%20", "missingQueryValue", "status has no value"),
        ("status=done", "invalidQuery", "must be one of confirmed, inProgress, completed, missed, failed, cancelled"),
        ("validFor.gt=yesterday", "invalidQuery", "RFC 3339"),
        ("validFor.gt=2026-03-06T08:00:00+01:00", "invalidQuery", "write a + as %2B"),
        ("validFor.gt=2026-03-07T00:00:00Z&validFor.lt=2026-03-06T00:00:00Z", "invalidQuery", "not be later than"),
        ("limit=-1", "invalidQuery", "limit must be a whole number from 0 to 2147483647; got '-1'"),
        ("limit=1.0", "invalidQuery", "limit must be"),
        ("limit=%D9%A1", "invalidQuery", "limit must be"),  # an Arabic one
        ("limit=2147483648", "invalidQuery", "limit must be a whole number from 0 to 2147483647"),
        ("offset=99999999999999999999", "invalidQuery", "offset must be"),
        ("offset=9999999999999999999", "invalidQuery", "offset must be"),
        ("workOrder=%zz", "invalidQuery", "two hexadecimal digits"),
        ("workOrder=%ff", "invalidQuery", "not UTF-8"),
        ("workOrder=a%00b", "invalidQuery", "U+0000"),
    ],
)
async def test_a_query_of_appointments_that_is_not_understood(
    buyer: BuyerClient, bridge: FakeBridge, query: str, code: str, says: str
) -> None:
    answer = await buyer.get(f"{APPOINTMENT}?{query}")
    assert (answer.status, answer.value["code"]) == (400, code)
    assert says in answer.value["reason"]
    assert bridge.appointments.calls == []


@pytest.mark.parametrize("odd", ["%C2%A0x", "%01", "%F3%B0%80%80", "%E2%80%A8x"])
async def test_a_filter_may_have_any_character_that_a_database_can_keep(
    buyer: BuyerClient, bridge: FakeBridge, odd: str
) -> None:
    """The standard bounds a text nowhere; nothing is found by an odd one, and that is the answer."""
    answer = await buyer.get(f"{APPOINTMENT}?workOrder={odd}")
    assert (answer.status, len(bridge.appointments.calls)) == (200, 1)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("appointmentRequired=yes", "must be true or false; got 'yes'"),
        ("state=closed", "must be one of open, planned,"),
        ("status=open", "no parameter 'status'"),
        ("relatedEntity=1&relatedEntityId=1", "are the same parameter"),
    ],
)
async def test_a_query_of_work_orders_that_is_not_understood(buyer: BuyerClient, query: str, says: str) -> None:
    answer = await buyer.get(f"{WORK_ORDER}?{query}")
    assert (answer.status, answer.value["code"]) == (400, "invalidQuery")
    assert says in answer.value["reason"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", f"{APPOINTMENT}/A-1"), ("POST", f"{APPOINTMENT}/A-1/cancel"), ("GET", f"{WORK_ORDER}/W-1")],
)
async def test_an_operation_without_filters_knows_only_the_two_parties(
    buyer: BuyerClient, method: str, path: str
) -> None:
    answer = await buyer.send(method, f"{path}?limit=1")
    assert answer.status == 400
    assert answer.value["reason"] == "There is no parameter 'limit' here; known are buyerId, sellerId."


@pytest.mark.parametrize("query", ["?", "?&", "?status=confirmed&"])
async def test_empty_pieces_of_a_query_mean_nothing(buyer: BuyerClient, query: str) -> None:
    assert (await buyer.get(APPOINTMENT + query)).status == 200

"""Every operation of Tables 4 and 6, under both reference points."""

from datetime import UTC, datetime

import pytest

from bridge.domain.model import WorkOrderId
from bridge.flows.ports.buyer_views import AppointmentQuery, WorkOrderQuery
from bridge.mef.enums import Api, AppointmentStatus, Irp, WorkOrderState
from tests.api.bodies import WINDOW, booking_body, note_body, search_body
from tests.api.conftest import BuyerClient, Serve
from tests.api.fakes import ACME, ATTACHMENT, NOON, NOTE, FakeBridge, a_work_order, an_appointment
from tests.api.usual import BASE_URL

ACME_ONLY = frozenset({ACME})


def appointments(irp: str) -> str:
    return f"/mefApi/{irp}/appointment/v2"


def work_orders(irp: str) -> str:
    return f"/mefApi/{irp}/workOrderManagement/v2"


async def test_a_search_answers_201_with_what_was_asked_and_what_there_is(
    buyer: BuyerClient, bridge: FakeBridge, irp: str
) -> None:
    answer = await buyer.post(f"{appointments(irp)}/searchTimeSlot", search_body(), headers={"X-Correlation-ID": "c-1"})
    assert answer.status == 201
    assert answer.value == {
        "availableTimeSlot": [{"validFor": WINDOW}],
        "requestedTimeSlot": [{"validFor": WINDOW}],
        "workOrder": {"id": "W-1", "href": f"{BASE_URL}{work_orders(irp)}/workOrder/W-1"},
    }
    assert bridge.appointments.calls[0][:2] == ("search", ACME_ONLY)
    assert bridge.appointments.calls[0][3] == "c-1"


async def test_a_search_with_nothing_available_has_an_empty_list(buyer: BuyerClient, bridge: FakeBridge) -> None:
    """R13."""
    bridge.appointments.slots = ()
    answer = await buyer.post("/mefApi/sonata/appointment/v2/searchTimeSlot", search_body())
    assert answer.value["availableTimeSlot"] == []


async def test_a_booking_answers_201_with_the_appointment_and_its_location(
    buyer: BuyerClient, bridge: FakeBridge, irp: str
) -> None:
    body = booking_body() | {"note": [note_body()]}
    answer = await buyer.post(f"{appointments(irp)}/appointment", body)
    href = f"{BASE_URL}{appointments(irp)}/appointment/A-2"
    assert answer.status == 201
    assert answer.headers["Location"] == href
    assert (answer.value["id"], answer.value["href"], answer.value["status"]) == ("A-2", href, "confirmed")
    assert answer.value["note"] == [note_body() | {"date": "2026-03-05T12:00:00.000Z"}]
    assert "attachment" not in answer.value
    assert bridge.appointments.calls[0][:2] == ("book", ACME_ONLY)


async def test_an_appointment_is_shown_with_all_that_was_set(buyer: BuyerClient, bridge: FakeBridge, irp: str) -> None:
    """R34, R35."""
    bridge.appointments.items["A-1"] = an_appointment(note=(NOTE,), attachment=(ATTACHMENT,))
    answer = await buyer.get(f"{appointments(irp)}/appointment/A-1")
    assert answer.status == 200
    assert set(answer.value) == {
        *("id", "href", "attachment", "note", "relatedContactInformation"),
        *("relatedPlace", "status", "validFor", "workOrder"),
    }
    assert answer.value["relatedPlace"] == {
        "@type": "GeographicSiteRef",
        "id": "SITE-7",
        "role": "APPOINTMENT_LOCATION",
    }
    assert [item["role"] for item in answer.value["relatedContactInformation"]] == [
        "buyerAppointmentContact",
        "appointmentPlaceContact",
        "sellerAppointmentContact",
    ]


async def test_a_list_of_appointments_has_the_six_attributes_of_r30(buyer: BuyerClient, irp: str) -> None:
    answer = await buyer.get(f"{appointments(irp)}/appointment")
    assert answer.status == 200
    assert [set(item) for item in answer.value] == [
        {"id", "href", "workOrder", "relatedPlace", "status", "validFor"},
    ]
    assert answer.value[0]["workOrder"]["href"] == f"{BASE_URL}{work_orders(irp)}/workOrder/W-1"


async def test_a_patch_hands_over_what_was_provided(buyer: BuyerClient, bridge: FakeBridge, irp: str) -> None:
    body = {"validFor": WINDOW, "note": [note_body()]}
    answer = await buyer.send(
        "PATCH", f"{appointments(irp)}/appointment/A-1", body, headers={"X-Correlation-ID": "c-2"}
    )
    assert (answer.status, answer.value["id"]) == (200, "A-1")
    name, buyers, appointment, request, provided, correlation_id = bridge.appointments.calls[0]
    assert (name, buyers, appointment, correlation_id) == ("patch", ACME_ONLY, "A-1", "c-2")
    assert provided == {"validFor", "note"}
    assert request.note[0].text == "Ring twice."  # type: ignore[attr-defined]


async def test_a_cancel_answers_204_with_nothing(buyer: BuyerClient, bridge: FakeBridge, irp: str) -> None:
    answer = await buyer.post(f"{appointments(irp)}/appointment/A-1/cancel")
    assert (answer.status, answer.value) == (204, None)
    assert "Content-Type" not in answer.headers
    assert bridge.appointments.calls[0][:3] == ("cancel", ACME_ONLY, "A-1")


@pytest.mark.parametrize("spelling", ["workOrder", "workorder"])
async def test_a_work_order_is_found_under_both_spellings(
    buyer: BuyerClient, bridge: FakeBridge, irp: str, spelling: str
) -> None:
    """R53, R54; the href is in the guide's spelling."""
    planned = a_work_order(appointments=("A-1",), state=WorkOrderState.PLANNED, appointment_required=False)
    bridge.work_orders.items["W-1"] = planned
    answer = await buyer.get(f"{work_orders(irp)}/{spelling}/W-1")
    assert answer.status == 200
    assert answer.value["href"] == f"{BASE_URL}{work_orders(irp)}/workOrder/W-1"
    assert answer.value["appointment"] == [{"id": "A-1", "href": f"{BASE_URL}{appointments(irp)}/appointment/A-1"}]
    assert answer.value["duration"] == {"timeDurationValue": 120, "timeDurationUnits": "MIN"}
    assert answer.value["relatedEntity"] == [
        {"id": "TT-99", "role": "parentTroubleTicket", "@referredType": "TroubleTicket"}
    ]
    assert (answer.value["state"], answer.value["appointmentRequired"]) == ("planned", False)
    assert (answer.value["task"], answer.value["place"][0]["city"]) == (["Replace the SFP"], "Warszawa")
    assert "note" not in answer.value
    assert "plannedExecutionDate" not in answer.value


@pytest.mark.parametrize("spelling", ["workOrder", "workorder"])
async def test_work_orders_are_listed_as_an_array(buyer: BuyerClient, irp: str, spelling: str) -> None:
    """R51."""
    answer = await buyer.get(f"{work_orders(irp)}/{spelling}")
    assert answer.status == 200
    assert [set(item) for item in answer.value] == [{"id", "appointmentRequired", "place", "relatedEntity", "state"}]


@pytest.mark.parametrize("api", [Api.APPOINTMENT, Api.WORK_ORDER])
async def test_a_listener_is_registered_shown_and_removed(
    buyer: BuyerClient, bridge: FakeBridge, irp: str, api: Api
) -> None:
    hub = f"{appointments(irp) if api is Api.APPOINTMENT else work_orders(irp)}/hub"
    made = await buyer.post(hub, {"callback": "https://buyer.example.com", "query": "eventType=x"})
    assert made.status == 201
    assert made.value == {"id": "S-1", "callback": "https://buyer.example.com", "query": "eventType=x"}
    assert made.headers["Location"] == f"{BASE_URL}{hub}/S-1"
    assert bridge.subscriptions.calls[0][:4] == ("register", api, Irp(irp), ACME)
    assert (await buyer.get(f"{hub}/S-1")).value == made.value
    removed = await buyer.send("DELETE", f"{hub}/S-1")
    assert (removed.status, removed.value) == (204, None)
    assert (await buyer.get(f"{hub}/S-1")).status == 404


async def test_a_listener_without_a_query_is_shown_without_one(buyer: BuyerClient) -> None:
    made = await buyer.post("/mefApi/sonata/appointment/v2/hub", {"callback": "https://buyer.example.com"})
    assert made.value == {"id": "S-1", "callback": "https://buyer.example.com"}


async def test_a_listener_of_one_api_is_unknown_to_the_other(buyer: BuyerClient) -> None:
    await buyer.post("/mefApi/sonata/appointment/v2/hub", {"callback": "https://buyer.example.com"})
    answer = await buyer.get("/mefApi/sonata/workOrderManagement/v2/hub/S-1")
    assert (answer.status, answer.value["code"]) == (404, "notFound")


@pytest.mark.parametrize("work_order", ["workOrder", "workOrderId"])
@pytest.mark.parametrize("spelling", ["geographic", "geographical"])
async def test_every_filter_of_o3_reaches_the_query(
    buyer: BuyerClient, bridge: FakeBridge, work_order: str, spelling: str
) -> None:
    query = (
        f"{work_order}=W-1&status=inProgress&{spelling}SiteId=SITE%207&{spelling}AddressId=ADDR"
        "&validFor.gt=2026-03-06T08:00:00%2B01:00&validFor.lt=2026-03-07T00:00:00Z&offset=20&limit=10"
    )
    answer = await buyer.get(f"/mefApi/sonata/appointment/v2/appointment?{query}")
    assert answer.status == 200
    assert bridge.appointments.calls == [
        (
            "list",
            AppointmentQuery(
                buyers=ACME_ONLY,
                status=AppointmentStatus.IN_PROGRESS,
                work_order=WorkOrderId("W-1"),
                site="SITE 7",
                address="ADDR",
                ends_after=datetime(2026, 3, 6, 7, tzinfo=UTC),
                starts_before=datetime(2026, 3, 7, tzinfo=UTC),
                offset=20,
                limit=10,
            ),
        )
    ]


@pytest.mark.parametrize("entity", ["relatedEntity", "relatedEntityId"])
@pytest.mark.parametrize("spelling", ["geographic", "geographical"])
async def test_every_filter_of_o4_reaches_the_query(
    buyer: BuyerClient, bridge: FakeBridge, entity: str, spelling: str
) -> None:
    query = (
        f"{entity}=TT-99&relatedEntityType=TroubleTicket&state=planned&appointmentRequired=false"
        f"&{spelling}SiteId=SITE-7&{spelling}AddressId=ADDR&offset=1"
    )
    answer = await buyer.get(f"/mefApi/cantata/workOrderManagement/v2/workOrder?{query}")
    assert answer.status == 200
    assert bridge.work_orders.calls == [
        (
            "list",
            WorkOrderQuery(
                buyers=ACME_ONLY,
                state=WorkOrderState.PLANNED,
                appointment_required=False,
                site="SITE-7",
                address="ADDR",
                related_entity="TT-99",
                related_entity_type="TroubleTicket",
                offset=1,
                limit=100,
            ),
        )
    ]


@pytest.mark.parametrize(
    ("query", "count", "throttled"),
    [
        ("", 2, "false"),  # the default page is short, but nobody asked for more
        ("?limit=1", 1, "false"),
        ("?limit=3", 3, "false"),  # exactly the maximum
        ("?limit=4", 3, "true"),
        ("?limit=4&offset=2", 3, "false"),  # the cut page is the last one
        ("?limit=4&offset=9", 0, "false"),
        ("?limit=0", 0, "false"),
    ],
)
async def test_a_page_says_what_it_holds_and_what_there_is(
    serve: Serve, bridge: FakeBridge, query: str, count: int, throttled: str
) -> None:
    """R64; X-Pagination-Throttled is true only when the server's maximum cut the page."""
    bridge.work_orders.items = {f"W-{n}": a_work_order(f"W-{n}", created_at=NOON) for n in range(5)}
    buyer = await serve(default_limit=2, max_limit=3)
    answer = await buyer.get(f"/mefApi/sonata/workOrderManagement/v2/workOrder{query}")
    assert len(answer.value) == count
    assert answer.headers["X-Total-Count"] == "5"
    assert answer.headers["X-Result-Count"] == str(count)
    assert answer.headers["X-Pagination-Throttled"] == throttled


async def test_a_seller_prefix_stands_in_paths_and_hrefs(serve: Serve) -> None:
    buyer = await serve(prefix="/acme/", base_url="https://bridge.example.com/")
    answer = await buyer.get("/acme/mefApi/sonata/appointment/v2/appointment/A-1")
    assert answer.value["href"] == "https://bridge.example.com/acme/mefApi/sonata/appointment/v2/appointment/A-1"
    assert (await buyer.get("/mefApi/sonata/appointment/v2/appointment/A-1")).status == 404


async def test_an_identifier_is_escaped_in_hrefs_and_read_back(buyer: BuyerClient, bridge: FakeBridge) -> None:
    bridge.appointments.items["A/1 ü"] = an_appointment("A/1 ü")
    path = "/mefApi/sonata/appointment/v2/appointment/A%2F1%20%C3%BC"
    answer = await buyer.get(path)
    assert (answer.value["id"], answer.value["href"]) == ("A/1 ü", BASE_URL + path)


async def test_health_is_open_to_everybody(buyer: BuyerClient, bridge: FakeBridge) -> None:
    buyer.headers = {}
    assert (await buyer.get("/health/live")).value == {"status": "live"}
    ready = await buyer.get("/health/ready")
    assert (ready.status, ready.value["status"]) == (200, "ready")
    bridge.checks["broker"] = False
    ready = await buyer.get("/health/ready")
    assert (ready.status, ready.value["checks"]) == (503, {"database": True, "broker": False})


async def test_what_is_wrong_is_said_in_words(buyer: BuyerClient, bridge: FakeBridge) -> None:
    bridge.checks["database"] = "the database is read-only"
    ready = await buyer.get("/health/ready")
    assert (ready.status, ready.value["checks"]) == (503, {"database": False, "broker": True})
    assert ready.value["problems"] == {"database": "the database is read-only"}


async def test_what_health_counts_is_told_and_turns_no_buyer_away(buyer: BuyerClient, bridge: FakeBridge) -> None:
    bridge.checks["deadLetters"] = 3
    ready = await buyer.get("/health/ready")
    assert (ready.status, ready.value["checks"]) == (200, {"database": True, "broker": True})
    assert ready.value["details"] == {"deadLetters": 3}

"""The Buyer's lists: filters (O3, O4, R31), a stable order, pages and totals."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bridge.domain.model import AppointmentId, BuyerId, WorkOrderId
from bridge.errors import StoreUnavailable
from bridge.flows.ports.buyer_views import AppointmentQuery, Page, WorkOrderQuery
from bridge.mef.enums import AppointmentStatus, BuyerSeller, WorkOrderState
from bridge.mef.models import AttachmentValue, Note
from bridge.store import SqlStore
from bridge.store import listeners as listeners_module
from bridge.store import reads as reads_module
from bridge.store.engine import open_engine
from tests.integration.store.values import (
    BUYER,
    OTHER_BUYER,
    PACK,
    address,
    appointment,
    at,
    details,
    fresh,
    job,
    job_with,
    save,
    site,
    street,
    subscription,
    ticket,
    window,
    work_order,
)

BOTH = frozenset({BUYER, OTHER_BUYER})
COMPLETED = WorkOrderState.COMPLETED
NOTE = Note(id="1", author="Jo", date=at(hours=1), source=BuyerSeller.BUYER, text="Ring twice.")
ATTACHMENT = AttachmentValue(author="Jo", name="plan", source=BuyerSeller.BUYER, url="https://acme.test/plan")


async def test_an_unknown_id_is_none(store: SqlStore) -> None:
    assert await store.reads.work_order(WorkOrderId("\x00")) is None
    assert await store.reads.appointment(AppointmentId("\ud800")) is None


async def test_what_is_anothers_is_not_even_fetched(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it takes as long as to find nothing."""
    order = work_order()
    visit = appointment(order, place=street())
    await save(store, job_with(order, visit))
    assert await store.reads.work_order(order.id, BOTH) is not None
    assert await store.reads.appointment(visit.id, {BUYER}) == visit
    fetched: list[object] = []
    monkeypatch.setattr(reads_module, "work_order", fetched.append)
    monkeypatch.setattr(reads_module, "appointment", fetched.append)
    monkeypatch.setattr(reads_module, "work_order_view", fetched.append)
    monkeypatch.setattr(reads_module, "appointment_view", fetched.append)
    for nobodys in ({OTHER_BUYER}, frozenset[BuyerId]()):
        assert await store.reads.work_order(order.id, nobodys) is None
        assert await store.reads.appointment(visit.id, nobodys) is None
        assert await store.reads.work_order_view(order.id, nobodys) is None
        assert await store.reads.appointment_view(visit.id, nobodys) is None
    assert fetched == []


async def test_anothers_listener_is_not_fetched_either(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = subscription()
    await store.listeners.add(listener)
    assert await store.listeners.find(listener.id, BOTH) == listener
    fetched: list[object] = []
    monkeypatch.setattr(listeners_module, "subscription", fetched.append)
    for nobodys in ({OTHER_BUYER}, frozenset[BuyerId]()):
        assert await store.listeners.find(listener.id, nobodys) is None
    assert fetched == []


async def test_an_object_is_found_by_its_id(store: SqlStore) -> None:
    order = work_order()
    visit = appointment(order, place=street())
    await save(store, job_with(order, visit))
    found = await store.reads.work_order(order.id)
    assert found is not None
    assert found.appointments == (visit.id,)
    assert await store.reads.appointment(visit.id) == visit


async def test_what_a_buyer_may_see_is_as_it_was_stored(store: SqlStore) -> None:
    order = work_order(details=replace(details([site("S-1")], [ticket("TT-1")]), planned_execution_date=at(hours=1)))
    visit = appointment(order, place=street(), note=(NOTE,), attachment=(ATTACHMENT,))
    await save(store, job_with(order, visit))
    seen = await store.reads.work_order_view(order.id, BOTH)
    assert seen is not None
    assert (seen.id, seen.pack, seen.state, seen.appointment_required) == (order.id, PACK, "open", True)
    assert (seen.appointments, seen.details["place"][0]["id"]) == ([visit.id], "S-1")
    assert datetime.fromisoformat(seen.details["planned_execution_date"]) == at(hours=1)
    found = await store.reads.appointment_view(visit.id, {BUYER})
    assert found is not None
    assert (found.id, found.work_order, found.status) == (visit.id, order.id, "confirmed")
    assert (found.starts_at, found.ends_at) == (visit.valid_for.start_date_time, visit.valid_for.end_date_time)
    assert (found.place["city"], found.contacts[0]["name"]) == ("Warszawa", visit.contacts[0].name)
    assert (found.note[0]["text"], found.attachment[0]["url"]) == (NOTE.text, ATTACHMENT.url)


async def test_those_who_ask_at_the_same_time_are_told_each_what_he_asked(store: SqlStore) -> None:
    orders = [work_order(buyer=buyer) for buyer in (BUYER, OTHER_BUYER) * 20]
    await save(store, *map(job, orders))
    asked = [*orders, *orders, work_order()]
    found = await asyncio.gather(*(store.reads.work_order_view(order.id, {BUYER}) for order in asked))
    own = [order.id if order.buyer == BUYER else None for order in orders]
    assert [one and one.id for one in found] == [*own, *own, None]


@pytest.mark.parametrize("id_", ["\x00", "\ud800", "\u241b", "x" * 5000, ""])
async def test_an_odd_id_is_nobodys(store: SqlStore, id_: str) -> None:
    assert await store.reads.work_order_view(WorkOrderId(id_), BOTH) is None
    assert await store.reads.appointment_view(AppointmentId(id_), BOTH) is None
    listed = await store.reads.work_orders(WorkOrderQuery(buyers=BOTH, site=id_, related_entity=id_))
    assert (listed.items, listed.total) == ((), 0)


ORDERS = {
    "open at S-1": work_order(details=details([site("S-1")], [ticket("TT-1")])),
    "planned at A-1": work_order(
        state=WorkOrderState.PLANNED,
        appointment_required=False,
        details=details(
            [address("A-1"), site("S-2")],
            [ticket("TT-2"), ticket("P-1").model_copy(update={"referred_type": "Product"})],
        ),
        created_at=at(seconds=1),
    ),
    "another buyer's": work_order(
        buyer=OTHER_BUYER, details=details([site("A-1")], [ticket("TT-1")]), created_at=at(seconds=2)
    ),
}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["open at S-1", "planned at A-1", "another buyer's"]),
        ({"buyers": {BUYER}}, ["open at S-1", "planned at A-1"]),
        ({"buyers": set()}, []),
        ({"state": WorkOrderState.OPEN}, ["open at S-1", "another buyer's"]),
        ({"appointment_required": False}, ["planned at A-1"]),
        ({"appointment_required": True}, ["open at S-1", "another buyer's"]),
        ({"site": "S-1"}, ["open at S-1"]),
        ({"site": "A-1"}, ["another buyer's"]),
        ({"address": "A-1"}, ["planned at A-1"]),
        ({"address": "A-1", "site": "S-2"}, ["planned at A-1"]),
        ({"related_entity": "TT-1"}, ["open at S-1", "another buyer's"]),
        ({"related_entity_type": "Product"}, ["planned at A-1"]),
        ({"related_entity": "P-1", "related_entity_type": "Product"}, ["planned at A-1"]),
        ({"related_entity": "TT-2", "related_entity_type": "Product"}, []),
        ({"buyers": {BUYER}, "state": WorkOrderState.OPEN, "site": "S-1"}, ["open at S-1"]),
    ],
    ids=str,
)
async def test_work_orders_are_filtered(store: SqlStore, filters: dict[str, Any], expected: list[str]) -> None:
    await save(store, *map(job, ORDERS.values()))
    page = await store.reads.work_orders(WorkOrderQuery(**{"buyers": BOTH, **filters}))
    assert [order.id for order in page.items] == [ORDERS[name].id for name in expected]
    assert page.total == len(expected)


VISITS_OF = work_order(id=WorkOrderId("wo-with-visits"))
OTHERS_OF = work_order(id=WorkOrderId("wo-of-the-other"), buyer=OTHER_BUYER)
VISITS = {
    "cancelled 24-28 at S-1": appointment(VISITS_OF, status=AppointmentStatus.CANCELLED, place=site("S-1")),
    "confirmed 48-52 at A-1": appointment(
        VISITS_OF, valid_for=window(48), place=address("A-1"), created_at=at(seconds=1)
    ),
    "another's 48-52": appointment(OTHERS_OF, valid_for=window(48), place=street(), created_at=at(seconds=2)),
}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["cancelled 24-28 at S-1", "confirmed 48-52 at A-1", "another's 48-52"]),
        ({"buyers": {BUYER}}, ["cancelled 24-28 at S-1", "confirmed 48-52 at A-1"]),
        ({"status": AppointmentStatus.CONFIRMED}, ["confirmed 48-52 at A-1", "another's 48-52"]),
        ({"work_order": VISITS_OF.id}, ["cancelled 24-28 at S-1", "confirmed 48-52 at A-1"]),
        ({"site": "S-1"}, ["cancelled 24-28 at S-1"]),
        ({"site": "A-1"}, []),
        ({"address": "A-1"}, ["confirmed 48-52 at A-1"]),
        ({"ends_after": at(hours=27)}, ["cancelled 24-28 at S-1", "confirmed 48-52 at A-1", "another's 48-52"]),
        ({"ends_after": at(hours=28)}, ["confirmed 48-52 at A-1", "another's 48-52"]),
        ({"starts_before": at(hours=24)}, []),
        ({"starts_before": at(hours=25)}, ["cancelled 24-28 at S-1"]),
        ({"ends_after": at(hours=26), "starts_before": at(hours=27)}, ["cancelled 24-28 at S-1"]),
        ({"ends_after": at(hours=28), "starts_before": at(hours=48)}, []),
    ],
    ids=str,
)
async def test_appointments_are_filtered(store: SqlStore, filters: dict[str, Any], expected: list[str]) -> None:
    """R31: a window overlaps the asked period when it ends after its start and starts before its end."""
    visits = list(VISITS.values())
    await save(store, job_with(VISITS_OF, *visits[:2]), job_with(OTHERS_OF, visits[2]))
    page = await store.reads.appointments(AppointmentQuery(**{"buyers": BOTH, **filters}))
    assert [visit.id for visit in page.items] == [VISITS[name].id for name in expected]
    assert page.total == len(expected)


async def test_pages_follow_the_order_of_creation_and_know_the_total(store: SqlStore) -> None:
    """Equal moments are ordered by id, so that pages neither repeat nor skip."""
    orders = [work_order(created_at=at(seconds=number // 3)) for number in range(10)]
    await save(store, *map(job, orders[::-1]))
    pages = [
        await store.reads.work_orders(WorkOrderQuery(buyers=BOTH, offset=offset, limit=4)) for offset in (0, 4, 8, 12)
    ]
    assert [order.id for page in pages for order in page.items] == [order.id for order in orders]
    assert [(len(page.items), page.total) for page in pages] == [(4, 10), (4, 10), (2, 10), (0, 10)]


async def test_pages_that_are_asked_for_at_the_same_time_are_each_their_own(store: SqlStore) -> None:
    """They share a statement, whatever else each of them asks for."""
    await save(store, *map(job, ORDERS.values()))
    more = [work_order(created_at=at(seconds=number // 3), state=COMPLETED) for number in range(30)]
    await save(store, *map(job, more[::-1]))
    queries = [
        WorkOrderQuery(buyers=buyers, state=state, offset=offset, limit=limit)
        for buyers in (BOTH, frozenset({BUYER}), frozenset({OTHER_BUYER}))
        for state in (None, COMPLETED, WorkOrderState.OPEN)
        for offset, limit in ((0, 10), (5, 3), (29, 10), (40, 2), (0, 0))
    ]
    together = await asyncio.gather(*map(store.reads.work_orders, queries))
    alone = [await store.reads.work_orders(query) for query in queries]
    assert together == alone
    of_the_buyer = together[
        queries.index(WorkOrderQuery(buyers=frozenset({BUYER}), state=COMPLETED, offset=5, limit=3))
    ]
    assert ([item.id for item in of_the_buyer.items], of_the_buyer.total) == ([each.id for each in more[5:8]], 30)
    visits = [AppointmentQuery(buyers=BOTH, ends_after=at(hours=number)) for number in range(5)]
    assert await asyncio.gather(*map(store.reads.appointments, visits)) == [Page((), 0)] * 5


async def test_behind_a_pooler_reads_leave_nothing_at_the_server(url: str) -> None:
    """There, each is a transaction, and its statement has no name."""
    store = SqlStore(open_engine(url, named_statements=False), new_id=lambda: fresh("ev"), clock=at)
    try:
        await save(store, *map(job, ORDERS.values()))
        order = ORDERS["open at S-1"]
        found = await asyncio.gather(*(store.reads.work_order_view(order.id, {BUYER}) for _ in range(3)))
        assert [one and one.id for one in found] == [order.id] * 3
        pages = await asyncio.gather(*(store.reads.work_orders(WorkOrderQuery(buyers=BOTH, offset=n)) for n in (0, 1)))
        assert [(len(page.items), page.total) for page in pages] == [(3, 3), (2, 3)]
    finally:
        await store.close()


async def test_a_connection_that_was_lost_is_replaced(store: SqlStore) -> None:
    """Reads keep a connection at hand; where the server has hung up, they take another."""
    order = work_order()
    await save(store, job(order))
    assert await store.reads.work_order_view(order.id, {BUYER}) is not None
    lender = store._database._lender
    assert lender is not None
    (lent,) = lender._at_hand
    if store._database.dialect.name == "postgresql":
        await lent.connection.driver_connection.close()
    assert await store.reads.work_order_view(order.id, {BUYER}) is not None
    assert len(lender._at_hand) == 1


async def test_reads_fail_as_unavailable_before_the_database_is_open() -> None:
    store = SqlStore(None, new_id=lambda: fresh("ev"), clock=at)
    with pytest.raises(StoreUnavailable):
        await store.reads.work_order_view(WorkOrderId("wo-1"), {BUYER})
    with pytest.raises(StoreUnavailable):
        await store.reads.appointments(AppointmentQuery(buyers=BOTH))

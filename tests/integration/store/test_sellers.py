"""Several Sellers behind one bridge (R7, R9): lists by pack, and events for the listeners of their Seller."""

import pytest

from bridge.domain.model import JobRef
from bridge.flows.ports.buyer_views import AppointmentQuery, WorkOrderQuery
from bridge.mef.enums import EventType
from bridge.store import SqlStore
from tests.integration.store.conftest import Execute
from tests.integration.store.values import BUYER, NOW, appointment, event, job_with, save, subscription, work_order

BUYERS = frozenset({BUYER})
STATE = EventType.WORK_ORDER_STATE_CHANGE


@pytest.mark.parametrize(
    ("packs", "found"),
    [
        (None, {"a", "b"}),
        (frozenset({"pack-a"}), {"a"}),
        (frozenset({"pack-a", "pack-b"}), {"a", "b"}),
        (frozenset({"pack-c"}), set()),
        (frozenset[str](), set()),
    ],
)
async def test_a_list_shows_what_belongs_to_the_packs(
    store: SqlStore, packs: frozenset[str] | None, found: set[str]
) -> None:
    orders = {name: work_order(job=JobRef(f"pack-{name}", "J-1")) for name in "ab"}
    visits = {name: appointment(order) for name, order in orders.items()}
    await save(store, *(job_with(orders[name], visits[name]) for name in "ab"))
    listed = await store.reads.work_orders(WorkOrderQuery(buyers=BUYERS, packs=packs))
    assert ({order.id for order in listed.items}, listed.total) == ({orders[name].id for name in found}, len(found))
    agreed = await store.reads.appointments(AppointmentQuery(buyers=BUYERS, packs=packs))
    assert ({visit.id for visit in agreed.items}, agreed.total) == ({visits[name].id for name in found}, len(found))


@pytest.mark.parametrize(
    ("seller", "heard"), [("us", {"us", None}), ("them", {"them", None}), (None, {"us", "them", None})]
)
async def test_an_event_goes_to_the_listeners_of_its_seller(
    store: SqlStore, sql: Execute, seller: str | None, heard: set[str | None]
) -> None:
    """One that was registered when there was one Seller named none, and hears all."""
    listeners = [subscription(STATE, seller_param=name) for name in ("us", "them", None)]
    for listener in listeners:
        await store.listeners.add(listener)
    async with store.transaction() as tx:
        await tx.notify([event("wo-1", STATE)], NOW, "corr-1", seller)
    told = {row[0] for row in await sql("SELECT subscription_id FROM deliveries")}
    assert told == {listener.id for listener in listeners if listener.seller_param in heard}

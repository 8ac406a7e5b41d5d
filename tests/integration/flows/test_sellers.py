"""One bridge for several Sellers (R7): what belongs to one does not exist for requests to another."""

from datetime import timedelta

import pytest

from bridge.flows.appointments import Appointments
from bridge.flows.ports.buyer_views import AppointmentQuery, WorkOrderQuery
from bridge.flows.ports.subscription import Subscription
from bridge.flows.refusals import NotFound, Rejected
from bridge.flows.sellers import SellerStore
from bridge.flows.subscriptions import Subscriptions
from bridge.flows.time_slots import TimeSlots
from bridge.flows.work import Workshop
from bridge.flows.work_orders import WorkOrders
from bridge.mapping.pack import Pack
from bridge.mef.enums import Api, Irp
from bridge.mef.models import EventSubscriptionInput
from tests.integration.flows import acme
from tests.integration.flows.reading import deliveries
from tests.integration.flows.world import BUYER, BUYERS, World

OWN = "acme-wfm"


class Seller:
    """The use cases as requests to one Seller reach them."""

    def __init__(self, world: World, name: str, packs: set[str]) -> None:
        store = SellerStore(world.store, name, frozenset(packs))
        self.work_orders = WorkOrders(store.reads)
        timeout = timedelta(seconds=world.timeout_s)
        slots = TimeSlots(store, world.workshop, world.commands, timeout=timeout, memory=timeout, max_periods=1)
        self.appointments = Appointments(store, world.workshop, world.commands, slots, timeout=timeout)
        self.subscriptions = Subscriptions(store.listeners, world.clock, world.workshop.new_id, max_listeners=20)
        self.name = name

    async def listen(self) -> Subscription:
        request = EventSubscriptionInput(callback=f"https://{self.name}.test")
        return await self.subscriptions.register(Api.WORK_ORDER, Irp.SONATA, BUYER, request, None, self.name)


@pytest.fixture
def us(world: World) -> Seller:
    return Seller(world, "us", {OWN})


@pytest.fixture
def them(world: World) -> Seller:
    return Seller(world, "them", {"other-wfm"})


async def test_lists_show_the_sellers_own_objects_only(world: World, us: Seller, them: Seller) -> None:
    appointment = await world.booked()
    work_orders, appointments = WorkOrderQuery(buyers=BUYERS), AppointmentQuery(buyers=BUYERS)
    assert [(o.id, o.pack) for o in (await us.work_orders.list(work_orders)).items] == [(appointment.work_order, OWN)]
    assert [a.id for a in (await us.appointments.list(appointments)).items] == [appointment.id]
    assert (await them.work_orders.list(work_orders)).total == 0
    assert (await them.appointments.list(appointments)).total == 0


async def test_objects_of_another_seller_do_not_exist(world: World, us: Seller, them: Seller) -> None:
    appointment = await world.booked()
    assert (await us.appointments.get(BUYERS, appointment.id)).id == appointment.id
    assert (await us.appointments.view(BUYERS, appointment.id)).id == appointment.id
    assert (await us.work_orders.get(BUYERS, appointment.work_order)).id == appointment.work_order
    for attempt in (
        them.appointments.get(BUYERS, appointment.id),
        them.appointments.view(BUYERS, appointment.id),
        them.appointments.cancel(BUYERS, appointment.id, "c"),
        them.work_orders.get(BUYERS, appointment.work_order),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert world.bus.sent == []


async def test_nothing_is_booked_for_a_work_order_of_another_seller(world: World, us: Seller, them: Seller) -> None:
    order = await world.open_work_order()
    with pytest.raises(Rejected, match="no such WorkOrder"):
        await them.appointments.book(BUYERS, acme.booking(order.id), "c")
    assert (await us.appointments.book(BUYERS, acme.booking(order.id), "c")).work_order == order.id


async def test_a_listener_belongs_to_the_seller_it_was_registered_with(us: Seller, them: Seller) -> None:
    listener = await us.listen()
    assert await us.subscriptions.get(Api.WORK_ORDER, BUYERS, listener.id) == listener
    with pytest.raises(NotFound):
        await them.subscriptions.remove(Api.WORK_ORDER, BUYERS, listener.id)
    await us.subscriptions.remove(Api.WORK_ORDER, BUYERS, listener.id)


async def test_a_listener_hears_of_its_own_seller(world: World, pack: Pack, us: Seller, them: Seller) -> None:
    """R9: and the seller it named is in its notifications; one that was registered before there were two, hears all."""
    own, _ = await us.listen(), await them.listen()
    before = Seller(world, "", {OWN})
    request = EventSubscriptionInput(callback="https://before.test")
    silent = await before.subscriptions.register(Api.WORK_ORDER, Irp.SONATA, BUYER, request, None, None)
    workshop = Workshop(world.store, {OWN: pack}, world.clock, world.workshop.new_id, sellers={OWN: "us"})
    world.job_updates._workshop = workshop
    await world.open_work_order()
    assert {delivery.listener for delivery in await deliveries(world)} == {own.id, silent.id}
    registered = await world.sql_store.listeners.find(own.id)
    assert registered is not None
    assert registered.seller_param == "us"

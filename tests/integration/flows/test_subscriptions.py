"""Registering listeners: queries in all spellings, and callbacks that could never be called."""

import asyncio

import pytest

from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.refusals import InvalidSubscription, NotFound
from bridge.flows.subscriptions import EVENT_TYPES, event_types
from bridge.mef.enums import Api, EventType, Irp
from bridge.mef.models import EventSubscriptionInput
from tests.integration.flows.world import BUYER, BUYERS, World

STATUS = EventType.APPOINTMENT_STATUS_CHANGE
ATTRIBUTES = EventType.APPOINTMENT_ATTRIBUTE_VALUE_CHANGE


@pytest.mark.parametrize("query", [None, "", "  "])
@pytest.mark.parametrize("api", list(Api))
def test_no_query_is_all_types_of_the_api(api: Api, query: str | None) -> None:
    assert event_types(api, query) == frozenset(EVENT_TYPES[api])


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ("eventType=appointmentStatusChangeEvent", {STATUS}),
        ("eventType = AppointmentStatusChangeEvent", {STATUS}),
        ("EVENTTYPE=APPOINTMENTSTATUSCHANGEEVENT", {STATUS}),
        ("eventType=appointmentStatusChangeEvent,appointmentAttributeValueChangeEvent", {STATUS, ATTRIBUTES}),
        ("eventType=appointmentStatusChangeEvent , appointmentAttributeValueChangeEvent", {STATUS, ATTRIBUTES}),
        ("eventType=appointmentStatusChangeEvent%2CappointmentAttributeValueChangeEvent", {STATUS, ATTRIBUTES}),
        ("eventType=appointmentStatusChangeEvent&eventType=appointmentStatusChangeEvent", {STATUS}),
        ("eventType=appointmentStatusChangeEvent&eventType=appointmentAttributeValueChangeEvent", {STATUS, ATTRIBUTES}),
    ],
)
def test_queries_of_all_spellings(query: str, types: set[EventType]) -> None:
    assert event_types(Api.APPOINTMENT, query) == types


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("eventType=workOrderCreateEvent", "unknown event type 'workOrderCreateEvent'; known are appointmentA"),
        ("eventType=", "unknown event type ''"),
        ("eventType=appointmentStatusChangeEvent,", "unknown event type ''"),
        ("state=open", "only eventType can be filtered on, not 'state'"),
        ("appointmentStatusChangeEvent", "only eventType can be filtered on"),
        ("&", "expected eventType="),
    ],
)
def test_a_query_that_cannot_be_kept_is_an_error_that_says_what_is_known(query: str, told: str) -> None:
    with pytest.raises(InvalidSubscription, match=told):
        event_types(Api.APPOINTMENT, query)


async def register(world: World, callback: str = "https://buyer.test/mef", query: str | None = None) -> SubscriptionId:
    request = EventSubscriptionInput(callback=callback, query=query)
    made = await world.subscriptions.register(Api.APPOINTMENT, Irp.SONATA, BUYER, request, "acme-buyer", "seller")
    return made.id


async def test_a_subscription_is_kept_as_it_was_asked_for(world: World) -> None:
    id_ = await register(world, query="eventType=AppointmentStatusChangeEvent")
    kept = await world.subscriptions.get(Api.APPOINTMENT, BUYERS, id_)
    assert (kept.callback, kept.query) == ("https://buyer.test/mef", "eventType=AppointmentStatusChangeEvent")
    assert (kept.event_types, kept.irp, kept.buyer) == (frozenset({STATUS}), Irp.SONATA, BUYER)
    assert (kept.buyer_param, kept.seller_param, kept.created_at) == ("acme-buyer", "seller", world.clock())


@pytest.mark.parametrize("callback", ["https://buyer.test", "http://10.0.0.1:8080/a/b", "https://[::1]:8443/hook"])
async def test_absolute_web_addresses_are_callbacks(world: World, callback: str) -> None:
    """Whether one may be called at all is judged when it is called: names change their addresses."""
    assert await register(world, callback)


@pytest.mark.parametrize(
    "callback",
    [
        "buyer.test",
        "/listener",
        "ftp://buyer.test",
        "https://",
        "https:///listener",
        "https://buyer.test:99999",
        "https://buyer.test:0",
        "https://[::1",
        "https://buyer.test/a?x=1",
        "https://buyer.test/a#x",
        "https://me:secret@buyer.test",
        "https://:secret@buyer.test",
        "https://buyer.test/\r\nX",
        "https://buyer .test/",
        "https://１２７.0.0.1/",
        "https://127。0。0。1/",
        "https://①②⑦.0.0.1/",
        "https://büyer.test/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://[fe80::1%25eth0]/",
        "https://%31%32%37.0.0.1/",
        "https://buyer.test\\.evil.test/",
        f"https://{'a' * 254}/",
        f"https://buyer.test/{'a' * 2000}",
    ],
)
async def test_what_could_never_be_called_is_no_callback(world: World, callback: str) -> None:
    with pytest.raises(InvalidSubscription, match="callback: "):
        await register(world, callback)
    assert await world.sql_store.listeners.reports() == []


async def test_where_hosts_were_agreed_on_a_listener_must_be_at_one_of_them(world: World) -> None:
    world.subscriptions._hosts = {BUYER: frozenset({"hooks.test", "buyer.test"}), BuyerId("b"): frozenset({"b.test"})}
    assert await register(world, "https://BUYER.test:8443/mef")
    for callback in ("https://b.test/", "https://buyer.test.evil.test/", "https://1.2.3.4/"):
        with pytest.raises(InvalidSubscription, match=r"agreed on for this Buyer: buyer\.test, hooks\.test\."):
            await register(world, callback)


async def test_a_buyer_has_a_limited_number_of_listeners_in_each_api(world: World) -> None:
    """Equal registrations are several listeners; removing one makes room."""
    made = await asyncio.gather(*(register(world) for _ in range(25)), return_exceptions=True)
    listeners = [each for each in made if isinstance(each, str)]
    refused = [each for each in made if isinstance(each, InvalidSubscription)]
    assert (len(set(listeners)), len(refused)) == (20, 5)
    assert str(refused[0]).startswith("This Buyer has 20 listeners registered with this API, which is the most")
    request = EventSubscriptionInput(callback="https://buyer.test")
    assert await world.subscriptions.register(Api.WORK_ORDER, Irp.SONATA, BUYER, request, None, None)
    assert await world.subscriptions.register(Api.APPOINTMENT, Irp.SONATA, BuyerId("b"), request, None, None)
    await world.subscriptions.remove(Api.APPOINTMENT, BUYERS, SubscriptionId(listeners[0]))
    assert await register(world)


async def test_a_subscription_is_found_only_in_its_api_and_by_its_buyer(world: World) -> None:
    id_ = await register(world)
    for api, buyers in ((Api.WORK_ORDER, BUYERS), (Api.APPOINTMENT, frozenset({BuyerId("other-buyer")}))):
        with pytest.raises(NotFound):
            await world.subscriptions.get(api, buyers, id_)
        with pytest.raises(NotFound):
            await world.subscriptions.remove(api, buyers, id_)
    assert await world.subscriptions.get(Api.APPOINTMENT, BUYERS, id_)


async def test_a_removed_subscription_is_gone(world: World) -> None:
    id_ = await register(world)
    await world.subscriptions.remove(Api.APPOINTMENT, BUYERS, id_)
    with pytest.raises(NotFound):
        await world.subscriptions.get(Api.APPOINTMENT, BUYERS, id_)

"""The simulated Buyer speaks the standard strictly, in both directions, and misbehaves only when told to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
import pytest
from aiohttp import ClientSession, ServerDisconnectedError, web
from aiohttp.test_utils import TestServer

from bridge.api.app import build_app
from bridge.api.identity import NoIdentity, Principal
from bridge.domain.model import Problem
from bridge.flows.refusals import Rejected
from bridge.mef.enums import Api, AppointmentStatus, Error422Code, EventType, Irp, WorkOrderState
from bridge.mef.models import AppointmentUpdate
from bridge.simulator import buyer as buyer_module
from bridge.simulator.buyer import BuyerError, Received, SimulatedBuyer
from tests.api.fakes import ACME, MORNING, NOTE, FakeBridge
from tests.api.usual import usual_config
from tests.support import PATIENCE_S, eventually

EVENT = {
    "eventId": "E-1",
    "eventTime": "2026-03-05T12:00:00.000Z",
    "eventType": "appointmentStatusChangeEvent",
    "event": {"id": "A-1", "href": "https://bridge.example.com/A-1"},
}
LISTENER = "/mefApi/{irp}/{api}Notification/v2/listener/{kind}"
JSON = {"Content-Type": "application/json;charset=utf-8"}


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that are slow on purpose are given up at once when the Buyer stops."""
    monkeypatch.setattr(buyer_module, "GRACE", 0.01)


@pytest.fixture
def bridge() -> FakeBridge:
    return FakeBridge()


@pytest.fixture
async def bridge_url(bridge: FakeBridge) -> AsyncIterator[str]:
    """The real Buyer's side over use cases in memory."""
    identity = NoIdentity(Principal("lab", (ACME,)))
    server = TestServer(build_app(bridge.services(), identity, usual_config()))
    await server.start_server(access_log=None)
    yield str(server.make_url("/"))
    await server.close()


@pytest.fixture(params=list(Irp))
def irp(request: pytest.FixtureRequest) -> Irp:
    return Irp(request.param)


@pytest.fixture
async def buyer(bridge_url: str, irp: Irp) -> AsyncIterator[SimulatedBuyer]:
    async with SimulatedBuyer(bridge_url, "any-key", irp) as buyer:
        yield buyer


Tell = Callable[..., Awaitable[int]]


@pytest.fixture
async def tell(buyer: SimulatedBuyer) -> AsyncIterator[Tell]:
    """Post a notification to the Buyer and give the status."""
    async with ClientSession() as session:

        async def post(kind: str = "appointmentStatusChangeEvent", api: Api = Api.APPOINTMENT, **change: object) -> int:
            path = LISTENER.format(irp=buyer.irp.value, api=api.value, kind=kind)
            body = orjson.dumps({**EVENT, "eventType": kind, **change})
            async with session.post(buyer.callback + path, data=body, headers=JSON) as response:
                return response.status

        yield post


async def test_a_visit_is_searched_booked_moved_and_cancelled(buyer: SimulatedBuyer, bridge: FakeBridge) -> None:
    found = await buyer.search("W-1", MORNING)
    assert [slot.valid_for for slot in found.available_time_slot] == [MORNING]
    booked = await buyer.book("W-1", MORNING, note=(NOTE,))
    assert (booked.id, booked.status, booked.note) == ("A-2", AppointmentStatus.CONFIRMED, (NOTE,))
    moved = await buyer.patch(booked.id, AppointmentUpdate(valid_for=MORNING))
    assert moved.id == "A-2"
    await buyer.cancel(booked.id)
    assert [call[0] for call in bridge.appointments.calls if call[0] != "get"] == ["search", "book", "patch", "cancel"]
    patched = next(call for call in bridge.appointments.calls if call[0] == "patch")
    assert patched[4] == {"validFor"}


async def test_lists_and_single_objects_are_read_as_the_standards_types(
    buyer: SimulatedBuyer, bridge: FakeBridge
) -> None:
    assert [item.id for item in await buyer.work_orders({"state": "open"})] == ["W-1"]
    assert (await buyer.work_order("W-1")).state is WorkOrderState.OPEN
    assert [item.id for item in await buyer.appointments({"workOrder": "W-1"})] == ["A-1"]
    assert (await buyer.appointment("A-1")).work_order.id == "W-1"
    (query,) = (call[1] for call in bridge.work_orders.calls if call[0] == "list")
    assert query.state is WorkOrderState.OPEN  # type: ignore[attr-defined]


async def test_it_registers_with_both_apis_once_and_leaves_again(buyer: SimulatedBuyer, bridge: FakeBridge) -> None:
    made = await buyer.register("eventType=appointmentStatusChangeEvent")
    assert await buyer.register() == made
    stored = bridge.subscriptions.items.values()
    assert [(item.api, item.irp, item.callback) for item in stored] == [(api, buyer.irp, buyer.callback) for api in Api]
    assert (await buyer.subscription(Api.WORK_ORDER, made[1].id)).callback == buyer.callback
    await buyer.unregister()
    assert bridge.subscriptions.items == {}
    assert buyer.subscriptions == {}


async def test_an_error_has_the_status_and_the_body(buyer: SimulatedBuyer, bridge: FakeBridge) -> None:
    bridge.fail(Rejected(Problem(Error422Code.OTHER_ISSUE, "The slot is taken.", "/validFor")))
    with pytest.raises(BuyerError) as failed:
        await buyer.book("W-1", MORNING)
    assert failed.value.status == 422
    assert failed.value.body == [
        {"code": "otherIssue", "reason": "The slot is taken.", "propertyPath": "/validFor"},
    ]


async def test_a_bridge_that_is_not_there_is_an_error_without_a_status(unused_tcp_port: int) -> None:
    async with SimulatedBuyer(f"http://127.0.0.1:{unused_tcp_port}", "any-key", Irp.SONATA) as buyer:
        with pytest.raises(BuyerError) as failed:
            await buyer.work_order("W-1")
    assert failed.value.status is None


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"oops"])
async def test_an_answer_that_is_not_the_standards_is_an_error(body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    async with SimulatedBuyer(str(server.make_url("/")), "any-key", Irp.SONATA) as buyer:
        with pytest.raises(BuyerError):
            await buyer.work_order("W-1")
        with pytest.raises(BuyerError):
            await buyer.work_orders()
    await server.close()


async def test_a_buyer_that_is_not_started_says_so() -> None:
    with pytest.raises(BuyerError, match="not started"):
        await SimulatedBuyer("http://127.0.0.1:1", "any-key", Irp.SONATA).work_order("W-1")


@pytest.mark.parametrize("kind", EventType)
async def test_every_event_is_taken_on_its_own_path(buyer: SimulatedBuyer, tell: Tell, kind: EventType) -> None:
    api = Api.APPOINTMENT if kind.startswith("appointment") else Api.WORK_ORDER
    assert await tell(kind.value, api) == 204
    (received,) = buyer.received
    assert (received.event.event_type, received.event.event.id) == (kind, "A-1")
    assert received.path == LISTENER.format(irp=buyer.irp.value, api=api.value, kind=kind.value)
    assert received.headers["content-type"] == JSON["Content-Type"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"eventType": "workOrderCreateEvent"}, "on the listener of appointmentStatusChangeEvent"),
        ({"event": {}}, "this is no Event"),
        ({"eventTime": "today"}, "this is no Event"),
        ({"eventTime": 1772784000}, "this is no Event"),
        ({"eventId": 5}, "this is no Event"),
        ({"extra": 1}, "this is no Event"),
    ],
)
async def test_a_wrong_event_is_refused_and_noted(
    buyer: SimulatedBuyer, tell: Tell, change: dict[str, object], says: str
) -> None:
    assert await tell(**change) == 400
    assert buyer.received == []
    assert says in buyer.refused[0]


async def test_an_event_that_is_not_json_is_refused(buyer: SimulatedBuyer) -> None:
    url = buyer.callback + LISTENER.format(irp=buyer.irp.value, api="appointment", kind="appointmentStatusChangeEvent")
    async with ClientSession() as session, session.post(url, data=orjson.dumps(EVENT)) as response:
        assert response.status == 400
    assert "application/json" in buyer.refused[0]


async def test_an_event_of_the_other_reference_point_finds_no_listener(buyer: SimulatedBuyer) -> None:
    other = next(irp for irp in Irp if irp is not buyer.irp)
    url = buyer.callback + LISTENER.format(irp=other.value, api="appointment", kind="appointmentStatusChangeEvent")
    async with ClientSession() as session, session.post(url, json=EVENT) as response:
        assert response.status == 404


async def test_it_fails_as_often_as_it_is_told(buyer: SimulatedBuyer, tell: Tell) -> None:
    buyer.fail_next(2, 500)
    buyer.fail_next(1)
    assert [await tell() for _ in range(4)] == [500, 500, 503, 204]
    assert (buyer.attempts, len(buyer.received)) == (4, 1)


async def test_while_it_is_down_it_hangs_up(
    buyer: SimulatedBuyer, tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    buyer.down = True
    with caplog.at_level(logging.INFO), pytest.raises(ServerDisconnectedError):
        await tell()
    buyer.down = False
    assert await tell() == 204
    assert len(buyer.received) == 1
    assert caplog.text == ""


async def test_while_it_is_slow_it_takes_its_time(buyer: SimulatedBuyer, tell: Tell) -> None:
    buyer.slow = 600
    slow = asyncio.ensure_future(tell(eventId="E-slow"))
    await eventually(lambda: buyer.attempts == 1)
    buyer.slow = 0.001
    assert await tell(eventId="E-quick") == 204
    assert [received.event.event_id for received in buyer.received] == ["E-quick"]
    assert not slow.done()
    slow.cancel()


async def test_observers_hear_of_what_is_taken_and_of_nothing_else(buyer: SimulatedBuyer, tell: Tell) -> None:
    heard: list[Received] = []
    buyer.observers.append(heard.append)
    buyer.fail_next(1)
    await tell()
    await tell(eventId="E-2")
    assert [item.event.event_id for item in heard] == ["E-2"]


async def test_waiting_finds_what_came_before_and_what_comes_later(buyer: SimulatedBuyer, tell: Tell) -> None:
    await tell(eventId="E-1")
    assert (await buyer.wait_for(lambda item: item.event.event_id == "E-1", PATIENCE_S)).event.event_id == "E-1"
    waiting = [
        asyncio.create_task(buyer.wait_for(lambda item, wanted=wanted: item.event.event_id == wanted, PATIENCE_S))  # type: ignore[misc]
        for wanted in ("E-2", "E-3")
    ]
    later = asyncio.create_task(buyer.wait_for(lambda _: True, PATIENCE_S, since=1))
    await tell(eventId="E-2")
    await tell(eventId="E-3")
    assert [item.event.event_id for item in await asyncio.gather(*waiting, later)] == ["E-2", "E-3", "E-2"]


async def test_waiting_in_vain_tells_what_came_instead(buyer: SimulatedBuyer, tell: Tell) -> None:
    await tell()
    with pytest.raises(TimeoutError, match="came: appointmentStatusChangeEvent A-1"):
        await buyer.wait_for(lambda _: False, 0.01)


@pytest.mark.parametrize(
    ("host", "given", "callback"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:8139"),
        ("0.0.0.0", None, "http://127.0.0.1:8139"),  # noqa: S104
        ("0.0.0.0", "http://buyer:8139", "http://buyer:8139"),  # noqa: S104
    ],
)
def test_the_callback_is_an_address_that_can_be_reached(host: str, given: str | None, callback: str) -> None:
    assert SimulatedBuyer("http://bridge", "k", Irp.SONATA, host, 8139, given).callback == callback


async def test_a_slow_answer_does_not_hold_up_the_end(bridge_url: str) -> None:
    async with SimulatedBuyer(bridge_url, "k", Irp.SONATA) as buyer, ClientSession() as session:
        buyer.slow = 600
        url = buyer.callback + LISTENER.format(irp="sonata", api="appointment", kind="appointmentStatusChangeEvent")
        posting = asyncio.create_task(session.post(url, json=EVENT))
        await eventually(lambda: buyer.attempts == 1)
        async with asyncio.timeout(PATIENCE_S):
            await buyer.__aexit__()
        with pytest.raises(ServerDisconnectedError):
            await posting

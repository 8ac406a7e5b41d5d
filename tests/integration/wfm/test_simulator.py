"""The simulated WFM on a real RabbitMQ with the bridge's own consumers and command bus, and its HTTP door."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import aiohttp
import orjson
import pytest
from aio_pika.abc import AbstractChannel, AbstractQueue
from aiohttp.test_utils import unused_port

from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.simulator.wfm import SimulatedWfm
from bridge.simulator.wfm_server import serve_wfm
from bridge.wfm.consumer import InboundConsumer, ReplyConsumer
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology
from tests.integration.wfm.conftest import MakeLink, Wire
from tests.support import PATIENCE_S, eventually

pytestmark = pytest.mark.integration


class Bridge:
    """The bridge's WFM side, with handlers that only write down."""

    def __init__(self, link: RabbitLink, topology: Topology, bus: RabbitCommandBus) -> None:
        self.messages: list[WfmMessage] = []
        self.bus = bus
        self.answers: dict[str, asyncio.Future[WfmMessage]] = {}
        self.inbound = InboundConsumer(
            link,
            topology,
            "acme",
            self.hear,
            exchange="acme.wfm.events",
            bindings=("job.*",),
            clock=now,
            new_id=lambda: uuid4().hex,
            prefetch=500,
        )
        self.replies = ReplyConsumer(link, topology, self.hear_reply, clock=now)

    async def hear(self, message: WfmMessage) -> None:
        self.messages.append(message)

    async def hear_reply(self, reply: WfmMessage) -> None:
        self.answers[reply.correlation_id].set_result(reply)

    async def ask(self, **body: str) -> dict[str, object]:
        correlation_id = uuid4().hex
        answer = self.answers[correlation_id] = asyncio.get_running_loop().create_future()
        await self.bus.publish(
            BusMessage(
                pack="acme",
                exchange="acme.wfm.commands",
                routing_key="cmd.any",
                body=orjson.dumps({"REF": "R", **body}),
                content_type="application/json",
                message_id=correlation_id,
                correlation_id=correlation_id,
                reply_expected=True,
            )
        )
        parsed: dict[str, object] = orjson.loads((await asyncio.wait_for(answer, PATIENCE_S)).body)
        return parsed


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def wfm(make_link: MakeLink, topology: Topology) -> AsyncIterator[SimulatedWfm]:
    wfm = SimulatedWfm(
        (await make_link()).broker, topology.namespace, clock=lambda: datetime(2026, 3, 5, 12, tzinfo=UTC)
    )
    await wfm.start()
    yield wfm
    await wfm.stop()


@pytest.fixture
async def bridge(link: RabbitLink, topology: Topology, bus: RabbitCommandBus) -> AsyncIterator[Bridge]:
    bridge = Bridge(link, topology, bus)
    await bridge.replies.start()
    await bridge.inbound.start()
    yield bridge
    await bridge.inbound.stop()
    await bridge.replies.stop()


async def test_a_booking_goes_there_and_back(bridge: Bridge, wfm: SimulatedWfm) -> None:
    await bridge.inbound.wait_bound()
    job = await wfm.create_job()
    found = await bridge.ask(CMD="FINDSLOT", JOB_NO=job, FROM="2026-03-06 08:00", TO="2026-03-06 18:00")
    slot = found["SLOTS"][0]  # type: ignore[index]
    booked = await bridge.ask(CMD="BOOKVIS", JOB_NO=job, **{key: slot[key] for key in ("SLOT_ID", "FROM", "TO")})
    assert (booked["RC"], booked["VISIT_NO"]) == ("00", "V-0001")
    await eventually(lambda: [message.routing_key for message in bridge.messages] == ["job.new", "job.schd"])


async def test_200_bookings_at_once_are_not_serialised(bridge: Bridge, wfm: SimulatedWfm) -> None:
    """All are under way in the WFM long before it answers the first; and each gets its own answer."""
    jobs = await asyncio.gather(*(wfm.create_job() for _ in range(200)))

    async def book(job: str) -> object:
        window = {"FROM": "2026-03-06 08:00", "TO": "2026-03-06 12:00"}
        return (await bridge.ask(CMD="BOOKVIS", JOB_NO=job, SLOT_ID="", REF=job, **window))["REF"]

    wfm.reply_delay = 600
    bookings = [asyncio.create_task(book(job)) for job in jobs]
    await eventually(lambda: len(wfm.commands) == 200)
    assert not any(booking.done() for booking in bookings)
    for booking in bookings:
        booking.cancel()
    wfm.reply_delay = 0
    assert await asyncio.gather(*map(book, jobs)) == jobs


async def test_jobs_do_not_wait_for_each_others_events(
    make_link: MakeLink, topology: Topology, channel: AbstractChannel, wire: Wire
) -> None:
    """The events of many jobs are in the queue before the first is confirmed; those of one job keep their order."""
    link = await make_link(wire.url)
    wfm = SimulatedWfm(link.broker, topology.namespace)
    await wfm.start()
    collected = await channel.declare_queue(exclusive=True)
    await collected.bind(topology.exchange_name("acme.wfm.events"), "job.#")

    async def live(number: int) -> None:
        job = await wfm.create_job(job_no=f"J-{number}")
        for _ in range(9):
            await wfm.hold(job)

    wire.hold()
    lives = [asyncio.create_task(live(number)) for number in range(100)]
    await eventually(lambda: holds(collected, 100))
    assert wfm.acme.job("J-0").version == 1
    wire.release()
    await asyncio.gather(*lives)
    assert await holds(collected, 1000)
    versions: dict[str, list[int]] = {}
    for _ in range(1000):
        body = orjson.loads((await collected.get(no_ack=True)).body)
        versions.setdefault(body["JOB_NO"], []).append(body["JOB_VER"])
    assert list(versions.values()) == [list(range(1, 11))] * 100
    await wfm.stop()


async def holds(queue: AbstractQueue, messages: int) -> bool:
    return (await queue.declare()).message_count == messages


async def test_the_http_door(rabbitmq_url: str, topology: Topology, bridge: Bridge) -> None:
    """Jobs are made and played over HTTP; what cannot be done is told with a status and a sentence."""
    port = unused_port()
    server = asyncio.create_task(serve_wfm(rabbitmq_url, "127.0.0.1", port, topology.namespace, 0.0))
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            await eventually(lambda: answers(http, "/health"))
            await bridge.inbound.wait_bound()
            job = (await post(http, "/jobs", {"customer": "PL-00018", "ticket": "TT-5"}))["job_no"]
            await post(http, f"/jobs/{job}/schedule", {"from": "2026-03-06 08:00", "to": "2026-03-06 12:00"})
            await post(http, f"/jobs/{job}/start")
            await post(http, f"/jobs/{job}/no_show", {"reason": "C01"})
            await post(http, f"/jobs/{job}/raw", {"status": "XXXX", "TECH": "T999"})
            await post(http, "/raw?routing_key=job.raw", {"no": "event"}, status=202)
            await post(http, "/knobs", {"knob": "refuse_next", "cmd": "BOOKVIS", "rc": "99"})
            await post(http, "/knobs", {"knob": "break_next", "cmd": "BOOKVIS"}, status=400)
            await post(http, "/knobs", {"cmd": "BOOKVIS"}, status=400)
            await post(http, "/knobs", {"knob": "drop_next", "cmd": "BOOK"}, status=400)
            await post(http, "/knobs", {"knob": "drop_next", "cmd": "BOOKVIS", "rc": "99"}, status=400)
            await post(http, "/jobs/J-none/start", status=404)
            await post(http, f"/jobs/{job}/move", {"from": "2026-03-06 08:00", "to": "2026-03-06 12:00"}, status=409)
            await post(http, f"/jobs/{job}/dance", status=404)
            await post(http, "/jobs", {"nonsense": 1}, status=400)
            refused = await bridge.ask(CMD="BOOKVIS", JOB_NO=job, SLOT_ID="", FROM="2026-03-06 08:00", TO="x")
            shown = await get(http, f"/jobs/{job}")
            jobs, tickets, commands = [await get(http, path) for path in ("/jobs", "/tickets", "/commands")]
        assert refused["RC"] == "99"
        assert (shown["stat"], shown["active_visit"], shown["visits"][0]["status"]) == ("NOSH", None, "no-show")
        assert shown["visits"][0]["window"] == {"from": "2026-03-06 08:00", "to": "2026-03-06 12:00"}
        assert (jobs, tickets, commands[0]["CMD"]) == ([shown], {}, "BOOKVIS")
        keys = ["job.new", "job.schd", "job.wip", "job.nosh", "job.xxxx", "job.raw"]
        await eventually(lambda: [message.routing_key for message in bridge.messages] == keys)
    finally:
        server.cancel()
        with suppress(asyncio.CancelledError):
            await server


async def answers(http: aiohttp.ClientSession, path: str) -> bool:
    try:
        async with http.get(path) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def post(
    http: aiohttp.ClientSession, path: str, body: object = None, *, status: int | None = None
) -> dict[str, str]:
    async with http.post(path, json=body if body is not None else {}) as response:
        assert response.status == status or (status is None and response.ok), await response.text()
        if response.content_type != "application/json":
            return {}
        parsed: dict[str, str] = await response.json()
        return parsed


async def get(http: aiohttp.ClientSession, path: str) -> dict[str, object]:
    async with http.get(path) as response:
        parsed: dict[str, object] = await response.json()
        return parsed

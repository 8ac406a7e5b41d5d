"""The simulated WFM on a real RabbitMQ with the bridge's own consumers and command bus, and its HTTP door."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from statistics import median
from uuid import uuid4

import aiohttp
import orjson
import pytest
from aio_pika.abc import AbstractChannel
from aiohttp.test_utils import unused_port

from bridge.flows.ports import BusMessage, WfmMessage
from bridge.simulator.wfm import SimulatedWfm
from bridge.simulator.wfm_server import serve_wfm
from bridge.wfm.consumer import InboundConsumer, RawReply, ReplyConsumer
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Inbound, Topology, declare
from tests.integration.wfm.conftest import MakeLink
from tests.support import eventually

pytestmark = pytest.mark.integration


class Bridge:
    """The bridge's WFM side, with handlers that only write down."""

    def __init__(self, link: RabbitLink, topology: Topology) -> None:
        self.messages: list[WfmMessage] = []
        self.bus = RabbitCommandBus(link, topology)
        self.answers: dict[str, asyncio.Future[RawReply]] = {}
        inbound = Inbound(exchange="acme.wfm.events", bindings=("job.*",))
        self.inbound = InboundConsumer(
            link, topology, "acme", inbound, self.hear, clock=now, new_id=lambda: uuid4().hex
        )
        self.replies = ReplyConsumer(link, topology, self.hear_reply, clock=now)

    async def hear(self, message: WfmMessage) -> None:
        self.messages.append(message)

    async def hear_reply(self, reply: RawReply) -> None:
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
        parsed: dict[str, object] = orjson.loads((await asyncio.wait_for(answer, 20)).body)
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
async def bridge(link: RabbitLink, topology: Topology) -> AsyncIterator[Bridge]:
    bridge = Bridge(link, topology)
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


async def best_of_three(measure: Callable[[], Awaitable[float]], good: float) -> float:
    """The lowest measurement, taken again only while it is not good: other work on the machine is not tested."""
    lowest = await measure()
    for _ in range(2):
        if lowest >= good:
            lowest = min(lowest, await measure())
    return lowest


async def test_200_bookings_at_once_are_not_serialised(bridge: Bridge, wfm: SimulatedWfm) -> None:
    """With 200 ms in the WFM, the median of 200 at once is within 3 times of one alone."""
    wfm.reply_delay = 0.2

    async def book(job: str) -> float:
        began = time.monotonic()
        await bridge.ask(CMD="BOOKVIS", JOB_NO=job, SLOT_ID="", FROM="2026-03-06 08:00", TO="2026-03-06 12:00")
        return time.monotonic() - began

    async def ratio() -> float:
        jobs = await asyncio.gather(*(wfm.create_job() for _ in range(201)))
        alone = await book(jobs[0])
        at_once = median(await asyncio.gather(*map(book, jobs[1:])))
        print(f"one booking alone {alone * 1000:.0f} ms, median of 200 at once {at_once * 1000:.0f} ms")  # noqa: T201
        return at_once / alone

    assert await best_of_three(ratio, 3) < 3


async def test_20000_events_are_published_fast(
    wfm: SimulatedWfm, link: RabbitLink, topology: Topology, channel: AbstractChannel
) -> None:
    """2,000 jobs of 10 events each, confirmed by the bridge's own quorum queue, in less than 10 s (2,000 a second)."""
    queue = topology.inbound_queue("acme")
    await declare(link, topology, queue)
    collected = await channel.get_queue(queue.name)
    await collected.bind(topology.exchange_name("acme.wfm.events"), "job.#")

    async def live() -> None:
        job = await wfm.create_job()
        for _ in range(9):
            await wfm.hold(job)

    async def seconds() -> float:
        await collected.purge()
        began = time.monotonic()
        await asyncio.gather(*(live() for _ in range(2000)))
        took = time.monotonic() - began
        print(f"{20_000 / took:.0f} events a second")  # noqa: T201
        return took

    assert await best_of_three(seconds, 10) < 10
    assert (await collected.declare()).message_count == 20_000


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

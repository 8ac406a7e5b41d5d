"""From a WFM's event to the Buyer's webhook at 10, 40 and 100 events a second, against one AMQP hop and one POST.

A running bridge (`serve`) and, in turns with it, a process of its own that takes the same bytes from a quorum queue as
the bridge's, posts them to the same listener and acks. Each event is the first one of a job: the bridge makes a
WorkOrder of it, tells the Buyer, and sends the WFM a ticket status. The clock runs from before the publish until the
listener has the request. Events come at their times, whatever became of those before.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import aio_pika
import uvloop
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from aiohttp import ClientSession, web

from benchmarks.aims import AT_MOST, ROUNDS, Aim
from benchmarks.lab import DATABASES, ROOT, Lab, channel, cpu_seconds, lab, percentile, table, until
from benchmarks.messages import event
from bridge.localenv.process import free_port

RATES: Final = {10: 60, 40: 160, 100: 400}
"""Events a second, and how many of them a round has."""
WARM_UP: Final = 50
JUDGED: Final = 100  # events a second at which the goals count
MOST_P50, MOST_P99 = 2.5, 4.0
DEADLINE_S = 60
API: Final = "/mefApi/sonata/workOrderManagement/v2"
HEADERS = {"Authorization": "Bearer acme-buyer-key"}
TICKET: Final = re.compile(r"TT-(\d+)")
WORK_ORDER: Final = re.compile(rb'"event"\s*:\s*{[^}]*?"id"\s*:\s*"([^"]+)"')

_jobs = count(1)

Publish = Callable[[bytes], Awaitable[object]]


@dataclass(slots=True)
class Listener:
    """The Buyer's listener: notes when what first arrived, by WorkOrder (the bridge) or by job (the baseline)."""

    url: str
    arrived: dict[str, float] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        """Answer 204."""
        moment = time.perf_counter()
        body = await request.read()
        found = WORK_ORDER.search(body)
        self.arrived.setdefault(found[1].decode() if found else TICKET.findall(body.decode())[0], moment)
        return web.Response(status=204)


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Run the listener in this process, whose clock times both ends."""
    listener = Listener(f"http://127.0.0.1:{(port := free_port())}")
    app = web.Application()
    app.router.add_post("/{path:.*}", listener.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield listener
    finally:
        await runner.cleanup()


async def relay(broker_url: str, queue: str, url: str) -> None:
    """The baseline: take, post, ack."""
    async with await aio_pika.connect(broker_url) as connection, ClientSession() as session:
        own = await connection.channel()
        await own.set_qos(prefetch_count=500)

        async def take(message: AbstractIncomingMessage) -> None:
            async with session.post(url, data=message.body) as response:
                assert response.status == 204
            await message.ack()

        await (await own.get_queue(queue)).consume(take)
        await asyncio.Event().wait()


@asynccontextmanager
async def relaying(made: Lab, own: AbstractChannel, listener: Listener) -> AsyncIterator[AbstractExchange]:
    """Run the baseline's process; gives the exchange to publish to."""
    name = f"{made.namespace}bare"
    queue = await own.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
    exchange = await own.declare_exchange(f"{made.namespace}bare", "fanout", auto_delete=True)
    await queue.bind(exchange)
    command = [sys.executable, "-m", "benchmarks.latency", made.broker_url, name, listener.url]
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: ASYNC220, S603 - our own program, at the start
        try:

            async def is_consumed() -> bool:
                passive = await own.declare_queue(name, passive=True)
                return bool(passive.declaration_result.consumer_count)

            await until(is_consumed, DEADLINE_S)
            yield exchange
        finally:
            process.terminate()


async def at_rate(rate: int, events: int, publish: Publish) -> dict[str, float]:
    """Publish the first event of so many new jobs, each at its time; gives the moments of publication, by job."""
    sent: dict[str, float] = {}
    begun = time.perf_counter()
    for number in range(events):
        job = next(_jobs)
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        sent[str(job)] = time.perf_counter()
        await publish(event(job, 1, "NEW", visit=False))
    return sent


@dataclass(slots=True)
class Side:
    """The bridge or the baseline: how to publish to it, and what came of it, by rate."""

    publish: Publish
    listener: Listener
    sent: dict[int, dict[str, float]] = field(default_factory=dict)

    async def round(self, rate: int, events: int) -> None:
        """Publish, and wait until all have arrived."""
        before = len(self.listener.arrived)
        sent = await at_rate(rate, events, self.publish)
        self.sent.setdefault(rate, {}).update(sent)

        async def all_there() -> bool:
            return len(self.listener.arrived) >= before + events

        await until(all_there, DEADLINE_S)

    def took(self, rate: int, job_of: dict[str, str]) -> list[float]:
        """Give the seconds that each event was on its way."""
        sent, arrived = self.sent[rate], self.listener.arrived
        return [arrived[key] - sent[job] for key, job in job_of.items() if job in sent]


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each event, by rate; `cpu` is what the bridge worked for each at the judged rate."""

    ours: dict[int, list[float]]
    theirs: dict[int, list[float]]
    cpu: float


async def measure(made: Lab, rates: Mapping[int, int] = RATES) -> Measured:
    """Let bridge and baseline take turns."""
    async with (
        channel(made.broker_url) as wfm,
        listening() as heard,
        listening() as bare,
        relaying(made, wfm, bare) as queue,
    ):
        events = await wfm.declare_exchange(f"{made.namespace}acme.wfm.events", "topic", durable=True)
        commands = await wfm.declare_exchange(f"{made.namespace}acme.wfm.commands", "topic", durable=True)
        await (await wfm.declare_queue(f"{made.namespace}acme.wfm.commands", durable=True)).bind(commands, "cmd.#")
        bridge = Side(lambda body: events.publish(_message(body), "job.new"), heard)
        baseline = Side(lambda body: queue.publish(_message(body), ""), bare)
        async with (
            made.bridge(BRIDGE_DELIVERY_ALLOW_PRIVATE_CALLBACKS="true") as process,
            ClientSession(made.url, headers=HEADERS) as session,
        ):
            await _register(session, heard)
            for side in (bridge, baseline):
                await side.round(JUDGED, WARM_UP)
                side.sent.clear()
            worked = 0.0
            for _ in range(ROUNDS):
                for rate, number in rates.items():
                    before = cpu_seconds(process)
                    await bridge.round(rate, number)
                    worked += cpu_seconds(process) - before if rate == JUDGED else 0.0
                    await baseline.round(rate, number)
            orders = await _work_orders(session)
        own = {job: job for job in bare.arrived}
        return Measured(
            {rate: bridge.took(rate, orders) for rate in rates},
            {rate: baseline.took(rate, own) for rate in rates},
            worked / (ROUNDS * RATES[JUDGED]),
        )


def _message(body: bytes) -> aio_pika.Message:
    return aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)


async def _register(session: ClientSession, listener: Listener) -> None:
    async with session.post(f"{API}/hub", json={"callback": listener.url}) as response:
        assert response.status == 201, await response.text()


async def _work_orders(session: ClientSession) -> dict[str, str]:
    """Tell the job of each WorkOrder, by its ticket."""
    found: dict[str, str] = {}
    while True:
        params = {"limit": "1000", "offset": str(len(found))}
        async with session.get(f"{API}/workOrder", params=params) as response:
            items = await response.json()
        if not items:
            return found
        for item in items:
            async with session.get(f"{API}/workOrder/{item['id']}") as response:
                found[item["id"]] = TICKET.findall(await response.text())[0]


def rows_of(database: str, found: Measured) -> list[Sequence[object]]:
    """Make the rows of the table, one for each rate."""
    rows: list[Sequence[object]] = []
    for rate in RATES:
        for percent, most in ((50, MOST_P50), (99, MOST_P99)):
            ours, theirs = (1000 * percentile(each[rate], percent) for each in (found.ours, found.theirs))
            goal = f"<= {most}" if rate == JUDGED else ""
            verdict = ("met" if ours / theirs <= most else "missed") if goal else ""
            cpu: object = 1000 * found.cpu if rate == JUDGED else ""
            rows.append((database, rate, f"p{percent}", ours, theirs, ours / theirs, goal, verdict, cpu))
    return rows


def goals_of(database: str, found: Measured) -> list[Aim]:
    """Make what is judged of it."""
    goals = []
    for percent, most in ((50, MOST_P50), (99, MOST_P99)):
        ours, theirs = (1000 * percentile(each[JUDGED], percent) for each in (found.ours, found.theirs))
        work = f"event → webhook at {JUDGED}/s, p{percent}"
        goals.append(Aim(work, database, "hop + POST", "ms", theirs, ours, AT_MOST, most, None, 1000 * found.cpu))
    return goals


async def judged() -> list[Aim]:
    """Measure at the judged rate only."""
    goals: list[Aim] = []
    for database in DATABASES:
        async with lab(database) as made:
            goals += goals_of(database, await measure(made, {JUDGED: RATES[JUDGED]}))
    return goals


async def _run() -> bool:
    rows: list[Sequence[object]] = []
    for database in DATABASES:
        async with lab(database) as made:
            rows += rows_of(database, await measure(made))
    heads = ("database", "events/s", "", "bridge ms", "hop + POST ms", "ratio", "goal", "", "CPU ms an event")
    table("From event to webhook", heads, rows)
    return not any("missed" in row for row in rows)


def main() -> bool:
    """Run and print; tell whether the goals were met. With arguments, be the baseline."""
    if len(sys.argv) > 1:
        uvloop.run(relay(*sys.argv[1:4]))
        return True
    return uvloop.run(_run())


if __name__ == "__main__":
    sys.exit(0 if main() else 1)

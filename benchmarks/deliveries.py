"""Notifications to one listener and to 50, against bare aiohttp that posts the same body as often.

The delivery worker on a real store; the listeners are one process that answers 204. Every notification is about an
object of its own, so that the order per object holds nothing up.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count, pairwise
from random import Random

import uvloop
from aiohttp import ClientSession, web

from benchmarks.aims import AT_LEAST, ROUNDS, Aim, Took, rate_of, show
from benchmarks.lab import DATABASES, ROOT, answers, lab, stopwatch
from bridge.delivery.sender import open_sender
from bridge.delivery.webhook import prepare
from bridge.delivery.worker import DeliveryWorker
from bridge.domain.model import BuyerId, Notification
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Delivery
from bridge.localenv.process import free_port
from bridge.mef.enums import Api, EventType, Irp
from bridge.settings import DeliverySettings
from bridge.store import SqlStore, open_store
from bridge.telemetry import configure_logging

DELIVERIES = 2_000
LISTENERS = (1, 50)
LEAST_RATIO = 0.35
DEADLINE_S = 120
LOOK_EVERY_S = 0.02
BUYER = BuyerId("acme-buyer")
SETTINGS = DeliverySettings(allow_private_callbacks=True)
SELLER = "http://127.0.0.1:8137"

_ids = count(1)


def _new_id() -> str:
    return f"bench-{next(_ids):08d}"


def _now() -> datetime:
    return datetime.now(UTC)


def _listen(port: int) -> None:
    """The listeners' process: answers 204 to everything, and counts."""
    received = 0

    async def take(request: web.Request) -> web.Response:
        nonlocal received
        if request.method == "GET":
            return web.json_response(received)
        await request.read()
        received += 1
        return web.Response(status=204)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


@asynccontextmanager
async def listeners() -> AsyncIterator[str]:
    """Run the listeners' process and give its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "benchmarks.deliveries", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: ASYNC220, S603 - our own program, at the start
        try:
            await answers(url, process)
            yield url
        finally:
            process.terminate()


def subscription(url: str, number: int) -> Subscription:
    """Make the registration of one listener."""
    return Subscription(
        id=SubscriptionId(f"listener-{number}"),
        api=Api.WORK_ORDER,
        irp=Irp.SONATA,
        buyer=BUYER,
        callback=f"{url}/{number}",
        query=None,
        event_types=frozenset(EventType),
        created_at=_now(),
    )


async def through_the_bridge(store: SqlStore, url: str, listening: int) -> float:
    """Give the seconds from the first claim to the last delivery that was answered and settled."""
    for number in range(listening):
        await store.listeners.add(subscription(url, number))
    events = [
        Notification(EventType.WORK_ORDER_STATE_CHANGE, f"wo-{number}", BUYER)
        for number in range(DELIVERIES // listening)
    ]
    async with store.transaction() as tx:
        await tx.notify(events, _now(), "corr-bench")
    sender = partial(open_sender, SETTINGS, _now)
    worker = DeliveryWorker(store.deliveries, sender, SETTINGS, _now, Random(1), SELLER)
    store.deliveries.on_due = worker.wake
    store.deliveries.taker = worker
    with stopwatch() as elapsed:
        running = asyncio.create_task(worker.run())
        async with asyncio.timeout(DEADLINE_S):
            while await store.deliveries.next_at() is not None:  # noqa: ASYNC110 - the last settlement tells nobody
                await asyncio.sleep(LOOK_EVERY_S)
        seconds = elapsed()
    running.cancel()
    await asyncio.wait([running])
    return seconds


async def bare(url: str) -> float:
    """Give the seconds aiohttp takes to post the same message, as many at a time."""
    delivery = Delivery(
        number=1,
        event_id=_new_id(),
        event_type=EventType.WORK_ORDER_STATE_CHANGE,
        event_time=_now(),
        resource_id="wo-1",
        subscription=subscription(url, 0),
        attempts=0,
        correlation_id="corr-bench",
        claimed_at=_now(),
    )
    message = prepare(delivery, SELLER)
    left = iter(range(DELIVERIES))

    async def post(session: ClientSession) -> None:
        for _ in left:
            async with session.post(message.url, data=message.body, headers=message.headers) as response:
                assert response.status == 204

    async with ClientSession() as session:
        with stopwatch() as elapsed:
            await asyncio.gather(*(post(session) for _ in range(SETTINGS.concurrency)))
            return elapsed()


async def _received(url: str) -> int:
    async with ClientSession() as session, session.get(url) as response:
        return int(await response.text())


async def _turn(database: str, listening: int) -> tuple[Took, Took]:
    """Let the bridge deliver, and then aiohttp."""
    async with lab(database) as made, listeners() as url:
        store = await open_store(made.database_url, new_id=_new_id)
        worked = [time.process_time()]
        try:
            ours = await through_the_bridge(store, url, listening)
        finally:
            await store.close()
        assert await _received(url) == DELIVERIES, "each one once"
        worked.append(time.process_time())
        theirs = await bare(url)
        worked.append(time.process_time())
    cpu = [after - before for before, after in pairwise(worked)]
    return Took(ours, cpu[0]), Took(theirs, cpu[1])


async def measure(rounds: int = ROUNDS) -> list[Aim]:
    """Let them take turns; the median of the rounds counts."""
    goals = []
    for database in DATABASES:
        for listening in LISTENERS:
            turns = [await _turn(database, listening) for _ in range(rounds)]
            ours, theirs = ([turn[side] for turn in turns] for side in (0, 1))
            (rate, cpu), (base, least) = (rate_of(DELIVERIES, found) for found in (ours, theirs))
            work = f"webhooks, {listening} listener{'s' if listening > 1 else ''}"
            goals.append(Aim(work, database, "bare aiohttp", "a second", base, rate, AT_LEAST, LEAST_RATIO, least, cpu))
    return goals


def main() -> list[Aim]:
    """Run and print; with a port as argument, be the listeners."""
    if len(sys.argv) > 1:
        _listen(int(sys.argv[1]))
        return []
    configure_logging("json", "warning")  # as little as the other benchmarks let the bridge say
    goals = uvloop.run(measure())
    show(f"{DELIVERIES:,} notifications, {SETTINGS.concurrency} at a time", goals)
    return goals


if __name__ == "__main__":
    main()

"""Twenty healthy Buyers alone, and beside one whose listener hangs and one whose listener takes two seconds.

The delivery worker on a real store; all listeners are one process of their own. The healthy ones hear of 100 events a
second; the two others have a backlog of events about 500 objects each, all due at once. Phases without and with them
take turns within one run, so that whatever else the machine does is in both. What counts is the time from the commit of
an event to its arrival at a healthy listener.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from random import Random

import uvloop
from aiohttp import ClientSession, web

from benchmarks.lab import DATABASES, ROOT, answers, lab, percentile, table
from bridge.delivery.sender import open_sender
from bridge.delivery.worker import DeliveryWorker
from bridge.domain.model import BuyerId, Notification
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.localenv.process import free_port
from bridge.mef.enums import Api, EventType, Irp
from bridge.settings import DeliverySettings
from bridge.store import SqlStore, open_store
from bridge.telemetry import configure_logging

HEALTHY = 20
BACKLOG = 500  # objects of each of the two others
EVERY_S = 0.01  # an event for one of the healthy ones
PHASE_S = 4.0
ROUNDS = 3
SLOW_S = 2.0
OTHERS = ("hangs", "slow")
DEADLINE_S = 60
MOST_RATIO = 1.5
SETTINGS = DeliverySettings(allow_private_callbacks=True)


class Ids:
    """Makes ids; `last` is the newest one."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.last = ""

    def __call__(self) -> str:
        self.last = f"iso-{next(self._numbers):08d}"
        return self.last


def _now() -> datetime:
    return datetime.now(UTC)


def _listen(port: int) -> None:
    """The listeners' process: takes, hangs, or is slow, as the path says; keeps when what arrived at healthy ones."""
    arrived: dict[str, float] = {}

    async def take(request: web.Request) -> web.Response:
        moment = time.time()
        body = await request.json()
        kind = request.match_info["kind"]
        if kind == "hangs":
            await asyncio.Event().wait()
        elif kind == "slow":
            await asyncio.sleep(SLOW_S)
        else:
            arrived[body["eventId"]] = moment
        return web.Response(status=204)

    async def tell(_: web.Request) -> web.Response:
        told = web.json_response(arrived)
        arrived.clear()
        return told

    app = web.Application()
    app.router.add_get("/", tell)
    app.router.add_post("/{kind}/{rest:.*}", take)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, shutdown_timeout=0.1)


@asynccontextmanager
async def listeners() -> AsyncIterator[str]:
    """Run the listeners' process and give its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "benchmarks.isolation", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: ASYNC220, S603 - our own program, at the start
        try:
            await answers(url, process)
            yield url
        finally:
            process.terminate()


@dataclass(slots=True)
class Run:
    """One run: its store, and where the listeners are."""

    store: SqlStore
    ids: Ids
    url: str

    async def register(self, buyer: str, kind: str) -> SubscriptionId:
        """Register a listener of that kind."""
        listener = Subscription(
            id=SubscriptionId(self.ids()),
            api=Api.WORK_ORDER,
            irp=Irp.SONATA,
            buyer=BuyerId(buyer),
            callback=f"{self.url}/{kind}/{buyer}",
            query=None,
            event_types=frozenset(EventType),
            created_at=_now(),
        )
        await self.store.listeners.add(listener)
        return listener.id

    async def announce(self, buyer: str, events: int = 1) -> tuple[str, float]:
        """Commit events, each about an object of its own; give the last one's id, and when it was committed."""
        news = [Notification(EventType.WORK_ORDER_STATE_CHANGE, self.ids(), BuyerId(buyer)) for _ in range(events)]
        async with self.store.transaction() as tx:
            await tx.notify(news, _now(), "corr-bench")
        return self.ids.last, time.time()

    async def behind(self, kind: str) -> SubscriptionId:
        """Register a listener of a Buyer of its own, and let a backlog pile up, of which nothing is sent as yet."""
        listener = await self.register(kind, kind)
        await self.store.listeners.disable(listener, "it is to begin with a backlog", _now())
        await self.announce(kind, BACKLOG)
        return listener

    async def phase(self, *, beside_others: bool) -> list[float]:
        """Let the healthy ones hear of events for a while; give the seconds that each was on its way."""
        others = [await self.behind(kind) for kind in OTHERS] if beside_others else []
        for listener in others:
            await self.store.listeners.enable(listener, _now())
        committed: dict[str, float] = {}
        for number in range(int(PHASE_S / EVERY_S)):
            event_id, moment = await self.announce(f"healthy-{number % HEALTHY}")
            committed[event_id] = moment
            await asyncio.sleep(EVERY_S)
        for listener in others:
            await self.store.listeners.remove(listener)
        arrived = await self._arrived(len(committed))
        return [arrived[event_id] - moment for event_id, moment in committed.items()]

    async def _arrived(self, wanted: int) -> dict[str, float]:
        found: dict[str, float] = {}
        async with asyncio.timeout(DEADLINE_S), ClientSession() as session:
            while len(found) < wanted:
                async with session.get(self.url) as response:
                    found |= await response.json()
                await asyncio.sleep(EVERY_S)
        return found


async def measure(database: str) -> tuple[list[float], list[float]]:
    """Give the seconds that events were on their way, alone and beside the others."""
    async with lab(database) as made, listeners() as url:
        ids = Ids()
        store = await open_store(made.database_url, new_id=ids)
        run = Run(store, ids, url)
        for number in range(HEALTHY):
            await run.register(f"healthy-{number}", "healthy")
        worker = DeliveryWorker(
            store.deliveries, partial(open_sender, SETTINGS, _now), SETTINGS, _now, Random(1), "http://127.0.0.1:8137"
        )
        store.deliveries.on_due = worker.wake
        store.deliveries.taker = worker
        running = asyncio.create_task(worker.run())
        alone: list[float] = []
        beside: list[float] = []
        await run.phase(beside_others=False)  # warms up
        for _ in range(ROUNDS):
            alone += await run.phase(beside_others=False)
            beside += await run.phase(beside_others=True)
        running.cancel()
        await asyncio.wait([running])
        await store.close()
        return alone, beside


async def _run() -> bool:
    rows = []
    ratios = []
    for database in DATABASES:
        alone, beside = await measure(database)
        ratios.append(percentile(beside, 99) / percentile(alone, 99))
        figures = [1000 * percentile(each, percent) for percent in (50, 99) for each in (alone, beside)]
        rows.append((database, *figures, ratios[-1], MOST_RATIO))
    heads = ("database", "p50 ms alone", "p50 ms beside", "p99 ms alone", "p99 ms beside", "p99 ratio", "at most")
    table(f"{HEALTHY} healthy Buyers alone, and beside one that hangs and one that is slow", heads, rows)
    return max(ratios) <= MOST_RATIO


def main() -> bool:
    """Run and print; tell whether the healthy ones were left alone. With a port as argument, be the listeners."""
    if len(sys.argv) > 1:
        _listen(int(sys.argv[1]))
        return True
    configure_logging("json", "error")  # the others' failures are warnings
    return uvloop.run(_run())


if __name__ == "__main__":
    sys.exit(0 if main() else 1)

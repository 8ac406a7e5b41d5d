"""A Buyer is away for an hour: nothing is given up, nobody else waits, and when he is back he is not run over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from bridge.delivery.shares import RESTS, SHARE
from bridge.delivery.webhook import Webhook
from bridge.delivery.worker import DeliveryWorker
from bridge.domain.model import BuyerId
from bridge.domain.retry import Answered, SendResult, TimedOut
from bridge.flows.ports.subscription import SubscriptionId
from bridge.settings import DeliverySettings
from tests.unit.delivery.factories import delivery, subscription
from tests.unit.delivery.memory_store import MemoryStore
from tests.unit.delivery.simulated_time import passes, run

HOUR_S = 3600.0
BACKLOG = 120
TAKES_S = 0.05
SETTINGS = DeliverySettings()
BEGAN = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


class Buyers:
    """One is away for an hour, which shows as `away`; the other one answers at once, always."""

    def __init__(self, away: SendResult, takes_s: float) -> None:
        self._away = away
        self._away_takes_s = takes_s
        self.at_once = 0
        self.tried: list[tuple[float, int]] = []  # when, and how many were under way then, itself included
        self.healthy: list[float] = []  # when it was told

    async def send(self, _: Webhook, buyer: BuyerId) -> SendResult:
        now = asyncio.get_running_loop().time()
        if buyer == "healthy":
            self.healthy.append(now)
            return Answered(204)
        self.at_once += 1
        self.tried.append((now, self.at_once))
        is_away = now < HOUR_S
        await passes(self._away_takes_s if is_away else TAKES_S)
        self.at_once -= 1
        return self._away if is_away else Answered(204)


async def an_hour_and_more(buyers: Buyers, store: MemoryStore) -> float:
    """Deliver until nothing is left; give when that was. Each minute the healthy one has something to hear."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        yield buyers

    def clock() -> datetime:
        return BEGAN + timedelta(seconds=asyncio.get_running_loop().time())

    worker = DeliveryWorker(store, opened, SETTINGS, clock, Random(1), "http://bridge")
    working = asyncio.create_task(worker.run())
    healthy = subscription(id=SubscriptionId("healthy"), buyer=BuyerId("healthy"))
    for minute in range(60):
        await passes(60)
        store.add(delivery(BACKLOG + 1 + minute, healthy, f"wo-{BACKLOG + 1 + minute}"))
        worker.wake()
    while "pending" in store.states():
        await passes(10)
    working.cancel()
    await asyncio.wait([working])
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(("away", "takes_s"), [(Answered(503), 0.1), (TimedOut("no answer within 10 s"), 10.0)])
def test_a_buyer_who_was_away_for_an_hour_gets_all_and_is_not_run_over(away: SendResult, takes_s: float) -> None:
    buyers = Buyers(away, takes_s)
    store = MemoryStore(*(delivery(number, subscription(), f"wo-{number}") for number in range(1, BACKLOG + 1)))
    ended = run(an_hour_and_more(buyers, store))
    assert set(store.states()) == {"delivered"}
    assert ended < HOUR_S + SETTINGS.schedule_seconds[4] * (1 + SETTINGS.jitter)  # none was tried more than four times

    while_away = [at for at, _ in buyers.tried if at < HOUR_S]
    assert len(while_away) < 3 * HOUR_S / RESTS.longest  # its backlog was not tried piece by piece
    back = [under_way for at, under_way in buyers.tried if at >= HOUR_S]
    assert back[:2] == [1, 1]  # one at first, and more as it takes them
    assert max(back) <= SETTINGS.concurrency // SHARE
    assert len(buyers.healthy) == 60
    assert all(at % 60 < 1 for at in buyers.healthy)  # the other one was told when there was something to tell

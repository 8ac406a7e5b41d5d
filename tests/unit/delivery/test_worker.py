"""The worker against real listeners: order, side-by-side delivery, retries, and a store that comes and goes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import structlog
from aiohttp import web

from bridge.backoff import Backoff
from bridge.delivery import shares
from bridge.delivery import worker as worker_module
from bridge.delivery.access import Access
from bridge.delivery.sender import NOBODY, open_sender
from bridge.delivery.worker import DeliveryWorker
from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.ports.webhook_delivery import Delivery, DeliverySettlement, DeliveryState
from bridge.settings import DeliverySettings
from tests.support import PATIENCE_S, eventually
from tests.unit.delivery.factories import delivery, subscription
from tests.unit.delivery.listener import Answer, Listener, Received, accept, hang, listening, statuses
from tests.unit.delivery.memory_store import MemoryStore
from tests.unit.delivery.test_status_line import answering

FAST = DeliverySettings(
    allow_private_callbacks=True,
    schedule_seconds=(0, 0.02, 0.02, 0.02),
    jitter=0,
    timeout_seconds=PATIENCE_S,
    concurrency=8,
)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits that a test would have to sit through."""
    monkeypatch.setattr(shares, "RESTS", Backoff(0.01, 0.02))
    monkeypatch.setattr(shares, "BRISK_WITHIN_S", PATIENCE_S)
    monkeypatch.setattr(worker_module, "STORE_RETRIES", Backoff(0.01, 30.0))
    monkeypatch.setattr("bridge.loops.SHORTEST_LOOK_S", 0.01)
    monkeypatch.setattr("bridge.loops.TROUBLE_S", 0.01)
    monkeypatch.setattr(worker_module, "GRACE_S", 0.2)


@asynccontextmanager
async def running(
    store: MemoryStore,
    settings: DeliverySettings = FAST,
    clock: Callable[[], datetime] = now,
    access: Mapping[BuyerId, Access] = NOBODY,
) -> AsyncIterator[DeliveryWorker]:
    """Run a worker; at the end it must stop by being cancelled, and by nothing else."""
    worker = DeliveryWorker(
        store, lambda: open_sender(settings, clock, access), settings, clock, Random(1), "http://bridge"
    )
    store.on_due = worker.wake
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), task.exception()


def to(listener: Listener, name: str = "sub-1", buyer: str = "acme-buyer") -> Any:
    return subscription(listener.callback, id=SubscriptionId(name), buyer=BuyerId(buyer))


def events(listener: Listener) -> list[str]:
    return [json.loads(received.body)["eventId"] for received in listener.received]


async def all_settled(store: MemoryStore) -> None:
    await eventually(lambda: "pending" not in store.states())


async def test_a_notification_arrives_at_its_path_and_is_settled() -> None:
    async with listening() as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store):
            await all_settled(store)
    (received,) = listener.received
    assert received.path == "/cb/mefApi/sonata/workOrderNotification/v2/listener/workOrderStateChangeEvent"
    assert received.headers["X-Correlation-ID"] == "correlation-1"
    assert received.body == (
        b'{"eventId":"event-1","eventTime":"2026-03-05T12:04:05.678Z","eventType":"workOrderStateChangeEvent",'
        b'"event":{"id":"wo-1","href":"http://bridge/mefApi/sonata/workOrderManagement/v2/workOrder/wo-1"}}'
    )
    row = store.rows[1]
    (attempt,) = row.attempts
    assert row.state is DeliveryState.DELIVERED
    assert (attempt.status, attempt.error) == (204, None)
    assert attempt.elapsed > 0
    assert store.leases == [timedelta(seconds=2 * FAST.timeout_seconds)]


async def test_notifications_of_one_resource_keep_their_order_through_retries() -> None:
    async with listening(statuses(500, 204, 500, 204)) as listener:
        store = MemoryStore(*(delivery(number, to(listener)) for number in range(1, 6)))
        async with running(store):
            await all_settled(store)
    assert events(listener) == ["event-1", "event-1", "event-2", "event-2", "event-3", "event-4", "event-5"]


async def test_resources_of_one_listener_go_side_by_side_within_its_share() -> None:
    async with listening(hang) as listener:
        store = MemoryStore(*(delivery(number, to(listener), f"wo-{number}") for number in range(1, 9)))
        async with running(store):
            await eventually(lambda: listener.now == 2)
            listener.released.set()
            await all_settled(store)
    assert listener.most_at_once == FAST.concurrency // 4


async def test_a_retry_is_the_same_event_and_is_recorded() -> None:
    async with listening(statuses(503, 500, 204)) as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store):
            await all_settled(store)
    assert len({received.body for received in listener.received}) == 1
    assert [attempt.status for attempt in store.rows[1].attempts] == [503, 500, 204]


async def test_the_last_failure_discards_with_its_reason() -> None:
    async with listening(statuses(500)) as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store):
            await all_settled(store)
    row = store.rows[1]
    assert row.state is DeliveryState.DISCARDED
    assert [attempt.error for attempt in row.attempts] == [None, None, None, "given up after 4 attempts"]


@pytest.mark.parametrize(
    ("answer", "recorded"),
    [
        (b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n", 600),
        (b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n", 302),
        (b"HTTP/1.1 500\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 500),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", None),
        (b"<html>OK</html>", None),
    ],
)
async def test_an_odd_answer_is_recorded_to_the_last_attempt_and_then_it_is_the_turn_of_the_next(
    answer: bytes, recorded: int | None
) -> None:
    async with answering(answer) as url:
        store = MemoryStore(*(delivery(number, subscription(url)) for number in (1, 2)))
        async with running(store):
            await all_settled(store)
    attempts = len(FAST.schedule_seconds)
    for row in store.rows.values():
        assert row.state is DeliveryState.DISCARDED
        assert [attempt.status for attempt in row.attempts] == [recorded] * attempts
    assert [each.number for each in store.settlements] == [1] * attempts + [2] * attempts


async def test_a_listener_that_is_gone_is_disabled_and_the_operator_told() -> None:
    async with listening(statuses(410)) as listener:
        store = MemoryStore(delivery(1, to(listener)), delivery(2, to(listener)))
        with structlog.testing.capture_logs() as lines:
            async with running(store):
                await eventually(lambda: store.disabled)
    (attempt,) = store.rows[1].attempts
    assert (attempt.status, attempt.error) == (410, "the listener says that it is gone (410)")
    assert store.states() == ["pending", "pending"]
    assert store.disabled == {"sub-1": "the listener says that it is gone (410)"}
    (told,) = [line for line in lines if line["event"] == "listener.disabled"]
    assert (told["log_level"], told["listener"], told["buyer"]) == ("error", "sub-1", "acme-buyer")
    assert told["because"] == "the listener says that it is gone (410)"
    assert len(listener.received) == 1


@pytest.mark.parametrize(
    ("headers", "wait"), [({"Retry-After": "900"}, 900), ({"Retry-After": "99999"}, 3600), ({}, 60)]
)
async def test_retry_after_moves_the_next_attempt(headers: dict[str, str], wait: float) -> None:
    async with listening(statuses(429, headers=headers)) as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store):
            await eventually(lambda: store.rows[1].attempts)
    assert (store.rows[1].due - now()).total_seconds() == pytest.approx(wait, abs=5)
    assert len(listener.received) == 1


async def test_a_timeout_is_recorded_and_waits_a_minute() -> None:
    settings = FAST.model_copy(update={"timeout_seconds": 0.05})
    async with listening(hang) as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store, settings):
            await eventually(lambda: store.rows[1].attempts)
    (attempt,) = store.rows[1].attempts
    assert (attempt.status, attempt.error) == (None, "no answer within 0.05 s")
    assert (store.rows[1].due - now()).total_seconds() == pytest.approx(60, abs=5)


async def test_a_refused_callback_is_an_attempt_like_any_other() -> None:
    async with listening() as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store, FAST.model_copy(update={"allow_private_callbacks": False})):
            await all_settled(store)
    assert listener.received == []
    assert [attempt.error for attempt in store.rows[1].attempts][-1] == (
        "given up after 4 attempts; callback refused: 'http' is not allowed, only https"
    )


async def test_a_dead_listener_never_delays_another() -> None:
    async with listening(hang) as dead, listening() as alive:
        flood = [delivery(number, to(dead, "dead"), f"wo-{number}") for number in range(1, 101)]
        store = MemoryStore(*flood)
        async with running(store) as worker:
            await eventually(lambda: dead.now == 2)
            store.add(*(delivery(number, to(alive, "alive"), f"wo-{number}") for number in range(101, 111)))
            worker.wake()
            await eventually(lambda: len(alive.received) == 10)
            assert dead.most_at_once == 2
            assert set(store.states()[:100]) == {"pending"}


async def test_a_listener_that_fails_gets_one_sender_until_it_answers_again() -> None:
    slow = {"on": True}

    async def fail(listener: Listener, _request: Received) -> web.StreamResponse:
        if slow["on"]:
            await listener.released.wait()
        return web.Response(status=500 if slow["on"] else 204)

    async with listening(fail) as listener:
        settings = FAST.model_copy(update={"schedule_seconds": (0, *[0.02] * 50)})
        store = MemoryStore(*(delivery(number, to(listener), f"wo-{number}") for number in range(1, 7)))
        async with running(store, settings) as worker:
            await eventually(lambda: listener.now == 2)
            listener.released.set()
            await eventually(lambda: sum(len(row.attempts) for row in store.rows.values()) >= 4)
            listener.released.clear()
            await eventually(lambda: listener.now == 1)
            for _ in range(100):  # due are all of them, and it is told to look
                worker.wake()
                await asyncio.sleep(0)
                assert len(worker._tasks) == 1
            slow["on"] = False
            listener.released.set()
            await all_settled(store)
    assert set(store.states()) == {"delivered"}


async def test_what_only_waits_keeps_no_sender_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """More listeners hang than there are senders, and another one's notification leaves all the same."""
    monkeypatch.setattr(worker_module, "SLOW_AFTER_S", 0.02)
    async with listening(hang) as dead, listening() as alive:
        hanging = [delivery(number, to(dead, f"dead-{number}", f"buyer-{number}")) for number in range(1, 21)]
        store = MemoryStore(*hanging)
        async with running(store) as worker:
            await eventually(lambda: dead.now == 20)
            store.add(delivery(21, to(alive, "alive")))
            worker.wake()
            await eventually(lambda: len(alive.received) == 1)
            assert dead.now == 20


async def test_a_buyer_with_many_listeners_leaves_half_of_the_senders_to_others() -> None:
    async with listening(hang) as listener:
        store = MemoryStore(*(delivery(number, to(listener, f"sub-{number}")) for number in range(1, 21)))
        async with running(store) as worker:
            await eventually(lambda: listener.now == FAST.concurrency // 2)
            for _ in range(100):
                worker.wake()
                await asyncio.sleep(0)
                assert len(worker._tasks) == FAST.concurrency // 2
            listener.released.set()
            await all_settled(store)


async def test_a_flood_for_a_healthy_listener_is_delivered_without_waiting_for_leases() -> None:
    async with listening() as listener:
        store = MemoryStore(*(delivery(number, to(listener), f"wo-{number}") for number in range(1, 401)))
        async with running(store, FAST.model_copy(update={"timeout_seconds": 60})) as worker:

            def wake_and_look() -> bool:
                worker.wake()  # as every commit does
                return set(store.states()) == {"delivered"}

            await eventually(wake_and_look, every_s=0.001)
    assert len(listener.received) == 400


async def test_a_flood_for_a_brisk_listener_is_claimed_by_the_batch() -> None:
    async with listening() as listener:
        store = MemoryStore(*(delivery(number, to(listener), f"wo-{number}") for number in range(1, 401)))
        async with running(store, FAST.model_copy(update={"concurrency": 40})):
            await all_settled(store)
    assert len(listener.received) == 400
    assert store.claims < 200


async def test_what_waits_for_a_listener_that_begins_to_hang_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "SLOW_AFTER_S", 0.05)
    async with listening(hang_after(20)) as listener:
        store = MemoryStore(*(delivery(number, to(listener), f"wo-{number}") for number in range(1, 101)))
        async with running(store):
            await eventually(lambda: bool(store.given_back))
            await eventually(lambda: all(store.rows[number].begun == 0 for number in store.given_back))
            assert sum(row.lease_until > now() for row in store.rows.values()) == len(hanging(store))


async def test_stopping_gives_back_what_was_not_begun() -> None:
    async with listening(hang_after(20)) as listener:
        store = MemoryStore(*(delivery(number, to(listener), f"wo-{number}") for number in range(1, 101)))
        async with running(store):
            share = FAST.concurrency // shares.SHARE
            await eventually(lambda: sum(row.begun for row in store.rows.values()) > 20 + share)
    assert store.given_back
    assert all(store.rows[number].begun == 0 for number in store.given_back)


async def test_what_is_handed_over_is_sent_without_being_claimed() -> None:
    async with listening() as listener:
        store = MemoryStore()
        async with running(store) as worker:
            await eventually(lambda: store.looks > 0)
            new = delivery(1, to(listener))
            store.add(new)
            store.rows[1].lease_until = now() + worker.lease
            claims = store.claims
            assert worker.reserve(new.subscription)
            worker.take([new])
            await eventually(lambda: store.states() == ["delivered"])
            assert store.claims - claims <= 1, "it looks in between, and is not woken"
    assert events(listener) == ["event-1"]


async def test_room_is_kept_within_the_share_and_given_up_again() -> None:
    store, listener = MemoryStore(), subscription()
    async with running(store) as worker:
        assert not worker.reserve(listener), "something older may be due"
        worker.wake()
        await eventually(lambda: store.looks > 0)
        assert [worker.reserve(listener) for _ in range(3)] == [True, True, False]
        worker.release(listener)
        worker.release(listener)
        looks = store.looks
        worker.wake()
        await eventually(lambda: store.looks > looks)
        assert worker.reserve(listener)
        worker.release(listener)


async def test_nothing_is_handed_over_past_what_is_older() -> None:
    async with listening(hang) as listener:
        store = MemoryStore(*(delivery(number, to(listener), f"wo-{number}") for number in range(1, 10)))
        async with running(store) as worker:
            await eventually(lambda: listener.now == 2)
            assert not worker.reserve(to(listener))
            assert worker.reserve(to(listener, "sub-2", "other"))
            worker.release(to(listener, "sub-2", "other"))
            listener.released.set()
            await all_settled(store)


def hang_after(count: int) -> Answer:
    async def answer(listener: Listener, request: Received) -> web.StreamResponse:
        return await (accept if len(listener.received) <= count else hang)(listener, request)

    return answer


def hanging(store: MemoryStore) -> list[int]:
    return [number for number, row in store.rows.items() if row.begun and not row.attempts]


async def test_an_outcome_that_cannot_be_recorded_before_its_lease_ends_is_not_sent_again_meanwhile() -> None:
    clock = {"now": now()}
    async with listening() as listener:
        store = MemoryStore(delivery(to=to(listener)))
        store.failures.update(settle=10_000)
        async with running(store, clock=lambda: clock["now"]) as worker:
            await eventually(lambda: store.failures["settle"] < 10_000)
            clock["now"] += timedelta(days=1)
            looks = store.looks
            worker.wake()
            await eventually(lambda: store.looks > looks)
            store.failures.clear()
            await all_settled(store)
    assert len(listener.received) == 1


async def test_the_start_of_the_answer_is_recorded() -> None:
    async def refuse(_listener: Listener, _request: Received) -> web.StreamResponse:
        return web.Response(status=400, text="no such\norder")

    async with listening(refuse) as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store):
            await all_settled(store)
    assert {attempt.excerpt for attempt in store.rows[1].attempts} == {"no such order"}


@pytest.mark.parametrize(("days", "since"), [(5.0, timedelta(days=5)), (0.0, None)])
async def test_it_says_since_when_a_listener_may_have_failed(days: float, since: timedelta | None) -> None:
    moment = now()
    async with listening() as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store, FAST.model_copy(update={"disable_after_days": days}), clock=lambda: moment):
            await all_settled(store)
    (settlement,) = store.settlements
    assert settlement.dead_since == (since and moment - since)


async def test_waking_finds_new_deliveries_at_once() -> None:
    async with listening() as listener:
        store = MemoryStore()
        async with running(store) as worker:
            await eventually(lambda: store.looks == 1)  # now it sleeps half a minute
            store.add(delivery(to=to(listener)))
            worker.wake()
            await eventually(lambda: store.states() == ["delivered"])


async def test_a_store_that_is_away_is_waited_for() -> None:
    async with listening() as listener:
        store = MemoryStore(delivery(to=to(listener)))
        store.failures.update(claim=3, next=2)
        async with running(store):
            await all_settled(store)
    assert len(listener.received) == 1


async def test_an_attempt_is_recorded_even_if_the_store_was_away() -> None:
    async with listening() as listener:
        store = MemoryStore(delivery(to=to(listener)))
        store.failures.update(settle=4)
        async with running(store):
            await all_settled(store)
    assert len(listener.received) == 1
    assert len(store.rows[1].attempts) == 1


async def test_what_cannot_be_recorded_for_longer_than_its_lease_is_held_and_not_sent_again() -> None:
    """The store gives it out again, as to anybody whose claim has ended; but it is with us still."""
    clock, lease = {"now": now()}, timedelta(seconds=2 * FAST.timeout_seconds + 1)
    async with listening() as listener:
        store = MemoryStore(delivery(1, to(listener)))
        store.failures.update(settle=1_000_000)
        async with running(store, clock=lambda: clock["now"]) as worker:
            await eventually(lambda: store.failures["settle"] < 1_000_000)
            for _ in range(3):
                clock["now"] += lease
                looks = store.looks
                worker.wake()
                await eventually(lambda looks=looks: store.looks > looks)
            store.failures["settle"] = 0
            await all_settled(store)
    assert len(listener.received) == 1
    assert len(store.rows[1].attempts) == 1


async def test_a_crash_while_sending_is_a_failed_attempt_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = worker_module.prepare

    def crash(one: Delivery, *rest: Any) -> Any:
        if one.number == 1:
            raise RuntimeError("bug")
        return prepare(one, *rest)

    monkeypatch.setattr(worker_module, "prepare", crash)
    async with listening() as listener:
        store = MemoryStore(delivery(1, to(listener)), delivery(2, to(listener), "wo-2"))
        async with running(store):
            await all_settled(store)
    assert store.states() == ["discarded", "delivered"]
    assert {attempt.error for attempt in store.rows[1].attempts[:3]} == {"the bridge failed: RuntimeError"}


async def test_a_crash_while_settling_leaves_the_delivery_to_its_lease() -> None:
    class Crashing(MemoryStore):
        async def settle(self, settlement: DeliverySettlement) -> str | None:
            if settlement.number == 1:
                raise RuntimeError("bug")
            return await super().settle(settlement)

    async with listening() as listener:
        store = Crashing(delivery(1, to(listener)), delivery(2, to(listener), "wo-2"))
        async with running(store):
            await eventually(lambda: store.states() == ["pending", "delivered"])
    assert store.rows[1].lease_until > now()


async def test_stopping_lets_an_attempt_on_its_way_end_and_record_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "GRACE_S", PATIENCE_S)
    stopping = asyncio.Event()

    async def brief(_listener: Listener, _request: Received) -> web.StreamResponse:
        await stopping.wait()
        return web.Response(status=204)

    async with listening(brief) as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store):
            await eventually(lambda: listener.now == 1)
            asyncio.get_running_loop().call_soon(stopping.set)  # its turn comes when the worker has been told to stop
        assert store.states() == ["delivered"]


async def test_stopping_does_not_wait_for_a_dead_listener() -> None:
    async with listening(hang) as listener:
        store = MemoryStore(delivery(to=to(listener)))
        async with running(store):
            await eventually(lambda: listener.now == 1)
        assert store.rows[1].attempts == []
        assert store.rows[1].lease_until > now()


async def test_never_more_go_out_at_once_than_the_concurrency(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(hang) as listener:
        each = range(1, 31)
        store = MemoryStore(*(delivery(number, to(listener, f"sub-{number}", f"b-{number}")) for number in each))
        monkeypatch.setattr(worker_module, "SLOW_AFTER_S", PATIENCE_S)
        async with running(store):
            await eventually(lambda: listener.now == FAST.concurrency)
            listener.released.set()
            await all_settled(store)
    assert listener.most_at_once == FAST.concurrency


async def test_each_attempt_is_one_log_line_with_the_correlation_id() -> None:
    async with listening(statuses(500, 204)) as listener:
        store = MemoryStore(delivery(to=to(listener)))
        with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
            async with running(store):
                await all_settled(store)
    attempts: Sequence[Any] = [line for line in lines if line["event"].startswith("notification")]
    assert [(one["event"], one["attempt"], one["status"], one["log_level"]) for one in attempts] == [
        ("notification failed", 1, 500, "warning"),
        ("notification delivered", 2, 204, "info"),
    ]
    assert {one["correlation_id"] for one in attempts} == {"correlation-1"}
    assert {one["event_id"] for one in attempts} == {"event-1"}

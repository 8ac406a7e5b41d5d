"""The outbox sender: order within a job, jobs side by side, retries that wait, and waking."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from bridge.backoff import JITTER, Backoff
from bridge.domain.model import JobRef
from bridge.errors import BrokerUnavailable, ConfirmPending, NotRouted, StoreUnavailable
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.outbox_entry import OutboxEntry
from bridge.loops import SHORTEST_LOOK_S
from bridge.wfm.outbox_sender import LEASE, RETRIES, OutboxSender
from tests.support import eventually

START = datetime(2026, 3, 5, 12, tzinfo=UTC)


def message(job: str | None, body: str) -> BusMessage:
    return BusMessage(
        pack="acme",
        exchange="commands",
        routing_key="cmd.note",
        body=body.encode(),
        content_type="application/json",
        message_id=body,
        correlation_id=body,
        job=JobRef("acme", job) if job else None,
    )


@dataclass
class Row:
    entry: OutboxEntry
    due: datetime
    sent: bool = False
    error: str | None = None


class MemoryOutbox:
    """The methods of the store that the sender uses, over a list."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.away = 0
        self.unrecorded = 0
        self.claims = 0

    def add(self, job: str | None, body: str, due: datetime = START) -> int:
        number = len(self.rows) + 1
        self.rows[number] = Row(OutboxEntry(number, message(job, body), 0), due)
        return number

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[OutboxEntry]:
        self.claims += 1
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        due = [row for row in self.rows.values() if not row.sent and row.due <= now][:limit]
        for row in due:
            row.due = lease_until
        return [row.entry for row in due]

    async def hold(self, number: int, lease_until: datetime) -> None:
        self.rows[number].due = lease_until

    async def settle(self, number: int, sent: bool, error: str | None, next_attempt_at: datetime | None) -> None:
        if self.unrecorded:
            self.unrecorded -= 1
            raise StoreUnavailable
        row = self.rows[number]
        row.sent, row.error = sent, error
        row.due = next_attempt_at or row.due
        row.entry = replace(row.entry, attempts=row.entry.attempts + 1)

    async def next_at(self) -> datetime | None:
        return min((row.due for row in self.rows.values() if not row.sent), default=None)


class Bus:
    """Records what is published; `trouble` decides what raises."""

    def __init__(self, trouble: Callable[[BusMessage], Exception | None] = lambda _: None) -> None:
        self.trouble = trouble
        self.published: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.in_flight = 0

    async def publish(self, message: BusMessage) -> None:
        self.in_flight += 1
        await self.hold.wait()
        if (failure := self.trouble(message)) is not None:
            raise failure
        self.published.append(message.message_id)


class Time:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def sending(store: MemoryOutbox, bus: Bus, time: Time) -> AsyncIterator[OutboxSender]:
    sender = OutboxSender(store, bus, time, random=Random(1), look_every_s=0.01)
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_messages_of_a_job_leave_in_order_and_are_settled() -> None:
    store, bus = MemoryOutbox(), Bus()
    for number in range(10):
        store.add(f"J{number % 2}", f"{number}")
    async with sending(store, bus, Time()):
        await eventually(lambda: all(row.sent for row in store.rows.values()))
    assert [body for body in bus.published if int(body) % 2] == ["1", "3", "5", "7", "9"]
    assert [body for body in bus.published if not int(body) % 2] == ["0", "2", "4", "6", "8"]


async def test_jobs_do_not_wait_for_each_other() -> None:
    """Of three jobs the first messages are in flight at once, and of messages without a job all."""
    store, bus = MemoryOutbox(), Bus()
    bus.hold.clear()
    for job in ("J1", "J1", "J2", "J3", None, None):
        store.add(job, f"{len(store.rows)}")
    async with sending(store, bus, Time()):
        await eventually(lambda: bus.in_flight == 5)
        bus.hold.set()
        await eventually(lambda: len(bus.published) == 6)


@pytest.mark.parametrize("failure", [BrokerUnavailable(), NotRouted()])
async def test_a_failure_is_tried_again_later_and_holds_back_its_own_job_only(failure: Exception) -> None:
    """The error is recorded; what stands behind it in its job waits for the same moment; another job goes on."""
    store, time = MemoryOutbox(), Time()
    fails = True
    bus = Bus(lambda message: failure if fails and message.message_id == "a" else None)
    a, b, c = store.add("J1", "a"), store.add("J1", "b"), store.add("J2", "c")
    async with sending(store, bus, time):
        await eventually(lambda: store.rows[c].sent and store.rows[a].error)
        assert bus.published == ["c"]
        assert store.rows[a].error == str(failure)
        assert store.rows[b].error == f"waits behind message {a} of its job"
        assert store.rows[a].due == store.rows[b].due
        assert timedelta(seconds=0.8) <= store.rows[a].due - START <= timedelta(seconds=1.2)
        fails = False
        time.now = store.rows[a].due
        await eventually(lambda: store.rows[b].sent)
    assert bus.published == ["c", "a", "b"]


async def test_what_is_not_confirmed_yet_is_waited_for_and_stays_claimed_however_long_that_takes() -> None:
    """It is published again under the same id, which the bus only waits for; no attempt has failed."""
    store, time, asked = MemoryOutbox(), Time(), 0

    def trouble(_: BusMessage) -> Exception | None:
        nonlocal asked
        asked += 1
        time.now += LEASE / 2
        return ConfirmPending() if asked <= 5 else None

    bus = Bus(trouble)
    number = store.add("J1", "a")
    async with sending(store, bus, time):
        await eventually(lambda: store.rows[number].sent)
    assert (bus.published, asked) == (["a"], 6)
    assert store.rows[number].due == START + LEASE / 2 * 5 + LEASE
    assert store.rows[number].entry.attempts == 1


async def test_nothing_is_tried_while_rabbitmq_takes_no_messages() -> None:
    store, bus, may_send = MemoryOutbox(), Bus(), False
    store.add("J1", "a")
    sender = OutboxSender(store, bus, Time(), random=Random(1), look_every_s=0.01, may_send=lambda: may_send)
    looks = asyncio.create_task(sender.run())
    sender.wake()
    await asyncio.wait([looks], timeout=0.05)
    assert (store.claims, bus.published) == (0, [])
    may_send = True
    sender.wake()
    await eventually(lambda: store.rows[1].sent)
    looks.cancel()


async def test_waking_sends_at_once() -> None:
    """Nothing due for a long time, then a commit and a wake."""
    store, bus = MemoryOutbox(), Bus()
    sender = OutboxSender(store, bus, Time(), random=Random(1), look_every_s=3600)
    task = asyncio.create_task(sender.run())
    await eventually(lambda: store.claims == 1)
    store.add("J1", "new")
    sender.wake()
    await eventually(lambda: bus.published == ["new"])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_database_that_is_away_is_waited_for() -> None:
    store, bus = MemoryOutbox(), Bus()
    store.away = 1
    store.add("J1", "a")
    async with sending(store, bus, Time()) as sender:
        await eventually(lambda: store.claims == 1)
        sender.wake()
        await eventually(lambda: store.rows[1].sent)


async def test_what_was_sent_is_recorded_even_if_the_database_was_away_and_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bridge.wfm.outbox_sender.STORE_RETRIES", Backoff(0.001, 0.004))
    store, bus = MemoryOutbox(), Bus()
    store.unrecorded = 5
    store.add("J1", "a")
    store.add("J1", "b")
    async with sending(store, bus, Time()):
        await eventually(lambda: all(row.sent for row in store.rows.values()))
    assert bus.published == ["a", "b"]


async def test_a_claim_is_a_lease() -> None:
    """What is in flight when the sender is cancelled is not settled, and is due again when the lease ends."""
    store, bus = MemoryOutbox(), Bus()
    bus.hold.clear()
    number = store.add("J1", "a")
    async with sending(store, bus, Time()):
        await eventually(lambda: bus.in_flight == 1)
    assert not store.rows[number].sent
    assert store.rows[number].due == START + LEASE


async def test_entries_claimed_by_another_replica_do_not_make_the_sender_spin() -> None:
    """They look due and cannot be claimed; the sender looks again only after a pause."""

    looks: list[float] = []

    class Elsewhere(MemoryOutbox):
        async def next_at(self) -> datetime | None:
            looks.append(asyncio.get_running_loop().time())
            return START

    running = asyncio.create_task(OutboxSender(Elsewhere(), Bus(), Time(), random=Random(1)).run())
    await eventually(lambda: len(looks) >= 3)
    running.cancel()
    assert all(later - earlier >= SHORTEST_LOOK_S * 0.9 for earlier, later in pairwise(looks))


def test_retries_wait_longer_each_time_up_to_a_cap_and_not_all_alike() -> None:
    random = Random(7)
    waits = [[RETRIES.after(attempt, random) for _ in range(50)] for attempt in range(1, 12)]
    for attempt, group in enumerate(waits):
        middle = min(2.0**attempt, RETRIES.longest)
        assert all(middle * (1 - JITTER) <= wait <= middle * (1 + JITTER) for wait in group)
        assert len(set(group)) > 40


async def test_an_entry_that_has_failed_a_thousand_times_is_tried_again_like_any_other() -> None:
    """A WFM may be away for a day: some thousand doublings are too many for a number."""
    store, bus = MemoryOutbox(), Bus(lambda _: NotRouted())
    number = store.add("J1", "a")
    store.rows[number].entry = replace(store.rows[number].entry, attempts=5000)
    async with sending(store, bus, Time()):
        await eventually(lambda: store.rows[number].error)
    assert timedelta(seconds=48) <= store.rows[number].due - START <= timedelta(seconds=72)


async def test_no_defect_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.loops.TROUBLE_S", 0.001)
    store, bus = MemoryOutbox(), Bus()
    defects = [ZeroDivisionError(), ZeroDivisionError()]
    due_at = store.next_at

    async def breaks_at_first() -> datetime | None:
        if defects:
            raise defects.pop()
        return await due_at()

    monkeypatch.setattr(store, "next_at", breaks_at_first)
    async with sending(store, bus, Time()):
        await eventually(lambda: not defects)
        store.add("J1", "a")
        await eventually(lambda: bus.published == ["a"])


async def test_what_is_handed_over_is_sent_without_being_looked_for() -> None:
    store, bus = MemoryOutbox(), Bus()
    async with sending(store, bus, Time()) as sender:
        await eventually(lambda: sender.room() > 0)
        store.add("J-1", "a", due=START + LEASE)
        sender.take([store.rows[1].entry])
        await eventually(lambda: store.rows[1].sent)
    assert bus.published == ["a"]
    assert sender.room() == 0


async def test_there_is_no_room_while_nothing_may_be_sent_nor_before_the_sender_runs() -> None:
    store, bus = MemoryOutbox(), Bus()
    assert OutboxSender(store, bus, Time(), random=Random(1)).room() == 0
    shut = OutboxSender(store, bus, Time(), random=Random(1), may_send=lambda: False)
    running = asyncio.create_task(shut.run())
    await asyncio.sleep(0)
    assert shut.room() == 0
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_what_was_handed_over_and_fails_is_tried_again_at_its_time() -> None:
    """The sender rests, and knows of nothing that is due."""
    troubles = [BrokerUnavailable("away")]
    store, bus, time = MemoryOutbox(), Bus(lambda _: troubles.pop() if troubles else None), Time()
    sender = OutboxSender(store, bus, time, random=Random(1), look_every_s=3600)
    running = asyncio.create_task(sender.run())
    await eventually(lambda: store.claims == 1)
    store.add("J-1", "a", due=START + LEASE)
    sender.take([store.rows[1].entry])
    await eventually(lambda: store.claims == 2)
    time.now = store.rows[1].due
    sender.wake()
    await eventually(lambda: store.rows[1].sent)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert bus.published == ["a"]

"""What is old and done with goes, in limited steps; what is pending, parked or waiting, and all state, stays."""

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bridge.domain.model import MessageId, OfferedSlot, Outcome
from bridge.flows.ports.memory import Memory
from bridge.flows.ports.webhook_delivery import DeliveryState
from bridge.flows.retention import Retention
from bridge.store import SqlStore
from tests.integration.store.conftest import Execute
from tests.integration.store.values import (
    NOW,
    PACK,
    announce,
    at,
    delivered,
    entry,
    event,
    job,
    message,
    save,
    send,
    subscription,
    window,
    work_order,
)

LATER = at(days=100)


async def count(sql: Execute, table: str) -> int:
    return int((await sql(f"SELECT count(*) FROM {table}"))[0][0])  # noqa: S608


async def test_old_messages_go_and_those_that_are_parked_or_wait_stay(store: SqlStore) -> None:
    old = [entry(outcome) for outcome in Outcome]
    new = replace(entry(), raw=replace(entry().raw, received_at=LATER))
    async with store.transaction() as tx:
        await tx.record([*old, new])
    assert await store.retention.forget(Memory.JOURNAL, LATER, 1000) == len(old) - 2
    kept = [found.entry for found in await store.journal.latest()]
    assert kept == [new, *(each for each in reversed(old) if each.outcome in (Outcome.PARKED, Outcome.WAITING))]
    assert await store.retention.forget(Memory.JOURNAL, LATER, 1000) == 0


async def test_a_step_deletes_no_more_than_it_may_and_the_oldest_first(store: SqlStore) -> None:
    entries = [replace(entry(), raw=replace(entry().raw, received_at=at(hours=hour))) for hour in (3, 1, 2)]
    async with store.transaction() as tx:
        await tx.record(entries)
    assert await store.retention.forget(Memory.JOURNAL, LATER, 2) == 2
    assert [found.entry for found in await store.journal.latest()] == [entries[0]]


async def test_a_message_is_known_until_its_key_in_the_inbox_is_forgotten(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.record([entry(message=MessageId("E-1"))])
    await store.retention.forget(Memory.JOURNAL, LATER, 1000)
    async with store.transaction() as tx:
        assert await tx.seen(PACK, [MessageId("E-1")]) == {"E-1"}
    assert await store.retention.forget(Memory.INBOX, NOW, 1000) == 0
    assert await store.retention.forget(Memory.INBOX, LATER, 1000) == 1
    async with store.transaction() as tx:
        assert await tx.seen(PACK, [MessageId("E-1")]) == set()


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.DISCARDED])
async def test_an_event_goes_with_all_its_deliveries_once_none_is_pending(
    store: SqlStore, sql: Execute, state: DeliveryState
) -> None:
    first, second = event("wo-1"), event("wo-2")
    listener = subscription(first.event_type)
    await store.listeners.add(listener)
    await announce(store, replace(first, buyer=listener.buyer), replace(second, buyer=listener.buyer))
    claimed = await store.deliveries.claim(LATER, LATER + timedelta(minutes=1), 1)
    await store.deliveries.settle(delivered(claimed[0], state=state))
    assert await store.retention.forget(Memory.DELIVERIES, NOW, 1000) == 0
    assert await store.retention.forget(Memory.DELIVERIES, LATER, 1000) == 1
    assert [await count(sql, name) for name in ("notifications", "deliveries", "attempts")] == [1, 1, 0]
    assert await sql("SELECT state FROM deliveries") == [("pending",)]


async def test_what_waits_for_a_disabled_listener_is_kept_no_longer_than_what_was_delivered(
    store: SqlStore, sql: Execute
) -> None:
    """Nobody may ever enable it, and what is announced to it would pile up for ever."""
    gone, alive = subscription(), subscription()
    await store.listeners.add(gone)
    await announce(store, event("wo-1"))
    await store.listeners.disable(gone.id, "gone", NOW)
    assert await store.retention.forget(Memory.DELIVERIES, NOW, 1000) == 0
    assert await store.retention.forget(Memory.DELIVERIES, LATER, 1000) == 1
    await store.listeners.add(alive)
    await announce(store, event("wo-2"))
    assert await store.retention.forget(Memory.DELIVERIES, LATER, 1000) == 0
    assert sorted(await sql("SELECT state FROM deliveries")) == [("pending",), ("pending",)]


async def test_sent_messages_go_and_those_on_their_way_or_given_up_stay(store: SqlStore, sql: Execute) -> None:
    await send(store, message(), message(), message())
    sent, given_up, _ = await store.outbox.claim(NOW, LATER, 3)
    await store.outbox.settle(sent.number, sent=True, error=None, next_attempt_at=None)
    await store.outbox.settle(given_up.number, sent=False, error="no", next_attempt_at=None)
    assert await store.retention.forget(Memory.OUTBOX, NOW, 1000) == 0
    assert await store.retention.forget(Memory.OUTBOX, LATER, 1000) == 1
    assert sorted(await sql("SELECT state FROM outbox")) == [("given up",), ("pending",)]


async def test_offered_slots_go_when_they_expire_and_the_state_stays(store: SqlStore, sql: Execute) -> None:
    order = work_order()
    await save(store, job(order))
    async with store.transaction() as tx:
        await tx.remember_slots(order.id, [OfferedSlot(window(1), {"a": 1})], at(hours=1))
        await tx.remember_slots(order.id, [OfferedSlot(window(2), {"b": 1})], at(hours=3))
    retention = Retention(store.retention, store.journal, lambda: at(hours=2), {what: timedelta() for what in Memory})
    assert await retention.sweep() == {Memory.SLOTS: 1}
    assert (await count(sql, "offered_slots"), await count(sql, "work_orders")) == (1, 1)


async def test_a_sweep_goes_on_until_nothing_is_left_and_what_has_no_age_stays(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.flows.retention.BATCH", 2)
    async with store.transaction() as tx:
        await tx.record([entry() for _ in range(5)])
    retention = Retention(store.retention, store.journal, lambda: LATER, {Memory.INBOX: timedelta(days=1)})
    assert await retention.sweep() == {Memory.INBOX: 5}
    assert len(await store.journal.latest()) == 5


async def test_messages_whose_job_never_came_are_told_of_once_a_day(store: SqlStore) -> None:
    moments = iter([NOW, at(hours=26), at(hours=27), at(hours=51)])
    retention = Retention(store.retention, store.journal, lambda: next(moments), {})
    with capture_logs() as logs:
        await retention.warn_of_waiting()
        async with store.transaction() as tx:
            held = entry(Outcome.WAITING, due_at=at(minutes=5))
            await tx.record([entry(Outcome.WAITING), entry(Outcome.WAITING), entry(), held])
        for _ in range(3):
            await retention.warn_of_waiting()
    assert [(line["event"], line["count"]) for line in logs] == [("messages.waiting", 2)] * 2
    received = entry().raw.received_at
    assert [line["oldest_hours"] for line in logs] == [
        round((moment - received).total_seconds() / 3600, 1) for moment in (at(hours=26), at(hours=51))
    ]

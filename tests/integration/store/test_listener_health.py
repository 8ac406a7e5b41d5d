"""A listener that is gone, or has failed for days, is disabled; what it should hear is kept until it is enabled."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from bridge.flows.ports.subscription import ListenerReport, Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Delivery, DeliveryFilter, DeliveryState
from bridge.store import SqlStore
from bridge.store.listeners import suspend
from tests.integration.store.conftest import Execute, OpenStore
from tests.integration.store.values import (
    NOW,
    announce,
    at,
    delivered,
    discarded,
    event,
    failed,
    settled_soon,
    subscription,
)

GONE = "the listener says that it is gone (410)"


async def register(store: SqlStore) -> Subscription:
    listener = subscription()
    await store.listeners.add(listener)
    return listener


async def claim(store: SqlStore, now: datetime = NOW) -> list[Delivery]:
    return list(await store.deliveries.claim(now, now + timedelta(hours=1), 100))


async def report(store: SqlStore) -> ListenerReport:
    (found,) = await store.listeners.reports()
    return found


async def gone(store: SqlStore, delivery: Delivery) -> str | None:
    return await store.deliveries.settle(failed(delivery, delivery.claimed_at, disable=GONE))


async def fail(store: SqlStore, moment: datetime, **changes: Any) -> str | None:
    """Claim what is due and let it fail; it is due again at once."""
    (claimed,) = await claim(store, moment)
    return await store.deliveries.settle(failed(claimed, moment, **changes))


async def test_a_new_listener_is_well_and_nothing_waits(store: SqlStore) -> None:
    listener = await register(store)
    assert await report(store) == ListenerReport(
        subscription=listener,
        failing_since=None,
        disabled_at=None,
        disabled_because=None,
        waiting=0,
        waiting_since=None,
    )


async def test_it_is_known_since_when_a_listener_fails_until_it_takes_something(store: SqlStore) -> None:
    await register(store)
    await announce(store, event("wo-1"), event("wo-2"))
    first, second = await claim(store)
    await store.deliveries.settle(failed(first, at(minutes=1)))
    await store.deliveries.settle(discarded(second))
    assert (await report(store)).failing_since == NOW
    await fail(store, at(minutes=1))
    assert (await report(store)).failing_since == NOW
    (again,) = await claim(store, at(minutes=1))
    await store.deliveries.settle(delivered(again))
    assert (await report(store)).failing_since is None


async def test_one_that_takes_some_and_fails_others_at_once_does_not_fail(store: SqlStore) -> None:
    await register(store)
    await announce(store, *(event(f"wo-{number}") for number in range(4)))
    one, two, three, four = await claim(store)
    await asyncio.gather(
        store.deliveries.settle(failed(one, at(minutes=1))),
        store.deliveries.settle(delivered(two)),
        store.deliveries.settle(delivered(three)),
        store.deliveries.settle(failed(four, at(minutes=1))),
    )
    assert (await report(store)).failing_since is None


async def test_one_that_is_gone_is_disabled_and_the_first_to_find_out_is_told_why(store: SqlStore) -> None:
    await register(store)
    await announce(store, event("wo-1"), event("wo-2"))
    first, second = await claim(store)
    assert sorted(await asyncio.gather(gone(store, first), gone(store, second)), key=str) == [None, GONE]
    found = await report(store)
    assert (found.disabled_at, found.disabled_because, found.waiting) == (NOW, GONE, 2)
    assert await store.listeners.count_disabled() == 1
    assert await store.listeners.reports(only_disabled=True) == [found]


async def test_days_of_only_failures_disable_it_and_not_before(store: SqlStore) -> None:
    await register(store)
    await announce(store, event("wo-1"))
    assert await fail(store, NOW, dead_since=at(days=-5)) is None
    assert await fail(store, at(days=5), dead_since=NOW) is None
    assert await fail(store, at(days=5, minutes=1), dead_since=at(minutes=1)) == (
        "it has only failed since 2026-03-05 12:00 UTC"
    )
    assert (await report(store)).disabled_at == at(days=5, minutes=1)


async def test_without_a_number_of_days_failures_alone_never_disable_it(store: SqlStore) -> None:
    await register(store)
    await announce(store, event("wo-1"))
    for days in (0, 100, 1000):
        assert await fail(store, at(days=days), dead_since=None) is None
    assert await store.listeners.count_disabled() == 0


async def test_a_disabled_listener_is_sent_nothing_and_what_it_should_hear_is_kept(
    store: SqlStore, sql: Execute
) -> None:
    await register(store)
    await announce(store, event("wo-1"), event("wo-2"), event("wo-1"))
    first, _flying = await claim(store)
    await gone(store, first)
    await announce(store, event("wo-1"), event("wo-3"))
    assert await claim(store, at(days=9)) == []
    assert await store.deliveries.next_at() is None
    assert await sql("SELECT DISTINCT state, next_attempt_at FROM deliveries") == [("pending", None)]
    assert {each.is_suspended for each in await store.backlog.reports()} == {True}
    assert ((await report(store)).waiting, (await report(store)).waiting_since) == (5, NOW)


@pytest.mark.parametrize("how", [delivered, discarded, lambda one: failed(one, at(minutes=5))])
async def test_what_was_on_its_way_when_it_was_disabled_makes_nothing_due(store: SqlStore, how: Any) -> None:
    listener = await register(store)
    await announce(store, event("wo-1"), event("wo-1"))
    (flying,) = await claim(store)
    await store.listeners.disable(listener.id, "by hand", NOW)
    await store.deliveries.settle(how(flying))
    assert await store.deliveries.next_at() is None
    assert await claim(store, at(days=9)) == []
    assert await store.listeners.enable(listener.id, at(minutes=1)) == (2 if how(flying).next_attempt_at else 1)


async def test_an_enabled_listener_is_sent_what_was_kept_in_order_with_all_attempts(store: SqlStore) -> None:
    listener = await register(store)
    await announce(store, event("wo-1"), event("wo-1"))
    (first,) = await claim(store)
    await gone(store, first)
    await announce(store, event("wo-1"), event("wo-2"))
    assert await store.listeners.enable(listener.id, at(hours=1)) == 4
    found = await report(store)
    assert (found.failing_since, found.disabled_at, found.disabled_because) == (None, None, None)
    numbers = []
    while claimed := await claim(store, at(hours=1)):
        assert {each.attempts for each in claimed} == {0}
        for each in claimed:
            await store.deliveries.settle(delivered(each))
            if each.resource_id == "wo-1":
                numbers.append(each.number)
    assert numbers == [first.number, first.number + 1, first.number + 2]


async def test_only_what_exists_can_be_disabled_and_enabled(store: SqlStore) -> None:
    listener, nobody = await register(store), SubscriptionId("sub-unknown")
    assert await store.listeners.disable(nobody, "why", NOW) is False
    assert await store.listeners.enable(nobody, NOW) is None
    assert await store.listeners.disable(listener.id, "why", NOW) is True
    assert await store.listeners.disable(listener.id, "why not", at(hours=1)) is False
    assert (await report(store)).disabled_because == "why"
    assert await store.listeners.enable(listener.id, NOW) == 0
    assert await store.listeners.enable(listener.id, NOW) == 0


async def test_a_disabled_listener_can_be_removed_and_what_was_kept_is_given_up(store: SqlStore) -> None:
    listener = await register(store)
    await announce(store, event("wo-1"))
    await store.listeners.disable(listener.id, "why", NOW)
    assert await store.listeners.remove(listener.id) is True
    (kept,) = await store.backlog.reports()
    assert (kept.state, kept.is_suspended) == (DeliveryState.DISCARDED, False)


async def test_one_that_was_enabled_again_meanwhile_is_not_suspended(store: SqlStore) -> None:
    """A settlement finds it disabled; before it can act on that, the operator enables it."""
    listener = await register(store)
    await announce(store, event("wo-1"))
    async with store._database.write() as session:
        await suspend(session, [listener.id])
    assert await store.deliveries.next_at() == NOW
    assert len(await claim(store)) == 1


async def test_a_listener_disabled_while_an_event_is_announced_leaves_nothing_due(open_: OpenStore) -> None:
    announcing, disabling = await open_(), await open_()
    listener = subscription()
    await announcing.listeners.add(listener)
    async with announcing.transaction() as tx:
        await tx.notify([event("wo-1")], NOW, "corr")
        await tx.flush()
        disabled = asyncio.create_task(disabling.listeners.disable(listener.id, "why", NOW))
        assert not await settled_soon(disabled)
    assert await disabled is True
    assert await announcing.deliveries.next_at() is None
    assert len(await announcing.backlog.reports(DeliveryFilter(state=DeliveryState.PENDING))) == 1


async def test_events_announced_while_a_listener_is_disabled_and_enabled_all_arrive_in_order(open_: OpenStore) -> None:
    """Two processes: one announces and sends, the other turns it off and on."""
    store, operator = await open_(), await open_()
    listener = subscription()
    await store.listeners.add(listener)
    sent: list[int] = []

    async def announce_and_send() -> None:
        for _ in range(30):
            await announce(store, event("wo-1"))
            for each in await claim(store):
                await store.deliveries.settle(delivered(each))
                sent.append(each.number)

    async def turn() -> None:
        for _ in range(15):
            await operator.listeners.disable(listener.id, "why", NOW)
            await operator.listeners.enable(listener.id, NOW)

    await asyncio.gather(announce_and_send(), turn())
    while claimed := await claim(store):
        for each in claimed:
            await store.deliveries.settle(delivered(each))
            sent.append(each.number)
    assert sent == sorted(sent)
    assert len(set(sent)) == 30

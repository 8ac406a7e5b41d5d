"""Notifications reach each listener that asked for them, in order for each resource; no listener holds up another."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Busy, Delivery, DeliveryState
from bridge.mef.enums import EventType
from bridge.store import SqlStore
from bridge.store.deliveries import LOST
from bridge.store.tables import deliveries, notifications
from tests.integration.store.conftest import Execute, OpenStore, Work
from tests.integration.store.values import (
    BUYER,
    NOW,
    OTHER_BUYER,
    announce,
    at,
    attempt,
    delivered,
    discarded,
    event,
    failed,
    rolled_back,
    settled_soon,
    subscription,
)
from tests.support import PATIENCE_S

LEASE = at(seconds=60)
CREATED = EventType.WORK_ORDER_CREATE
STATE = EventType.WORK_ORDER_STATE_CHANGE


async def register(store: SqlStore, *listeners: Subscription) -> None:
    for listener in listeners:
        await store.listeners.add(listener)


async def claim(store: SqlStore, limit: int = 100, now: Any = NOW) -> list[Delivery]:
    return list(await store.deliveries.claim(now, now + timedelta(seconds=60), limit))


async def deliver(store: SqlStore, *claimed: Delivery) -> None:
    for delivery in claimed:
        await store.deliveries.settle(delivered(delivery))


async def fail(store: SqlStore, delivery: Delivery, again: Any, **changes: Any) -> str | None:
    return await store.deliveries.settle(failed(delivery, again, **changes))


def what(claimed: list[Delivery]) -> list[tuple[str, str]]:
    return [(delivery.resource_id, delivery.event_type.value) for delivery in claimed]


# Listeners


async def test_a_listener_comes_back_as_it_was_registered(store: SqlStore) -> None:
    listener = subscription(STATE, CREATED, query="eventType=workOrderCreateEvent", buyer_param="b", seller_param="s")
    await register(store, listener)
    assert await store.listeners.find(listener.id) == listener
    assert await store.listeners.find(SubscriptionId("sub-unknown")) is None


async def test_a_removed_listener_is_gone(store: SqlStore) -> None:
    listener = subscription()
    await register(store, listener)
    assert await store.listeners.remove(listener.id) is True
    assert await store.listeners.find(listener.id) is None
    assert await store.listeners.remove(listener.id) is False


# Announcing


async def test_an_event_is_delivered_to_each_listener_of_the_buyer_that_asked_for_its_type(store: SqlStore) -> None:
    """R60-R63. All get the same event with the same id."""
    wants = [subscription(STATE), subscription(STATE, CREATED)]
    await register(store, *wants, subscription(CREATED), subscription(STATE, buyer=OTHER_BUYER))
    await announce(store, event("wo-1"), correlation_id="corr-7")
    claimed = await claim(store)
    assert {delivery.subscription.id for delivery in claimed} == {listener.id for listener in wants}
    assert len({delivery.event_id for delivery in claimed}) == 1
    first = claimed[0]
    assert first == Delivery(
        number=first.number,
        event_id=first.event_id,
        event_type=STATE,
        event_time=NOW,
        resource_id="wo-1",
        subscription=next(listener for listener in wants if listener.id == first.subscription.id),
        attempts=0,
        correlation_id="corr-7",
        claimed_at=NOW,
    )


async def test_an_event_without_a_listener_is_still_on_record(store: SqlStore, sql: Execute) -> None:
    await announce(store, event("wo-1", CREATED), event("wo-1", STATE))
    assert await claim(store) == []
    assert await sql("SELECT resource_id, event_type, position FROM notifications ORDER BY position") == [
        ("wo-1", CREATED.value, 0),
        ("wo-1", STATE.value, 1),
    ]


async def test_the_newest_events_are_seen_first_whether_anybody_listens_or_not(store: SqlStore) -> None:
    await announce(store, event("wo-1", CREATED), event("wo-1", STATE, buyer=OTHER_BUYER), correlation_id="corr-7")
    seen = await store.notifications.latest()
    assert [(one.event_type, one.resource_id, one.buyer, one.event_time, one.correlation_id) for one in seen] == [
        (STATE, "wo-1", OTHER_BUYER, NOW, "corr-7"),
        (CREATED, "wo-1", BUYER, NOW, "corr-7"),
    ]
    assert await store.notifications.latest(limit=1) == seen[:1]


async def test_different_events_have_different_ids(store: SqlStore) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"), event("wo-2"))
    assert len({delivery.event_id for delivery in await claim(store)}) == 2


async def test_a_listener_registered_later_hears_nothing_of_before(store: SqlStore) -> None:
    await announce(store, event("wo-1"))
    await register(store, subscription())
    assert await claim(store) == []


async def test_a_rolled_back_transaction_announces_nothing(store: SqlStore) -> None:
    await register(store, subscription())
    async with rolled_back(store) as tx:
        await tx.notify([event("wo-1")], NOW, "corr")
    assert (await claim(store), await store.deliveries.next_at()) == ([], None)


async def test_the_senders_are_woken_after_a_commit_that_added_deliveries(store: SqlStore) -> None:
    woken: list[str] = []
    store.deliveries.on_due = lambda: woken.append("deliveries")
    store.outbox.on_due = lambda: woken.append("outbox")
    await announce(store, event("wo-1"))
    assert woken == []
    await register(store, subscription())
    async with store.transaction() as tx:
        await tx.notify([event("wo-1")], NOW, "corr")
        assert woken == []
    assert woken == ["deliveries"]


# Order


async def test_the_events_of_a_resource_leave_one_by_one_in_order(store: SqlStore) -> None:
    await register(store, subscription())
    order = [CREATED, EventType.WORK_ORDER_APPOINTMENT_REQUIRED, STATE]
    await announce(store, *(event("wo-1", type_) for type_ in order))
    sent = []
    while claimed := await claim(store):
        assert len(claimed) == 1
        sent += claimed
        await deliver(store, *claimed)
    assert [delivery.event_type for delivery in sent] == order
    assert [delivery.number for delivery in sent] == sorted(delivery.number for delivery in sent)


async def test_order_holds_over_transactions(store: SqlStore) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1", CREATED))
    await announce(store, event("wo-1", STATE))
    first = await claim(store)
    assert what(first) == [("wo-1", CREATED.value)]
    await announce(store, event("wo-1", CREATED))
    await deliver(store, *first)
    assert what(await claim(store)) == [("wo-1", STATE.value)]


async def test_resources_and_listeners_do_not_wait_for_each_other(store: SqlStore) -> None:
    await register(store, subscription(), subscription())
    await announce(store, event("wo-1"), event("wo-2"), event("wo-1"))
    claimed = await claim(store)
    assert len({(delivery.subscription.id, delivery.resource_id) for delivery in claimed}) == len(claimed) == 4


async def test_a_failed_delivery_holds_its_followers_back_until_it_succeeds(store: SqlStore) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1", CREATED), event("wo-1", STATE))
    (first,) = await claim(store)
    await fail(store, first, at(minutes=5))
    assert await claim(store, now=at(minutes=4)) == []
    (again,) = await claim(store, now=at(minutes=5))
    assert again == replace(first, attempts=1, claimed_at=at(minutes=5))
    await deliver(store, again)
    assert what(await claim(store, now=at(minutes=5))) == [("wo-1", STATE.value)]


async def test_a_discarded_delivery_lets_its_followers_go(store: SqlStore) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1", CREATED), event("wo-1", STATE))
    (first,) = await claim(store)
    await store.deliveries.settle(discarded(first))
    assert what(await claim(store)) == [("wo-1", STATE.value)]


async def test_an_event_announced_when_nothing_is_before_it_any_more_is_due_at_once(store: SqlStore) -> None:
    await register(store, subscription())
    for _ in range(2):
        await announce(store, event("wo-1"))
        claimed = await claim(store)
        assert len(claimed) == 1
        await deliver(store, *claimed)


async def test_the_sender_is_woken_when_a_settlement_lets_the_next_one_go(store: SqlStore) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"), event("wo-1"))
    woken: list[str] = []
    store.deliveries.on_due = lambda: woken.append("deliveries")
    await deliver(store, *await claim(store))
    assert woken == ["deliveries"]
    await deliver(store, *await claim(store))
    assert woken == ["deliveries"]


# Claims


async def test_a_claim_is_a_lease(store: SqlStore) -> None:
    """A claimer that died does not keep its delivery for ever."""
    await register(store, subscription())
    await announce(store, event("wo-1"))
    (first,) = await claim(store)
    assert await claim(store, now=LEASE - timedelta(microseconds=1)) == []
    assert await claim(store, now=LEASE) == [replace(first, attempts=1, claimed_at=LEASE)]


async def test_a_claim_takes_no_more_than_its_limit(store: SqlStore) -> None:
    await register(store, subscription())
    await announce(store, *(event(f"wo-{number}") for number in range(5)))
    assert [len(await claim(store, limit)) for limit in (2, 2, 2, 2)] == [2, 2, 1, 0]


async def test_two_claims_never_hand_out_the_same_delivery(open_: OpenStore) -> None:
    stores = [await open_(), await open_()]
    await register(stores[0], subscription(), subscription())
    await announce(stores[0], *(event(f"wo-{number}") for number in range(40)))
    found = await asyncio.gather(*(claim(stores[number % 2], 10) for number in range(12)))
    claimed = [delivery.number for part in found for delivery in part]
    while rest := await claim(stores[0]):
        claimed += [delivery.number for delivery in rest]
    assert len(claimed) == len(set(claimed)) == 80


async def test_events_announced_and_settled_at_once_all_arrive_in_order(open_: OpenStore) -> None:
    """Nothing is stuck behind a delivery that was settled while the next event was being announced."""
    announcing, sending = await open_(), await open_()
    await register(announcing, subscription())
    sent: list[Delivery] = []

    async def send_until(count: int) -> None:
        while len(sent) < count:
            for delivery in await claim(sending):
                sent.append(delivery)
                await deliver(sending, delivery)

    async def announce_all() -> None:
        for _ in range(30):
            await announce(announcing, event("wo-1"), event("ap-1"))

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(announce_all(), send_until(60))
    for resource in ("wo-1", "ap-1"):
        numbers = [delivery.number for delivery in sent if delivery.resource_id == resource]
        assert numbers == sorted(numbers)
        assert len(numbers) == 30


async def test_listeners_share_a_claim_fairly(store: SqlStore) -> None:
    busy, quiet = subscription(), replace(subscription(), buyer=OTHER_BUYER)
    await register(store, busy, quiet)
    await announce(store, *(event(f"wo-{number}") for number in range(20)))
    await announce(store, *(event(f"wo-o{number}", buyer=OTHER_BUYER) for number in range(2)))
    claimed = await claim(store, 4)
    assert [delivery.subscription.id for delivery in claimed].count(quiet.id) == 2


async def test_a_listener_with_deliveries_in_flight_comes_last(store: SqlStore) -> None:
    """A listener that hangs fills what is idle, and never takes another's turn."""
    hanging, quiet = subscription(), replace(subscription(), buyer=OTHER_BUYER)
    await register(store, hanging, quiet)
    await announce(store, *(event(f"wo-{number}") for number in range(20)))
    assert len(await claim(store, 8)) == 8
    await announce(store, event("wo-other", buyer=OTHER_BUYER))
    assert [delivery.subscription.id for delivery in await claim(store, 1)] == [quiet.id]


async def test_a_dead_listener_with_a_long_backlog_costs_the_others_nothing(
    store: SqlStore, sql: Execute, work: Work
) -> None:
    """A claim does as much behind 10,000 deliveries that wait for a retry as behind 1,000. When all come due at once,
    it looks at no more than the first for each resource, and the others still get their turn.
    """
    dead, alive = subscription(), replace(subscription(), buyer=OTHER_BUYER)
    await register(store, dead, alive)
    async with store._engine.begin() as connection:
        row = {"resource_id": "wo", "buyer": dead.buyer, "correlation_id": "c", "position": 0}
        await connection.execute(
            notifications.insert().values(event_id="ev", event_type=STATE.value, event_time=NOW, **row)
        )

    async def effort(resources: range) -> tuple[int, int]:
        await back_up(store, dead, resources)
        if store._engine.dialect.name == "postgresql":  # what autovacuum does in time
            await sql("ANALYZE")
        assert await claim(store, 10) == []
        waiting = await work(lambda: claim(store, 10))
        await announce(store, event(f"wo-alive-{resources.start}", buyer=OTHER_BUYER))
        claimed = await claim(store, 10, now=at(hours=2))
        assert [delivery.subscription.id for delivery in claimed].count(alive.id) == 1
        return waiting, await work(lambda: claim(store, 10, now=at(hours=2)))

    few_waiting, few_due = await effort(range(200))
    many_waiting, many_due = await effort(range(200, 2000))
    assert many_waiting <= 2 * few_waiting
    assert many_due <= few_due + 4 * 1800
    assert await store.deliveries.next_at() == at(hours=1)


async def back_up(store: SqlStore, dead: Subscription, resources: range) -> None:
    """Five deliveries for each resource; the first has failed and is tried again in an hour."""
    backlog = [
        {
            "event_id": "ev",
            "subscription_id": dead.id,
            "ordering_key": f"{dead.id} wo-{resource}",
            "state": "pending",
            "attempts": 1,
            "next_attempt_at": None if later else at(hours=1),
        }
        for resource in resources
        for later in range(5)
    ]
    async with store._engine.begin() as connection:
        await connection.execute(deliveries.insert(), backlog)


# Settlement


ATTEMPTS = "SELECT delivery, status, error, elapsed, excerpt FROM attempts ORDER BY number"


async def test_each_attempt_is_on_record(store: SqlStore, sql: Execute) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"))
    (first,) = await claim(store)
    no_answer = attempt(None, "connection refused", excerpt="")
    await store.deliveries.settle(failed(first, at(minutes=5), attempt=no_answer))
    (second,) = await claim(store, now=at(minutes=5))
    await deliver(store, second)
    assert await sql(ATTEMPTS) == [
        (first.number, None, "connection refused", 0.05, None),
        (first.number, 204, None, 0.05, "ok"),
    ]
    assert await sql("SELECT state, attempts, next_attempt_at, lease_until FROM deliveries") == [
        ("delivered", 2, None, None)
    ]


async def test_an_attempt_is_on_record_as_soon_as_it_begins(store: SqlStore, sql: Execute) -> None:
    """So one whose process dies right after it sent it is there, and counts."""
    await register(store, subscription())
    await announce(store, event("wo-1"))
    (first,) = await claim(store)
    assert await store.backlog.attempts(first.number) == [attempt(None, elapsed=0.0, excerpt="")]
    (again,) = await claim(store, now=LEASE)
    assert again.attempts == 1
    await deliver(store, again)
    assert await sql(ATTEMPTS) == [(first.number, None, LOST, 0.0, None), (first.number, 204, None, 0.05, "ok")]
    assert await sql("SELECT attempts FROM deliveries") == [(2,)]


async def test_an_outcome_that_is_recorded_late_is_on_record_too(store: SqlStore, sql: Execute) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"))
    (first,) = await claim(store)
    (second,) = await claim(store, now=LEASE)
    await fail(store, first, at(minutes=5))
    await deliver(store, second)
    assert [(status, error) for _, status, error, *_ in await sql(ATTEMPTS)] == [(None, LOST), (503, None), (204, None)]


async def test_what_is_not_taken_of_a_claim_stays_due_and_has_no_attempt(store: SqlStore, sql: Execute) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"), event("wo-2"))
    offered: list[Delivery] = []

    def only_the_second(due: Sequence[Delivery]) -> Sequence[Delivery]:
        offered.extend(due)
        return due[1:]

    (taken,) = await store.deliveries.claim(NOW, LEASE, 10, choose=only_the_second)
    assert taken == offered[1]
    assert await sql("SELECT attempts FROM deliveries ORDER BY number") == [(0,), (1,)]
    assert len(await store.backlog.attempts(taken.number)) == 1
    assert await store.backlog.attempts(offered[0].number) == []
    assert await claim(store) == offered[:1]


async def test_what_is_given_back_was_never_tried(store: SqlStore, sql: Execute) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"), event("wo-2"))
    first, second = await claim(store)
    await store.deliveries.give_back([first.number], NOW)
    assert await sql("SELECT attempts FROM deliveries ORDER BY number") == [(0,), (1,)]
    assert await claim(store) == [first]
    assert await sql(ATTEMPTS) == []
    assert await store.backlog.attempts(second.number) != []


async def test_what_was_ended_suspended_or_discarded_is_not_given_back(store: SqlStore) -> None:
    kept, disabled, removed = subscription(), subscription(), subscription()
    await register(store, kept, disabled, removed)
    await announce(store, event("wo-1"))
    claimed = await claim(store)
    await deliver(store, *(each for each in claimed if each.subscription == kept))
    await store.listeners.disable(disabled.id, "by hand", NOW)
    await store.listeners.remove(removed.id)
    await store.deliveries.give_back([each.number for each in claimed], NOW)
    assert await claim(store, now=LEASE) == []


async def test_who_is_busy_is_passed_over(store: SqlStore) -> None:
    listeners = [subscription(), subscription(), subscription(buyer=OTHER_BUYER)]
    await register(store, *listeners)
    await announce(store, event("wo-1"), event("wo-2", buyer=OTHER_BUYER))
    one, other, third = (listener.id for listener in listeners)

    async def left(busy: Busy) -> set[SubscriptionId]:
        found: list[Delivery] = []
        await store.deliveries.claim(NOW, LEASE, 10, busy, lambda due: found.extend(due) or [])  # type: ignore[func-returns-value]
        assert (await store.deliveries.next_at(busy) == NOW) is bool(found)
        return {each.subscription.id for each in found}

    assert await left(Busy()) == {one, other, third}
    assert await left(Busy(listeners=frozenset({one}))) == {other, third}
    assert await left(Busy(buyers=frozenset({BUYER}))) == {third}
    assert await left(Busy(frozenset({one, third}), frozenset({BUYER}))) == set()


@pytest.mark.parametrize(
    ("state", "again"), [(DeliveryState.PENDING, None), (DeliveryState.DELIVERED, NOW)], ids=["never", "again"]
)
async def test_exactly_what_is_pending_is_tried_again(store: SqlStore, state: DeliveryState, again: Any) -> None:
    """Anything else would block what is behind it, or send what was delivered."""
    await register(store, subscription())
    await announce(store, event("wo-1"))
    (first,) = await claim(store)
    with pytest.raises(ValueError, match="exactly what is pending"):
        await store.deliveries.settle(replace(delivered(first), state=state, next_attempt_at=again))


async def test_what_waited_for_a_removed_listener_is_kept_as_discarded(store: SqlStore, sql: Execute) -> None:
    listener = subscription()
    await register(store, listener)
    await announce(store, event("wo-1"), event("wo-1"), event("wo-2"))
    await deliver(store, (await claim(store))[0])
    await store.listeners.remove(listener.id)
    assert await claim(store, now=at(days=1)) == []
    assert await store.deliveries.next_at() is None
    assert sorted(await sql("SELECT state FROM deliveries")) == [("delivered",), ("discarded",), ("discarded",)]


async def test_an_attempt_under_way_when_its_listener_is_removed_revives_nothing(store: SqlStore, sql: Execute) -> None:
    listener = subscription()
    await register(store, listener)
    await announce(store, event("wo-1"))
    (first,) = await claim(store)
    await store.listeners.remove(listener.id)
    await fail(store, first, at(minutes=5))
    assert await store.deliveries.next_at() is None
    assert await sql("SELECT state, attempts FROM deliveries") == [("discarded", 1)]


async def test_a_listener_removed_while_an_event_is_announced_leaves_nothing_pending(open_: OpenStore) -> None:
    announcing, removing = await open_(), await open_()
    listener = subscription()
    await register(announcing, listener)
    async with announcing.transaction() as tx:
        await tx.notify([event("wo-1")], NOW, "corr")
        await tx.flush()
        removal = asyncio.create_task(removing.listeners.remove(listener.id))
        assert not await settled_soon(removal)
    assert await removal is True
    assert await announcing.deliveries.next_at() is None


async def test_an_event_announced_while_the_last_one_before_it_is_settled_is_not_stuck(open_: OpenStore) -> None:
    announcing, sending = await open_(), await open_()
    await register(announcing, subscription())
    await announce(announcing, event("wo-1", CREATED))
    (first,) = await claim(sending)
    async with announcing.transaction() as tx:
        await tx.notify([event("wo-1", STATE)], NOW, "corr")
        await tx.flush()
        settling = asyncio.create_task(deliver(sending, first))
        assert not await settled_soon(settling)
    await settling
    assert what(await claim(sending)) == [("wo-1", STATE.value)]


# Sleeping


async def test_the_next_delivery_is_the_earliest_that_may_be_claimed(store: SqlStore) -> None:
    assert await store.deliveries.next_at() is None
    await register(store, subscription())
    await announce(store, event("wo-1"), event("wo-2"))
    assert await store.deliveries.next_at() == NOW
    first, second = await claim(store)
    assert await store.deliveries.next_at() == LEASE
    await fail(store, first, at(minutes=5))
    await fail(store, second, at(minutes=3))
    assert await store.deliveries.next_at() == at(minutes=3)
    await deliver(store, first, second)
    assert await store.deliveries.next_at() is None


# Together


async def test_deliveries_settled_at_once_are_settled_in_a_few_statements_whatever_their_number(
    store: SqlStore, statements: list[str]
) -> None:
    await register(store, subscription(), subscription())
    await announce(store, *(event(f"wo-{number // 2}") for number in range(40)))
    claimed = await claim(store)
    assert len(claimed) == 40
    statements.clear()
    await asyncio.gather(
        *(store.deliveries.settle(delivered(each)) for each in claimed[:30]),
        *(store.deliveries.settle(failed(each, LEASE)) for each in claimed[30:]),
    )
    assert len(statements) < 10
    behind = await claim(store)
    assert len(behind) == 30
    assert {(each.subscription.id, each.resource_id) for each in behind} == {
        (each.subscription.id, each.resource_id) for each in claimed[:30]
    }


async def test_a_delivery_settled_twice_at_once_ends_once(store: SqlStore, sql: Execute) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"), event("wo-1"))
    (first,) = await claim(store)
    await asyncio.gather(deliver(store, first), fail(store, first, at(minutes=5)))
    assert await sql("SELECT state, attempts FROM deliveries ORDER BY number") == [("delivered", 1), ("pending", 0)]
    assert await sql("SELECT COUNT(*) FROM attempts") == [(2,)]
    assert len(await claim(store)) == 1


# Handed over at the commit


class Taker:
    """A sender with room for so many more."""

    lease = LEASE - NOW

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: list[Delivery] = []

    def reserve(self, listener: Subscription) -> bool:
        had, self.room = self.room, max(0, self.room - 1)
        return had > 0

    def release(self, listener: Subscription) -> None:
        self.room += 1

    def take(self, claimed: Sequence[Delivery]) -> None:
        self.taken += claimed


async def test_what_is_due_is_handed_over_as_if_it_had_been_claimed(store: SqlStore, sql: Execute) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"))
    (claimed,) = await claim(store)
    kept = "SELECT attempts, begun_at, next_attempt_at, lease_until, claimed_by FROM deliveries ORDER BY number"
    store.deliveries.taker = taker = Taker(5)
    await announce(store, event("wo-2"))
    (taken,) = taker.taken
    assert taken == replace(claimed, number=taken.number, event_id=taken.event_id, resource_id="wo-2")
    by_claim, handed = await sql(kept)
    assert by_claim == handed
    assert await claim(store) == []
    await deliver(store, taken)
    assert await claim(store, now=LEASE) == [replace(claimed, attempts=1, claimed_at=LEASE)]


async def test_only_the_first_of_a_resource_is_handed_over(store: SqlStore) -> None:
    await register(store, subscription())
    store.deliveries.taker = taker = Taker(5)
    await announce(store, event("wo-1"), event("wo-1"), event("wo-2"))
    assert [each.resource_id for each in taker.taken] == ["wo-1", "wo-2"]
    await announce(store, event("wo-1"))
    assert len(taker.taken) == 2
    await deliver(store, taker.taken[0])
    assert [each.resource_id for each in taker.taken[2:]] == ["wo-1"]
    assert await claim(store) == []


async def test_what_there_is_no_room_for_is_claimed_as_ever(store: SqlStore) -> None:
    await register(store, subscription(), subscription())
    store.deliveries.taker = taker = Taker(3)
    woken: list[str] = []
    store.deliveries.on_due = lambda: woken.append("deliveries")
    await announce(store, event("wo-1"))
    assert (len(taker.taken), woken) == (2, [])
    await announce(store, event("wo-2"))
    assert (len(taker.taken), woken) == (3, ["deliveries"])
    assert len(await claim(store)) == 1


async def test_a_transaction_that_fails_gives_up_the_room_that_was_kept(store: SqlStore) -> None:
    await register(store, subscription())
    store.deliveries.taker = taker = Taker(5)
    async with rolled_back(store) as tx:
        await tx.notify([event("wo-1")], NOW, "corr")
        await tx.flush()
    assert (taker.room, taker.taken) == (5, [])


async def test_a_disabled_listener_is_handed_nothing(store: SqlStore) -> None:
    disabled = subscription()
    await register(store, disabled)
    await store.listeners.disable(disabled.id, "by hand", NOW)
    store.deliveries.taker = taker = Taker(5)
    await announce(store, event("wo-1"))
    assert (taker.room, taker.taken) == (5, [])


async def test_what_a_settlement_lets_go_is_handed_over_in_the_same_transaction(store: SqlStore, sql: Execute) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"), event("wo-1"), event("wo-2"))
    first, other = await claim(store)
    woken: list[str] = []
    store.deliveries.on_due = lambda: woken.append("deliveries")
    store.deliveries.taker = taker = Taker(5)
    await fail(store, other, LEASE)
    assert taker.taken == []
    await deliver(store, first)
    (behind,) = taker.taken
    assert (behind.resource_id, behind.number, behind.attempts) == ("wo-1", first.number + 1, 0)
    rows = await sql("SELECT attempts, state FROM deliveries ORDER BY number")
    assert rows == [(1, "delivered"), (1, "pending"), (1, "pending")]
    assert (await claim(store), woken) == ([], [])
    await deliver(store, behind)
    assert await store.deliveries.next_at() == LEASE


async def test_what_is_next_for_a_listener_that_is_gone_waits(store: SqlStore) -> None:
    await register(store, subscription())
    await announce(store, event("wo-1"), event("wo-1"))
    (first,) = await claim(store)
    await store.listeners.disable(first.subscription.id, "by hand", NOW)
    store.deliveries.taker = taker = Taker(5)
    await deliver(store, first)
    assert (taker.room, taker.taken, await claim(store)) == (5, [], [])
    await store.listeners.enable(first.subscription.id, NOW)
    assert len(await claim(store)) == 1

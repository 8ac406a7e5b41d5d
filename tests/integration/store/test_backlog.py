"""Operators see what became of each notification, and have those that are over sent again, as the events they were."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bridge.flows.operator import Pending, Retried, RetryOutcome
from bridge.flows.ports.subscription import Subscription
from bridge.flows.ports.webhook_delivery import Delivery, DeliveryFilter, DeliveryState
from bridge.mef.enums import EventType
from bridge.store import SqlStore
from bridge.store import backlog as backlog_module
from tests.integration.store.conftest import Execute
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
    job,
    save,
    subscription,
    work_order,
)

ORDER = work_order()
CREATED = EventType.WORK_ORDER_CREATE
STATE = EventType.WORK_ORDER_STATE_CHANGE
LATER = at(hours=1)
GIVEN_UP = DeliveryFilter(state=DeliveryState.DISCARDED)
OVER = {DeliveryState.DISCARDED: discarded, DeliveryState.DELIVERED: delivered}


async def claim(store: SqlStore, now: datetime = NOW) -> list[Delivery]:
    return list(await store.deliveries.claim(now, now + timedelta(hours=1), 100))


async def end(store: SqlStore, state: DeliveryState = DeliveryState.DISCARDED) -> list[Delivery]:
    """Let all that is due, and all behind it, end so."""
    ended: list[Delivery] = []
    while claimed := await claim(store):
        for each in claimed:
            await store.deliveries.settle(OVER[state](each))
        ended += claimed
    return ended


async def retried(store: SqlStore, *numbers: int, now: datetime = LATER) -> set[int]:
    """Retry some; give the numbers of those that are tried now."""
    return {each.number for each in await store.backlog.retry(numbers, now) if each.is_done}


async def given_up(store: SqlStore, **listener: Any) -> tuple[Delivery, Subscription]:
    """Announce an event, and give its delivery up."""
    listening = subscription(**listener)
    await save(store, job(ORDER))
    await store.listeners.add(listening)
    await announce(store, event(ORDER.id))
    (ended,) = await end(store)
    return ended, listening


async def order_of(store: SqlStore, now: datetime) -> list[int]:
    """Deliver all, one after the other; gives their numbers."""
    numbers: list[int] = []
    while claimed := await claim(store, now):
        for each in claimed:
            await store.deliveries.settle(delivered(each))
            numbers.append(each.number)
    return numbers


async def test_a_report_tells_where_a_delivery_went_and_how_its_last_attempt_ended(store: SqlStore) -> None:
    claimed, listener = await given_up(store)
    (report,) = await store.backlog.reports(GIVEN_UP)
    assert (report.number, report.event_id, report.callback, report.listener) == (
        claimed.number,
        claimed.event_id,
        listener.callback,
        listener.id,
    )
    assert (report.attempts, report.last, report.state) == (1, attempt(500), DeliveryState.DISCARDED)
    assert await store.backlog.reports(DeliveryFilter(state=DeliveryState.PENDING)) == []
    assert await store.backlog.reports() == [report]
    assert await store.backlog.report(claimed.number) == report
    assert await store.backlog.report(999) is None


async def test_all_attempts_at_a_delivery_can_be_seen(store: SqlStore) -> None:
    await store.listeners.add(subscription())
    await announce(store, event("wo-1"))
    (first,) = await claim(store)
    refused = attempt(500, at=first.claimed_at, excerpt="<html>it broke")
    await store.deliveries.settle(failed(first, at(hours=1), attempt=refused))
    (second,) = await claim(store, at(hours=1))
    await store.deliveries.settle(delivered(second))
    assert await store.backlog.attempts(first.number) == [refused, attempt(204, at=at(hours=1))]
    assert await store.backlog.attempts(999) == []


async def test_a_delivery_that_was_given_up_is_sent_again_as_the_same_event_with_all_attempts(store: SqlStore) -> None:
    ended, _ = await given_up(store)
    woken: list[str] = []
    store.deliveries.on_due = lambda: woken.append("up")
    assert await retried(store, ended.number, ended.number) == {ended.number}
    assert woken == ["up"]
    (again,) = await claim(store, at(hours=1))
    assert (again.number, again.event_id, again.attempts) == (ended.number, ended.event_id, 0)
    assert await retried(store, ended.number) == set()


async def test_what_is_sent_again_leaves_before_what_waits_but_after_what_is_on_its_way(store: SqlStore) -> None:
    ended, _ = await given_up(store)
    await announce(store, event(ORDER.id), event(ORDER.id))
    (flying,) = await claim(store, at(hours=1))
    await store.backlog.retry([ended.number], at(hours=1))
    assert await claim(store, at(hours=1)) == []
    await store.deliveries.settle(delivered(flying))
    assert await order_of(store, at(hours=1)) == [ended.number, flying.number + 1]


async def test_what_is_sent_again_leaves_before_what_waits_for_its_next_attempt(store: SqlStore) -> None:
    ended, _ = await given_up(store)
    await announce(store, event(ORDER.id), event(ORDER.id))
    (tried,) = await claim(store)
    await store.deliveries.settle(failed(tried, at(hours=8)))
    await store.backlog.retry([ended.number], at(hours=1))
    assert await order_of(store, at(hours=1)) == [ended.number, tried.number, tried.number + 1]


async def test_a_listener_that_was_removed_hears_nothing_more(store: SqlStore) -> None:
    ended, listener = await given_up(store)
    await store.listeners.remove(listener.id)
    assert await retried(store, ended.number) == set()
    assert await store.backlog.replay(GIVEN_UP, at(hours=1)) == 0
    assert [report.callback for report in await store.backlog.reports()] == [None]


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, None])
async def test_what_was_delivered_or_is_under_way_is_not_retried(store: SqlStore, state: DeliveryState | None) -> None:
    await save(store, job(ORDER))
    await store.listeners.add(subscription())
    await announce(store, event(ORDER.id))
    (claimed,) = await claim(store)
    if state is not None:
        await store.deliveries.settle(delivered(claimed))
    assert await retried(store, claimed.number, now=NOW) == set()


@pytest.mark.parametrize("state", OVER)
async def test_what_is_over_is_replayed_in_order(
    store: SqlStore, state: DeliveryState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in more transactions than one, and beside what is announced meanwhile."""
    monkeypatch.setattr(backlog_module, "AT_ONCE", 2)
    await store.listeners.add(subscription())
    await announce(store, *(event(resource) for resource in ("wo-1", "wo-2", "wo-1", "wo-1", "wo-2")))
    ended = await end(store, state)
    await announce(store, event("wo-1"))
    assert await store.backlog.replay(DeliveryFilter(state=state), at(hours=1)) == 5
    again = await order_of(store, at(hours=1))
    resources = {each.number: each.resource_id for each in ended}
    last = max(again)
    for resource in ("wo-1", "wo-2"):
        mine = [number for number in again if resources.get(number, "wo-1") == resource]
        assert mine == sorted(mine)
    assert sorted(again) == sorted([*resources, last])


async def test_a_replay_takes_what_the_filter_names_and_says_before_what_that_is(store: SqlStore) -> None:
    mine, other, theirs = subscription(), subscription(CREATED), subscription(buyer=OTHER_BUYER)
    for listener in (mine, other, theirs):
        await store.listeners.add(listener)
    for hours in (0, 1, 2):
        async with store.transaction() as tx:
            for kind in (CREATED, STATE):
                await tx.notify([event(f"wo-{hours}", kind)], at(hours=hours), "corr")
                await tx.notify([event(f"wo-{hours}", kind, buyer=OTHER_BUYER)], at(hours=hours), "corr")
    while claimed := await claim(store, at(hours=2)):
        for each in claimed:
            await store.deliveries.settle(discarded(each))

    async def taken(**wanted: Any) -> set[tuple[str, str, int]]:
        """What would be replayed; it must be what the reports show."""
        chosen = replace(GIVEN_UP, **wanted)
        groups = await store.backlog.groups(chosen)
        assert sum(group.count for group in groups) == len(await store.backlog.reports(chosen))
        return {(group.listener, group.event_type.value, group.count) for group in groups}

    everything = {(theirs.id, kind.value, 3) for kind in (CREATED, STATE)} | {
        (mine.id, CREATED.value, 3),
        (mine.id, STATE.value, 3),
        (other.id, CREATED.value, 3),
    }
    assert await taken() == everything
    assert await taken(buyer=BUYER) == {each for each in everything if each[0] != theirs.id}
    assert await taken(listener=other.id) == {(other.id, CREATED.value, 3)}
    assert await taken(event_type=STATE, buyer=BUYER) == {(mine.id, STATE.value, 3)}
    assert await taken(listener=other.id, since=at(hours=1)) == {(other.id, CREATED.value, 2)}
    assert await taken(listener=other.id, until=at(hours=1)) == {(other.id, CREATED.value, 1)}
    assert await taken(listener=other.id, since=at(hours=1), until=at(hours=2)) == {(other.id, CREATED.value, 1)}
    (group,) = await store.backlog.groups(replace(GIVEN_UP, listener=other.id))
    assert (group.first, group.last, group.buyer, group.callback) == (NOW, at(hours=2), BUYER, other.callback)
    assert await store.backlog.replay(replace(GIVEN_UP, listener=mine.id, event_type=STATE), at(hours=3)) == 3
    assert {(each.subscription.id, each.event_type) for each in await claim(store, at(hours=3))} == {(mine.id, STATE)}


async def test_what_is_not_over_is_not_replayed(store: SqlStore) -> None:
    for state in (None, DeliveryState.PENDING):
        with pytest.raises(ValueError, match="is not over"):
            await store.backlog.replay(DeliveryFilter(state=state), NOW)


async def test_what_is_replayed_to_a_disabled_listener_waits_until_it_is_enabled(store: SqlStore, sql: Execute) -> None:
    ended, listener = await given_up(store)
    await announce(store, event(ORDER.id))
    await store.listeners.disable(listener.id, "gone", NOW)
    assert await store.backlog.replay(GIVEN_UP, at(hours=1)) == 1
    assert await sql("SELECT state, next_attempt_at FROM deliveries") == [("pending", None), ("pending", None)]
    assert [report.is_suspended for report in await store.backlog.reports()] == [True, True]
    assert await store.listeners.enable(listener.id, at(hours=2)) == 2
    assert await order_of(store, at(hours=2)) == [ended.number, ended.number + 1]


async def test_what_waits_for_its_next_attempt_is_tried_now_and_the_rest_is_told_of(store: SqlStore) -> None:
    await store.listeners.add(subscription())
    await announce(store, event("wo-1"), event("wo-1"), event("wo-2"), event("wo-3"), event("wo-4"))
    waits, gone, flying, over = await claim(store)
    await store.deliveries.settle(failed(waits, at(hours=2)))
    await store.deliveries.settle(delivered(gone))
    await store.deliveries.settle(discarded(over))
    behind, unknown = waits.number + 1, over.number + 1
    woken: list[int] = []
    store.deliveries.on_due = lambda: woken.append(1)
    told = await store.backlog.retry([waits.number, behind, gone.number, flying.number, over.number, unknown], NOW)
    assert told == [
        Retried(number=waits.number, outcome=RetryOutcome.DUE),
        Retried(number=behind, outcome=RetryOutcome.BEHIND, behind=waits.number),
        Retried(number=gone.number, outcome=RetryOutcome.OVER),
        Retried(number=flying.number, outcome=RetryOutcome.UNDER_WAY),
        Retried(number=over.number, outcome=RetryOutcome.AGAIN),
        Retried(number=unknown, outcome=RetryOutcome.UNKNOWN),
    ]
    assert woken == [1]
    assert [(each.number, each.attempts) for each in await claim(store)] == [(waits.number, 0), (over.number, 0)]


async def test_a_retry_of_what_has_no_listener_or_a_disabled_one_is_told(store: SqlStore) -> None:
    ended, listening = await given_up(store)
    await store.listeners.disable(listening.id, "it loops", NOW)
    (again,) = await store.backlog.retry([ended.number], NOW)
    (waits,) = await store.backlog.retry([ended.number], NOW)
    await store.listeners.remove(listening.id)
    (gone,) = await store.backlog.retry([ended.number], NOW)
    assert [each.outcome for each in (again, waits, gone)] == [
        RetryOutcome.AGAIN,
        RetryOutcome.SUSPENDED,
        RetryOutcome.NO_LISTENER,
    ]


async def test_all_of_a_filter_that_wait_are_tried_now_and_counted_before(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "AT_ONCE", 2)
    mine, theirs, paused = subscription(), subscription(buyer=OTHER_BUYER), subscription()
    for listener in (mine, theirs, paused):
        await store.listeners.add(listener)
    await announce(store, *(event(f"wo-{number}") for number in (1, 1, 2, 3, 4)), event("wo-9", buyer=OTHER_BUYER))
    await store.listeners.disable(paused.id, "it loops", NOW)
    claimed = await claim(store)
    for each in claimed:
        if each.resource_id != "wo-4":
            await store.deliveries.settle(failed(each, at(hours=2)))
    wanted = DeliveryFilter(buyer=BUYER)
    assert await store.backlog.pending(wanted, NOW) == Pending(later=3, due=0, under_way=1, behind=1, suspended=5)
    assert await store.backlog.hasten(wanted, NOW) == 3
    assert await store.backlog.pending(wanted, NOW) == Pending(later=0, due=3, under_way=1, behind=1, suspended=5)
    assert {each.resource_id for each in await claim(store)} == {"wo-1", "wo-2", "wo-3"}


async def test_a_report_names_the_one_that_a_delivery_waits_behind(store: SqlStore) -> None:
    await store.listeners.add(subscription())
    await announce(store, event("wo-1"), event("wo-1"), event("wo-1"), event("wo-2"))
    *_, first = reports = await store.backlog.reports()
    assert [report.behind for report in reports] == [None, first.number, first.number, None]

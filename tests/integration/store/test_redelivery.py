"""A notification that was given up can be seen, and sent again as the event it was."""

from typing import Any

import pytest

from bridge.flows.ports import Delivery, DeliveryState
from bridge.store import SqlStore
from tests.integration.store.values import NOW, announce, at, attempt, event, job, save, subscription, work_order

ORDER = work_order()


async def given_up(store: SqlStore, **listener: Any) -> tuple[Delivery, str]:
    """Announce an event, and give its delivery up."""
    news = event(ORDER.id)
    listening = subscription(news.event_type, buyer=news.buyer, **listener)
    await save(store, job(ORDER))
    await store.listeners.add(listening)
    await announce(store, news)
    (claimed,) = await store.deliveries.claim(NOW, at(minutes=1), 10)
    await store.deliveries.settle(claimed.number, attempt(500), DeliveryState.DISCARDED, None)
    return claimed, listening.id


async def test_a_report_tells_where_a_delivery_went_and_how_its_last_attempt_ended(store: SqlStore) -> None:
    claimed, _ = await given_up(store)
    (report,) = await store.deliveries.reports(DeliveryState.DISCARDED)
    assert (report.number, report.event_id, report.callback) == (
        claimed.number,
        claimed.event_id,
        claimed.subscription.callback,
    )
    assert (report.attempts, report.last, report.state) == (1, attempt(500), DeliveryState.DISCARDED)
    assert await store.deliveries.reports(DeliveryState.PENDING) == []
    assert await store.deliveries.reports() == [report]


async def test_a_delivery_that_was_given_up_is_sent_again_as_the_same_event_with_all_attempts(store: SqlStore) -> None:
    claimed, _ = await given_up(store)
    woken: list[str] = []
    store.deliveries.on_due = lambda: woken.append("up")
    assert await store.deliveries.retry([claimed.number, 999], at(hours=1)) == {claimed.number}
    assert woken == ["up"]
    (again,) = await store.deliveries.claim(at(hours=1), at(hours=2), 10)
    assert (again.number, again.event_id, again.attempts) == (claimed.number, claimed.event_id, 0)
    assert await store.deliveries.retry([claimed.number], at(hours=1)) == set()


async def test_what_is_sent_again_leaves_before_what_waits_but_after_what_is_on_its_way(store: SqlStore) -> None:
    claimed, _ = await given_up(store)
    await announce(store, event(ORDER.id), event(ORDER.id))
    (flying,) = await store.deliveries.claim(at(hours=1), at(hours=2), 10)
    await store.deliveries.retry([claimed.number], at(hours=1))
    assert await store.deliveries.claim(at(hours=1), at(hours=2), 10) == []
    await store.deliveries.settle(flying.number, attempt(), DeliveryState.DELIVERED, None)
    (next_,) = await store.deliveries.claim(at(hours=1), at(hours=2), 10)
    assert next_.number == claimed.number


async def test_a_listener_that_was_removed_hears_nothing_more(store: SqlStore) -> None:
    claimed, listener = await given_up(store)
    await store.listeners.remove(listener)  # type: ignore[arg-type]
    assert await store.deliveries.retry([claimed.number], at(hours=1)) == set()
    assert [report.callback for report in await store.deliveries.reports()] == [None]


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, None])
async def test_only_what_was_given_up_is_sent_again(store: SqlStore, state: DeliveryState | None) -> None:
    news = event(ORDER.id)
    await save(store, job(ORDER))
    await store.listeners.add(subscription(news.event_type, buyer=news.buyer))
    await announce(store, news)
    (claimed,) = await store.deliveries.claim(NOW, at(minutes=1), 10)
    if state is not None:
        await store.deliveries.settle(claimed.number, attempt(), state, None)
    assert await store.deliveries.retry([claimed.number], at(hours=1)) == set()

"""How much of what is in the database: numbers for whoever watches the bridge."""

from bridge.domain.model import CommandKind, Outcome
from bridge.flows.ports.database_figures import Backed
from bridge.store import SqlStore
from tests.integration.store.values import (
    BUYER,
    OTHER_BUYER,
    PACK,
    announce,
    ask,
    at,
    booking,
    discarded,
    entry,
    event,
    fresh,
    job,
    message,
    save,
    send,
    subscription,
    work_order,
)
from tests.unit.admin.test_metrics import NOTHING


async def test_of_an_empty_database_there_is_nothing_to_count(store: SqlStore) -> None:
    assert await store.counts.read() == NOTHING


async def test_messages_are_counted_by_what_became_of_them(store: SqlStore) -> None:
    told = [
        (Outcome.PARKED, "a"),
        (Outcome.PARKED, "a"),
        (Outcome.PARKED, "b"),
        (Outcome.WAITING, ""),
        (Outcome.APPLIED, ""),
    ]
    async with store.transaction() as tx:
        await tx.record([entry(outcome, message=fresh("E"), reason=reason) for outcome, reason in told])
    found = await store.counts.read()
    assert found.parked == {(PACK, "a"): 2, (PACK, "b"): 1}
    assert found.waiting == {PACK: 1}


async def test_deliveries_are_counted_by_listener_with_the_age_of_the_oldest(store: SqlStore) -> None:
    mine, other, dead = subscription(), subscription(buyer=OTHER_BUYER), subscription(buyer=OTHER_BUYER)
    for each in (mine, other, dead):
        await store.listeners.add(each)
    await store.listeners.disable(dead.id, "gone", at())
    await announce(store, event("wo-1"), event("wo-2"))
    await announce(store, event("wo-3", buyer=OTHER_BUYER))
    for given_up in await store.deliveries.claim(at(), at(seconds=30), 1):
        await store.deliveries.settle(discarded(given_up))
    found = await store.counts.read()
    backed = {each.listener: each for each in found.backed}
    assert backed[mine.id].pending + found.discarded.get(BUYER, 0) == 2
    assert backed[dead.id] == Backed(OTHER_BUYER, dead.id, 1, at())
    assert found.disabled_listeners == 1


async def test_what_is_on_its_way_to_the_wfm_is_counted(store: SqlStore) -> None:
    order = work_order()
    await save(store, job(order))
    async with store.transaction() as tx:
        await ask(tx, booking(order), booking(order, kind=CommandKind.CANCEL))
    await send(store, message(), message())
    (first, _) = sorted(report.number for report in await store.outbox.reports())
    found = await store.counts.read()
    assert (found.outbox, found.first_outbox, found.pending_commands, found.to_take_back) == (2, first, 2, 0)
    await store.outbox.settle(first, True, None, None)
    assert (await store.counts.read()).outbox == 1

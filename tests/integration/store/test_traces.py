"""What an id means, and what is on record of a job."""

from dataclasses import replace

import pytest

from bridge.domain.model import CommandState, JobRef, Outcome
from bridge.flows.ports.job_trace import JobTrace
from bridge.flows.ports.refused_request import RefusedRequest
from bridge.store import SqlStore
from bridge.store.traces import MOST_JOBS, Found
from tests.integration.store.values import (
    BUYER,
    NOW,
    PACK,
    announce,
    appointment,
    ask,
    at,
    booking,
    delivered,
    details,
    entry,
    event,
    failed,
    fresh,
    job,
    job_with,
    message,
    save,
    send,
    subscription,
    ticket,
    work_order,
)


async def test_a_job_is_found_by_whatever_names_it(store: SqlStore) -> None:
    order = work_order(details=details(entities=(ticket("TT-7"),)))
    visit = appointment(order)
    asked = booking(order, correlation_id="corr-of-booking")
    await save(store, job_with(order, visit))
    await save(store, job(work_order()))
    said = entry(job=order.job, message="E-1")
    async with store.transaction() as tx:
        await ask(tx, asked)
        await tx.record([said])
    await announce(store, event(visit.id), correlation_id="corr-of-event")
    (announced,) = await store.notifications.latest()
    ids = [
        order.id,
        visit.id,
        order.job.key,
        "TT-7",
        asked.id,
        "corr-of-booking",
        announced.event_id,
        "corr-of-event",
        "E-1",
    ]
    assert [await store.traces.find(each) for each in ids] == [Found([order.job])] * len(ids)


@pytest.mark.parametrize("id_", ["", "nothing", "%", "_", "\x00", "\ud800", "'"])
async def test_what_names_nothing_finds_nothing(store: SqlStore, id_: str) -> None:
    await save(store, job(work_order()))
    assert not (await store.traces.find(id_)).jobs


async def test_an_id_is_found_by_its_beginning_if_none_is_just_so(store: SqlStore) -> None:
    short, long = (work_order(id=id_) for id_ in ("order-1", "order-12"))
    await save(store, job(short), job(long))
    assert await store.traces.find("order-1") == Found([short.job])
    assert await store.traces.find("order-12") == Found([long.job])
    assert await store.traces.find("order-") == Found(sorted([short.job, long.job]), by_beginning=True)
    assert await store.traces.find("ORDER-1") == Found([], by_beginning=True)


async def test_a_ticket_may_have_several_jobs_and_not_endlessly_many_are_named(store: SqlStore) -> None:
    orders = [work_order(details=details(entities=(ticket("TT-8"),))) for _ in range(MOST_JOBS + 5)]
    await save(store, *map(job, orders))
    assert len((await store.traces.find("TT-8")).jobs) == MOST_JOBS


async def test_all_that_is_on_record_of_a_job_is_read_and_nothing_of_another(store: SqlStore) -> None:
    order = work_order()
    visit = appointment(order)
    asked = booking(order)
    mine = subscription()
    await store.listeners.add(mine)
    for each in (job_with(order, visit), job(work_order())):
        await save(store, each)
        async with store.transaction() as tx:
            await tx.record([entry(job=each.ref, message=fresh("E"))])
        await send(store, message(each.ref.key))
        await announce(store, event(each.work_order.id if each.work_order else ""))
    async with store.transaction() as tx:
        await ask(tx, asked)
    found = await store.traces.read(order.job)
    assert (found.job, [each.id for each in found.work_orders], found.appointments) == (order.job, [order.id], (visit,))
    assert [each.entry.job for each in found.messages] == [order.job]
    assert [(each.command, each.settled_at, each.result) for each in found.commands] == [(asked, None, None)]
    assert [each.message.job for each in found.sent] == [order.job]
    assert [each.resource_id for each in found.events] == [order.id]
    assert {each.report.resource_id for each in found.deliveries} <= {order.id}


async def test_of_an_unknown_job_there_is_nothing(store: SqlStore) -> None:
    nobody = JobRef(PACK, "nobody")
    nothing = JobTrace(
        job=nobody, work_orders=(), appointments=(), messages=(), commands=(), sent=(), events=(), deliveries=()
    )
    assert await store.traces.read(nobody) == nothing


async def test_the_mark_of_a_job_is_another_one_whenever_its_trace_is(store: SqlStore) -> None:
    order = work_order()
    visit = appointment(order)
    mine = subscription()
    await store.listeners.add(mine)
    seen: list[tuple[JobTrace, str]] = [(await store.traces.read(order.job), await store.traces.mark(order.job))]

    async def look() -> None:
        trace, mark = await store.traces.read(order.job), await store.traces.mark(order.job)
        assert trace != seen[-1][0]
        assert mark != seen[-1][1]
        seen.append((trace, mark))

    await save(store, job_with(order, visit))
    await look()
    async with store.transaction() as tx:
        await tx.record([entry(Outcome.WAITING, job=order.job, message="E-1")])
    await look()
    (waits,) = (await store.traces.read(order.job)).messages
    async with store.transaction() as tx:
        await tx.load_jobs([order.job])
        await tx.resolve_waiting({waits.number: entry(Outcome.PARKED, job=order.job, message="E-1")})
    await look()
    assert await store.journal.discard(waits.number, "not ours")
    await look()
    asked = booking(order)
    async with store.transaction() as tx:
        await tx.load_jobs([order.job])
        await ask(tx, asked)
    await look()
    async with store.transaction() as tx:
        await tx.load_jobs([order.job])
        await tx.settle_command(replace(asked, state=CommandState.ACCEPTED), {"id": visit.id})
    await look()
    await send(store, message(order.job.key), message(order.job.key))
    await look()
    (first,) = await store.outbox.claim(NOW, at(seconds=60), 100)
    await look()
    await store.outbox.settle(first.number, sent=False, error="gone", next_attempt_at=at(seconds=5))
    await look()
    assert await store.outbox.retry([first.number], NOW)
    await look()
    await store.outbox.settle(first.number, sent=True, error=None, next_attempt_at=None)
    await look()
    await announce(store, event(visit.id), event(visit.id))
    await look()
    (delivery,) = await store.deliveries.claim(NOW, at(seconds=60), 100)
    await look()
    await store.deliveries.settle(failed(delivery, at(minutes=5)))
    await look()
    await store.backlog.retry([delivery.number], NOW)
    await look()
    (delivery,) = await store.deliveries.claim(NOW, at(seconds=60), 100)
    await look()
    await store.deliveries.settle(delivered(delivery))
    await look()
    await store.listeners.disable(mine.id, "paused", NOW)
    await look()
    refused = RefusedRequest(
        at=NOW,
        requester="acme",
        buyer=BUYER,
        operation="PATCH /appointment/{id}",
        status=422,
        reason="no",
        work_order=None,
        appointment=visit.id,
        correlation_id="c",
    )
    await store.refused.add([refused])
    await look()
    assert await store.traces.mark(order.job) == seen[-1][1]


async def test_what_happens_to_another_job_leaves_the_mark_as_it_is(store: SqlStore) -> None:
    order, other = work_order(), work_order()
    await save(store, job(order), job(other))
    before = await store.traces.mark(order.job)
    async with store.transaction() as tx:
        await tx.record([entry(job=other.job)])
    await send(store, message(other.job.key))
    await announce(store, event(other.id))
    assert await store.traces.mark(order.job) == before

"""What a process keeps of the jobs it has seen is what the database has, whoever else writes there."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bridge.domain.model import CommandKind, CommandState, Job, JobRef, Outcome
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.store import SqlStore
from bridge.store.jobs import JobCache
from tests.integration.store.conftest import OpenStore
from tests.integration.store.values import (
    NOW,
    PACK,
    appointment,
    at,
    booking,
    details,
    entry,
    fresh,
    job,
    job_with,
    load,
    rolled_back,
    save,
    ticket,
    work_order,
)

Change = Callable[[Job], Job]
REF = JobRef(PACK, "J-1")
READS_THE_WHOLE = "FROM appointments"


async def change(store: SqlStore, ref: JobRef, change: Change) -> Job:
    """Load, change and save, as a use case does; give the job as it was saved."""
    async with store.transaction() as tx:
        changed = change((await tx.load_jobs([ref]))[ref])
        await tx.save_jobs([changed])
    return changed


def begun(number: int) -> Change:
    """A WorkOrder in place of the one before, with a visit."""

    def begin(before: Job) -> Job:
        order = work_order(job=before.ref)
        visit = appointment(order, created_at=at(minutes=number))
        return replace(before, work_order=order, appointment=visit, ended_appointments=before.appointments)

    return begin


def ended(before: Job) -> Job:
    current = before.appointment
    assert current is not None
    return replace(before, appointment=replace(current, status=AppointmentStatus.CANCELLED))


def booked_again(number: int) -> Change:
    def book(before: Job) -> Job:
        assert before.work_order is not None
        visit = appointment(before.work_order, created_at=at(minutes=number))
        return replace(before, appointment=visit, ended_appointments=before.appointments)

    return book


def heard(before: Job) -> Job:
    return replace(before, versions={"job": 7}, record={"A": [1, None]}, field_versions={"A": {"job": 7}})


HISTORIES: dict[str, Sequence[Change]] = {
    "a visit": (begun(1),),
    "only told": (heard,),
    "a visit that ends": (begun(1), ended),
    "visit after visit": (begun(1), *(step for n in range(2, 15) for step in (ended, booked_again(n)))),
    "a follow-up": (begun(1), ended, begun(2)),
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
async def test_what_is_kept_is_what_another_process_reads(
    store: SqlStore, open_: OpenStore, history: Sequence[Change], statements: list[str]
) -> None:
    other = await open_()
    for step in history:
        await change(store, REF, step)
        statements.clear()
        kept = await load(store, REF)
        assert [each for each in statements if READS_THE_WHOLE in each] == []
        assert kept == await load(other, REF)


SETTLED: dict[str, dict[str, object]] = {
    "pending": {},
    "accepted": {"state": CommandState.ACCEPTED},
    "accepted, and may be repeated": {"state": CommandState.ACCEPTED, "echo_until": at(hours=1)},
    "refused": {"state": CommandState.REFUSED},
    "failed": {"state": CommandState.FAILED},
    "a booking in vain": {"state": CommandState.EXPIRED},
    "a move in vain": {"state": CommandState.EXPIRED, "kind": CommandKind.RESCHEDULE},
    "taken back": {"state": CommandState.COMPENSATED},
    "to be taken back": {"state": CommandState.COMPENSATED, "tries": 2, "try_again_at": at(hours=1)},
}


@pytest.mark.parametrize("later", [{}, {"minutes": 59}, {"hours": 2}, {"days": 8}, {"days": 8, "hours": 2}], ids=str)
async def test_what_is_kept_of_commands_is_what_another_process_reads(
    open_: OpenStore, later: dict[str, float], statements: list[str]
) -> None:
    """Also once they passed out of sight by the time alone."""
    moment = NOW
    store, other = await open_(lambda: moment), await open_(lambda: moment)
    asked = {name: await asked_for(store, changes) for name, changes in SETTLED.items()}
    moment = at(**later)
    statements.clear()
    kept = {name: await load(store, ref) for name, ref in asked.items()}
    assert [each for each in statements if READS_THE_WHOLE in each] == []
    assert kept == {name: await load(other, ref) for name, ref in asked.items()}


async def asked_for(store: SqlStore, changes: dict[str, object]) -> JobRef:
    """Let a Buyer ask for something, and the WFM reply."""
    ref = JobRef(PACK, fresh("J"))
    saved = await change(store, ref, begun(1))
    assert saved.work_order is not None
    command = booking(saved.work_order)
    async with store.transaction() as tx:
        asking = (await tx.load_jobs([ref]))[ref].with_command(command)
        await tx.add_commands([command])
        await tx.save_jobs([asking])
    if changes:
        async with store.transaction() as tx:
            settled = replace(command, **changes)
            without = (await tx.load_jobs([ref]))[ref].without_command(command.id)
            await tx.settle_command(settled, {"reason": "so"})
            await tx.save_jobs([ended(without)])
    return ref


async def test_what_another_process_has_written_is_read_again(store: SqlStore, open_: OpenStore) -> None:
    other = await open_()
    await change(store, REF, begun(1))
    changed = await change(other, REF, ended)
    assert (await load(store, REF)).appointment == changed.appointment


async def test_what_was_rolled_back_is_not_kept(store: SqlStore) -> None:
    await change(store, REF, begun(1))
    before = await load(store, REF)
    async with rolled_back(store) as tx:
        await tx.save_jobs([ended((await tx.load_jobs([REF]))[REF])])
        await tx.load_jobs([REF])
    assert await load(store, REF) == before


async def test_a_command_has_the_job_read_again(store: SqlStore, open_: OpenStore) -> None:
    other = await open_()
    saved = await change(store, REF, begun(1))
    assert saved.work_order is not None
    async with other.transaction() as tx:
        await tx.load_jobs([REF])
        await tx.add_commands([booking(saved.work_order)])
    assert len((await load(store, REF)).commands) == 1


async def test_what_belongs_to_others_is_always_read(store: SqlStore, open_: OpenStore) -> None:
    """Messages that are held, and other WorkOrders of the same trouble ticket, change without the job."""
    other = await open_()
    order = work_order(job=REF, details=details(entities=[ticket("TT-1")]))
    await change(store, REF, lambda _: job_with(order, appointment(order)))
    await save(other, job(work_order(details=details(entities=[ticket("TT-1")]))))
    async with other.transaction() as tx:
        await tx.record([entry(Outcome.WAITING, job=REF, due_at=at(minutes=1))])
    kept = await load(store, REF)
    assert (kept.holds, kept.open_siblings) == (True, 1)
    await change(other, REF, lambda job: replace(job, work_order=replace(order, state=WorkOrderState.CANCELLED)))
    assert (await load(store, REF)) == await load(other, REF)


def test_the_longest_unused_jobs_go_first() -> None:
    cache = JobCache(most=2)
    one, two, three = (Job(ref=JobRef(PACK, key)) for key in "123")
    for each in (one, two):
        cache.keep(each, 1)
    assert cache.at(one.ref, 1, NOW) is one
    cache.keep(three, 1)
    assert [cache.at(each.ref, 1, NOW) for each in (one, two, three)] == [one, None, three]
    assert cache.at(one.ref, 2, NOW) is None


def test_whose_a_work_order_is_is_known_as_long_as_its_job_is_kept() -> None:
    cache = JobCache(most=1)
    first, second = work_order(job=REF), work_order(job=REF)
    cache.keep(job(first), 1)
    assert cache.owner(first.id) == (REF, first.buyer)
    cache.keep(job(second), 2)
    assert [cache.owner(first.id), cache.owner(second.id)] == [None, (REF, second.buyer)]
    cache.keep(Job(ref=JobRef(PACK, "J-2")), 1)
    assert cache.owner(second.id) is None

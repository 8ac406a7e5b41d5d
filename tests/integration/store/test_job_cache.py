"""What a process keeps of the jobs it has seen is what the database has, whoever else writes there."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bridge.domain.model import Job, JobRef, Outcome
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.store import SqlStore
from bridge.store.jobs import JobCache
from tests.integration.store.conftest import OpenStore
from tests.integration.store.values import (
    PACK,
    appointment,
    at,
    booking,
    details,
    entry,
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
    assert cache.at(one.ref, 1) is one
    cache.keep(three, 1)
    assert [cache.at(each.ref, 1) for each in (one, two, three)] == [one, None, three]
    assert cache.at(one.ref, 2) is None

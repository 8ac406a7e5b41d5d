"""Jobs: loaded under a lock, many at a time, and saved where they changed."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.ages import TURN, Ages, VisitAge
from bridge.domain.model import AppointmentId, BuyerId, CommandKind, CommandState, Job, JobRef, WorkOrder
from bridge.errors import ConflictError
from bridge.flows.ports.transaction import Owner
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import AppointmentCreate, WorkOrderRef
from bridge.store import SqlStore
from tests.integration.store.conftest import Execute, OpenStore
from tests.integration.store.values import (
    NOW,
    OTHER_BUYER,
    PACK,
    address,
    appointment,
    ask,
    at,
    booking,
    contact,
    details,
    job,
    job_with,
    load,
    rolled_back,
    save,
    settled_soon,
    site,
    ticket,
    window,
    work_order,
)
from tests.support import PATIENCE_S


async def test_an_unknown_job_comes_back_empty(store: SqlStore) -> None:
    ref = JobRef(PACK, "J-unknown")
    async with store.transaction() as tx:
        assert await tx.load_jobs([ref]) == {ref: Job(ref=ref)}


async def test_the_packs_that_have_jobs_are_known(store: SqlStore) -> None:
    assert await store.reads.packs_in_use() == frozenset()
    await save(store, Job(ref=JobRef("one", "J-1")), Job(ref=JobRef("one", "J-2")), Job(ref=JobRef("two", "J-1")))
    assert await store.reads.packs_in_use() == frozenset()
    seen = {"job": 1}
    await save(store, Job(ref=JobRef("one", "J-1"), versions=seen), Job(ref=JobRef("two", "J-1"), versions=seen))
    assert await store.reads.packs_in_use() == {"one", "two"}


async def test_a_job_comes_back_as_it_was_saved(store: SqlStore) -> None:
    order = work_order()
    ended = appointment(order, status=AppointmentStatus.CANCELLED, visit="V-0001", disregarded_window=window(48))
    current = appointment(order, created_at=at(minutes=1))
    request = AppointmentCreate(
        related_contact_information=(contact(),), valid_for=window(), work_order=WorkOrderRef(id=order.id)
    )
    asked = booking(order, request=request, visit="V-2", correlation_id="corr-7")
    saved = replace(
        job_with(order, ended, current),
        commands=(asked,),
        record={"list": [1, None, "ż"], "big": 2**80},
        field_versions={"list": {"job": 3, TURN: 4}},
        ages=Ages(
            agreed={"job": 3, TURN: 5},
            named={"job": 4},
            own={"visit": 1},
            visits={
                ended.id: VisitAge(earliest=None, latest=at(minutes=2), versions={"job": 2}),
                current.id: VisitAge(earliest=at(), latest=at(minutes=3), by_buyer=True),
            },
        ),
    )
    await save(store, saved)
    assert await load(store, saved.ref) == saved


async def test_a_job_may_have_versions_and_a_record_but_no_work_order(store: SqlStore) -> None:
    saved = Job(ref=JobRef(PACK, "J-early"), versions={"job": 7, "visit": 2}, record={"A": ""})
    await save(store, saved)
    assert await load(store, saved.ref) == saved


async def test_text_that_a_database_cannot_hold_is_kept_all_the_same(store: SqlStore) -> None:
    ref = JobRef(PACK, "J\x00\ud800\u241b0000")
    order = work_order(job=ref, buyer=BuyerId("a\x00"))
    await save(store, job(order))
    assert (await load(store, ref)).work_order == order


async def test_the_record_of_a_job_is_read_without_a_lock(store: SqlStore) -> None:
    """By a search, which changes nothing."""
    known = JobRef(PACK, "J-record")
    async with store.transaction() as tx:
        await tx.save_jobs([Job(ref=known, record={"region": "NORTH", "deep": [{"a": None}]})])
    assert await store.reads.record(known) == {"region": "NORTH", "deep": [{"a": None}]}
    assert await store.reads.record(JobRef("other", "J-record")) == {}
    async with store.transaction() as tx:
        await tx.load_jobs([known])
        assert await asyncio.wait_for(store.reads.record(known), PATIENCE_S) != {}


async def test_the_same_key_in_two_packs_is_two_jobs(store: SqlStore) -> None:
    orders = [work_order(job=JobRef(pack, key)) for pack in ("pack-a", "pack-b") for key in ("J-1", "J-2")]
    await save(store, *(job_with(order, appointment(order)) for order in orders))
    wanted = [orders[0].job, orders[3].job]
    async with store.transaction() as tx:
        loaded = await tx.load_jobs(wanted)
    assert list(loaded) == wanted
    assert [known.work_order.id for known in loaded.values() if known.work_order] == [orders[0].id, orders[3].id]


async def test_the_last_value_saved_in_a_transaction_wins(store: SqlStore) -> None:
    order = work_order()
    async with store.transaction() as tx:
        for state in (WorkOrderState.OPEN, WorkOrderState.PLANNED, WorkOrderState.IN_PROGRESS):
            await tx.save_jobs([job(replace(order, state=state), versions={"job": list(WorkOrderState).index(state)})])
    loaded = await load(store, order.job)
    assert loaded.work_order is not None
    assert loaded.work_order.state is WorkOrderState.IN_PROGRESS
    assert loaded.versions == {"job": 2}


async def test_a_value_that_returns_to_what_it_was_is_stored_as_it_was(store: SqlStore) -> None:
    saved = job()
    await save(store, saved)
    async with store.transaction() as tx:
        loaded = (await tx.load_jobs([saved.ref]))[saved.ref]
        await tx.save_jobs([replace(loaded, versions={"job": 2})])
        await tx.load_jobs([saved.ref])
        await tx.save_jobs([loaded])
    assert await load(store, saved.ref) == saved


async def test_a_read_sees_what_the_transaction_has_saved(store: SqlStore) -> None:
    saved = job()
    async with store.transaction() as tx:
        await tx.save_jobs([saved])
        assert (await tx.load_jobs([saved.ref]))[saved.ref] == saved


async def test_what_did_not_change_is_not_written(store: SqlStore, statements: list[str]) -> None:
    order = work_order()
    saved = job_with(order, appointment(order))
    await save(store, saved)
    async with store.transaction() as tx:
        loaded = await tx.load_jobs([saved.ref])
        statements.clear()
        await tx.save_jobs(list(loaded.values()))
    assert statements == []


async def test_the_number_of_statements_does_not_grow_with_the_number_of_jobs(
    store: SqlStore, statements: list[str]
) -> None:
    """A batch of 200 jobs is normal."""
    orders = [work_order() for _ in range(60)]
    await save(store, *(job_with(order, appointment(order)) for order in orders))
    counts: list[int] = []
    for few in (orders[:1], orders):
        statements.clear()
        async with store.transaction() as tx:
            assert len(await tx.load_jobs([order.job for order in few])) == len(few)
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_jobs_of_a_batch_are_written_once_however_often_the_journal_is_asked_meanwhile(
    store: SqlStore, statements: list[str]
) -> None:
    orders = [work_order() for _ in range(20)]
    async with store.transaction() as tx:
        await tx.load_jobs([order.job for order in orders])
        for order in orders:
            await tx.save_jobs([job(order)])
            assert await tx.waiting([order.job]) == {}
    assert sum("INSERT INTO work_orders " in statement for statement in statements) == 1


async def test_an_exception_rolls_everything_back(store: SqlStore) -> None:
    saved = job()
    async with rolled_back(store) as tx:
        await tx.save_jobs([saved])
        await tx.load_jobs([saved.ref])
    assert await load(store, saved.ref) == Job(ref=saved.ref)


async def test_a_cancelled_task_leaves_nothing_behind_and_blocks_nobody(store: SqlStore) -> None:
    saved = job()
    inside = asyncio.Event()

    async def hang() -> None:
        async with store.transaction() as tx:
            await tx.save_jobs([saved])
            await tx.load_jobs([saved.ref])
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(PATIENCE_S):
        assert await load(store, saved.ref) == Job(ref=saved.ref)


async def test_a_read_that_is_broken_off_while_it_begins_leaves_no_transaction_behind(store: SqlStore) -> None:
    """Wherever it is broken off: else the next change would find itself in one that may only read."""
    saved = job()
    await save(store, saved)
    for turns in range(40):
        reading = asyncio.create_task(store.journal.waiting_since())
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await save(store, saved)
    assert (await load(store, saved.ref)).ref == saved.ref


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_two_transactions_on_one_job_run_one_after_the_other(open_: OpenStore, known: bool) -> None:
    """Nobody decides on a job while another does: 20 increments from two processes make 20."""
    stores = [await open_(), await open_()]
    counted = job() if known else Job(ref=JobRef(PACK, "J-new"))
    if known:
        await save(stores[0], counted)
    before = counted.versions.get("job", 0)

    async def increment(store: SqlStore) -> None:
        async with store.transaction() as tx:
            loaded = (await tx.load_jobs([counted.ref]))[counted.ref]
            await asyncio.sleep(0)
            await tx.save_jobs([replace(loaded, versions={"job": loaded.versions.get("job", 0) + 1})])

    await asyncio.gather(*(increment(stores[number % 2]) for number in range(20)))
    assert (await load(stores[0], counted.ref)).versions == {"job": before + 20}


async def test_batches_that_overlap_in_any_order_do_not_deadlock(open_: OpenStore) -> None:
    stores = [await open_(), await open_()]
    refs = [JobRef(PACK, f"J-{number}") for number in range(20)]

    async def touch(store: SqlStore, batch: list[JobRef]) -> None:
        async with store.transaction() as tx:
            loaded = await tx.load_jobs(batch)
            await tx.save_jobs(
                [replace(known, versions={"job": known.versions.get("job", 0) + 1}) for known in loaded.values()]
            )

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(touch(stores[n % 2], refs if n % 4 < 2 else refs[::-1]) for n in range(12)))
    async with stores[0].transaction() as tx:
        assert {known.versions["job"] for known in (await tx.load_jobs(refs)).values()} == {12}


# Appointments


@pytest.mark.parametrize("status", [AppointmentStatus.CONFIRMED, AppointmentStatus.IN_PROGRESS])
async def test_a_second_open_appointment_is_a_conflict(store: SqlStore, status: AppointmentStatus) -> None:
    """R20, by the database."""
    order = work_order()
    await save(store, job_with(order, appointment(order)))
    with pytest.raises(ConflictError):
        await save(store, job(order, appointment=appointment(order, status=status)))
    assert len((await load(store, order.job)).ended_appointments) == 0


async def test_a_new_appointment_may_take_the_place_of_one_that_ends_in_the_same_transaction(store: SqlStore) -> None:
    """R20 and R27: a Seller's move is a cancellation and a new visit."""
    order = work_order()
    old = appointment(order, id=AppointmentId("ap-z"))
    await save(store, job_with(order, old))
    new = appointment(order, id=AppointmentId("ap-a"), created_at=at(minutes=1))
    cancelled = replace(old, status=AppointmentStatus.CANCELLED)
    await save(store, job_with(order, cancelled, new))
    loaded = await load(store, order.job)
    assert (loaded.appointment, loaded.ended_appointments) == (new, (cancelled,))


async def test_the_current_appointment_is_the_open_one_else_the_latest(store: SqlStore) -> None:
    order = work_order()
    ended = [
        appointment(order, status=AppointmentStatus.FAILED, created_at=at(minutes=number)) for number in range(1, 4)
    ]
    opened = appointment(order, created_at=at(minutes=0))
    await save(store, job(order, ended_appointments=tuple(ended)))
    assert (await load(store, order.job)).appointment == ended[-1]
    await save(store, job(order, ended_appointments=tuple(ended), appointment=opened))
    loaded = await load(store, order.job)
    assert (loaded.appointment, loaded.ended_appointments) == (opened, tuple(ended))


async def test_only_the_latest_ended_appointments_are_loaded(store: SqlStore) -> None:
    order = work_order()
    visits = [
        appointment(order, status=AppointmentStatus.CANCELLED, created_at=at(minutes=number)) for number in range(15)
    ]
    await save(store, job_with(order, *visits))
    assert (await load(store, order.job)).ended_appointments == tuple(visits[4:14])


async def test_a_follow_up_keeps_the_visits_of_the_work_order_it_replaced(store: SqlStore) -> None:
    first, second = work_order(state=WorkOrderState.UNABLE_TO_COMPLETE), work_order()
    second = replace(second, job=first.job)
    visit = appointment(first, status=AppointmentStatus.FAILED)
    ended = job_with(first, visit)
    async with store.transaction() as tx:
        await tx.save_jobs([ended])
        await tx.save_jobs([replace(ended, work_order=second, appointment=None, ended_appointments=(visit,))])
        assert await tx.owners([first.id]) == {first.id: Owner(first.job, first.buyer)}
    loaded = await load(store, first.job)
    assert (loaded.work_order, loaded.appointment, loaded.ended_appointments) == (second, None, (visit,))
    assert await store.reads.work_order(first.id) == ended.work_order


async def test_a_work_order_leads_to_its_job_and_its_buyer(store: SqlStore) -> None:
    own, others = work_order(), work_order(buyer=OTHER_BUYER)
    async with store.transaction() as tx:
        await tx.save_jobs([job(own), job(others)])
        assert await tx.owners([own.id, others.id, work_order().id]) == {
            own.id: Owner(own.job, own.buyer),
            others.id: Owner(others.job, OTHER_BUYER),
        }


# Commands of a job


async def test_a_job_has_the_commands_a_message_may_still_answer(store: SqlStore) -> None:
    """Pending ones of any kind; bookings that expired; bookings taken back less than seven days ago."""
    order = work_order()
    await save(store, job(order))
    week_ago = NOW - timedelta(days=7)
    kept = [
        booking(order, kind=CommandKind.CANCEL),
        booking(order, state=CommandState.EXPIRED, expires_at=NOW - timedelta(days=30)),
        booking(order, state=CommandState.COMPENSATED, expires_at=week_ago + timedelta(minutes=1)),
        booking(order, state=CommandState.EXPIRED, kind=CommandKind.RESCHEDULE),
        booking(order, state=CommandState.EXPIRED, kind=CommandKind.CANCEL, expires_at=week_ago + timedelta(minutes=1)),
    ]
    dropped = [
        booking(order, state=CommandState.COMPENSATED, expires_at=week_ago - timedelta(minutes=1)),
        booking(order, state=CommandState.ACCEPTED),
        booking(order, state=CommandState.REFUSED),
        booking(order, state=CommandState.FAILED),
        booking(order, state=CommandState.EXPIRED, kind=CommandKind.RESCHEDULE, expires_at=week_ago),
    ]
    async with store.transaction() as tx:
        for command in (*kept, *dropped):
            await ask(tx, command)
    assert (await load(store, order.job)).commands == tuple(sorted(kept, key=lambda command: command.id))


async def test_a_changed_command_is_saved_with_its_job(store: SqlStore) -> None:
    order = work_order()
    asked = booking(order)
    await save(store, job(order, commands=(asked,)))
    echoed = replace(asked, visit="V-1")
    await save(store, replace(await load(store, order.job), commands=(echoed,)))
    assert (await load(store, order.job)).commands == (echoed,)


# Siblings


@pytest.mark.parametrize(
    ("sibling", "counted"),
    [
        (work_order(details=details(entities=[ticket("TT-1")])), 1),
        (work_order(details=details(entities=[ticket("TT-1")]), state=WorkOrderState.IN_PROGRESS), 1),
        (work_order(details=details(entities=[ticket("TT-1")]), state=WorkOrderState.COMPLETED), 0),
        (work_order(details=details(entities=[ticket("TT-1")]), state=WorkOrderState.CANCELLED), 0),
        (work_order(details=details(entities=[ticket("TT-1")]), state=WorkOrderState.UNABLE_TO_COMPLETE), 0),
        (work_order(details=details(entities=[ticket("TT-1")]), buyer=OTHER_BUYER), 0),
        (work_order(details=details(entities=[ticket("TT-3")])), 0),
        (work_order(details=details(entities=[ticket("TT-1"), ticket("TT-2")])), 1),
    ],
    ids=[
        "open",
        "in progress",
        "completed",
        "cancelled",
        "unable",
        "another buyer's",
        "another ticket",
        "both tickets",
    ],
)
async def test_open_siblings_are_the_buyers_other_unended_work_orders_of_the_ticket(
    store: SqlStore, sibling: WorkOrder, counted: int
) -> None:
    order = work_order(details=details(entities=[ticket("TT-1"), ticket("TT-2")]))
    await save(store, job(order), job(sibling))
    assert (await load(store, order.job)).open_siblings == counted


async def test_entities_that_are_not_tickets_make_no_siblings(store: SqlStore) -> None:
    product = ticket("P-1").model_copy(update={"referred_type": "Product"})
    orders = [work_order(details=details(entities=[product])) for _ in range(2)]
    await save(store, *map(job, orders))
    assert (await load(store, orders[0].job)).open_siblings == 0


async def test_siblings_follow_a_changed_ticket(store: SqlStore) -> None:
    first, second = (work_order(details=details(entities=[ticket("TT-1")])) for _ in range(2))
    await save(store, job(first), job(second))
    await save(store, job(replace(second, details=details(entities=[ticket("TT-2")]))))
    assert (await load(store, first.job)).open_siblings == 0


async def test_of_two_work_orders_that_end_at_once_one_is_the_last(open_: OpenStore) -> None:
    """The ticket is resolved by the last WorkOrder that ends: not by both, and not by none."""
    stores = [await open_(), await open_()]
    orders = [work_order(details=details(entities=[ticket("TT-1")])) for _ in range(2)]
    await save(stores[0], *map(job, orders))
    left: list[int] = []

    async def end(number: int) -> None:
        async with stores[number].transaction() as tx:
            loaded = (await tx.load_jobs([orders[number].job]))[orders[number].job]
            left.append(loaded.open_siblings)
            assert loaded.work_order is not None
            await tx.save_jobs([replace(loaded, work_order=replace(loaded.work_order, state=WorkOrderState.COMPLETED))])
            if number == 0:
                other = asyncio.create_task(end(1))
                assert not await settled_soon(other)
        if number == 0:
            await other

    await end(0)
    assert left == [1, 0]


async def test_the_filters_rows_are_replaced_with_the_work_orders_details(store: SqlStore, sql: Execute) -> None:
    order = work_order(details=details(places=[site("S-1"), address("A-1"), site("S-1")]))
    await save(store, job(order))
    assert sorted(await sql("SELECT kind, place_id FROM work_order_places")) == [("address", "A-1"), ("site", "S-1")]
    await save(store, job(replace(order, details=details(places=[site("S-2")]))))
    assert await sql("SELECT kind, place_id FROM work_order_places") == [("site", "S-2")]

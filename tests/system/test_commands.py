"""A Buyer's request between WFM and bridge: crashes, silence and late answers leave no ghost and no doubt.

"Never a ghost": what the WFM has in its calendar and what the Buyer sees is the same in the end.
"""

import asyncio
import signal
from collections.abc import Callable

import pytest

from bridge.mef.models import Appointment, AppointmentUpdate, TimePeriod
from bridge.simulator.buyer import BuyerError
from tests.support import eventually
from tests.system import crashing_bridge as crash
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import ATTRIBUTE, DEADLINE_S, REQUIRED, STATE, STATUS, Laboratory

pytestmark = [pytest.mark.system, pytest.mark.integration]

THINKS_S = 0.3
"""How long the WFM takes for a command: the bridge is dead by then if it died of publishing."""
TIMEOUT_S = 1.0
LATE_S = 1.5
MISBEHAVIOURS = ["late", "silent"]


async def die_while_booking(lab: Laboratory, point: Callable[[str], None], *, silent: bool = False) -> str:
    await lab.bridge.start_ready(*crash.command(point))
    await lab.buyer.register()
    job, work_order = await lab.new_job()
    windows = await lab.windows(work_order)
    await lab.until_settled()
    lab.wfm.reply_delay = THINKS_S
    if silent:
        lab.wfm.silent_next("BOOKVIS")
    with pytest.raises(BuyerError):
        await lab.buyer.book(work_order, windows[0])
    assert await lab.bridge.ended() == -signal.SIGKILL
    assert f"killed: {point.__name__}" in lab.bridge.said
    await eventually(lambda: lab.wfm.active_visit(job))
    return job


async def refused_with(request: asyncio.Future[Appointment] | asyncio.Task[None]) -> int | None:
    with pytest.raises(BuyerError) as refusal:
        await request
    return refusal.value.status


def misbehave(lab: Laboratory, how: str, command: str) -> None:
    if how == "late":
        lab.wfm.late_next(command, LATE_S)
    else:
        lab.wfm.silent_next(command)


async def timed_out_booking(lab: Laboratory, how: str) -> tuple[str, str, list[TimePeriod]]:
    """Start the bridge, and have a booking time out; give the job, its WorkOrder and the windows that were offered."""
    await lab.bridge.start_ready()
    await lab.buyer.register()
    job, work_order = await lab.new_job()
    windows = await lab.windows(work_order)
    misbehave(lab, how, "BOOKVIS")
    assert await refused_with(asyncio.ensure_future(lab.buyer.book(work_order, windows[0]))) == 504
    return job, work_order, windows


@pytest.mark.parametrize("point", [crash.published_not_answered, crash.answered_not_committed])
async def test_a_booking_whose_bridge_died_is_confirmed_when_the_answer_is_found_in_time(
    make_laboratory: MakeLaboratory, either_database_url: str, point: Callable[[str], None]
) -> None:
    """The command is in the database before it leaves, and the answer waits in our reply queue."""
    lab = await make_laboratory(either_database_url, COMMANDS_TIMEOUT_SECONDS="60")
    job = await die_while_booking(lab, point)
    assert not any(resource == "appointment" for resource, _, _ in await lab.hops(job))
    await lab.bridge.start_ready()
    assert await eventually(lambda: lab.parties_agree(job), DEADLINE_S) == "confirmed"
    assert await lab.hops(job) == [
        ("workOrder", None, "open"),
        ("appointment", None, "confirmed"),
        ("workOrder", "open", "planned"),
    ]
    await lab.stop_and_find_nothing_left()


@pytest.mark.parametrize("point", [crash.published_not_answered, crash.answered_not_committed])
async def test_a_booking_whose_bridge_was_dead_beyond_the_deadline_is_the_same_for_all(
    make_laboratory: MakeLaboratory, sqlite_url: str, point: Callable[[str], None]
) -> None:
    """Whoever comes first after the restart, the answer or the look for abandoned commands, the other one gives way."""
    lab = await make_laboratory(sqlite_url, COMMANDS_TIMEOUT_SECONDS=str(TIMEOUT_S))
    job = await die_while_booking(lab, point)
    await eventually(lab.overdue)
    await lab.bridge.start_ready()
    assert await eventually(lambda: lab.parties_agree(job), DEADLINE_S) in ("confirmed", "nothing")
    assert await lab.overdue() == []
    await lab.stop_and_find_nothing_left()


async def test_a_booking_whose_bridge_died_and_whose_wfm_never_answers_is_cancelled_in_the_wfm(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    """Only the WFM's event tells of the visit; it waits for the answer until the deadline, found after the restart."""
    lab = await make_laboratory(either_database_url, COMMANDS_TIMEOUT_SECONDS="3")
    job = await die_while_booking(lab, crash.published_not_answered, silent=True)
    await lab.bridge.start_ready()
    assert await eventually(lambda: lab.parties_agree(job), DEADLINE_S) == "nothing"
    assert [visit.status for visit in lab.wfm.visits(job)] == ["cancelled"]
    assert await lab.hops(job) == [("workOrder", None, "open")]
    assert STATUS not in [each.event.event_type for each in lab.buyer.received]
    await lab.stop_and_find_nothing_left()


async def test_a_booking_that_was_committed_is_not_made_again_when_its_answer_comes_again(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    lab = await make_laboratory(either_database_url, COMMANDS_TIMEOUT_SECONDS="60")
    await lab.bridge.start_ready(*crash.command(crash.booked_not_acked))
    await lab.buyer.register()
    job, work_order = await lab.new_job()
    windows = await lab.windows(work_order)
    await lab.until_settled()
    await asyncio.gather(lab.buyer.book(work_order, windows[0]), return_exceptions=True)
    assert await lab.bridge.ended() == -signal.SIGKILL
    assert "killed: booked_not_acked" in lab.bridge.said
    await lab.bridge.start_ready()
    assert await eventually(lambda: lab.parties_agree(job), DEADLINE_S) == "confirmed"
    assert [resource for resource, _, _ in await lab.hops(job)] == ["workOrder", "appointment", "workOrder"]
    assert len(lab.wfm.visits(job)) == 1
    await lab.stop_and_find_nothing_left()


@pytest.mark.parametrize("how", MISBEHAVIOURS)
async def test_a_booking_that_timed_out_is_cancelled_in_the_wfm_and_was_never_visible(
    make_laboratory: MakeLaboratory, either_database_url: str, how: str
) -> None:
    """504 means not done, whether the WFM accepts late or says it only in an event."""
    lab = await make_laboratory(either_database_url, COMMANDS_TIMEOUT_SECONDS=str(TIMEOUT_S))
    job, work_order, windows = await timed_out_booking(lab, how)

    async def cancelled() -> bool:
        assert await lab.buyer.appointments() == ()
        return [visit.status for visit in lab.wfm.visits(job)] == ["cancelled"]

    await eventually(cancelled, DEADLINE_S)
    assert await eventually(lambda: lab.parties_agree(job), DEADLINE_S) == "nothing"
    assert await lab.hops(job) == [("workOrder", None, "open")]
    appointment = await lab.buyer.book(work_order, windows[0])
    assert appointment.valid_for == windows[0]
    await lab.stop_and_find_nothing_left()


async def test_a_booking_that_timed_out_is_cancelled_though_the_wfm_loses_the_cancellation(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    """Lost once and refused once: the bridge asks for the visit until the WFM has taken it back."""
    lab = await make_laboratory(either_database_url, COMMANDS_TIMEOUT_SECONDS=str(TIMEOUT_S))
    lab.wfm.drop_next("CANVIS")
    lab.wfm.refuse_next("CANVIS", "99")
    job, _, _ = await timed_out_booking(lab, "late")
    await eventually(lambda: [visit.status for visit in lab.wfm.visits(job)] == ["cancelled"], DEADLINE_S)
    assert await eventually(lambda: lab.parties_agree(job), DEADLINE_S) == "nothing"
    assert await lab.hops(job) == [("workOrder", None, "open")]
    await lab.stop_and_find_nothing_left()


@pytest.mark.parametrize("how", MISBEHAVIOURS)
async def test_a_reschedule_that_timed_out_and_was_carried_out_is_adopted_and_notified_once(
    make_laboratory: MakeLaboratory, sqlite_url: str, how: str
) -> None:
    lab, job, appointment, windows = await with_a_visit(make_laboratory, sqlite_url)
    misbehave(lab, how, "MOVEVIS")
    change = AppointmentUpdate(valid_for=windows[1])
    since = len(lab.buyer.received)
    assert await refused_with(asyncio.ensure_future(lab.buyer.patch(appointment.id, change))) == 504
    await lab.buyer.wait_for(lambda each: each.event.event_type == ATTRIBUTE, DEADLINE_S, since)
    found = await lab.buyer.appointment(appointment.id)
    assert (found.status, found.valid_for) == ("confirmed", windows[1])
    assert await eventually(lambda: lab.parties_agree(job), DEADLINE_S) == "confirmed"
    await nothing_more_came_of_it(lab, job, since, [ATTRIBUTE])


@pytest.mark.parametrize("how", MISBEHAVIOURS)
async def test_a_cancellation_that_timed_out_and_was_carried_out_is_adopted_and_notified_once(
    make_laboratory: MakeLaboratory, sqlite_url: str, how: str
) -> None:
    lab, job, appointment, _ = await with_a_visit(make_laboratory, sqlite_url)
    misbehave(lab, how, "CANVIS")
    since = len(lab.buyer.received)
    assert await refused_with(asyncio.ensure_future(lab.buyer.cancel(appointment.id))) == 504
    await lab.buyer.wait_for(lambda each: each.event.event_type == REQUIRED, DEADLINE_S, since)
    assert (await lab.buyer.appointment(appointment.id)).status == "cancelled"
    assert await eventually(lambda: lab.parties_agree(job), DEADLINE_S) == "nothing"
    await nothing_more_came_of_it(lab, job, since, [STATUS, REQUIRED, STATE])


async def with_a_visit(
    make_laboratory: MakeLaboratory, database_url: str
) -> tuple[Laboratory, str, Appointment, list[TimePeriod]]:
    lab = await make_laboratory(database_url, COMMANDS_TIMEOUT_SECONDS=str(TIMEOUT_S))
    await lab.bridge.start_ready()
    await lab.buyer.register()
    return lab, *await lab.booked()


async def nothing_more_came_of_it(lab: Laboratory, job: str, since: int, told: list[str]) -> None:
    """Whatever the WFM still said (a late answer and an event) has been taken, and changed nothing more."""
    await lab.until_heard(job)
    await lab.until_settled()
    await lab.stop_and_find_nothing_left()
    assert sorted(each.event.event_type for each in lab.buyer.received[since:]) == sorted(told)

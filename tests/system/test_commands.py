"""A Buyer's request between WFM and bridge: crashes, silence and late answers leave no ghost and no doubt.

"Never a ghost": what the WFM has in its calendar and what the Buyer sees is the same in the end.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bridge.mef.models import Appointment, AppointmentUpdate, TimePeriod
from bridge.simulator.buyer import BuyerError
from tests.support import PATIENCE_S, eventually
from tests.system import crashing_bridge as crash
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import ATTRIBUTE, REQUIRED, STATE, STATUS, Laboratory

pytestmark = [pytest.mark.system, pytest.mark.integration]

TIMEOUT_S = 2.0
"""For bookings that nobody answers, and for bridges that die of one: all of them outlive it, on any machine."""
SILENT = pytest.mark.parametrize("silent", [False, True], ids=["late", "silent"])


async def die_while_booking(lab: Laboratory, point: Callable[[str], None], *, silent: bool = False) -> str:
    await lab.start_dying(point)
    await lab.buyer.register()
    job, work_order = await lab.new_job()
    windows = await lab.windows(work_order)
    await lab.until_settled()
    async with AsyncExitStack() as unanswered:
        if silent or point is crash.published_not_answered:
            await unanswered.enter_async_context(lab.unanswered(job, "BOOKVIS", silent=silent))
        with pytest.raises(BuyerError):
            await lab.buyer.book(work_order, windows[0])
        assert await lab.bridge.ended() == -signal.SIGKILL
    assert f"killed: {point.__name__}" in lab.bridge.said
    await eventually(lambda: lab.wfm.active_visit(job))
    return job


async def refused_with(request: asyncio.Future[Any]) -> int | None:
    with pytest.raises(BuyerError) as refusal:
        await request
    return refusal.value.status


async def times_out(lab: Laboratory, job: str, command: str, wish: Coroutine[Any, Any, Any], *, silent: bool) -> None:
    """Have what the Buyer wishes time out: the WFM has the command, and has not answered it when its time is up."""
    async with lab.unanswered(job, command, silent=silent):
        request = asyncio.create_task(wish)
        await lab.until_commanded(command)
        with lab.time_is_up():
            assert await refused_with(request) == 504


async def timed_out_booking(lab: Laboratory, *, silent: bool) -> tuple[str, str, list[TimePeriod]]:
    """Start the bridge, and have a booking time out; give the job, its WorkOrder and the windows that were offered."""
    await lab.start_patient()
    await lab.buyer.register()
    job, work_order = await lab.new_job()
    windows = await lab.windows(work_order)
    await times_out(lab, job, "BOOKVIS", lab.buyer.book(work_order, windows[0]), silent=silent)
    return job, work_order, windows


@pytest.mark.parametrize("point", [crash.published_not_answered, crash.answered_not_committed])
async def test_a_booking_whose_bridge_died_is_confirmed_when_the_answer_is_found_in_time(
    make_laboratory: MakeLaboratory, either_database_url: str, point: Callable[[str], None]
) -> None:
    """The command is in the database before it leaves, and the answer waits in our reply queue."""
    lab = await make_laboratory(either_database_url)
    job = await die_while_booking(lab, point)
    assert not any(resource == "appointment" for resource, _, _ in await lab.hops(job))
    await lab.bridge.start_ready()
    assert await eventually(lambda: lab.parties_agree(job)) == "confirmed"
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
    assert await eventually(lambda: lab.parties_agree(job)) in ("confirmed", "nothing")
    assert await lab.overdue() == []
    await lab.stop_and_find_nothing_left()


async def test_a_booking_whose_bridge_died_and_whose_wfm_never_answers_is_cancelled_in_the_wfm(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    """Only the WFM's event tells of the visit; it waits for the answer until the deadline, found after the restart."""
    lab = await make_laboratory(either_database_url, COMMANDS_TIMEOUT_SECONDS=str(TIMEOUT_S))
    job = await die_while_booking(lab, crash.published_not_answered, silent=True)
    await lab.bridge.start_ready()
    assert await eventually(lambda: lab.parties_agree(job)) == "nothing"
    assert [visit.status for visit in lab.wfm.visits(job)] == ["cancelled"]
    assert await lab.hops(job) == [("workOrder", None, "open")]
    assert STATUS not in [each.event.event_type for each in lab.buyer.received]
    await lab.stop_and_find_nothing_left()


async def test_a_booking_that_was_committed_is_not_made_again_when_its_answer_comes_again(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    lab = await make_laboratory(either_database_url)
    await lab.start_dying(crash.booked_not_acked)
    await lab.buyer.register()
    job, work_order = await lab.new_job()
    windows = await lab.windows(work_order)
    await lab.until_settled()
    await asyncio.gather(lab.buyer.book(work_order, windows[0]), return_exceptions=True)
    assert await lab.bridge.ended() == -signal.SIGKILL
    assert "killed: booked_not_acked" in lab.bridge.said
    await lab.bridge.start_ready()
    assert await eventually(lambda: lab.parties_agree(job)) == "confirmed"
    assert [resource for resource, _, _ in await lab.hops(job)] == ["workOrder", "appointment", "workOrder"]
    assert len(lab.wfm.visits(job)) == 1
    await lab.stop_and_find_nothing_left()


@SILENT
async def test_a_booking_that_timed_out_is_cancelled_in_the_wfm_and_was_never_visible(
    make_laboratory: MakeLaboratory, either_database_url: str, silent: bool
) -> None:
    """504 means not done, whether the WFM accepts late or says it only in an event."""
    lab = await make_laboratory(either_database_url)
    job, work_order, windows = await timed_out_booking(lab, silent=silent)

    async def cancelled() -> bool:
        assert await lab.buyer.appointments() == ()
        return [visit.status for visit in lab.wfm.visits(job)] == ["cancelled"]

    await eventually(cancelled)
    assert await eventually(lambda: lab.parties_agree(job)) == "nothing"
    assert await lab.hops(job) == [("workOrder", None, "open")]
    appointment = await lab.buyer.book(work_order, windows[0])
    assert appointment.valid_for == windows[0]
    await lab.stop_and_find_nothing_left()


async def test_a_booking_that_timed_out_is_cancelled_though_the_wfm_loses_the_cancellation(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    """Lost once and refused once: the bridge asks for the visit until the WFM has taken it back.

    It asks again after the time that a command has, which must therefore be short.
    """
    lab = await make_laboratory(either_database_url, COMMANDS_TIMEOUT_SECONDS=str(TIMEOUT_S))
    lab.wfm.drop_next("CANVIS")
    lab.wfm.refuse_next("CANVIS", "99")
    job, _, _ = await timed_out_booking(lab, silent=False)
    await eventually(lambda: [visit.status for visit in lab.wfm.visits(job)] == ["cancelled"])
    assert await eventually(lambda: lab.parties_agree(job)) == "nothing"
    assert await lab.hops(job) == [("workOrder", None, "open")]
    await lab.stop_and_find_nothing_left()


@SILENT
async def test_a_reschedule_that_timed_out_and_was_carried_out_is_adopted_and_notified_once(
    make_laboratory: MakeLaboratory, sqlite_url: str, silent: bool
) -> None:
    lab, job, appointment, windows = await with_a_visit(make_laboratory, sqlite_url)
    change = AppointmentUpdate(valid_for=windows[1])
    since = len(lab.buyer.received)
    await times_out(lab, job, "MOVEVIS", lab.buyer.patch(appointment.id, change), silent=silent)
    await lab.buyer.wait_for(lambda each: each.event.event_type == ATTRIBUTE, PATIENCE_S, since)
    found = await lab.buyer.appointment(appointment.id)
    assert (found.status, found.valid_for) == ("confirmed", windows[1])
    assert await eventually(lambda: lab.parties_agree(job)) == "confirmed"
    await nothing_more_came_of_it(lab, job, since, [ATTRIBUTE])


@SILENT
async def test_a_cancellation_that_timed_out_and_was_carried_out_is_adopted_and_notified_once(
    make_laboratory: MakeLaboratory, sqlite_url: str, silent: bool
) -> None:
    lab, job, appointment, _ = await with_a_visit(make_laboratory, sqlite_url)
    since = len(lab.buyer.received)
    await times_out(lab, job, "CANVIS", lab.buyer.cancel(appointment.id), silent=silent)
    await lab.buyer.wait_for(lambda each: each.event.event_type == REQUIRED, PATIENCE_S, since)
    assert (await lab.buyer.appointment(appointment.id)).status == "cancelled"
    assert await eventually(lambda: lab.parties_agree(job)) == "nothing"
    await nothing_more_came_of_it(lab, job, since, [STATUS, REQUIRED, STATE])


async def with_a_visit(
    make_laboratory: MakeLaboratory, database_url: str
) -> tuple[Laboratory, str, Appointment, list[TimePeriod]]:
    lab = await make_laboratory(database_url)
    await lab.start_patient()
    await lab.buyer.register()
    return lab, *await lab.booked()


async def nothing_more_came_of_it(lab: Laboratory, job: str, since: int, told: list[str]) -> None:
    """Whatever the WFM still said (a late answer and an event) has been taken, and changed nothing more."""
    await lab.until_heard(job)
    await lab.until_settled()
    await lab.stop_and_find_nothing_left()
    assert sorted(each.event.event_type for each in lab.buyer.received[since:]) == sorted(told)

"""R55 to R59: the life of a WorkOrder, and what is told of it."""

from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.checks.machines import WORK_ORDER, illegal_steps
from bridge.conformance.hooks import Hook
from bridge.conformance.scene import Scene, Work

STATE_CHANGE: Final = "workOrderStateChangeEvent"


async def _completes(scene: Scene) -> None:
    work = await scene.new_work()
    await _is(scene, work, "open")
    await scene.booking(work)
    await _is(scene, work, "planned")
    await scene.hook(Hook.START, work.job)
    await scene.work_order_reaches(work, "inProgress")
    await scene.hook(Hook.FINISH, work.job)
    await scene.work_order_reaches(work, "completed")
    await scene.quiet()
    await _is(scene, work, "completed")


async def _without_visit(scene: Scene) -> None:
    work = await scene.new_work(Hook.CREATE_PLAIN_JOB)
    await _is(scene, work, "open")
    await scene.hook(Hook.START, work.job)
    await scene.work_order_reaches(work, "inProgress")


async def _cancelled_open(scene: Scene) -> None:
    work = await scene.new_work()
    await scene.hook(Hook.CANCEL_JOB, work.job)
    await scene.work_order_reaches(work, "cancelled")


async def _cancelled_planned(scene: Scene) -> None:
    booking = await scene.booking()
    await scene.hook(Hook.CANCEL_JOB, booking.work.job)
    await scene.work_order_reaches(booking.work, "cancelled")
    await scene.appointment_reaches(booking, "cancelled")


async def _given_up(scene: Scene) -> None:
    booking = await scene.started()
    await scene.hook(Hook.CANCEL_JOB, booking.work.job)
    await scene.work_order_reaches(booking.work, "unableToComplete")


async def _opened_again(scene: Scene) -> None:
    booking = await scene.booking()
    expect.status(await scene.cancel(booking.id), 204)
    await scene.work_order_reaches(booking.work, "open")


async def _is(scene: Scene, work: Work, state: str) -> None:
    answer = await scene.get_work_order(work.id)
    expect.that(answer.object.get("state") == state, f"state must be {state}", answer)


async def _legal_steps(scene: Scene) -> None:
    """Runs last: what was read of each WorkOrder in the whole run."""
    for sentence, evidence in illegal_steps(scene.target.log, WORK_ORDER):
        expect.that(False, sentence, *evidence)


async def _creation_notified(scene: Scene) -> None:
    for hook in (Hook.CREATE_JOB, Hook.CREATE_PLAIN_JOB):
        work = await scene.new_work(hook)
        await scene.notified("workOrderCreateEvent", work.id, work.mark)


async def _steps_notified(scene: Scene) -> None:
    work = await scene.new_work()
    await scene.booking(work)
    await scene.notified(STATE_CHANGE, work.id, work.mark)
    for hook in (Hook.START, Hook.FINISH):
        mark = scene.mark()
        await scene.hook(hook, work.job)
        await scene.notified(STATE_CHANGE, work.id, mark)


async def _reopening_notified(scene: Scene) -> None:
    booking = await scene.booking()
    await scene.notified(STATE_CHANGE, booking.work.id, booking.work.mark)
    mark = scene.mark()
    expect.status(await scene.cancel(booking.id), 204)
    await scene.notified(STATE_CHANGE, booking.work.id, mark)


async def _need_notified_at_birth(scene: Scene) -> None:
    work = await scene.new_work()
    await scene.notified("workOrderAppointmentRequiredEvent", work.id, work.mark)
    plain = await scene.new_work(Hook.CREATE_PLAIN_JOB)
    await scene.quiet()
    wrong = [
        n for n in scene.stage.mailbox.notices[plain.mark :] if n.resource == plain.id and "Required" in n.listener
    ]
    expect.that(not wrong, "told to book for a WorkOrder that needs no visit", *wrong)


async def _need_notified_again(scene: Scene) -> None:
    booking = await scene.booking()
    await scene.notified("workOrderAppointmentRequiredEvent", booking.work.id, booking.work.mark)
    mark = scene.mark()
    expect.status(await scene.cancel(booking.id), 204)
    await scene.notified("workOrderAppointmentRequiredEvent", booking.work.id, mark)


async def _can_be_scheduled(scene: Scene) -> None:
    work = await scene.new_work()
    before = await scene.get_work_order(work.id)
    expect.that(before.object.get("appointmentRequired") is True, "appointmentRequired must be true", before)
    await scene.booking(work)
    after = await scene.get_work_order(work.id)
    expect.that(after.object.get("appointmentRequired") is False, "it must be false once booked", after)


async def _ticket_waits(scene: Scene) -> None:
    work = await scene.new_work()

    async def look() -> str | None:
        status = await scene.hook(Hook.TICKET_STATUS, work.job)
        return status if status == "pending" else None

    expect.that(await scene.until(look), "the trouble ticket is not pending while the visit is to be booked")


CHECKS: Final = (
    Check("R55", "open, planned, inProgress, completed, and nothing after that", _completes),
    Check("R55", "a job without a visit goes from open to inProgress", _without_visit),
    Check("R55", "an open WorkOrder can be cancelled", _cancelled_open),
    Check("R55", "a planned WorkOrder can be cancelled, and its Appointment with it", _cancelled_planned),
    Check("R55", "a started WorkOrder that is given up is unableToComplete", _given_up),
    Check("R55", "a planned WorkOrder is open again when its visit is cancelled", _opened_again),
    Check("R56", "a new WorkOrder is notified", _creation_notified),
    Check("R57", "booking, start and finish are notified", _steps_notified),
    Check("R57", "the way back to open is notified", _reopening_notified),
    Check("R58", "a WorkOrder that is born with the need for a visit says so, and no other", _need_notified_at_birth),
    Check("R58", "a need that comes back is notified again", _need_notified_again),
    Check("R59", "search and booking answer the need", _can_be_scheduled),
    Check("R59", "the trouble ticket is pending until then", _ticket_waits),
)
AFTERWARDS: Final = (Check("R55", "no illegal step was seen in the whole run", _legal_steps),)

"""R26 to R29: the life of an Appointment, and what is told of it."""

from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.checks.machines import APPOINTMENT, illegal_steps
from bridge.conformance.hooks import Hook
from bridge.conformance.scene import Booking, Scene

STATUS_CHANGE: Final = "appointmentStatusChangeEvent"


async def _completes(scene: Scene) -> None:
    booking = await scene.booking()
    await _is(scene, booking, "confirmed")
    await scene.hook(Hook.START, booking.work.job)
    await scene.appointment_reaches(booking, "inProgress")
    await scene.hook(Hook.FINISH, booking.work.job)
    await scene.appointment_reaches(booking, "completed")
    await _stays(scene, booking, "completed")


async def _fails(scene: Scene) -> None:
    await _falls_through(scene, Hook.BUYER_NO_SHOW, "failed")


async def _missed(scene: Scene) -> None:
    await _falls_through(scene, Hook.SELLER_NO_SHOW, "missed")


async def _falls_through(scene: Scene, hook: Hook, status: str) -> None:
    booking = await scene.booking()
    await scene.hook(hook, booking.work.job)
    await scene.appointment_reaches(booking, status)
    await _stays(scene, booking, status)


async def _cancelled(scene: Scene) -> None:
    booking = await scene.booking()
    expect.status(await scene.cancel(booking.id), 204)
    await scene.appointment_reaches(booking, "cancelled")
    await _stays(scene, booking, "cancelled")


async def _is(scene: Scene, booking: Booking, status: str) -> None:
    answer = await scene.get_appointment(booking.id)
    expect.that(answer.object.get("status") == status, f"status must be {status}", answer)


async def _stays(scene: Scene, booking: Booking, status: str) -> None:
    """An ended Appointment never changes again."""
    await _is(scene, booking, status)
    await scene.quiet()
    await _is(scene, booking, status)


async def _legal_steps(scene: Scene) -> None:
    """Runs last: what was read of each Appointment in the whole run."""
    for sentence, evidence in illegal_steps(scene.target.log, APPOINTMENT):
        expect.that(False, sentence, *evidence)


async def _moved(scene: Scene) -> None:
    booking = await scene.booking()
    mark = scene.mark()
    await scene.hook(Hook.MOVE_VISIT, booking.work.job)
    await scene.appointment_reaches(booking, "cancelled")
    await scene.notified("workOrderAppointmentRequiredEvent", booking.work.id, mark)
    answer = await scene.get_work_order(booking.work.id)
    expect.that(answer.object.get("appointmentRequired") is True, "appointmentRequired must be true", answer)


async def _each_step_notified(scene: Scene) -> None:
    booking = await scene.booking()
    for hook in (Hook.START, Hook.FINISH):
        mark = scene.mark()
        await scene.hook(hook, booking.work.job)
        await scene.notified(STATUS_CHANGE, booking.id, mark)


async def _cancel_notified(scene: Scene) -> None:
    booking = await scene.booking()
    mark = scene.mark()
    expect.status(await scene.cancel(booking.id), 204)
    await scene.notified(STATUS_CHANGE, booking.id, mark)


async def _no_show_notified(scene: Scene) -> None:
    booking = await scene.booking()
    mark = scene.mark()
    await scene.hook(Hook.BUYER_NO_SHOW, booking.work.job)
    await scene.notified(STATUS_CHANGE, booking.id, mark)


async def _sellers_change_notified(scene: Scene) -> None:
    booking = await scene.booking()
    mark = scene.mark()
    await scene.hook(Hook.CHANGE_TECHNICIAN, booking.work.job)
    notice = await scene.notified("appointmentAttributeValueChangeEvent", booking.id, mark)
    now = await scene.read(booking)
    watched = ("relatedContactInformation", "note", "attachment")
    expect.that(
        any(now.get(name) != booking.body.get(name) for name in watched),
        "an attribute event came, but contact, notes and attachments are what they were",
        notice,
        booking.exchange,
    )


CHECKS: Final = (
    Check("R26", "confirmed, inProgress, completed, and nothing after that", _completes),
    Check("R26", "a visit that the Buyer prevents ends as failed", _fails),
    Check("R26", "a visit that the Seller prevents ends as missed", _missed),
    Check("R26", "a visit that the Buyer cancels ends as cancelled", _cancelled),
    Check("R27", "a visit moved by the Seller is cancelled and wanted again", _moved),
    Check("R28", "start and finish are notified", _each_step_notified),
    Check("R28", "a cancellation is notified", _cancel_notified),
    Check("R28", "a visit that fell through is notified", _no_show_notified),
    Check("R29", "the Seller's change of contact or note is notified", _sellers_change_notified),
)
AFTERWARDS: Final = (Check("R26", "no illegal step was seen in the whole run", _legal_steps),)

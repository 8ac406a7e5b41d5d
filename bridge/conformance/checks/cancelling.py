"""R45 to R50: cancelling an Appointment (UC 12)."""

from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.hooks import Hook
from bridge.conformance.scene import UNKNOWN_ID, Booking, Scene


async def _unknown(scene: Scene) -> None:
    expect.error(await scene.cancel(UNKNOWN_ID), 404)


async def _cancelled(scene: Scene) -> Booking:
    booking = await scene.booking()
    expect.status(await scene.cancel(booking.id), 204)
    return booking


async def _twice(scene: Scene) -> None:
    booking = await _cancelled(scene)
    expect.error(await scene.cancel(booking.id), 422)


async def _finished(scene: Scene) -> None:
    booking = await scene.started()
    await scene.hook(Hook.FINISH, booking.work.job)
    await scene.appointment_reaches(booking, "completed")
    expect.error(await scene.cancel(booking.id), 422)


async def _work_order_started(scene: Scene) -> None:
    booking = await scene.started()
    await scene.work_order_reaches(booking.work, "inProgress")
    answer = await scene.cancel(booking.id)
    expect.error(answer, 422)
    now = await scene.read_work_order(booking.work)
    expect.that(now.get("state") == "inProgress", "the refused cancellation has changed the WorkOrder", answer)


async def _required_again(scene: Scene) -> None:
    booking = await _cancelled(scene)
    answer = await scene.get_work_order(booking.work.id)
    required = answer.object.get("appointmentRequired")
    expect.that(required is True, "appointmentRequired must be true again", answer)


async def _open_again(scene: Scene) -> None:
    booking = await _cancelled(scene)
    answer = await scene.get_work_order(booking.work.id)
    expect.that(answer.object.get("state") == "open", "the WorkOrder must be open again", answer)


async def _status(scene: Scene) -> None:
    booking = await _cancelled(scene)
    answer = await scene.get_appointment(booking.id)
    expect.that(answer.object.get("status") == "cancelled", "the Appointment must be cancelled", answer)


async def _booked_again(scene: Scene) -> None:
    booking = await _cancelled(scene)
    again = await scene.booking(booking.work)
    expect.that(again.id != booking.id, "a new booking must be a new Appointment", again.exchange)


CHECKS: Final = (
    Check("R45", "an unknown id is a 404", _unknown),
    Check("R46", "an Appointment cannot be cancelled twice", _twice),
    Check("R46", "a completed Appointment cannot be cancelled", _finished),
    Check("R47", "nothing is cancelled once the WorkOrder is in progress", _work_order_started),
    Check("R48", "appointmentRequired is true again", _required_again),
    Check("R49", "the WorkOrder is open again", _open_again),
    Check("R49", "the WorkOrder can be booked again", _booked_again),
    Check("R50", "the Appointment is cancelled", _status),
)

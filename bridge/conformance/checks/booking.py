"""R15 to R25, O1 and O2: creating an Appointment (UC 8)."""

from datetime import UTC, datetime, timedelta
from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.hooks import Hook
from bridge.conformance.scene import (
    ALL_ROLES,
    ROLES,
    UNKNOWN_ID,
    Booking,
    Scene,
    attachment,
    contacts,
    note,
    same_window,
    window,
)


async def _no_contacts(scene: Scene) -> None:
    work = await scene.new_work()
    expect.error(await scene.post_booking(work, relatedContactInformation=None), 400, 422)


async def _no_role(scene: Scene) -> None:
    work = await scene.new_work()
    for role in ROLES:
        others = [each for each in contacts() if each["role"] != role]
        expect.error(await scene.post_booking(work, relatedContactInformation=others), 400, 422)


async def _no_work_order(scene: Scene) -> None:
    work = await scene.new_work()
    expect.error(await scene.post_booking(work, workOrder=None), 400, 422)


async def _no_window(scene: Scene) -> None:
    work = await scene.new_work()
    expect.error(await scene.post_booking(work, validFor=None), 400, 422)


async def _with_extras(scene: Scene) -> Booking:
    return await scene.booking(note=[note("n-1")], attachment=[attachment("a-1")])


async def _extras_taken(scene: Scene) -> None:
    await _with_extras(scene)


async def _extras_shown(scene: Scene) -> None:
    booking = await _with_extras(scene)
    expect.that(
        [each["text"] for each in booking.body.get("note", [note("n-1")])] == [note("n-1")["text"]]
        and [each["name"] for each in booking.body.get("attachment", [attachment("a-1")])]
        == [attachment("a-1")["name"]],
        "notes and attachments of the answer, where there are any, must be those of the booking",
        booking.exchange,
    )


async def _backwards(scene: Scene) -> None:
    work, ahead = await scene.new_work(), scene.ahead()
    turned = {"startDateTime": ahead["endDateTime"], "endDateTime": ahead["startDateTime"]}
    expect.error(await scene.post_booking(work, validFor=turned), 422)


async def _past(scene: Scene) -> None:
    work, then = await scene.new_work(), datetime.now(UTC) - timedelta(days=3)
    expect.error(await scene.post_booking(work, validFor=window(then, then + timedelta(hours=4))), 422)


async def _unknown_work_order_refused(scene: Scene) -> None:
    work = await scene.new_work()
    expect.error(await scene.post_booking(work, workOrder={"id": UNKNOWN_ID}), 422)


async def _nobody(scene: Scene) -> None:
    work = await scene.new_work()
    expect.error(await scene.post_booking(work, validFor=scene.impossible()), 422)
    seen = await scene.read_work_order(work)
    expect.that(not seen.get("appointment"), "the refused booking must leave no Appointment behind")


async def _complete(scene: Scene) -> None:
    booking = await scene.booking()
    body = expect.shape(booking.exchange, "Appointment")
    roles = {each["role"] for each in body["relatedContactInformation"]}
    for role in ALL_ROLES:
        expect.that(role in roles, f"a contact with role {role} is missing", booking.exchange)
    expect.that(body["workOrder"]["id"] == booking.work.id, "workOrder must be the booked one", booking.exchange)


async def _window_kept(scene: Scene) -> None:
    work = await scene.new_work()
    chosen = await scene.free_window(work)
    booking = await scene.booking(work, validFor=chosen)
    expect.that(same_window(booking.window, chosen), "validFor must be the booked window", booking.exchange)


async def _confirmed(scene: Scene) -> None:
    booking = await scene.booking()
    expect.that(booking.body["status"] == "confirmed", "status must be confirmed", booking.exchange)
    again = await scene.get_appointment(booking.id)
    expect.that(again.object.get("status") == "confirmed", "the Appointment must read confirmed", again)


async def _second_booking(scene: Scene) -> None:
    booking = await scene.booking()
    expect.error(await scene.post_booking(booking.work), 422)


async def _second_booking_later(scene: Scene) -> None:
    booking = await scene.started()
    expect.error(await scene.post_booking(booking.work, validFor=booking.window), 422)


async def _ended_work_order(scene: Scene) -> None:
    work = await scene.new_work()
    chosen = await scene.free_window(work)
    await scene.hook(Hook.CANCEL_JOB, work.job)
    await scene.work_order_reaches(work, "cancelled")
    expect.error(await scene.post_booking(work, validFor=chosen), 422)


async def _started_work_order(scene: Scene) -> None:
    """In progress, and without any Appointment, so that R20 has no part in it."""
    free = await scene.new_work()
    chosen = await scene.free_window(free)
    work = await scene.new_work(Hook.CREATE_PLAIN_JOB)
    await scene.hook(Hook.START, work.job)
    await scene.work_order_reaches(work, "inProgress")
    expect.error(await scene.post_booking(work, validFor=chosen), 422)


async def _referred(scene: Scene) -> None:
    booking = await scene.booking()
    answer = await scene.get_work_order(booking.work.id)
    listed = [each.get("id") for each in answer.object.get("appointment", [])]
    expect.that(booking.id in listed, "the WorkOrder's appointment must list the new one", answer)


async def _not_required(scene: Scene) -> None:
    booking = await scene.booking()
    answer = await scene.get_work_order(booking.work.id)
    required = answer.object.get("appointmentRequired")
    expect.that(required is False, "appointmentRequired must be false", answer)


async def _planned(scene: Scene) -> None:
    booking = await scene.booking()
    answer = await scene.get_work_order(booking.work.id)
    expect.that(answer.object.get("state") == "planned", "the WorkOrder must be planned", answer)


async def _ticket(scene: Scene) -> None:
    booking = await scene.booking()

    async def look() -> str | None:
        status = await scene.hook(Hook.TICKET_STATUS, booking.work.job)
        return status if status == "inProgress" else None

    expect.that(await scene.until(look), "the trouble ticket did not become inProgress", booking.exchange)


CHECKS: Final = (
    Check("R15", "a booking without contacts is refused", _no_contacts),
    Check("R15", "a booking without one of the two roles is refused", _no_role),
    Check("R15", "a booking without a WorkOrder is refused", _no_work_order),
    Check("R15", "a booking without a window is refused", _no_window),
    Check("O1", "a booking with notes and attachments is taken", _extras_taken),
    Check("R16", "a window that ends before it starts is a 422", _backwards),
    Check("R16", "a window in the past is a 422", _past),
    Check("R15", "a booking for an unknown WorkOrder is a 422", _unknown_work_order_refused),
    Check("R17", "a window that nobody can take is a 422", _nobody),
    Check("R18", "the answer has all attributes and contacts", _complete),
    Check("R18", "the answer's window is the booked one", _window_kept),
    Check("O2", "notes and attachments in the answer are those of the booking", _extras_shown),
    Check("R19", "the Appointment is confirmed", _confirmed),
    Check("R20", "a second booking beside a confirmed one is a 422", _second_booking),
    Check("R20", "a second booking beside one in progress is a 422", _second_booking_later),
    Check("R21", "a booking for a cancelled WorkOrder is a 422", _ended_work_order),
    Check("R21", "a booking for a started WorkOrder is a 422", _started_work_order),
    Check("R22", "the WorkOrder lists the Appointment", _referred),
    Check("R23", "appointmentRequired is false after the booking", _not_required),
    Check("R24", "the WorkOrder is planned after the booking", _planned),
    Check("R25", "the trouble ticket is inProgress after the booking", _ticket),
)

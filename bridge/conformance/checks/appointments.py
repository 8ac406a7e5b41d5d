"""R32 to R35: reading an Appointment (UC 10)."""

from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.scene import ALL_ROLES, UNKNOWN_ID, Scene, attachment, note, other_account, same_window


async def _no_id(scene: Scene) -> None:
    answer = await scene.appointments("GET", "/appointment/")
    is_list = answer.status == 200 and isinstance(answer.json, list)
    expect.that(is_list or 400 <= answer.status < 500, "without an id no single Appointment can be meant", answer)


async def _by_id(scene: Scene) -> None:
    one, two = await scene.booking(), await scene.booking()
    for booking in (one, two):
        answer = expect.status(await scene.get_appointment(booking.id), 200)
        expect.that(answer.object.get("id") == booking.id, "another Appointment came", answer)


async def _unknown(scene: Scene) -> None:
    expect.error(await scene.get_appointment(UNKNOWN_ID), 404)


async def _others(scene: Scene) -> None:
    other = other_account(scene)
    booking = await scene.booking()
    expect.error(await scene.get_appointment(booking.id, account=other), 404)


async def _others_list(scene: Scene) -> None:
    other = other_account(scene)
    booking = await scene.booking()
    answer = expect.status(await scene.appointments("GET", "/appointment", account=other), 200)
    expect.that(booking.id not in {each.get("id") for each in answer.items}, "another Buyer's is listed", answer)


async def _attributes(scene: Scene) -> None:
    booking = await scene.booking()
    answer = expect.status(await scene.get_appointment(booking.id), 200)
    body = expect.shape(answer, "Appointment")
    expect.that("href" in body, "href is missing", answer)
    roles = {each["role"] for each in body["relatedContactInformation"]}
    for role in ALL_ROLES:
        expect.that(role in roles, f"a contact with role {role} is missing", answer)
    expect.that(same_window(body["validFor"], booking.window), "validFor is not what was booked", answer)
    expect.that(body["workOrder"]["id"] == booking.work.id, "workOrder is not the booked one", answer)


async def _extras(scene: Scene) -> None:
    booking = await scene.booking(note=[note("n-1")], attachment=[attachment("a-1")])
    answer = expect.status(await scene.get_appointment(booking.id), 200)
    body = expect.shape(answer, "Appointment")
    expect.that(note("n-1")["text"] in [each["text"] for each in body.get("note", ())], "the note is missing", answer)
    names = [each["name"] for each in body.get("attachment", ())]
    expect.that(attachment("a-1")["name"] in names, "the attachment is missing", answer)


CHECKS: Final = (
    Check("R32", "without an id no Appointment is read", _no_id),
    Check("R32", "an id reads just that Appointment", _by_id),
    Check("R33", "an unknown id is a 404", _unknown),
    Check("R33", "another Buyer's Appointment is a 404", _others),
    Check("R33", "another Buyer's Appointment is not in the list", _others_list),
    Check("R34", "all attributes and contacts are shown", _attributes),
    Check("R35", "notes and attachments are shown", _extras),
)

"""R36 to R44: patching an Appointment (UC 11). R36 to R38 contradict each other; `docs/conformance.md` says how they
are read here."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.exchange import Exchange
from bridge.conformance.hooks import Hook
from bridge.conformance.scene import ATTEMPTS, UNKNOWN_ID, Booking, Json, Scene, attachment, note, same_window, window

REFUSED: Final = (400, 409, 422)
CHANGED_NAME: Final = "Kim Changed"


async def _nothing(scene: Scene) -> None:
    booking = await scene.booking()
    expect.error(await scene.patch(booking.id, {}), 400, 422)


async def _extras(scene: Scene) -> None:
    booking = await scene.booking()
    answer = expect.status(
        await scene.patch(booking.id, {"note": [note("n-1")], "attachment": [attachment("a-1")]}), 200
    )
    body = expect.shape(answer, "Appointment")
    expect.that([each["id"] for each in body.get("note", ())] == ["n-1"], "the note is not there", answer)
    names = [each["name"] for each in body.get("attachment", ())]
    expect.that(names == [attachment("a-1")["name"]], "the attachment is not there", answer)


async def _own_contacts(scene: Scene) -> None:
    booking = await scene.booking()
    for role in ("buyerAppointmentContact", "appointmentPlaceContact"):
        answer = expect.status(await _patch_contact(scene, booking, role), 200)
        expect.that(_names(answer.object)[role] == CHANGED_NAME, f"{role} has not changed", answer)


async def _patch_contact(scene: Scene, booking: Booking, role: str) -> Exchange:
    """Patch the contacts as they are now; where the Seller has changed his own since (409, 422), once more."""
    for _ in range(ATTEMPTS - 1):
        answer = await _patch_contact_once(scene, booking, role)
        if answer.status not in REFUSED:
            return answer
    return await _patch_contact_once(scene, booking, role)


async def _patch_contact_once(scene: Scene, booking: Booking, role: str) -> Exchange:
    changed = await _contacts(scene, booking, role)
    return await scene.patch_once(booking.id, {"relatedContactInformation": changed})


async def _new_window(scene: Scene) -> None:
    booking = await scene.booking()
    chosen = await scene.free_window(booking.work)
    answer = expect.status(await scene.patch(booking.id, {"validFor": chosen}), 200)
    expect.that(same_window(answer.object["validFor"], chosen), "validFor is not the new window", answer)
    expect.that(answer.object["status"] == "confirmed", "the Appointment must stay confirmed", answer)
    again = await scene.get_appointment(booking.id)
    expect.that(same_window(again.object["validFor"], chosen), "validFor reads as before", again)


async def _other_attributes(scene: Scene) -> None:
    booking = await scene.booking()
    for name, value in (("status", "completed"), ("workOrder", {"id": UNKNOWN_ID}), ("id", UNKNOWN_ID)):
        answer = await scene.patch(booking.id, {"note": [note("n-1")], name: value})
        await _unchanged(scene, booking, name, answer)


async def _place(scene: Scene) -> None:
    booking = await scene.booking()
    elsewhere = {"@type": "GeographicSiteRef", "role": "WORK_LOCATION", "id": "somewhere-else"}
    answer = await scene.patch(booking.id, {"note": [note("n-1")], "relatedPlace": elsewhere})
    await _unchanged(scene, booking, "relatedPlace", answer)


async def _sellers_contact(scene: Scene) -> None:
    booking = await scene.booking()
    role = "sellerAppointmentContact"
    answer = await _patch_contact(scene, booking, role)
    expect.status(answer, 200, *REFUSED)
    now = _names(await scene.read(booking))
    expect.that(now[role] != CHANGED_NAME, "the Seller's contact has changed", answer)


async def _unchanged(scene: Scene, booking: Booking, name: str, answer: Exchange) -> None:
    """The Seller refuses the patch, or ignores what the Buyer may not change."""
    expect.status(answer, 200, *REFUSED)
    if answer.status != 200:
        expect.error(answer, *REFUSED)
    now = await scene.read(booking)
    expect.that(now.get(name) == booking.body.get(name), f"{name} has changed", answer)


async def _unknown(scene: Scene) -> None:
    expect.error(await scene.patch(UNKNOWN_ID, {"note": [note("n-1")]}), 404)


async def _cancelled(scene: Scene) -> None:
    booking = await scene.booking()
    expect.status(await scene.cancel(booking.id), 204)
    expect.error(await scene.patch(booking.id, {"note": [note("n-1")]}), 422)


async def _started(scene: Scene) -> None:
    booking = await scene.started()
    expect.error(await scene.patch(booking.id, {"note": [note("n-1")]}), 422)


async def _finished(scene: Scene) -> None:
    booking = await scene.started()
    await scene.hook(Hook.FINISH, booking.work.job)
    await scene.appointment_reaches(booking, "completed")
    expect.error(await scene.patch(booking.id, {"note": [note("n-1")]}), 422)


async def _backwards(scene: Scene) -> None:
    booking = await scene.booking()
    turned = {"startDateTime": booking.window["endDateTime"], "endDateTime": booking.window["startDateTime"]}
    await _refused_window(scene, booking, turned)


async def _past(scene: Scene) -> None:
    then = datetime.now(UTC) - timedelta(days=3)
    await _refused_window(scene, await scene.booking(), window(then, then + timedelta(hours=4)))


async def _nobody(scene: Scene) -> None:
    await _refused_window(scene, await scene.booking(), scene.impossible())


async def _refused_window(scene: Scene, booking: Booking, wanted: Json) -> None:
    answer = await scene.patch(booking.id, {"validFor": wanted})
    expect.error(answer, 422)
    now = await scene.read(booking)
    expect.that(same_window(now["validFor"], booking.window), "the refused window was taken", answer)


async def _appended(scene: Scene, attribute: str, first: Json, second: Json, kept: str) -> None:
    """A longer list is taken; one that lacks or changes what was there is refused, and changes nothing."""
    changes: Json = {attribute: [first]}
    booking = await scene.booking(None, **changes)
    existing: list[Json] = (await scene.read(booking)).get(attribute, [])
    expect.that(len(existing) == 1, f"the booking's {attribute} is not there", booking.exchange)
    answer = expect.status(await scene.patch(booking.id, {attribute: [*existing, second]}), 200)
    wanted = [first[kept], second[kept]]
    _holds(answer.object, attribute, kept, wanted, answer)
    now = await scene.read(booking)
    _holds(now, attribute, kept, wanted, answer)
    await _not_replaced(scene, booking, attribute, kept, now[attribute])


async def _not_replaced(scene: Scene, booking: Booking, attribute: str, kept: str, there: list[Json]) -> None:
    changed = [{**there[0], kept: "changed"}, *there[1:]]
    for replacement in (there[1:], changed):
        refused = await scene.patch(booking.id, {attribute: replacement})
        expect.error(refused, *REFUSED)
        _holds(await scene.read(booking), attribute, kept, [each[kept] for each in there], refused)


def _holds(body: Json, attribute: str, kept: str, wanted: list[str], evidence: Exchange) -> None:
    came = [each.get(kept) for each in body.get(attribute, ())]
    expect.that(came == wanted, f"{attribute} must hold {wanted}, not {came}", evidence)


async def _notes(scene: Scene) -> None:
    await _appended(scene, "note", note("n-1", "first"), note("n-2", "second"), "text")


async def _attachments(scene: Scene) -> None:
    await _appended(scene, "attachment", attachment("a-1"), attachment("a-2"), "name")


async def _contacts(scene: Scene, booking: Booking, role: str) -> list[Json]:
    """All contacts as they are, one of them with another name."""
    now = await scene.read(booking)
    return [
        {**each, "name": CHANGED_NAME} if each["role"] == role else each for each in now["relatedContactInformation"]
    ]


def _names(body: Json) -> dict[str, Any]:
    return {each["role"]: each["name"] for each in body["relatedContactInformation"]}


CHECKS: Final = (
    Check("R36", "a patch of nothing is refused", _nothing),
    Check("R36", "notes and attachments can be patched", _extras),
    Check("R36", "the Buyer's contact and the place's contact can be patched", _own_contacts),
    Check("R36", "validFor can be patched, and the Appointment stays confirmed", _new_window),
    Check("R37", "status, workOrder and id do not change", _other_attributes),
    Check("R37", "the place does not change", _place),
    Check("R38", "the Seller's contact does not change", _sellers_contact),
    Check("R39", "a patch of an unknown Appointment is a 404", _unknown),
    Check("R40", "a cancelled Appointment cannot be patched", _cancelled),
    Check("R40", "an Appointment in progress cannot be patched", _started),
    Check("R40", "a completed Appointment cannot be patched", _finished),
    Check("R41", "a window that ends before it starts is a 422", _backwards),
    Check("R41", "a window in the past is a 422", _past),
    Check("R42", "a window that nobody can take is a 422", _nobody),
    Check("R43", "notes can be added, not removed or changed", _notes),
    Check("R44", "attachments can be added, not removed or changed", _attachments),
)

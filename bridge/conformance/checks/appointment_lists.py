"""O3, R30, R31: listing Appointments (UC 9)."""

from datetime import datetime, timedelta
from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.checks.lists import by_place, every_page, only_ours, unknown_place
from bridge.conformance.scene import Booking, Scene, read_moment, written
from bridge.mef.enums import Api

HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)


async def _by_status(scene: Scene) -> None:
    booking = await scene.booking()
    pages = await every_page(scene, Api.APPOINTMENT, status="confirmed")
    expect.that(booking.id in pages.ids, "a confirmed Appointment is not found by its status", *pages.exchanges)
    wrong = [item["id"] for item in pages.items if item.get("status") != "confirmed"]
    expect.that(not wrong, f"found although they are not confirmed: {wrong[:3]}", *pages.exchanges)


async def _by_work_order(scene: Scene) -> None:
    booking = await scene.booking()
    await only_ours(scene, Api.APPOINTMENT, ("workOrder", "workOrderId"), booking.work.id, {booking.id})


async def _by_site_or_address(scene: Scene) -> None:
    booking = await scene.booking()
    await by_place(scene, Api.APPOINTMENT, booking.id, booking.body["relatedPlace"])


async def _by_unknown_place(scene: Scene) -> None:
    await scene.booking()
    await unknown_place(scene, Api.APPOINTMENT)


async def _outside_left_out(scene: Scene) -> None:
    booking = await scene.booking()
    start, end = _bounds(booking)
    for bounds in ({"validFor.gt": written(end + HOUR)}, {"validFor.lt": written(start - HOUR)}):
        pages = await every_page(scene, Api.APPOINTMENT, **bounds)
        expect.that(booking.id not in pages.ids, f"found outside of {bounds}", *pages.exchanges)


async def _attributes(scene: Scene) -> None:
    booking = await scene.booking()
    answer = expect.status(await scene.appointments("GET", "/appointment", parameters={"limit": "20"}), 200)
    for item in expect.shape(answer, "[Appointment_Find]"):
        expect.that("href" in item, "href is missing", answer)
    pages = await every_page(scene, Api.APPOINTMENT)
    expect.that(booking.id in pages.ids, "a new Appointment is not in the list", *pages.exchanges)


async def _overlapping(scene: Scene) -> None:
    booking = await scene.booking()
    start, end = _bounds(booking)
    overlaps = (
        (start - HOUR, end + HOUR),
        (start + MINUTE, end - MINUTE),
        (start - HOUR, start + MINUTE),
        (end - MINUTE, end + HOUR),
    )
    for after, before in overlaps:
        await _found(scene, booking, {"validFor.gt": written(after), "validFor.lt": written(before)})
    await _found(scene, booking, {"validFor.gt": written(end - MINUTE)})
    await _found(scene, booking, {"validFor.lt": written(start + MINUTE)})


async def _found(scene: Scene, booking: Booking, bounds: dict[str, str]) -> None:
    pages = await every_page(scene, Api.APPOINTMENT, **bounds)
    expect.that(booking.id in pages.ids, f"{booking.window} overlaps {bounds}, but is not found", *pages.exchanges)


def _bounds(booking: Booking) -> tuple[datetime, datetime]:
    return read_moment(booking.window["startDateTime"]), read_moment(booking.window["endDateTime"])


CHECKS: Final = (
    Check("O3", "the status filter finds those of that status", _by_status),
    Check("O3", "the WorkOrder filter finds its Appointments only", _by_work_order),
    Check("O3", "the place filter finds what is at that place", _by_site_or_address),
    Check("O3", "an unknown site or address finds nothing", _by_unknown_place),
    Check("O3", "the time filter leaves out what lies outside", _outside_left_out),
    Check("R30", "each listed Appointment has its six attributes", _attributes),
    Check("R31", "every kind of overlap is found", _overlapping),
)

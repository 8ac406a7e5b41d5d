"""After the Seller has moved a visit (R27) the WFM still holds it: the Buyer's next booking moves that one."""

import orjson
import pytest

from bridge.domain.model import Appointment
from bridge.flows.refusals import WfmTimeout
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import SearchTimeSlotCreate, TimePeriod, TimeSlot, WorkOrderRef
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, IN_AFTERNOON, IN_MORNING, MONDAY, MORNING, event
from tests.integration.flows.reading import statuses
from tests.integration.flows.world import BUYERS, World


async def moved_by_seller(world: World) -> Appointment:
    """Book the morning, and let the dispatcher move the visit into the afternoon."""
    appointment = await world.booked()
    world.clock.advance(hours=1)
    await world.hear(event("SCHD", 3, **IN_AFTERNOON, TS="2026-03-05 14:05:05"))
    cancelled = await world.appointment(appointment)
    assert cancelled.status is AppointmentStatus.CANCELLED
    return cancelled


async def test_the_next_booking_is_asked_as_a_move_of_the_visit_that_is_held(world: World) -> None:
    await moved_by_seller(world)
    order = await world.work_order_of()
    assert (order.state, order.appointment_required) == (WorkOrderState.OPEN, True)

    again = await world.book(order, MONDAY)

    assert [message.routing_key for message in world.bus.sent if message.reply_expected] == ["cmd.search", "cmd.move"]
    sent = orjson.loads(world.bus.of("cmd.move")[0].body)
    assert (sent["VISIT_NO"], sent["FROM"]) == ("V-0001", "2026-03-09 08:00")
    assert (again.status, again.valid_for, again.visit) == (AppointmentStatus.CONFIRMED, MONDAY, "V-0001")
    assert (await world.work_order_of()).state is WorkOrderState.PLANNED
    assert await statuses(world) == ["cancelled", "confirmed"]


async def test_the_window_the_seller_wished_for_is_offered_and_can_be_booked(world: World) -> None:
    await moved_by_seller(world)
    order = await world.work_order_of()
    world.bus.answers["cmd.search"] = lambda _: acme.slots(acme.MONDAY_SLOT)
    whole = TimePeriod(start_date_time=MORNING.start_date_time, end_date_time=MONDAY.end_date_time)
    request = SearchTimeSlotCreate(
        requested_time_slot=(TimeSlot(valid_for=whole),), work_order=WorkOrderRef(id=order.id)
    )
    found = await world.appointments.search(BUYERS, request, "corr-buyer")
    assert [slot.valid_for for slot in found] == [AFTERNOON, MONDAY]

    again = await world.book(order, AFTERNOON)

    assert again.valid_for == AFTERNOON
    assert orjson.loads(world.bus.of("cmd.move")[0].body)["SLOT_ID"] == ""


async def test_once_the_wfm_has_cancelled_the_held_visit_a_booking_is_a_new_one(world: World) -> None:
    await moved_by_seller(world)
    await world.hear(event("VCAN", 4, **IN_AFTERNOON, TS="2026-03-05 14:10:05"))
    await world.book(await world.work_order_of(), MONDAY)
    assert world.bus.of("cmd.move") == []
    assert len(world.bus.of("cmd.book")) == 1


async def test_a_move_that_timed_out_is_taken_back_when_the_wfm_announces_its_window(world: World) -> None:
    await moved_by_seller(world)
    world.silence("cmd.move")
    order = await world.work_order_of()
    with pytest.raises(WfmTimeout):
        await world.book(order, MONDAY)
    await world.hear(event("SCHD", 4, **IN_AFTERNOON, TS="2026-03-05 14:20:05"))
    assert await world.outbox("cmd.cancel") == []
    in_monday = IN_MORNING | {"WIN_FROM": "2026-03-09 08:00", "WIN_TO": "2026-03-09 12:00"}
    await world.hear(event("SCHD", 5, **in_monday, TS="2026-03-05 14:20:15"))
    assert [body["VISIT_NO"] for body in await world.outbox("cmd.cancel")] == ["V-0001"]
    assert await statuses(world) == ["cancelled"]

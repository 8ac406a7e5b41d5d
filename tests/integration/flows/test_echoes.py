"""What the WFM announces while a Buyer's command is under way: told from news once the reply is there."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.errors import NotRouted
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.refusals import Rejected, WfmTimeout, WfmUnavailable
from bridge.mapping.pack import Pack, Reading
from bridge.mef.enums import AppointmentStatus, ContactRole, WorkOrderState
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, IN_AFTERNOON, IN_MORNING, MORNING, event
from tests.integration.flows.reading import entries, statuses
from tests.integration.flows.world import BUYERS, World

DONE = acme.done(VISIT_NO="V-0001")


async def test_the_echo_of_a_booking_waits_for_the_reply_and_brings_the_technicians_contact(world: World) -> None:
    order = await world.open_work_order()
    task, sent = await world.begin("cmd.book", world.book(order))
    await world.hear(event("SCHD", 2, **IN_MORNING))
    assert await world.outcomes() == ["applied", "waiting"]
    assert await statuses(world) == []

    await world.reply(sent, DONE)

    appointment = await world.appointment(await task)
    names = {contact.role: contact.name for contact in appointment.contacts}
    assert names[ContactRole.SELLER_APPOINTMENT] == "Jan Kowalski"
    assert [each.outcome for each in await entries(world) if each.message == "E-J-1-2"] == ["applied"]
    assert await statuses(world) == ["confirmed"]


async def test_the_echo_after_the_reply_brings_the_technicians_contact_and_nothing_else(world: World) -> None:
    appointment = await world.book(await world.open_work_order())
    await world.listen()
    before = world.notified()
    await world.hear(event("SCHD", 2, **IN_MORNING))
    after = await world.appointment(appointment)
    assert [c.name for c in after.contacts] == ["Jo Doe", "Jo Doe", "Jan Kowalski"]
    assert (after.status, after.valid_for) == (AppointmentStatus.CONFIRMED, MORNING)
    assert world.notified()[len(before) :] == ["appointmentAttributeValueChangeEvent"]


async def test_a_visit_announced_before_a_refusal_is_one_that_the_wfm_agreed_by_itself(world: World) -> None:
    order = await world.open_work_order()
    task, sent = await world.begin("cmd.book", world.book(order))
    await world.hear(event("SCHD", 2, **IN_MORNING))
    await world.reply(sent, acme.refused("21"))
    with pytest.raises(Rejected):
        await task
    assert await statuses(world) == ["confirmed"]
    assert await world.command_states() == ["refused"]
    assert "waiting" not in await world.outcomes()


async def test_the_echo_of_a_booking_that_expires_is_taken_back(world: World) -> None:
    order = await world.open_work_order()
    world.meanwhile("cmd.book", lambda _: world.hear(event("SCHD", 2, **IN_MORNING)))
    with pytest.raises(WfmTimeout):
        await world.book(order)
    assert (await world.outbox("cmd.cancel"))[0]["VISIT_NO"] == "V-0001"
    assert await statuses(world) == []
    assert await world.command_states() == ["compensated"]
    assert "waiting" not in await world.outcomes()


async def test_what_waited_for_a_command_that_never_left_is_news(world: World) -> None:
    order = await world.open_work_order()
    await world.time_slots.offers(order, [MORNING], "c")

    async def publish(message: BusMessage) -> None:
        await world.hear(event("SCHD", 2, **IN_MORNING))
        raise NotRouted

    world.bus.publish = publish  # type: ignore[method-assign]
    with pytest.raises(WfmUnavailable):
        await world.book(order)
    assert await statuses(world) == ["confirmed"]
    assert "waiting" not in await world.outcomes()


async def test_the_echo_of_a_reschedule_waits_for_the_reply_and_is_not_a_move_by_the_seller(world: World) -> None:
    appointment = await world.booked()
    task, sent = await world.begin("cmd.move", world.move(appointment))
    await world.hear(event("SCHD", 3, **IN_AFTERNOON))
    assert (await world.outcomes())[-1] == "waiting"
    await world.reply(sent, DONE)
    assert (await task).valid_for == AFTERNOON
    after = await world.appointment(appointment)
    assert (after.status, after.valid_for) == (AppointmentStatus.CONFIRMED, AFTERNOON)
    assert "waiting" not in await world.outcomes()


async def test_a_visit_that_starts_in_its_new_window_before_the_reply_starts_there(world: World) -> None:
    appointment = await world.booked()
    task, sent = await world.begin("cmd.move", world.move(appointment))
    await world.hear(event("SCHD", 3, **IN_AFTERNOON), event("WIP", 4, **IN_AFTERNOON))
    assert (await world.outcomes())[-2:] == ["waiting", "waiting"]
    await world.reply(sent, DONE)
    assert (await task).valid_for == AFTERNOON
    after = await world.appointment(appointment)
    assert (after.status, after.valid_for) == (AppointmentStatus.IN_PROGRESS, AFTERNOON)
    assert "waiting" not in await world.outcomes()


async def test_the_echo_of_a_cancel_waits_for_the_reply(world: World) -> None:
    appointment = await world.booked()
    task, sent = await world.begin("cmd.cancel", world.appointments.cancel(BUYERS, appointment.id, "corr-buyer"))
    await world.hear(event("VCAN", 3, **IN_MORNING))
    assert (await world.outcomes())[-1] == "waiting"
    await world.reply(sent, acme.done())
    await task
    assert (await world.appointment(appointment)).status is AppointmentStatus.CANCELLED
    assert (await world.work_order_of()).state is WorkOrderState.OPEN
    assert "waiting" not in await world.outcomes()


async def test_a_visit_taken_back_before_a_cancel_is_refused_is_cancelled_by_the_seller(world: World) -> None:
    appointment = await world.booked()
    task, sent = await world.begin("cmd.cancel", world.appointments.cancel(BUYERS, appointment.id, "corr-buyer"))
    await world.hear(event("VCAN", 3, **IN_MORNING))
    await world.reply(sent, acme.refused("22"))
    with pytest.raises(Rejected, match="does not know the visit"):
        await task
    assert (await world.appointment(appointment)).status is AppointmentStatus.CANCELLED


async def test_a_move_to_another_window_while_a_reschedule_is_under_way_is_the_sellers(world: World) -> None:
    """R27: the Appointment is cancelled, and the Buyer's own wish then comes too late."""
    appointment = await world.booked()
    task, sent = await world.begin("cmd.move", world.move(appointment))
    monday = IN_MORNING | {"WIN_FROM": "2026-03-09 08:00", "WIN_TO": "2026-03-09 12:00"}
    await world.hear(event("SCHD", 3, **monday))
    assert (await world.appointment(appointment)).status is AppointmentStatus.CANCELLED
    await world.reply(sent, acme.refused("21"))
    with pytest.raises(Rejected):
        await task
    assert (await world.work_order_of()).appointment_required


@pytest.mark.parametrize("breaks", ["read_all", "translate"])
async def test_a_waiting_message_that_breaks_the_bridge_is_parked_alone(world: World, pack: Pack, breaks: str) -> None:
    """Neither the message it waited for nor the one beside it suffers."""
    await world.hear(event("SCHD", 2, **IN_MORNING), event("SCHD", 3, REMARK="bad", **IN_MORNING))
    sound = getattr(pack, breaks)

    def fragile(given: bytes | Reading, *rest: Any) -> Any:
        if (given.message == "E-J-1-3") if isinstance(given, Reading) else (b"bad" in given):
            raise ZeroDivisionError("a defect")
        return sound(given, *rest)

    world.use(replace(pack, **{breaks: fragile}))
    await world.hear(event("NEW", 1))
    parked = [(each.message, each.reason) for each in await entries(world) if each.outcome == "parked"]
    assert parked == [("E-J-1-3", "the bridge failed on this message: ZeroDivisionError: a defect")]
    assert await statuses(world) == ["confirmed"]
    assert "waiting" not in await world.outcomes()

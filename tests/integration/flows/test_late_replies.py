"""Answers that come late, twice, after a restart or in a form nobody understands: one outcome, and no ghost visit."""

import asyncio

import pytest

from bridge.domain.model import CommandId, JobRef
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.refusals import Rejected, WfmTimeout
from bridge.flows.sweep import GRACE
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from tests.integration.flows import acme
from tests.integration.flows.acme import IN_AFTERNOON, IN_MORNING, event
from tests.integration.flows.reading import entries, statuses, visits
from tests.integration.flows.world import BUYERS, World, Worlds
from tests.support import eventually

DONE = acme.done(VISIT_NO="V-0001")


@pytest.fixture
async def impatient(make_world: Worlds) -> World:
    """A bridge whose WFM does not answer changes in time."""
    world: World = await make_world()
    world.silence("cmd.book", "cmd.move", "cmd.cancel")
    return world


async def timed_out_booking(world: World) -> BusMessage:
    """Open a WorkOrder and let its booking time out."""
    order = await world.open_work_order()
    with pytest.raises(WfmTimeout):
        await world.book(order)
    (sent,) = world.bus.of("cmd.book")
    return sent


async def confirmed(world: World) -> BusMessage:
    """Book, with an answer; from now on there is none."""
    world.bus.answers["cmd.book"] = lambda _: DONE
    appointment = await world.booked()
    await world.listen()
    with pytest.raises(WfmTimeout):
        await world.move(appointment)
    assert await world.command_states("reschedule") == ["expired"]
    return world.bus.of("cmd.move")[0]


async def test_a_late_acceptance_of_a_booking_is_cancelled_in_the_wfm_and_was_never_visible(impatient: World) -> None:
    await impatient.listen()
    sent = await timed_out_booking(impatient)
    before = impatient.notified()

    await impatient.reply(sent, DONE)

    (cancel,) = await impatient.outbox("cmd.cancel")
    assert (cancel["JOB_NO"], cancel["VISIT_NO"]) == ("J-1", "V-0001")
    assert await impatient.command_states() == ["compensated"]
    assert await statuses(impatient) == []
    assert (await impatient.work_order_of()).state is WorkOrderState.OPEN
    assert impatient.notified() == before


async def test_the_echoes_of_a_booking_that_is_taken_back_are_not_visible_either(impatient: World) -> None:
    sent = await timed_out_booking(impatient)
    await impatient.reply(sent, DONE)
    await impatient.hear(event("SCHD", 2, **IN_MORNING))
    await impatient.hear(event("VCAN", 3, **IN_MORNING))
    assert await statuses(impatient) == []
    assert (await impatient.work_order_of()).state is WorkOrderState.OPEN
    assert len(await impatient.outbox("cmd.cancel")) == 1


async def test_a_late_refusal_changes_nothing(impatient: World) -> None:
    sent = await timed_out_booking(impatient)
    order = await impatient.work_order_of()
    await impatient.reply(sent, acme.refused())
    assert await impatient.command_states() == ["refused"]
    assert await impatient.work_order_of() == order
    assert await impatient.outbox("cmd.cancel") == []


async def test_a_reply_that_comes_twice_counts_once(world: World) -> None:
    appointment = await world.book(await world.open_work_order())
    before = await world.outcomes(), world.notified(), await world.outbox("cmd.ticket")
    await world.reply(world.bus.of("cmd.book")[0], DONE)
    assert (await world.outcomes(), world.notified(), await world.outbox("cmd.ticket")) == before
    assert await world.appointment(appointment) == appointment


async def test_two_replies_to_one_command_in_one_batch_count_once(world: World) -> None:
    order = await world.open_work_order()
    task, sent = await world.begin("cmd.book", world.book(order))
    await asyncio.gather(world.reply(sent, DONE), world.reply(sent, acme.refused()))
    assert (await task).status is AppointmentStatus.CONFIRMED
    assert await world.command_states() == ["accepted"]


async def test_a_late_reply_that_comes_twice_is_compensated_once(impatient: World) -> None:
    sent = await timed_out_booking(impatient)
    await impatient.reply(sent, DONE)
    await impatient.reply(sent, DONE)
    assert len(await impatient.outbox("cmd.cancel")) == 1
    assert await impatient.command_states() == ["compensated"]


async def test_a_reply_after_a_restart_settles_what_the_process_before_had_sent(make_world: Worlds) -> None:
    """The Buyer's connection is gone; whether he is told or not, there is one truth in the WFM and here."""
    before: World = await make_world()
    order = await before.open_work_order()
    lost, sent = await before.begin("cmd.book", before.book(order))
    lost.cancel()
    await asyncio.wait([lost])

    after: World = await make_world()
    await after.reply(sent, DONE)

    assert await after.command_states() == ["accepted"]
    assert await statuses(after) == ["confirmed"]


async def test_a_command_whose_process_died_expires_after_its_deadline(make_world: Worlds) -> None:
    before: World = await make_world(timeout_s=5)
    order = await before.open_work_order()
    lost, sent = await before.begin("cmd.book", before.book(order))
    lost.cancel()
    await asyncio.wait([lost])

    after: World = await make_world()
    assert await after.commands.sweep.look_after() == 0
    after.clock.advance(seconds=5 + GRACE.total_seconds())
    assert await after.commands.sweep.look_after() == 1
    assert await after.command_states() == ["expired"]

    await after.reply(sent, DONE)
    assert (await after.outbox("cmd.cancel"))[0]["VISIT_NO"] == "V-0001"
    assert await statuses(after) == []


async def test_a_running_bridge_looks_for_overdue_commands_by_itself(
    make_world: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.flows.sweep.SWEEP_SECONDS", 0.005)
    world: World = await make_world(timeout_s=5, sweeps=True)
    order = await world.open_work_order()
    lost, _ = await world.begin("cmd.book", world.book(order))
    lost.cancel()
    world.clock.advance(seconds=60)

    async def is_expired() -> bool:
        return await world.command_states() == ["expired"]

    await eventually(is_expired)


async def test_a_reply_nobody_can_read_is_parked_and_the_command_times_out(impatient: World) -> None:
    sent = await timed_out_booking(impatient)
    await impatient.reply(sent, b"<oops/>")
    (odd,) = [each for each in await entries(impatient) if each.rule == "commands.book"]
    assert (odd.job, odd.outcome, odd.raw.body) == (JobRef("acme-wfm", "J-1"), "parked", b"<oops/>")
    assert await impatient.command_states() == ["expired"]


async def test_a_reply_nobody_asked_for_changes_nothing(world: World) -> None:
    sent = acme.event("NEW", 1)
    stranger = BusMessage(
        pack=acme.PACK,
        exchange="x",
        routing_key="x",
        body=sent.body,
        content_type="x",
        message_id="x",
        correlation_id="nobody",
    )
    await world.reply(stranger, DONE)
    assert await world.outcomes() == []


async def test_a_late_acceptance_of_a_reschedule_is_adopted_and_announced(impatient: World) -> None:
    sent = await confirmed(impatient)
    await impatient.reply(sent, DONE)
    assert await impatient.command_states("reschedule") == ["accepted"]
    (adopted,) = await visits(impatient)
    assert impatient.notified()[-1] == "appointmentAttributeValueChangeEvent"
    await impatient.hear(event("SCHD", 3, **IN_AFTERNOON))
    assert [(each.status, each.valid_for) for each in await visits(impatient)] == [("confirmed", adopted.valid_for)]


async def test_the_event_of_a_reschedule_that_timed_out_is_adopted_and_announced(impatient: World) -> None:
    await confirmed(impatient)
    await impatient.hear(event("SCHD", 3, **IN_AFTERNOON))
    assert await statuses(impatient) == ["confirmed"]
    assert impatient.notified()[-1] == "appointmentAttributeValueChangeEvent"
    assert await impatient.command_states("reschedule") == ["accepted"]


@pytest.mark.parametrize("told", [True, False], ids=["told", "read at the deadline"])
async def test_an_acceptance_that_the_work_order_can_no_longer_take_is_a_422_however_the_buyer_learns_of_it(
    make_world: Worlds, told: bool
) -> None:
    """The process that waits is told, or another one took the reply and it reads what that one has settled."""
    waiting: World = await make_world()
    taking: World = waiting if told else await make_world()
    order = await waiting.open_work_order()

    async def cancelled_and_accepted(sent: BusMessage) -> None:
        await taking.hear(event("CANC", 2))
        await taking.reply(sent, DONE)

    waiting.meanwhile("cmd.book", cancelled_and_accepted)
    with pytest.raises(Rejected, match="can no longer take an Appointment"):
        await waiting.book(order)
    assert await waiting.command_states() == ["compensated"]


async def test_a_booking_taken_back_after_its_504_is_a_504_to_whoever_asks_again(impatient: World) -> None:
    sent = await timed_out_booking(impatient)
    await impatient.reply(sent, DONE)
    assert await impatient.command_states() == ["compensated"]
    with pytest.raises(WfmTimeout):
        await impatient.commands.resume(CommandId(sent.correlation_id))


async def test_a_late_acceptance_of_a_cancel_is_adopted_and_announced(impatient: World) -> None:
    impatient.bus.answers["cmd.book"] = lambda _: DONE
    appointment = await impatient.booked()
    await impatient.listen()
    with pytest.raises(WfmTimeout):
        await impatient.appointments.cancel(BUYERS, appointment.id, "corr-buyer")
    await impatient.reply(impatient.bus.of("cmd.cancel")[0], acme.done())
    assert await impatient.command_states("cancel") == ["accepted"]
    assert await statuses(impatient) == ["cancelled"]
    assert impatient.notified()[-3:] == [
        "appointmentStatusChangeEvent",
        "workOrderStateChangeEvent",
        "workOrderAppointmentRequiredEvent",
    ]

"""One correlation id leads from a request, or a message of the WFM, to every message for the WFM that it causes."""

import pytest

from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.refusals import WfmTimeout, WfmUndecided
from bridge.mef.models import AppointmentUpdate
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, IN_MORNING, MONDAY, event
from tests.integration.flows.reading import sent
from tests.integration.flows.world import BUYERS, World, Worlds

CAUSE = "x-correlation-id"


async def causes(world: World) -> dict[str, set[str]]:
    """The headers of the messages in the outbox by routing key."""
    found: dict[str, set[str]] = {}
    for message in await sent(world):
        found.setdefault(message.routing_key, set()).add(message.headers[CAUSE])
    return found


def cause_of(message: BusMessage) -> str:
    """The header of a command that was published."""
    return message.headers[CAUSE]


async def test_every_command_of_a_buyer_carries_the_correlation_id_of_his_request(world: World) -> None:
    order = await world.open_work_order()
    await world.appointments.search(BUYERS, acme.search(order.id, MONDAY), "corr-search")
    appointment = await world.book(order)
    change = AppointmentUpdate(valid_for=AFTERNOON)
    await world.appointments.patch(BUYERS, appointment.id, change, frozenset({"validFor"}), "corr-patch")
    note = AppointmentUpdate(note=(acme.note("Ring twice"),))
    await world.appointments.patch(BUYERS, appointment.id, note, frozenset({"note"}), "corr-note")
    await world.appointments.cancel(BUYERS, appointment.id, "corr-cancel")
    assert cause_of(world.bus.of("cmd.search")[0]) == "corr-search"
    assert {cause_of(message) for message in world.bus.of("cmd.search")[1:]} == {"corr-buyer", "corr-patch"}
    assert cause_of(world.bus.of("cmd.book")[0]) == "corr-buyer"
    assert cause_of(world.bus.of("cmd.move")[0]) == "corr-patch"
    assert cause_of(world.bus.of("cmd.cancel")[0]) == "corr-cancel"
    assert (await causes(world))["cmd.note"] == {"corr-note"}
    assert "corr-buyer" in (await causes(world))["cmd.ticket"]
    assert all(message.correlation_id == message.message_id for message in world.bus.sent)


async def test_what_a_message_of_the_wfm_causes_carries_its_correlation_id(world: World) -> None:
    await world.open_work_order()
    await world.hear(event("SCHD", 2, **IN_MORNING))
    assert await causes(world) == {"cmd.ticket": {"corr-wfm"}}


async def test_a_compensation_carries_the_correlation_id_of_the_booking(make_world: Worlds) -> None:
    world: World = await make_world(timeout_s=0.02)
    world.bus.answers["cmd.book"] = lambda _: None
    with pytest.raises(WfmTimeout, match="nothing was done"):
        await world.book(await world.open_work_order())
    await world.reply(world.bus.of("cmd.book")[0], acme.done(VISIT_NO="V-0001"))
    world.clock.advance(minutes=1)
    await world.commands.sweep.look_after()
    assert len(await world.outbox("cmd.cancel")) == 2
    assert (await causes(world))["cmd.cancel"] == {"corr-buyer"}


async def test_silence_about_a_change_says_that_its_outcome_is_not_known_yet(world: World) -> None:
    """The WFM may still carry it out, and is believed then."""
    world.silence("cmd.move", "cmd.cancel")
    appointment = await world.booked()
    change = AppointmentUpdate(valid_for=AFTERNOON)
    with pytest.raises(WfmUndecided, match="not known yet: read it again"):
        await world.appointments.patch(BUYERS, appointment.id, change, frozenset({"validFor"}), "corr-patch")
    with pytest.raises(WfmUndecided, match="not known yet: read it again"):
        await world.appointments.cancel(BUYERS, appointment.id, "corr-cancel")

"""Who asked? A rule knows the WFM's repetition of what the Buyer asked for, also after the WFM has said yes."""

from typing import Any

import pytest

from bridge.domain.model import Appointment
from bridge.flows.refusals import WfmTimeout
from bridge.mapping.pack import Pack
from bridge.mef.enums import AppointmentStatus
from bridge.yaml_source import parse_yaml
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, IN_AFTERNOON, IN_MORNING, event
from tests.integration.flows.conftest import ACME
from tests.integration.flows.reading import entries
from tests.integration.flows.world import BUYERS, World, Worlds
from tests.unit.mapping.patches import pack_with

MONDAY = IN_MORNING | {"WIN_FROM": "2026-03-09 08:00", "WIN_TO": "2026-03-09 12:00"}


@pytest.fixture(scope="module")
def asking() -> Pack:
    """The ACME pack with rules that look at who asked."""
    base: dict[str, Any] = parse_yaml((ACME / "pack.yaml").read_text(), "pack.yaml").data
    rules = [
        {
            "rule": "as-the-buyer-wished",
            "when": {"status": "SCHD", "asked_by": "buyer"},
            "then": {"work_order": "planned", "appointment": "confirmed"},
        },
        {
            "rule": "cancelled-by-the-buyer",
            "when": {"status": "VCAN", "cancelled_by": "buyer"},
            "then": {"appointment": "cancelled"},
        },
    ]
    base["rules"] = [*rules, *base["rules"]]
    return pack_with("fields: {asked_by: {asked: [book, reschedule]}, cancelled_by: {asked: cancel}}", base)


@pytest.fixture
async def world(make_world: Worlds, asking: Pack) -> World:
    made: World = await make_world(pack=asking)
    return made


async def last_rule(world: World) -> str:
    return str([entry.rule for entry in await entries(world) if (entry.message or "").startswith("E-")][-1])


async def test_the_echo_after_the_reply_is_the_buyers_and_a_later_move_the_sellers(
    make_world: Worlds, asking: Pack
) -> None:
    world: World = await make_world(pack=asking)
    appointment = await world.book(await world.open_work_order())
    restarted: World = await make_world(pack=asking)
    await restarted.hear(event("SCHD", 2, **IN_MORNING))
    assert await last_rule(restarted) == "as-the-buyer-wished"
    await restarted.hear(event("SCHD", 3, **IN_AFTERNOON))
    assert await last_rule(restarted) == "planned"
    assert (await restarted.appointment(appointment)).status is AppointmentStatus.CANCELLED


async def test_the_echo_that_waited_for_the_reply_is_the_buyers(world: World) -> None:
    order = await world.open_work_order()
    task, sent = await world.begin("cmd.book", world.book(order))
    await world.hear(event("SCHD", 2, **IN_MORNING))
    await world.reply(sent, acme.done(VISIT_NO="V-0001"))
    await task
    assert await last_rule(world) == "as-the-buyer-wished"
    await world.hear(event("SCHD", 3, **IN_AFTERNOON))
    assert await last_rule(world) == "planned"


async def test_a_reschedule_and_a_cancellation_are_known_as_well(world: World) -> None:
    appointment = await world.booked()
    await world.move(appointment)
    await world.hear(event("SCHD", 3, **IN_AFTERNOON))
    assert await last_rule(world) == "as-the-buyer-wished"
    await world.appointments.cancel(BUYERS, appointment.id, "corr-buyer")
    await world.hear(event("VCAN", 4, **IN_AFTERNOON))
    assert await last_rule(world) == "cancelled-by-the-buyer"


async def test_what_says_nothing_of_the_states_is_no_echo(world: World) -> None:
    await world.book(await world.open_work_order())
    await world.hear(event("HOLD", 2, **IN_MORNING))
    await world.hear(event("SCHD", 3, **IN_MORNING))
    assert await last_rule(world) == "as-the-buyer-wished"


async def test_old_news_is_no_echo(world: World) -> None:
    appointment = await world.booked()
    await world.move(appointment)
    await world.hear(event("SCHD", 3, **IN_MORNING, TS="2026-03-05 12:59:00"))
    assert (await world.outcomes())[-1] == "stale"
    await world.hear(event("SCHD", 4, **IN_AFTERNOON))
    assert await last_rule(world) == "as-the-buyer-wished"


async def test_a_wfm_that_repeats_nothing_moves_on_its_own_account_after_a_while(world: World) -> None:
    await world.book(await world.open_work_order())
    world.clock.advance(minutes=15)
    await world.hear(event("SCHD", 2, **MONDAY))
    assert await last_rule(world) == "planned"


async def expired_move(world: World, appointment: Appointment) -> None:
    """Ask for the afternoon in vain: the WFM says nothing until the deadline."""
    world.bus.answers["cmd.move"] = lambda _: None
    with pytest.raises(WfmTimeout):
        await world.move(appointment)


async def test_what_was_not_answered_in_time_may_still_be_spoken_of(make_world: Worlds, asking: Pack) -> None:
    world: World = await make_world(pack=asking)
    appointment = await world.booked()
    await expired_move(await make_world(pack=asking, timeout_s=0.05), appointment)
    restarted: World = await make_world(pack=asking)
    await restarted.hear(event("SCHD", 3, **IN_AFTERNOON))
    assert await last_rule(restarted) == "as-the-buyer-wished"


async def test_it_is_the_buyers_until_the_wfm_names_a_state(make_world: Worlds, asking: Pack) -> None:
    world: World = await make_world(pack=asking)
    appointment = await world.booked()
    await expired_move(await make_world(pack=asking, timeout_s=0.05), appointment)
    await world.hear(event("HOLD", 3, **IN_MORNING))
    await world.hear(event("SCHD", 4, **IN_MORNING))
    assert await last_rule(world) == "as-the-buyer-wished"
    await world.hear(event("SCHD", 5, **MONDAY))
    assert await last_rule(world) == "planned"


async def test_it_is_the_buyers_for_a_quarter_of_an_hour_and_an_echo_for_longer(
    make_world: Worlds, asking: Pack
) -> None:
    world: World = await make_world(pack=asking)
    appointment = await world.booked()
    await expired_move(await make_world(pack=asking, timeout_s=0.05), appointment)
    world.clock.advance(minutes=16)
    await world.hear(event("SCHD", 3, **IN_AFTERNOON))
    assert await last_rule(world) == "planned"
    assert (await world.appointment(appointment)).valid_for == AFTERNOON

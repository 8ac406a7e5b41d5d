"""A booking that was not done leaves no visit in the WFM, however often the WFM is deaf, says no, or we die."""

import pytest
import structlog

from bridge.domain.compensation import TRIES
from bridge.domain.model import JobRef, Outcome
from bridge.errors import StoreUncertain
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.refusals import WfmTimeout
from bridge.mef.enums import WorkOrderState
from tests.integration.flows import acme
from tests.integration.flows.acme import IN_MORNING, event
from tests.integration.flows.reading import entries, sent, statuses
from tests.integration.flows.world import World, Worlds

DONE = acme.done(VISIT_NO="V-0001")


@pytest.fixture
async def ghostly(make_world: Worlds) -> World:
    """A bridge that has told its Buyer 504 and its WFM to take the visit back, once."""
    world: World = await make_world(timeout_s=0.02)
    world.silence("cmd.book")
    order = await world.open_work_order()
    with pytest.raises(WfmTimeout):
        await world.book(order)
    await world.listen()
    await world.reply(world.bus.of("cmd.book")[0], DONE)
    return world


async def compensation(world: World) -> BusMessage:
    """The last command that asks for the visit back, as the WFM has it."""
    (correlation_id,) = {each.correlation_id for each in await sent(world) if each.routing_key == "cmd.cancel"}
    return BusMessage(
        pack=acme.PACK,
        exchange="x",
        routing_key="cmd.cancel",
        body=b"",
        content_type="x",
        message_id="x",
        correlation_id=correlation_id,
    )


async def asked(world: World) -> int:
    """How often the WFM was asked for the visit back."""
    return len(await world.outbox("cmd.cancel"))


async def later(world: World, **by: float) -> None:
    """Let time pass and a sweep come."""
    world.clock.advance(**by)
    await world.commands.sweep.look_after()


async def settles(world: World) -> None:
    """From now on the WFM is asked no more."""
    before = await asked(world)
    await later(world, days=30)
    assert await asked(world) == before


async def test_a_command_that_was_lost_is_sent_again_until_the_wfm_agrees(ghostly: World) -> None:
    await later(ghostly, seconds=2)
    assert [(c["JOB_NO"], c["VISIT_NO"]) for c in await ghostly.outbox("cmd.cancel")] == [("J-1", "V-0001")] * 2
    await ghostly.reply(await compensation(ghostly), acme.done())
    await settles(ghostly)


async def test_nothing_is_sent_again_before_its_time(ghostly: World) -> None:
    await later(ghostly, seconds=0.5)
    assert await asked(ghostly) == 1
    await later(ghostly, seconds=0.6)
    await later(ghostly, seconds=1.5)
    assert await asked(ghostly) == 2


async def test_a_refusal_that_may_pass_is_asked_again(ghostly: World) -> None:
    for tries in (2, 3):
        await ghostly.reply(await compensation(ghostly), acme.refused("99"))
        await later(ghostly, seconds=10)
        assert await asked(ghostly) == tries
    await ghostly.reply(await compensation(ghostly), acme.done())
    await settles(ghostly)
    assert "parked" not in await ghostly.outcomes()


async def test_a_visit_that_the_wfm_does_not_know_is_gone(ghostly: World) -> None:
    await ghostly.reply(await compensation(ghostly), acme.refused("22"))
    await settles(ghostly)


async def test_a_visit_that_the_wfm_announces_cancelled_is_gone(ghostly: World) -> None:
    await ghostly.hear(event("VCAN", 2, **IN_MORNING))
    await settles(ghostly)


async def test_a_restart_does_not_end_it(ghostly: World, make_world: Worlds) -> None:
    after: World = await make_world()
    await later(after, seconds=2)
    assert await asked(after) == 2
    await after.reply(await compensation(after), acme.done())
    await settles(after)


async def test_what_is_in_vain_is_parked_once_logged_as_an_error_and_asked_on_slowly(ghostly: World) -> None:
    with structlog.testing.capture_logs() as logs:
        for _ in range(TRIES + 1):
            await later(ghostly, hours=1)
            await ghostly.reply(await compensation(ghostly), acme.refused("99"))
    assert await asked(ghostly) == TRIES + 2
    (error,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert (error["event"], error["job"], error["visit"]) == ("compensation.in_vain", "J-1", "V-0001")
    (parked,) = [entry for entry in await entries(ghostly) if entry.outcome is Outcome.PARKED]
    assert parked.job == JobRef(acme.PACK, "J-1")
    assert "V-0001" in parked.reason
    assert "cancel it there" in parked.reason
    await later(ghostly, minutes=30)
    assert await asked(ghostly) == TRIES + 2
    await ghostly.reply(await compensation(ghostly), acme.done())
    await settles(ghostly)


STARTED = ["appointmentStatusChangeEvent", "workOrderStateChangeEvent"] * 2
"""Confirmed and planned, then both in progress."""


async def test_a_visit_that_the_technician_has_started_is_adopted_and_notified(ghostly: World) -> None:
    """The compensation gets through too late: the WFM refuses it, and is asked no more."""
    before = len(ghostly.notified())
    await ghostly.hear(event("SCHD", 2, **IN_MORNING))
    assert await statuses(ghostly) == []
    await ghostly.hear(event("WIP", 3, **IN_MORNING))
    assert await statuses(ghostly) == ["inProgress"]
    assert (await ghostly.work_order_of()).state is WorkOrderState.IN_PROGRESS
    assert ghostly.notified()[before:] == STARTED
    assert await ghostly.command_states() == ["accepted"]
    await ghostly.reply(await compensation(ghostly), acme.refused("21"))
    await settles(ghostly)
    await ghostly.hear(event("DONE", 4, **IN_MORNING))
    assert await statuses(ghostly) == ["completed"]
    assert (await ghostly.work_order_of()).state is WorkOrderState.COMPLETED


async def test_a_refusal_for_good_is_final_whichever_comes_first_it_or_the_news_of_the_start(ghostly: World) -> None:
    before = len(ghostly.notified())
    await ghostly.reply(await compensation(ghostly), acme.refused("21"))
    assert await statuses(ghostly) == ["confirmed"]
    await settles(ghostly)
    await ghostly.hear(event("SCHD", 2, **IN_MORNING))
    await ghostly.hear(event("WIP", 3, **IN_MORNING))
    assert await statuses(ghostly) == ["inProgress"]
    told = [event for event in ghostly.notified()[before:] if event != "appointmentAttributeValueChangeEvent"]
    assert told == STARTED  # and that a technician is assigned
    assert "parked" not in await ghostly.outcomes()


async def test_a_visit_that_started_before_the_deadline_is_adopted_at_the_deadline(make_world: Worlds) -> None:
    """The reply is lost, and nothing but the start is heard: it waits for the reply as long as that may come."""
    world: World = await make_world(timeout_s=0.02)
    order = await world.open_work_order()

    async def start(_: BusMessage) -> None:
        await world.hear(event("WIP", 3, **IN_MORNING))
        assert (await world.outcomes())[-1] == "waiting"

    world.meanwhile("cmd.book", start)
    with pytest.raises(WfmTimeout):
        await world.book(order)
    assert await statuses(world) == ["inProgress"]
    assert await asked(world) == 0
    await world.reply(world.bus.of("cmd.book")[0], DONE)
    assert (await statuses(world), await asked(world)) == (["inProgress"], 0)


async def test_a_visit_that_nobody_can_take_back_nor_show_is_parked_with_a_choice(ghostly: World) -> None:
    """The Buyer has booked another visit since, which the WFM agreed to as well."""
    ghostly.bus.answers["cmd.book"] = lambda _: acme.done(VISIT_NO="V-0002")
    await ghostly.book(await ghostly.work_order_of(), acme.AFTERNOON)
    await ghostly.reply(await compensation(ghostly), acme.refused("21"))
    (parked,) = [entry for entry in await entries(ghostly) if entry.outcome is Outcome.PARKED]
    assert "V-0001" in parked.reason
    assert "let it take place" in parked.reason
    await settles(ghostly)
    assert await statuses(ghostly) == ["confirmed"]


async def test_a_visit_that_the_buyer_has_booked_since_is_never_taken_back(ghostly: World) -> None:
    """The WFM gave the second booking the very visit of the first one."""
    ghostly.bus.answers["cmd.book"] = lambda _: DONE
    await ghostly.book(await ghostly.work_order_of())
    await settles(ghostly)
    assert await statuses(ghostly) == ["confirmed"]


@pytest.mark.parametrize("failure", [ZeroDivisionError(), StoreUncertain()], ids=["a defect", "nobody knows"])
async def test_a_command_that_the_bridge_fails_on_does_not_stop_the_others(
    ghostly: World, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    survived = []

    async def broken(command: object) -> None:
        survived.append(command)
        raise failure

    monkeypatch.setattr(ghostly.commands.sweep, "_ask_again", broken)
    with structlog.testing.capture_logs() as logs:
        await later(ghostly, seconds=5)
        await later(ghostly, seconds=5)
    assert len(survived) == 2
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["sweep.crashed"] * 2


async def test_a_command_that_the_bridge_fails_on_again_and_again_is_tried_less_and_less_often(
    ghostly: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_again = ghostly.commands.sweep._ask_again

    async def broken(command: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ghostly.commands.sweep, "_ask_again", broken)
    ghostly.clock.advance(seconds=2)
    tried = []
    with structlog.testing.capture_logs() as logs:
        for second in range(0, 1200, 2):
            logs.clear()
            await ghostly.commands.sweep.look_after()
            tried += [(second, entry["retry_in_seconds"]) for entry in logs if entry["event"] == "sweep.crashed"]
            ghostly.clock.advance(seconds=2)
    waits = [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert tried == [(sum(waits[:number]), wait) for number, wait in enumerate(waits)]

    monkeypatch.setattr(ghostly.commands.sweep, "_ask_again", ask_again)
    await later(ghostly, minutes=5)
    assert await asked(ghostly) == 2


async def test_a_command_whose_pack_is_gone_is_left_and_said_once(ghostly: World) -> None:
    ghostly.commands.sweep._packs = {}
    with structlog.testing.capture_logs() as logs:
        await later(ghostly, seconds=5)
        await later(ghostly, seconds=5)
    assert [(entry["event"], entry["packs"]) for entry in logs] == [("sweep.pack_missing", ["acme-wfm"])]
    assert await asked(ghostly) == 1

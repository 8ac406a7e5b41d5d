"""The story of a job: all that happened, in order, and what waits for what."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.model import JobRef
from bridge.flows.ports.job_trace import JobTrace
from bridge.flows.ports.webhook_delivery import Attempt, DeliverySettlement, DeliveryState
from bridge.flows.refusals import Rejected, WfmTimeout
from bridge.flows.trace import StepKind, steps, waiting
from tests.integration.flows import acme
from tests.integration.flows.world import World, Worlds
from tests.support import PATIENCE_S


async def told(world: World, job: str = "J-1") -> JobTrace:
    trace: JobTrace = await world.sql_store.traces.read(JobRef(acme.PACK, job))
    return trace


async def story(world: World) -> list[tuple[StepKind, str]]:
    return [(step.kind, step.text) for step in steps(await told(world))]


async def waits(world: World) -> list[str]:
    return waiting(await told(world), world.clock())


async def deliver(world: World, status: int, error: str | None = None) -> None:
    """Have the first notification that is due end so; one that failed is tried again in a minute."""
    now = world.clock()
    (claimed,) = await world.sql_store.deliveries.claim(now, now + timedelta(seconds=30), 1)
    taken = error is None
    await world.sql_store.deliveries.settle(
        DeliverySettlement(
            number=claimed.number,
            listener=claimed.subscription.id,
            attempt=Attempt(at=now, status=status, error=error, elapsed=0.25, excerpt="<h1>sorry</h1>"),
            state=DeliveryState.DELIVERED if taken else DeliveryState.PENDING,
            next_attempt_at=None if taken else now + timedelta(minutes=1),
        )
    )


async def send_all(world: World) -> None:
    """Have the outbox sent."""
    now = world.clock()
    while sent := await world.sql_store.outbox.claim(now, now + timedelta(seconds=30), 10):
        for each in sent:
            await world.sql_store.outbox.settle(each.number, True, None, None)


async def test_a_story_is_told_from_the_first_message_to_the_last_attempt(world: World) -> None:
    await world.listen()
    order = await world.open_work_order()
    world.clock.advance(seconds=1)
    visit = await world.book(order)
    world.clock.advance(seconds=1)
    await send_all(world)
    await deliver(world, 204)
    world.clock.advance(seconds=1)
    await world.hear(replace(acme.event("SCHD", 2, **acme.IN_MORNING), received_at=world.clock()))
    found = await told(world)
    assert [(step.kind.value, step.text) for step in steps(found)] == [
        ("message", "1 job.new: applied by rule created"),
        ("notification", f"workOrderCreateEvent about {order.id}"),
        ("notification", f"workOrderAppointmentRequiredEvent about {order.id}"),
        ("command", "Buyer acme-buyer asks the WFM to book 2026-03-06T07:00:00Z/2026-03-06T11:00:00Z"),
        ("message", "2 reply: applied by rule commands.book"),
        ("result", "to book: the WFM accepted"),
        ("notification", f"workOrderStateChangeEvent about {order.id}"),
        ("sent", "cmd.ticket to exchange acme.wfm.commands: sent"),
        ("sent", "cmd.ticket to exchange acme.wfm.commands: sent"),
        ("attempt", "workOrderCreateEvent to https://buyer.test: 204 after 0.250 s"),
        ("message", "3 job.schd: applied by rule planned"),
        ("notification", f"appointmentAttributeValueChangeEvent about {visit.id}"),
    ]
    booked = next(step for step in steps(found) if step.text.startswith("2 reply"))
    assert booked.details == (
        f"appointment {visit.id} new → confirmed",
        f"workOrder {order.id} open → planned",
    )
    assert booked.ids["message"] == 2
    assert not any(step.is_trouble for step in steps(found))


async def test_what_waits_for_an_attempt_and_what_waits_behind_it_is_told(world: World) -> None:
    await world.listen()
    await world.open_work_order()
    await deliver(world, 500, "Internal Server Error")
    (failed,) = [step for step in steps(await told(world)) if step.kind is StepKind.ATTEMPT]
    assert failed.is_trouble
    assert failed.text == "workOrderCreateEvent to https://buyer.test: 500 Internal Server Error after 0.250 s"
    assert failed.details == ("answer: <h1>sorry</h1>",)
    assert await waits(world) == [
        "message cmd.ticket for the WFM (outbox 1) is due now",
        (
            "delivery 1 (workOrderCreateEvent to https://buyer.test) is due again (attempts so far: 1) at "
            "2026-03-05T12:01:00Z, in 60 s"
        ),
        (
            "delivery 2 (workOrderAppointmentRequiredEvent to https://buyer.test) waits behind delivery 1 to the same "
            "listener"
        ),
    ]


async def test_nothing_waits_once_all_is_done(world: World) -> None:
    await world.open_work_order()
    await send_all(world)
    assert await waits(world) == []


async def test_a_parked_message_is_trouble_and_waits_for_the_operator(world: World) -> None:
    await world.open_work_order()
    await world.hear(acme.event("WHAT", 2))
    (parked,) = [step for step in steps(await told(world)) if step.text.startswith("2 job.what")]
    assert parked.is_trouble
    assert "parked: field status ($.STAT): expected one of" in parked.text
    assert "message 2 is parked: it waits for `mef-bridge messages replay`" in await waits(world)


async def test_a_refused_booking_tells_why(world: World) -> None:
    world.bus.answers["cmd.book"] = lambda _: acme.refused()
    order = await world.open_work_order()
    with pytest.raises(Rejected):
        await world.book(order)
    result = next(step for step in steps(await told(world)) if step.kind is StepKind.RESULT)
    assert result.text == "to book: the WFM refused"
    assert result.is_trouble
    assert result.details


async def test_a_booking_without_a_reply_is_waited_for_and_then_has_come_to_nothing(make_world: Worlds) -> None:
    world: World = await make_world(timeout_s=1.0)
    order = await world.open_work_order()
    booking, _ = await world.begin("cmd.book", world.book(order))
    (command,) = (each.command for each in (await told(world)).commands)
    pending = f"command book {command.id} waits for the WFM's reply until 2026-03-05T12:00:01Z"
    assert pending in await waits(world)
    world.clock.advance(seconds=1)
    with pytest.raises(WfmTimeout):
        await asyncio.wait_for(booking, PATIENCE_S)
    assert (StepKind.RESULT, "to book: no reply in time") in await story(world)
    assert pending not in await waits(world)

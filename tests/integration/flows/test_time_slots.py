"""Searching time slots: what is asked of the WFM, what a Buyer is shown, and what is remembered."""

import asyncio

import orjson
import pytest
from structlog.testing import capture_logs

from bridge.domain.model import BuyerId
from bridge.errors import BrokerUnavailable, NotRouted, NotSent
from bridge.flows.ports.transaction import Window
from bridge.flows.refusals import Rejected, WfmTimeout, WfmUnavailable
from bridge.mef.models import SearchTimeSlotCreate, TimePeriod, TimeSlot, WorkOrderRef
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, AFTERNOON_SLOT, MONDAY, MONDAY_SLOT, MORNING, MORNING_SLOT, event
from tests.integration.flows.world import BUYERS, World, Worlds

FRIDAY = TimePeriod(start_date_time=MORNING.start_date_time, end_date_time=AFTERNOON.end_date_time)


def search(work_order: str, *periods: TimePeriod) -> SearchTimeSlotCreate:
    return SearchTimeSlotCreate(
        work_order=WorkOrderRef(id=work_order), requested_time_slot=tuple(TimeSlot(valid_for=p) for p in periods)
    )


async def found(world: World, *periods: TimePeriod) -> list[TimePeriod]:
    order = await world.work_order_of()
    return [slot.valid_for for slot in await world.appointments.search(BUYERS, search(order.id, *periods), "c")]


async def test_several_periods_are_asked_at_once_and_merged(world: World) -> None:
    await world.open_work_order()
    offers = {"2026-03-06 08:00": [AFTERNOON_SLOT, MORNING_SLOT], "2026-03-09 08:00": [MONDAY_SLOT]}
    world.bus.answers["cmd.search"] = lambda _: None
    task = asyncio.create_task(found(world, MONDAY, FRIDAY))
    for number in (2, 1):  # both are out before either is answered
        sent = await world.bus.next("cmd.search", number)
        await world.reply(sent, acme.slots(*offers[orjson.loads(sent.body)["FROM"]]))
    assert await task == [MORNING, AFTERNOON, MONDAY]


async def test_a_search_for_too_many_periods_is_refused_before_the_wfm_is_asked(world: World) -> None:
    await world.open_work_order()
    with pytest.raises(Rejected) as refused:
        await found(world, *[MORNING] * 21)
    (problem,) = refused.value.problems
    assert (problem.code, problem.path) == ("invalidValue", "/requestedTimeSlot")
    assert problem.reason == "At most 20 periods can be asked for at once; these are 21."
    assert world.bus.sent == []


async def test_the_wfm_has_five_questions_of_a_search_at_most(world: World) -> None:
    await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: None
    task = asyncio.create_task(found(world, *[FRIDAY] * 20))
    for number in range(1, 21):
        sent = await world.bus.next("cmd.search", number)
        assert len(world.bus.sent) <= number + 4
        await world.reply(sent, acme.slots(MORNING_SLOT))
    assert await task == [MORNING]


async def test_a_question_that_fails_ends_the_search_and_asks_no_more(world: World) -> None:
    await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: None
    task = asyncio.create_task(found(world, *[FRIDAY] * 20))
    await world.reply(await world.bus.next("cmd.search"), acme.refused("17"))
    with pytest.raises(Rejected):
        await task
    assert len(world.bus.sent) <= 6  # five, and one that had its turn already


async def test_equal_windows_of_several_technicians_are_one_slot_booked_by_the_first_token(world: World) -> None:
    order = await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: acme.slots(MORNING_SLOT, ("S-99", *MORNING_SLOT[1:]))
    assert await found(world, FRIDAY) == [MORNING]
    await world.book(order)
    assert orjson.loads(world.bus.of("cmd.book")[0].body)["SLOT_ID"] == "S-17"


async def test_offers_outside_the_requested_periods_are_not_shown(world: World) -> None:
    await world.open_work_order()
    assert await found(world, MORNING) == [MORNING]


async def test_no_offer_is_an_empty_answer(world: World) -> None:
    await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: acme.slots()
    assert await found(world, MORNING) == []


async def test_a_remembered_token_is_used_without_a_second_search_until_it_is_forgotten(world: World) -> None:
    order = await world.open_work_order()
    await found(world, FRIDAY)
    world.clock.advance(minutes=29)
    world.bus.answers["cmd.book"] = lambda _: acme.refused("17")
    with pytest.raises(Rejected):
        await world.book(order)
    assert [message.routing_key for message in world.bus.sent] == ["cmd.search", "cmd.book"]
    world.clock.advance(minutes=2)
    with pytest.raises(Rejected):
        await world.book(order)
    assert [message.routing_key for message in world.bus.sent[2:]] == ["cmd.search", "cmd.book"]


async def test_a_token_is_remembered_for_its_own_work_order_only(world: World) -> None:
    await world.open_work_order("J-1")
    await found(world, FRIDAY)
    await world.book(await world.open_work_order("J-2"))
    assert [message.routing_key for message in world.bus.sent] == ["cmd.search", "cmd.search", "cmd.book"]


@pytest.mark.parametrize("whose", ["nobody's", "another's"])
async def test_an_unknown_work_order_and_another_buyers_are_the_same(world: World, whose: str) -> None:
    order = await world.open_work_order()
    buyers = BUYERS if whose == "nobody's" else frozenset({BuyerId("other-buyer")})
    with pytest.raises(Rejected) as rejected:
        await world.appointments.search(buyers, search("?" if whose == "nobody's" else order.id, MORNING), "c")
    assert [problem.path for problem in rejected.value.problems] == ["/workOrder/id"]


async def test_all_bad_periods_are_told_by_their_pointers_and_nothing_is_asked(world: World) -> None:
    await world.open_work_order()
    backwards = TimePeriod(start_date_time=MORNING.end_date_time, end_date_time=MORNING.start_date_time)
    with pytest.raises(Rejected) as rejected:
        await found(world, backwards, MORNING, backwards)
    assert [problem.path for problem in rejected.value.problems] == [
        "/requestedTimeSlot/0/validFor",
        "/requestedTimeSlot/2/validFor",
    ]
    assert world.bus.sent == []


async def test_r12_nothing_is_searched_for_a_work_order_that_has_ended(world: World) -> None:
    await world.open_work_order()
    await world.hear(event("CANC", 2))
    with pytest.raises(Rejected, match="has ended"):
        await found(world, MORNING)


async def test_a_refused_search_is_a_422_with_the_packs_reason(world: World) -> None:
    await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: acme.refused("44")
    with pytest.raises(Rejected, match="does not know the job"):
        await found(world, MORNING)


@pytest.mark.parametrize("failure", [NotRouted(), NotSent()])
async def test_a_search_that_cannot_be_sent_says_that_the_wfm_is_unavailable(
    world: World, failure: NotRouted | NotSent
) -> None:
    await world.open_work_order()
    world.bus.failure = failure
    with pytest.raises(WfmUnavailable):
        await found(world, MORNING)


async def test_a_search_that_may_have_gone_out_waits_for_its_reply(world: World) -> None:
    await world.open_work_order()
    world.bus.unconfirmed = BrokerUnavailable()
    assert await found(world, MORNING)


@pytest.mark.parametrize("body", [b"<oops/>", b'{"TXT": "no code"}', acme.done(SLOTS="17")])
async def test_of_an_answer_nobody_can_read_the_buyer_learns_nothing_of_the_wfm_and_the_operator_the_reason(
    world: World, body: bytes
) -> None:
    await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: body
    with capture_logs() as logs, pytest.raises(WfmUnavailable) as raised:
        await found(world, MORNING)
    told = "The reply of the workforce-management system could not be understood; nothing was done."
    assert str(raised.value) == told
    (logged,) = (entry for entry in logs if entry["event"] == "search.unreadable")
    assert logged["reason"]
    assert logged["correlation_id"] == "c"


async def test_a_slot_that_cannot_be_read_is_left_out_and_the_operator_is_told(world: World) -> None:
    await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: acme.slots(("S-16", "soon", "later"), MORNING_SLOT)
    with capture_logs() as logs:
        assert await found(world, MORNING) == [MORNING]
    (told,) = (entry for entry in logs if entry["event"] == "search.flagged")
    (flag,) = told["flags"]
    assert flag.startswith("left out: slot 0 ($.FROM): expected a date and time")
    (recorded,) = await world.store.journal.latest(limit=1)
    assert recorded.entry.rule == "commands.search"
    assert recorded.entry.flags == (flag,)
    assert orjson.loads(recorded.entry.raw.body)["SLOTS"][0]["FROM"] == "soon"


async def test_an_answer_that_can_be_read_is_not_kept(world: World) -> None:
    await world.open_work_order()
    before = await world.outcomes()
    await found(world, MORNING)
    assert await world.outcomes() == before


async def test_no_answer_in_time_is_a_timeout_and_a_late_one_changes_nothing(make_world: Worlds) -> None:
    world: World = await make_world(search_s=0.02)
    await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: None
    with pytest.raises(WfmTimeout):
        await found(world, MORNING)
    await world.reply(world.bus.sent[0], acme.slots(MORNING_SLOT))
    order = await world.work_order_of()
    async with world.sql_store.transaction() as tx:
        assert await tx.offered_slots([Window(order.id, MORNING)], world.clock()) == {}

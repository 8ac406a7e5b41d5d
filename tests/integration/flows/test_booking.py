"""Booking: rules before the WFM is asked, its answer, and every way in which there is none."""

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from bridge.domain.model import Appointment, BuyerId, CommandKind, WorkOrder, WorkOrderId
from bridge.errors import BrokerUnavailable, ConfirmPending, NotRouted, StoreUnavailable
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.refusals import NotFound, Rejected, WfmTimeout, WfmUnavailable
from bridge.mapping.commands.command import Rendered, Unrenderable
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.pack import Pack, UnofferedWindow
from bridge.mef.enums import AppointmentStatus, ContactRole, WorkOrderState
from bridge.mef.models import AppointmentUpdate, TimePeriod
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, MORNING, MORNING_SLOT, NOW, booking, event
from tests.integration.flows.reading import commands, entries, events, visits
from tests.integration.flows.test_time_slots import search
from tests.integration.flows.world import BUYERS, World, Worlds
from tests.support import PATIENCE_S


def problems(rejected: Any) -> list[tuple[str, str | None]]:
    return [(problem.code, problem.path) for problem in rejected.value.problems]


async def test_an_accepted_booking_is_a_confirmed_appointment_of_a_planned_work_order(world: World) -> None:
    await world.listen()
    appointment = await world.book(await world.open_work_order())

    assert (appointment.status, appointment.valid_for, appointment.visit) == ("confirmed", MORNING, "V-0001")
    assert [contact.role for contact in appointment.contacts] == [
        ContactRole.BUYER_APPOINTMENT,
        ContactRole.APPOINTMENT_PLACE,
        ContactRole.SELLER_APPOINTMENT,
    ]
    order = await world.work_order_of()
    assert (order.state, order.appointment_required) == (WorkOrderState.PLANNED, False)
    assert order.appointments == (appointment.id,)
    assert await world.command_states() == ["accepted"]
    assert world.notified()[2:] == ["workOrderStateChangeEvent"]  # R19: the response announces the Appointment
    assert [each.correlation_id for each in await events(world)].count("corr-buyer") == 1
    assert [body["STATUS"] for body in await world.outbox("cmd.ticket")] == ["PEND", "WORK"]  # R25


async def test_a_booking_is_told_to_the_wfm_with_its_id_contact_and_notes(world: World) -> None:
    order = await world.open_work_order()
    notes = (acme.note("Ring twice"), acme.note("Dog", 2))
    await world.book(order, note=notes)
    (sent,) = world.bus.of("cmd.book")
    assert [command.id for command in await commands(world)] == [sent.correlation_id] == [sent.message_id]
    assert orjson.loads(sent.body) == {
        "CMD": "BOOKVIS",
        "REF": sent.correlation_id,
        "JOB_NO": "J-1",
        "SLOT_ID": "S-17",
        "FROM": "2026-03-06 08:00",
        "TO": "2026-03-06 12:00",
        "CONTACT": "Jo Doe",
        "PHONE": "+48 22 1",
        "REMARK": "Ring twice\nDog",
    }


async def test_a_booking_is_stored_before_it_is_sent(world: World) -> None:
    states: list[str] = []

    async def answer(message: BusMessage) -> None:
        states.extend(await world.command_states())
        world.bus.deliver(message, acme.done(VISIT_NO="V-0001"))

    world.bus.answers["cmd.book"] = answer
    await world.book(await world.open_work_order())
    assert states == ["pending"]


async def test_a_reply_is_in_the_journal_under_its_job(world: World) -> None:
    await world.book(await world.open_work_order())
    (sent,) = world.bus.of("cmd.book")
    (entry,) = [each for each in await entries(world) if each.message == f"reply:{sent.correlation_id}"]
    assert (entry.raw.pack, entry.job) == ("acme-wfm", ("acme-wfm", "J-1"))
    assert (entry.rule, entry.outcome, entry.raw.body) == ("commands.book", "applied", acme.done(VISIT_NO="V-0001"))


async def test_a_refused_booking_is_a_422_with_the_packs_reason_and_leaves_the_work_order_open(world: World) -> None:
    order = await world.open_work_order()
    world.bus.answers["cmd.book"] = lambda _: acme.refused("17")
    with pytest.raises(Rejected, match="has been taken") as rejected:
        await world.book(order)
    assert problems(rejected) == [("invalidValue", "/validFor")]
    assert await world.command_states() == ["refused"]
    assert await world.work_order_of() == order
    assert await visits(world) == []


async def test_after_a_refusal_the_buyer_may_book_again(world: World) -> None:
    order = await world.open_work_order()
    world.bus.answers["cmd.book"] = lambda _: acme.refused("17")
    with pytest.raises(Rejected):
        await world.book(order)
    world.bus.answers["cmd.book"] = lambda _: acme.done(VISIT_NO="V-0002")
    assert (await world.book(order, AFTERNOON)).visit == "V-0002"


async def test_no_answer_in_time_is_a_timeout_and_the_command_has_expired(make_world: Worlds) -> None:
    world = await make_world()
    order = await world.open_work_order()
    world.silence("cmd.book")
    with pytest.raises(WfmTimeout):
        await world.book(order)
    assert await world.command_states() == ["expired"]
    assert await world.work_order_of() == order


async def test_a_command_that_no_queue_takes_has_failed_and_the_wfm_is_unavailable(world: World) -> None:
    order = await world.open_work_order()
    await world.time_slots.offers(order, [MORNING], "c")
    world.bus.failure = NotRouted()
    with pytest.raises(WfmUnavailable):
        await world.book(order)
    assert await world.command_states() == ["failed"]
    world.bus.failure = None
    assert (await world.book(order)).status is AppointmentStatus.CONFIRMED


async def test_a_booking_that_may_have_gone_out_times_out_and_is_taken_back_if_the_wfm_agrees_later(
    make_world: Worlds,
) -> None:
    world: World = await make_world()
    order = await world.open_work_order()
    await world.time_slots.offers(order, [MORNING], "c")
    world.silence("cmd.book")
    world.bus.unconfirmed = BrokerUnavailable()
    with pytest.raises(WfmTimeout):
        await world.book(order)
    assert await world.command_states() == ["expired"]

    await world.reply(world.bus.of("cmd.book")[0], acme.done(VISIT_NO="V-0009"))
    assert await world.command_states() == ["compensated"]
    assert (await world.outbox("cmd.cancel"))[0]["VISIT_NO"] == "V-0009"


@pytest.mark.parametrize("failure", [BrokerUnavailable(), ConfirmPending()])
async def test_a_reply_is_a_booking_though_rabbitmq_has_not_confirmed_the_command(
    world: World, failure: BrokerUnavailable
) -> None:
    order = await world.open_work_order()
    await world.time_slots.offers(order, [MORNING], "c")
    world.bus.unconfirmed = failure
    assert (await world.book(order)).visit == "V-0001"


@pytest.mark.parametrize("order", ["nobody-knows-it", "theirs"])
async def test_an_unknown_work_order_and_one_of_another_buyer_are_the_same_to_a_buyer(world: World, order: str) -> None:
    theirs = await world.open_work_order(CUST_ACC="PL-00018")
    assert theirs.buyer == "other-buyer"
    request = booking(theirs.id if order == "theirs" else order)
    with pytest.raises(Rejected) as rejected:
        await world.appointments.book(BUYERS, request, "c")
    assert problems(rejected) == [("referenceNotFound", "/workOrder/id")]
    assert world.bus.sent == []


async def test_r20_a_work_order_with_an_open_appointment_cannot_be_booked(world: World) -> None:
    appointment = await world.booked()
    with pytest.raises(Rejected, match="has an Appointment that is confirmed") as rejected:
        await world.appointments.book(BUYERS, booking(appointment.work_order, AFTERNOON), "c")
    assert problems(rejected) == [("otherIssue", "/workOrder/id")]
    assert world.bus.sent == []


async def test_r21_a_work_order_that_is_not_open_cannot_be_booked(world: World) -> None:
    order = await world.open_work_order()
    await world.hear(event("WIP", 2))
    with pytest.raises(Rejected, match="must be open; it is inProgress") as rejected:
        await world.book(order)
    assert problems(rejected) == [("otherIssue", "/workOrder/id")]


async def test_all_problems_of_a_booking_are_told_at_once(world: World) -> None:
    order = await world.open_work_order()
    past = TimePeriod(start_date_time=NOW.replace(hour=1), end_date_time=NOW.replace(hour=2))
    only_one = acme.contacts()[:1]
    with pytest.raises(Rejected) as rejected:
        await world.book(order, past, related_contact_information=only_one)
    assert problems(rejected) == [("invalidValue", "/validFor"), ("missingProperty", "/relatedContactInformation")]


async def test_a_window_that_was_never_offered_is_searched_first(world: World) -> None:
    await world.book(await world.open_work_order(), AFTERNOON)
    assert [message.routing_key for message in world.bus.sent] == ["cmd.search", "cmd.book"]
    search, book = (orjson.loads(message.body) for message in world.bus.sent)
    assert (search["FROM"], search["TO"]) == ("2026-03-06 12:00", "2026-03-06 16:00")
    assert book["SLOT_ID"] == "S-18"


async def test_a_window_that_the_wfm_does_not_have_is_refused_without_a_booking(world: World) -> None:
    order = await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: acme.slots(MORNING_SLOT)
    with pytest.raises(Rejected) as rejected:
        await world.book(order, AFTERNOON)
    assert problems(rejected) == [("invalidValue", "/validFor")]
    assert await world.command_states() == []


@pytest.mark.parametrize("policy", ["pass", "refuse"])
async def test_a_pack_may_pass_an_unoffered_window_through_or_refuse_it(
    make_world: Worlds, pack: Pack, policy: UnofferedWindow
) -> None:
    world: World = await make_world(pack=replace(pack, unoffered_window=policy))
    order = await world.open_work_order()
    (outcome,) = await asyncio.gather(world.book(order), return_exceptions=True)
    if policy == "refuse":
        assert isinstance(outcome, Rejected)
        assert world.bus.sent == []
    else:
        (sent,) = world.bus.sent
        assert orjson.loads(sent.body)["SLOT_ID"] == ""


@pytest.mark.parametrize("searched", [True, False])
async def test_of_two_concurrent_bookings_of_a_work_order_one_wins_and_the_other_is_a_422(
    world: World, searched: bool
) -> None:
    order = await world.open_work_order()
    if searched:
        await world.time_slots.offers(order, [MORNING, AFTERNOON], "c")
    world.bus.answers["cmd.book"] = lambda _: None
    bookings = [asyncio.create_task(world.book(order, window)) for window in (MORNING, AFTERNOON)]
    sent = await world.bus.next("cmd.book")
    (lost,), _ = await asyncio.wait(bookings, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
    with pytest.raises(Rejected, match="under way"):
        await lost
    await world.reply(sent, acme.done(VISIT_NO="V-0001"))
    (won,) = (task for task in bookings if task is not lost)
    assert (await won).status is AppointmentStatus.CONFIRMED
    assert len(world.bus.of("cmd.book")) == 1


async def open_work_orders(world: World, count: int) -> list[WorkOrder]:
    orders = [await world.open_work_order(f"J-{number}") for number in range(1, count + 1)]
    for order in orders:
        await world.time_slots.offers(order, [MORNING], "c")
    return orders


async def test_bookings_that_come_together_begin_together(world: World) -> None:
    orders = await open_work_orders(world, 3)
    world.bus.answers["cmd.book"] = lambda _: None
    world.store.begun = 0
    bookings = [asyncio.create_task(world.book(order)) for order in orders]
    await world.bus.next("cmd.book", 3)
    assert world.store.begun == 1
    assert await world.command_states() == ["pending"] * 3
    for sent in world.bus.of("cmd.book"):
        await world.reply(sent, acme.done(VISIT_NO=f"V-{sent.correlation_id}"))
    booked = await asyncio.gather(*bookings)
    assert [appointment.work_order for appointment in booked] == [order.id for order in orders]


async def test_one_that_may_not_be_booked_harms_none_of_those_that_begin_with_it(world: World) -> None:
    one, other = await open_work_orders(world, 2)
    past = TimePeriod(start_date_time=NOW.replace(hour=1), end_date_time=NOW.replace(hour=2))
    stranger = replace(one, id=WorkOrderId("nobody-knows-it"))
    results = await asyncio.gather(
        *(world.book(stranger), world.book(one, past), world.book(one), world.book(one), world.book(other)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [Rejected, Rejected, Appointment, Rejected, Appointment]
    assert [str(result) for result in results if isinstance(result, Rejected)] == [
        "There is no such WorkOrder.",
        "The period lies in the past.",
        "Another booking for this WorkOrder is under way.",
    ]
    assert await world.command_states() == ["accepted", "accepted"]


async def test_while_the_database_is_away_all_that_begin_together_are_told_at_once(world: World) -> None:
    orders = await open_work_orders(world, 3)
    world.bus.sent.clear()
    world.store.at_commit = 1
    results = await asyncio.gather(*map(world.book, orders), return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert (world.bus.sent, await world.command_states()) == ([], [])


async def test_what_the_pack_cannot_say_is_not_stored_and_harms_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stored command that is never sent would keep the Buyer from booking until it expires."""
    one, other = await open_work_orders(world, 2)
    render = Pack.render

    def failing(pack: Pack, kind: CommandKind, context: CommandContext) -> Rendered:
        if context.job == one.job:
            raise Unrenderable("phone is absent, and the pack gives no default")
        return render(pack, kind, context)

    monkeypatch.setattr(Pack, "render", failing)
    lost, made = await asyncio.gather(world.book(one), world.book(other), return_exceptions=True)
    assert isinstance(lost, Unrenderable)
    assert isinstance(made, Appointment)
    assert [command.job for command in await commands(world)] == [other.job]


async def test_a_booking_accepted_for_a_work_order_that_ended_meanwhile_is_taken_back(world: World) -> None:
    order = await world.open_work_order()
    task, sent = await world.begin("cmd.book", world.book(order))
    await world.hear(event("CANC", 2))
    await world.reply(sent, acme.done(VISIT_NO="V-0001"))
    with pytest.raises(Rejected, match="can no longer take an Appointment"):
        await task
    assert (await world.outbox("cmd.cancel"))[0]["VISIT_NO"] == "V-0001"
    assert await visits(world) == []


async def test_while_the_database_is_away_nothing_is_sent_and_the_buyer_is_told(world: World) -> None:
    order = await world.open_work_order()
    world.store.at_start = 1
    with pytest.raises(StoreUnavailable):
        await world.book(order)
    assert world.bus.sent == []


async def test_an_appointment_of_another_buyer_does_not_exist(world: World) -> None:
    appointment = await world.booked()
    with pytest.raises(NotFound):
        await world.appointments.get(frozenset({BuyerId("other-buyer")}), appointment.id)


@pytest.mark.parametrize("ask", ["search", "book", "cancel", "move"])
async def test_of_a_pack_that_is_not_loaded_the_wfm_is_unavailable(world: World, ask: str) -> None:
    """Its WorkOrders are there to be read all the same."""
    appointment = await world.booked()
    other = await world.open_work_order("J-2")
    world.workshop.packs = {}
    move = AppointmentUpdate(valid_for=AFTERNOON)
    asked = {
        "search": lambda: world.appointments.search(BUYERS, search(other.id, MORNING), "c"),
        "book": lambda: world.book(other),
        "cancel": lambda: world.appointments.cancel(BUYERS, appointment.id, "c"),
        "move": lambda: world.appointments.patch(BUYERS, appointment.id, move, frozenset({"validFor"}), "c"),
    }
    with pytest.raises(WfmUnavailable):
        await asked[ask]()
    assert world.bus.sent == []
    assert await world.appointments.get(BUYERS, appointment.id) == appointment

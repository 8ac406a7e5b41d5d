"""What a Buyer does to an Appointment that is there: patch, reschedule, cancel."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from bridge.domain.model import Appointment, AppointmentId, BuyerId, CommandKind
from bridge.errors import BrokerUnavailable, ConfirmPending, ConflictError, NotRouted, NotSent
from bridge.flows.ports.buyer_views import AppointmentQuery
from bridge.flows.refusals import NotFound, Rejected, WfmTimeout, WfmUnavailable, WfmUndecided
from bridge.mapping.commands.command import Rendered, Unrenderable
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.pack import Pack
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import AppointmentUpdate
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, MORNING, event, note
from tests.integration.flows.reading import statuses
from tests.integration.flows.world import BUYERS, World, Worlds

LATER = AppointmentUpdate(valid_for=AFTERNOON)


async def patch(world: World, appointment: Appointment, change: AppointmentUpdate) -> Appointment:
    provided = frozenset(change.model_dump(by_alias=True, exclude_unset=True))
    return await world.appointments.patch(BUYERS, appointment.id, change, provided, "corr-buyer")


async def test_an_accepted_reschedule_moves_the_appointment_and_is_not_announced_to_its_buyer(world: World) -> None:
    appointment = await world.booked()
    await world.listen()
    before = world.notified()
    moved = await patch(world, appointment, LATER)
    assert (moved.id, moved.valid_for, moved.status) == (appointment.id, AFTERNOON, AppointmentStatus.CONFIRMED)
    assert await world.appointment(appointment) == moved
    assert (await world.work_order_of()).details.planned_execution_date == AFTERNOON.start_date_time
    assert world.notified() == before
    assert await world.command_states("reschedule") == ["accepted"]


async def test_a_reschedule_names_the_visit_and_the_remembered_token_of_the_slot(world: World) -> None:
    appointment = await world.booked()
    await world.time_slots.offers(await world.work_order_of(), [AFTERNOON], "c")
    world.bus.sent.clear()
    await patch(world, appointment, LATER)
    assert [message.routing_key for message in world.bus.sent] == ["cmd.move"]
    body = orjson.loads(world.bus.sent[0].body)
    assert (body["VISIT_NO"], body["SLOT_ID"], body["FROM"]) == ("V-0001", "S-18", "2026-03-06 12:00")


async def test_a_reschedule_to_an_unoffered_window_is_searched_first(world: World) -> None:
    appointment = await world.booked()
    await patch(world, appointment, LATER)
    assert [message.routing_key for message in world.bus.sent] == ["cmd.search", "cmd.move"]
    assert orjson.loads(world.bus.sent[1].body)["SLOT_ID"] == "S-18"


async def test_a_refused_reschedule_leaves_everything_as_it_was(world: World) -> None:
    appointment = await world.booked()
    world.bus.answers["cmd.move"] = lambda _: acme.refused("17")
    with pytest.raises(Rejected, match="has been taken"):
        await patch(world, appointment, LATER)
    assert await world.appointment(appointment) == appointment
    assert await world.command_states("reschedule") == ["refused"]


@pytest.mark.parametrize(
    ("failure", "told", "state"),
    [(NotRouted(), WfmUnavailable, "failed"), (NotSent(), WfmUnavailable, "failed")],
)
@pytest.mark.parametrize("kind", ["reschedule", "cancel"])
async def test_a_change_that_did_not_reach_the_wfm_changes_nothing(
    world: World, failure: NotRouted | NotSent, told: type[Exception], state: str, kind: str
) -> None:
    appointment = await world.booked()
    await world.time_slots.offers(await world.work_order_of(), [AFTERNOON], "c")
    world.bus.failure = failure
    with pytest.raises(told):
        await (
            patch(world, appointment, LATER)
            if kind == "reschedule"
            else world.appointments.cancel(BUYERS, appointment.id, "c")
        )
    assert await world.appointment(appointment) == appointment
    assert await world.command_states(kind) == [state]


@pytest.mark.parametrize("failure", [BrokerUnavailable(), ConfirmPending()])
@pytest.mark.parametrize("kind", ["reschedule", "cancel"])
async def test_a_change_that_may_have_gone_out_is_undecided_once_its_time_is_up(
    make_world: Worlds, failure: BrokerUnavailable, kind: str
) -> None:
    world: World = await make_world()
    appointment = await world.booked()
    await world.time_slots.offers(await world.work_order_of(), [AFTERNOON], "c")
    world.silence("cmd.move", "cmd.cancel")
    world.bus.unconfirmed = failure
    with pytest.raises(WfmUndecided):
        await (
            patch(world, appointment, LATER)
            if kind == "reschedule"
            else world.appointments.cancel(BUYERS, appointment.id, "c")
        )
    assert await world.command_states(kind) == ["expired"]


async def test_a_change_without_an_answer_is_a_timeout_and_a_second_one_may_follow(make_world: Worlds) -> None:
    world: World = await make_world()
    appointment = await world.booked()
    world.silence("cmd.move")
    with pytest.raises(WfmTimeout):
        await patch(world, appointment, LATER)
    world.bus.answers["cmd.move"] = lambda _: acme.done(VISIT_NO="V-0001")
    assert (await patch(world, appointment, LATER)).valid_for == AFTERNOON
    assert await world.command_states("reschedule") == ["expired", "accepted"]


@pytest.mark.parametrize("first", ["reschedule", "cancel"])
async def test_one_change_of_an_appointment_at_a_time(world: World, first: str) -> None:
    appointment = await world.booked()
    world.bus.answers |= {"cmd.move": lambda _: None, "cmd.cancel": lambda _: None}
    changes: dict[str, Callable[[], Awaitable[object]]] = {
        "reschedule": lambda: patch(world, appointment, LATER),
        "cancel": lambda: world.appointments.cancel(BUYERS, appointment.id, "c"),
    }
    task = asyncio.ensure_future(changes[first]())
    sent = await world.bus.next("cmd.move" if first == "reschedule" else "cmd.cancel")
    with pytest.raises(ConflictError, match="under way"):
        await changes["reschedule"]()
    with pytest.raises(Rejected, match="under way"):  # the standard has a 409 for PATCH only
        await changes["cancel"]()
    await world.reply(sent, acme.done(VISIT_NO="V-0001"))
    await task


async def test_of_two_patches_at_once_the_loser_is_told_of_a_conflict(world: World) -> None:
    """Both have read the Appointment; the second one was written for what the first has changed."""
    appointment = await world.booked()
    world.clock.advance(seconds=1)
    read, both_have_read = world.sql_store.reads.appointment, asyncio.Barrier(2)

    async def read_together(wanted: AppointmentId, *buyers: Any) -> Appointment | None:
        found = await read(wanted, *buyers)
        await both_have_read.wait()
        return found

    world.sql_store.reads.appointment = read_together
    both = await asyncio.gather(
        *(patch(world, appointment, AppointmentUpdate(note=(note(text),))) for text in ("Ring", "Knock")),
        return_exceptions=True,
    )
    world.sql_store.reads.appointment = read
    (conflict,) = [outcome for outcome in both if isinstance(outcome, BaseException)]
    assert isinstance(conflict, ConflictError)
    assert "changed by somebody else" in str(conflict)
    assert len((await world.appointment(appointment)).note) == 1
    assert len(await world.outbox("cmd.note")) == 1


async def test_a_technician_assigned_between_reading_and_patching_is_no_conflict(world: World) -> None:
    """A patch touches the Buyer's part only; what the WFM adds meanwhile stays."""
    appointment = await world.book(await world.open_work_order())
    read = world.sql_store.reads.appointment

    async def read_and_let_the_wfm_speak(wanted: AppointmentId, *buyers: Any) -> Appointment | None:
        found = await read(wanted, *buyers)
        world.sql_store.reads.appointment = read
        await world.hear(event("SCHD", 2, **acme.IN_MORNING))
        return found

    world.sql_store.reads.appointment = read_and_let_the_wfm_speak
    patched = await patch(world, appointment, AppointmentUpdate(note=(note("Ring"),)))
    assert [contact.name for contact in patched.contacts] == ["Jo Doe", "Jo Doe", "Jan Kowalski"]
    assert len(patched.note) == 1


async def test_a_patch_while_the_wfm_is_asked_about_another_is_a_conflict(world: World) -> None:
    appointment = await world.booked()
    world.bus.answers["cmd.move"] = lambda _: None
    task = asyncio.ensure_future(patch(world, appointment, LATER))
    sent = await world.bus.next("cmd.move")
    with pytest.raises(ConflictError, match="under way"):
        await patch(world, appointment, AppointmentUpdate(note=(note("Ring"),)))
    await world.reply(sent, acme.done(VISIT_NO="V-0001"))
    assert (await task).valid_for == AFTERNOON


async def test_a_patch_without_a_window_is_taken_here_and_its_new_notes_go_to_the_wfm(world: World) -> None:
    appointment = await world.booked()
    change = AppointmentUpdate(note=(note("Ring twice"),), related_contact_information=acme.contacts("Al Roe"))
    patched = await patch(world, appointment, change)
    assert [n.text for n in patched.note] == ["Ring twice"]
    assert [c.name for c in patched.contacts] == ["Al Roe", "Al Roe", "Jan Kowalski"]
    assert await world.appointment(appointment) == patched
    assert world.bus.sent == []
    assert [(sent["JOB_NO"], sent["TEXT"]) for sent in await world.outbox("cmd.note")] == [
        ("J-1", "Ring twice"),
        ("J-1", "buyerAppointmentContact: Al Roe, +48 22 1, jo@acme.test"),
        ("J-1", "appointmentPlaceContact: Al Roe, +48 22 1, jo@acme.test"),
    ]


async def test_a_contact_that_alone_is_changed_is_told_to_the_wfm_in_a_line(world: World) -> None:
    appointment = await world.booked()
    buyers, place = acme.contacts()
    reached = place.model_copy(update={"number": "+48 600 1", "number_extension": "7", "organization": "ACME"})
    await patch(world, appointment, AppointmentUpdate(related_contact_information=(buyers, reached)))
    assert [sent["TEXT"] for sent in await world.outbox("cmd.note")] == [
        "appointmentPlaceContact: Jo Doe, ACME, +48 600 1 ext. 7, jo@acme.test"
    ]


async def test_contacts_that_come_back_unchanged_are_no_news_to_the_wfm(world: World) -> None:
    appointment = await world.booked()
    await patch(world, appointment, AppointmentUpdate(related_contact_information=acme.contacts()))
    assert await world.outbox("cmd.note") == []


async def test_a_reschedule_carries_the_contacts_of_the_patch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack may put them into its command; once it has agreed, the WFM has them as notes too."""
    appointment = await world.booked()
    render, rendered = Pack.render, []

    def watched(pack: Pack, kind: CommandKind, context: CommandContext) -> Rendered:
        rendered.append((kind, [contact.name for contact in context.contacts]))
        return render(pack, kind, context)

    monkeypatch.setattr(Pack, "render", watched)
    change = AppointmentUpdate(valid_for=AFTERNOON, related_contact_information=acme.contacts("Al Roe"))
    await patch(world, appointment, change)
    assert (CommandKind.RESCHEDULE, ["Al Roe", "Al Roe", "Jan Kowalski"]) in rendered
    assert len(await world.outbox("cmd.note")) == 2


async def test_a_patch_with_the_same_window_asks_the_wfm_nothing(world: World) -> None:
    appointment = await world.booked()
    patched = await patch(world, appointment, AppointmentUpdate(valid_for=MORNING, note=(note("Hi"),)))
    assert (patched.valid_for, [n.text for n in patched.note]) == (MORNING, ["Hi"])
    assert world.bus.sent == []


async def test_the_notes_of_a_reschedule_go_to_the_wfm_when_it_has_agreed(world: World) -> None:
    appointment = await world.booked()
    moved = await patch(world, appointment, AppointmentUpdate(valid_for=AFTERNOON, note=(note("Later, please"),)))
    assert [n.text for n in moved.note] == ["Later, please"]
    assert [sent["TEXT"] for sent in await world.outbox("cmd.note")] == ["Later, please"]


async def test_notes_are_append_only(world: World) -> None:
    appointment = await patch(world, await world.booked(), AppointmentUpdate(note=(note("One"),)))
    with pytest.raises(Rejected) as rejected:
        await patch(world, appointment, AppointmentUpdate(note=(note("Another"),)))
    assert [problem.path for problem in rejected.value.problems] == ["/note/0"]
    assert len(await world.outbox("cmd.note")) == 1


async def test_r40_an_appointment_that_has_begun_is_not_changed(world: World) -> None:
    appointment = await world.booked()
    await world.hear(event("WIP", 3, **acme.IN_MORNING))
    for change in (LATER, AppointmentUpdate(note=(note("Hi"),))):
        with pytest.raises(Rejected, match="inProgress"):
            await patch(world, appointment, change)
    with pytest.raises(Rejected, match="inProgress"):
        await world.appointments.cancel(BUYERS, appointment.id, "c")
    assert world.bus.sent == []


async def test_a_cancel_the_wfm_agrees_to_cancels_and_asks_for_another_appointment(world: World) -> None:
    appointment = await world.booked()
    await world.listen()
    before = world.notified()
    await world.appointments.cancel(BUYERS, appointment.id, "corr-buyer")
    order = await world.work_order_of()
    assert (await world.appointment(appointment)).status is AppointmentStatus.CANCELLED
    assert (order.state, order.appointment_required) == (WorkOrderState.OPEN, True)
    assert world.notified()[len(before) :] == [
        "appointmentStatusChangeEvent",
        "workOrderStateChangeEvent",
        "workOrderAppointmentRequiredEvent",
    ]
    body = orjson.loads(world.bus.of("cmd.cancel")[0].body)
    assert (body["CMD"], body["VISIT_NO"]) == ("CANVIS", "V-0001")


async def test_a_refused_cancel_is_a_422_and_leaves_everything_as_it_was(world: World) -> None:
    appointment = await world.booked()
    world.bus.answers["cmd.cancel"] = lambda _: acme.refused("21")
    with pytest.raises(Rejected, match="not in a state that allows this"):
        await world.appointments.cancel(BUYERS, appointment.id, "c")
    assert await world.appointment(appointment) == appointment
    assert await world.command_states("cancel") == ["refused"]


async def test_after_a_cancel_the_work_order_can_be_booked_again(world: World) -> None:
    first = await world.booked()
    await world.appointments.cancel(BUYERS, first.id, "c")
    world.bus.answers["cmd.book"] = lambda _: acme.done(VISIT_NO="V-0002")
    second = await world.book(await world.work_order_of(), AFTERNOON)
    assert (await world.work_order_of()).appointments == (first.id, second.id)
    assert await statuses(world) == ["cancelled", "confirmed"]


async def test_what_is_unknown_or_another_buyers_is_not_found_by_any_change(world: World) -> None:
    appointment = await world.booked()
    for buyers, id_ in ((BUYERS, AppointmentId("nobody")), (frozenset({BuyerId("other-buyer")}), appointment.id)):
        with pytest.raises(NotFound):
            await world.appointments.patch(buyers, id_, LATER, frozenset({"validFor"}), "c")
        with pytest.raises(NotFound):
            await world.appointments.cancel(buyers, id_, "c")
    assert world.bus.sent == []


async def test_a_list_holds_only_the_buyers_appointments(world: World) -> None:
    appointment = await world.booked()
    (listed,) = (await world.appointments.list(AppointmentQuery(buyers=BUYERS))).items
    assert (listed.id, listed.work_order) == (appointment.id, appointment.work_order)
    theirs = AppointmentQuery(buyers=frozenset({BuyerId("other-buyer")}))
    assert (await world.appointments.list(theirs)).items == ()


@pytest.mark.parametrize("change", ["cancel", "reschedule"])
async def test_a_change_that_the_pack_cannot_say_is_not_stored(
    world: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    appointment = await world.booked()
    await world.time_slots.offers(await world.work_order_of(), [AFTERNOON], "c")

    def failing(*_: object) -> None:
        raise Unrenderable("visit is absent, and the pack gives no default")

    monkeypatch.setattr(Pack, "render", failing)
    attempts: dict[str, Callable[[], Awaitable[object]]] = {
        "cancel": lambda: world.appointments.cancel(BUYERS, appointment.id, "c"),
        "reschedule": lambda: patch(world, appointment, LATER),
    }
    with pytest.raises(Unrenderable):
        await attempts[change]()
    assert await world.command_states(change) == []

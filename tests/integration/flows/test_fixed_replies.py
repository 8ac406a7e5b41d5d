"""A WFM that answers to a queue of its own and repeats the correlation id in the body."""

import asyncio
import zlib

import orjson
import pytest
from structlog.testing import capture_logs

from bridge.domain.model import CONTENT_TYPE, Appointment, CommandId, Outcome
from bridge.errors import BridgeError, BrokerUnavailable, NotRouted
from bridge.flows.live_packs import LivePacks, NeedsRestart
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import JournalEntry
from bridge.flows.refusals import NotReplayable, Rejected, WfmTimeout
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Pack
from bridge.packtools.replay import Replied, events_of
from bridge.yaml_source import parse_yaml
from tests.integration.flows import acme, reading
from tests.integration.flows.acme import MORNING, MORNING_SLOT
from tests.integration.flows.conftest import ACME
from tests.integration.flows.test_time_slots import search
from tests.integration.flows.world import BUYERS, World, Worlds
from tests.support import PATIENCE_S, eventually

FIXED = "replies: {queue: acme.wfm.replies, correlation: [$.REF, $.ERROR.REF]}\n"


def fixed(replies: str = FIXED) -> Pack:
    text = (ACME / "pack.yaml").read_text().replace("REF: {value: command}", "REF: {value: correlation}")
    return make_pack(parse_yaml(text + replies, "pack.yaml"))


@pytest.fixture(scope="module")
def fixed_pack() -> Pack:
    return fixed()


@pytest.fixture
async def world(make_world: Worlds, fixed_pack: Pack) -> World:
    """A bridge whose WFM answers by itself nothing, and is given 20 ms."""
    made: World = await make_world(timeout_s=0.02, pack=fixed_pack)
    made.bus.answers = {}
    return made


@pytest.fixture
async def patient(make_world: Worlds, fixed_pack: Pack) -> World:
    """As `world`, with all the time it takes."""
    made: World = await make_world(pack=fixed_pack)
    made.bus.answers = {}
    return made


def ref(message: BusMessage) -> str:
    found: str = orjson.loads(message.body)["REF"]
    return found


def done(ref: str, **fields: object) -> bytes:
    return orjson.dumps({"RC": "00", "REF": ref, **fields})


async def parked(world: World) -> list[tuple[str, str | None, str, bytes]]:
    found = await reading.parked(world)
    return [(entry.raw.pack, entry.rule, entry.reason, entry.raw.body) for entry in found]


async def booked_by(world: World) -> list[JournalEntry]:
    return [entry for entry in await reading.entries(world) if entry.rule == "commands.book"]


async def test_a_booking_is_confirmed_by_what_the_answer_bears(patient: World) -> None:
    """Whatever AMQP says of it."""
    order = await patient.open_work_order()
    patient.bus.answers["cmd.search"] = lambda _: None
    booking = asyncio.create_task(patient.book(order))
    question = await patient.bus.next("cmd.search")
    await patient.answer(done(ref(question), SLOTS=orjson.loads(acme.slots(MORNING_SLOT))["SLOTS"]), "nonsense")
    sent = await patient.bus.next("cmd.book")
    assert ref(sent) == sent.correlation_id == f"{sent.message_id}@here"
    await patient.answer(done(ref(sent), VISIT_NO="V-0001"), "nonsense")
    assert (await booking).valid_for == MORNING
    assert [entry.raw.correlation_id for entry in await booked_by(patient)] == [ref(sent)]


async def timed_out_booking(world: World) -> str:
    """Book what was offered, and let it time out; return what the answer would bear."""
    order = await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: acme.slots(MORNING_SLOT)
    world.bus.deliver = lambda message, body: _answer_at_once(world, message, body)
    with pytest.raises(WfmTimeout):
        await world.book(order)
    (sent,) = world.bus.of("cmd.book")
    return ref(sent)


def _answer_at_once(world: World, message: BusMessage, body: bytes) -> None:
    told = orjson.dumps({**orjson.loads(body), "REF": ref(message)})
    task = asyncio.create_task(world.answer(told))
    world._tasks.add(task)


async def test_a_late_booking_is_taken_back_and_the_answer_to_that_is_known(world: World) -> None:
    """The compensation has an id of its own, and writes the one that its answer is to bear."""
    booking = await timed_out_booking(world)
    await world.answer(done(booking, VISIT_NO="V-0001"))
    (cancel,) = await world.outbox("cmd.cancel")
    assert (cancel["REF"], cancel["VISIT_NO"]) == (booking.replace("@here", ":compensation"), "V-0001")
    stored = [message for message in await reading.sent(world) if message.routing_key == "cmd.cancel"]
    assert [message.correlation_id for message in stored] == [cancel["REF"]]
    assert [command.try_again_at is None for command in await reading.commands(world, "book")] == [False]
    await world.answer(done(cancel["REF"]))
    assert [command.try_again_at for command in await reading.commands(world, "book")] == [None]


async def test_an_answer_that_comes_to_another_process_settles_the_command_and_is_passed_on(
    make_world: Worlds, patient: World, fixed_pack: Pack
) -> None:
    """The Buyer, whose request is in this process, is told at once, and not at the deadline."""
    other: World = await make_world(pack=fixed_pack, instance="there")
    order = await patient.open_work_order()
    booking = asyncio.create_task(patient.book(order))
    question = await patient.bus.next("cmd.search")
    await other.answer(done(ref(question), SLOTS=orjson.loads(acme.slots(MORNING_SLOT))["SLOTS"]))
    await patient.take_over(other)
    sent = await patient.bus.next("cmd.book")
    await other.answer(done(ref(sent), VISIT_NO="V-0001"))
    assert await other.command_states() == ["accepted"]
    assert not booking.done()
    await patient.take_over(other)
    assert (await booking).valid_for == MORNING
    assert len(await booked_by(patient)) == 1


async def test_a_refusal_that_was_passed_on_is_told_too(make_world: Worlds, patient: World, fixed_pack: Pack) -> None:
    other: World = await make_world(pack=fixed_pack, instance="there")
    appointment = await booked(patient)
    cancelling = asyncio.create_task(patient.appointments.cancel(BUYERS, appointment.id, "c"))
    sent = await patient.bus.next("cmd.cancel")
    await other.answer(orjson.dumps({"RC": "99", "REF": ref(sent)}))
    await patient.take_over(other)
    with pytest.raises(Rejected):
        await cancelling


async def booked(world: World) -> Appointment:
    order = await world.open_work_order()
    booking = asyncio.create_task(world.book(order))
    slots = orjson.loads(acme.slots(MORNING_SLOT))["SLOTS"]
    await world.answer(done(ref(await world.bus.next("cmd.search")), SLOTS=slots))
    await world.answer(done(ref(await world.bus.next("cmd.book")), VISIT_NO="V-0001"))
    return await booking


async def test_the_answer_to_another_processes_search_is_passed_on(patient: World) -> None:
    """As it came, by the id that its own common queue will know it by."""
    answer = done("Q-1@elsewhere", SLOTS=[])
    await patient.answer(answer, "nonsense")
    assert patient.bus.passed_on == [(answer, "Q-1@elsewhere", "elsewhere")]
    assert await parked(patient) == []


async def test_an_answer_is_passed_on_in_utf_8_for_what_says_how_it_is_written_is_not(patient: World) -> None:
    plain = done("Q-1@elsewhere", TXT="Łódź", SLOTS=[])
    body = zlib.compress(plain.decode().encode("iso-8859-2"))
    await patient.answer(body, "nonsense", headers={CONTENT_TYPE: "application/json; charset=iso-8859-2"})
    assert patient.bus.passed_on == [(plain, "Q-1@elsewhere", "elsewhere")]


async def test_an_answer_that_was_passed_on_ends_the_search(patient: World) -> None:
    """It comes to the queue of all packs."""
    order = await patient.open_work_order()
    searching = asyncio.create_task(patient.appointments.search(BUYERS, search(order.id, MORNING), "c"))
    asked = ref(await patient.bus.next("cmd.search"))
    slots = orjson.loads(acme.slots(MORNING_SLOT))["SLOTS"]
    await patient.answer(done(asked, SLOTS=slots), asked, pack="")
    assert [slot.valid_for for slot in await searching] == [MORNING]


@pytest.mark.parametrize("failure", [BrokerUnavailable(), NotRouted("there is no instance 'elsewhere'")])
async def test_an_answer_that_cannot_be_passed_on_is_told_and_let_go(patient: World, failure: BridgeError) -> None:
    """The search ends by its time-out, and nothing depends on it."""
    patient.bus.failure = failure
    with capture_logs() as logs:
        await patient.answer(done("Q-1@elsewhere"))
    assert [entry["event"] for entry in logs] == ["reply.not_passed_on"]


async def test_the_answer_to_a_search_that_was_given_up_is_let_go(patient: World) -> None:
    await patient.answer(done("Q-1@here"))
    await patient.answer(done("Q-1@here"), "Q-1@here", pack="")
    assert (patient.bus.passed_on, await parked(patient)) == ([], [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no JSON", "the body is not JSON"),
        (b"\xff no JSON", "the body is not UTF-8 (byte 0xff at 0)"),
        (b'{"RC": "00"}', "replies.correlation ($.REF or $.ERROR.REF): expected what the command wrote; it is missing"),
        (b'{"RC": "00", "REF": ""}', "it is missing"),
    ],
)
async def test_an_answer_that_does_not_say_to_what_is_parked(world: World, body: bytes, reason: str) -> None:
    """Acknowledged and kept. It is no message of the WFM, and is not replayed as one."""
    booking = await timed_out_booking(world)
    await asyncio.gather(world.answer(body, booking), world.answer(done(booking, VISIT_NO="V-0001")))
    ((pack, rule, told, kept),) = await parked(world)
    assert (pack, rule, kept) == ("acme-wfm", "replies.unknown", body)
    assert reason in told
    assert await world.command_states() == ["compensated"]
    (number,) = [one.number for one in await world.sql_store.journal.latest(Outcome.PARKED)]
    with pytest.raises(NotReplayable, match="is a reply to a command"):
        await world.job_updates.replay(number)


async def test_what_was_answered_is_found_in_the_journal(world: World) -> None:
    """By the command, whoever asked; what takes a booking back is no answer to it."""
    booking = await timed_out_booking(world)
    await world.answer(done(booking, VISIT_NO="V-0001"))
    (cancel,) = await world.outbox("cmd.cancel")
    await world.answer(done(cancel["REF"]))
    commands = await world.sql_store.commands.since("acme-wfm", acme.NOW)
    events = events_of(await world.sql_store.journal.latest(limit=100), commands)
    assert [event.body for event in events if isinstance(event, Replied)] == [done(booking, VISIT_NO="V-0001")]


async def test_an_answer_on_the_common_queue_without_correlation_id_is_parked(world: World) -> None:
    await world.answer(b'{"RC": "00"}', "", pack="")
    ((pack, _, reason, _),) = await parked(world)
    assert (pack, reason) == ("", "a reply to nobody knows which command: it has no correlation_id")


async def test_an_answer_to_another_packs_command_is_none(world: World) -> None:
    """Two WFMs do not settle each other's commands."""
    booking = await timed_out_booking(world)
    await world.answer(done(booking, VISIT_NO="V-0001"), booking, pack="other")
    assert await world.command_states() == ["expired"]


async def test_an_answer_to_nothing_we_know_is_let_go(world: World) -> None:
    with capture_logs() as logs:
        await world.answer(done("who-knows"))
    assert [entry["event"] for entry in logs] == ["reply.unsolicited"]
    assert await parked(world) == []


async def test_the_correlation_id_may_be_amqps_alone(make_world: Worlds) -> None:
    world: World = await make_world(timeout_s=0.02, pack=fixed("replies: {queue: acme.wfm.replies}\n"))
    world.bus.answers["cmd.book"] = lambda _: None
    order = await world.open_work_order()
    with pytest.raises(WfmTimeout):
        await world.book(order)
    (sent,) = world.bus.of("cmd.book")
    await world.answer(acme.done(VISIT_NO="V-0001"), sent.correlation_id)
    assert await world.command_states() == ["compensated"]


@pytest.mark.parametrize(
    "replies",
    ["", "replies: {correlation: $.REF}\n", "replies: {queue: acme.other, correlation: $.REF}\n"],
)
def test_where_answers_come_to_does_not_change_without_a_restart(replies: str) -> None:
    live = LivePacks({"acme-wfm": fixed()})
    with pytest.raises(NeedsRestart, match="where replies come to has changed"):
        live.exchange({"acme-wfm": fixed(replies)})


async def test_where_the_id_stands_may_change(patient: World) -> None:
    changed = fixed("replies: {queue: acme.wfm.replies, correlation: $.ID}\n")
    live = LivePacks({"acme-wfm": fixed()})
    patient.workshop.packs = live
    live.exchange({"acme-wfm": changed})
    await patient.answer(orjson.dumps({"ID": "Q-1@elsewhere"}))
    await eventually(lambda: patient.bus.passed_on)


async def test_only_what_comes_to_a_fixed_queue_is_passed_on(make_world: Worlds) -> None:
    """Else an id that names this pack's own queue would have its reply go round for ever."""
    world: World = await make_world(pack=fixed("replies: {correlation: $.REF}\n"))
    await world.answer(done("Q-1@here.acme-wfm"))
    assert world.bus.passed_on == []


async def test_what_was_passed_on_is_told_and_not_taken_again(
    make_world: Worlds, world: World, fixed_pack: Pack
) -> None:
    """Not even where it could not be read: the process that passed it on has parked it."""
    other: World = await make_world(pack=fixed_pack, instance="there")
    booking = await timed_out_booking(world)
    await other.answer(orjson.dumps({"RC": [], "REF": booking}))
    with capture_logs() as logs:
        await world.take_over(other)
        await world.answer(done("Q-1@here"), "Q-1@here", pack="")
    assert [rule for _, rule, _, _ in await parked(world)] == ["commands.book"]
    assert logs == []


async def test_another_processes_search_is_nothing_to_speak_of(patient: World) -> None:
    with capture_logs() as logs:
        await patient.answer(done("Q-1@elsewhere"))
    assert logs == []


async def test_who_asks_a_second_time_is_told_too_what_was_passed_on(
    make_world: Worlds, patient: World, fixed_pack: Pack
) -> None:
    """A Buyer that lost the connection asks again with the same key, and waits for the same command."""
    other: World = await make_world(pack=fixed_pack, instance="there")
    order = await patient.open_work_order()
    booking = asyncio.create_task(patient.book(order))
    slots = orjson.loads(acme.slots(MORNING_SLOT))["SLOTS"]
    await patient.answer(done(ref(await patient.bus.next("cmd.search")), SLOTS=slots))
    sent = await patient.bus.next("cmd.book")
    booking.cancel()
    await asyncio.wait([booking])
    again = asyncio.create_task(patient.commands.resume(CommandId(sent.message_id)))
    await eventually(lambda: patient.commands._results.awaits(sent.message_id))
    await other.answer(done(ref(sent), VISIT_NO="V-0001"))
    await patient.take_over(other)
    answer = await asyncio.wait_for(again, PATIENCE_S)
    assert answer is not None
    assert answer.appointment is not None


async def test_another_packs_reply_counts_for_nothing_in_the_same_batch_either(world: World) -> None:
    booking = await timed_out_booking(world)
    unreadable = orjson.dumps({"RC": [], "REF": booking})
    await asyncio.gather(
        world.answer(unreadable, booking, pack="other"), world.answer(done(booking, VISIT_NO="V-0001"), booking)
    )
    assert (await world.command_states(), await parked(world)) == (["compensated"], [])


async def test_an_instance_may_have_any_name(make_world: Worlds, fixed_pack: Pack) -> None:
    world: World = await make_world(pack=fixed_pack, timeout_s=0.02, instance="a@b:compensation")
    world.bus.answers = {}
    booking = await timed_out_booking(world)
    await world.answer(done(booking, VISIT_NO="V-0001"))
    assert await world.command_states() == ["compensated"]


async def test_an_id_longer_than_any_we_write_is_none(patient: World) -> None:
    """It is neither looked for nor logged as it is."""
    with capture_logs() as logs:
        await patient.answer(done("Q" * 100_000))
    ((_, _, reason, _),) = await parked(patient)
    assert "at most 255 characters" in reason
    assert len(reason) < 500
    assert [entry["event"] for entry in logs] == ["reply.uncorrelated"]


async def test_a_reply_to_a_pack_that_is_gone_is_parked_with_the_reason(world: World) -> None:
    """It may come to the queue of all packs. The command is left as it is."""
    booking = await timed_out_booking(world)
    world.workshop.packs = {}
    for id_ in (booking.removesuffix("@here"), booking.replace("@here", ":compensation")):
        await world.answer(done(booking, VISIT_NO="V-0001"), id_, pack="")
    assert [reason for _, _, reason, _ in await parked(world)] == ["reply to book: pack acme-wfm is not loaded"] * 2
    assert await world.command_states() == ["expired"]

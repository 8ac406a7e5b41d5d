"""The simulated WFM in memory: what it says and answers, and how it misbehaves on request."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.testing import TestRabbitBroker

from bridge.simulator.acme import Rc, Window, read
from bridge.simulator.wfm import SimulatedWfm
from tests.support import PATIENCE_S, eventually

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
MORNING = {"FROM": "2026-03-06 08:00", "TO": "2026-03-06 12:00"}
COMMANDS = RabbitExchange("acme.wfm.commands", ExchangeType.TOPIC)


async def whole(message: RabbitMessage) -> RabbitMessage:
    """FastStream's own decoding would hide the bytes."""
    return message


def parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"RAW": body}
    return parsed


class Partner:
    """Somebody on the other side of the bus: hears events and replies, sends commands."""

    def __init__(self, broker: RabbitBroker) -> None:
        self.broker = broker
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.replies: list[dict[str, Any]] = []
        self.order: list[str] = []
        self.reads_replies = asyncio.Event()
        self.reads_replies.set()

    async def start(self) -> None:
        events = RabbitExchange("acme.wfm.events", ExchangeType.TOPIC)
        await self._listen(self._hear, RabbitQueue("partner", routing_key="job.#"), events)
        await self._listen(self._hear_reply, RabbitQueue("replies"), RabbitExchange())

    async def _listen(self, handler: Any, queue: RabbitQueue, exchange: RabbitExchange) -> None:
        subscriber = self.broker.subscriber(queue, exchange, no_reply=True, decoder=whole)
        subscriber(handler)
        await subscriber.start()

    async def _hear(self, message: Any) -> None:
        self.events.append((message.raw_message.routing_key, parsed(message.body)))
        self.order.append("event")

    async def _hear_reply(self, message: Any) -> None:
        await self.reads_replies.wait()
        self.replies.append(parsed(message.body))
        self.order.append("reply")

    async def ask(self, cmd: str, job_no: str, **fields: str) -> None:
        body = orjson.dumps({"CMD": cmd, "REF": "R", "JOB_NO": job_no, **fields})
        await self.broker.publish(
            body,
            exchange=COMMANDS,
            routing_key="cmd.x",
            reply_to="replies",
            correlation_id="C",
            content_type="application/json",
        )

    async def answer(self, cmd: str, job_no: str, **fields: str) -> dict[str, Any]:
        before = len(self.replies)
        await self.ask(cmd, job_no, **fields)
        await eventually(lambda: len(self.replies) > before)
        return self.replies[-1]

    @property
    def stats(self) -> list[str]:
        return [body["STAT"] for _, body in self.events]


@pytest.fixture
async def broker() -> AsyncIterator[RabbitBroker]:
    broker = RabbitBroker(logger=None, apply_types=False)
    async with TestRabbitBroker(broker, connect_only=False):
        yield broker


@pytest.fixture
async def wfm(broker: RabbitBroker) -> AsyncIterator[SimulatedWfm]:
    wfm = SimulatedWfm(broker, clock=lambda: NOW)
    await wfm.start()
    yield wfm
    await wfm.stop()


@pytest.fixture
async def partner(broker: RabbitBroker, wfm: SimulatedWfm) -> Partner:
    partner = Partner(broker)
    await partner.start()
    return partner


async def test_each_action_emits_its_event(wfm: SimulatedWfm, partner: Partner) -> None:
    job = await wfm.create_job()
    await wfm.schedule(job)
    await wfm.schedule(job, Window(read(MORNING["FROM"]), read(MORNING["TO"])))
    await wfm.move(job, (read("2026-03-06 12:00"), read("2026-03-06 16:00")))
    await wfm.take_back_visit(job, "T01")
    await wfm.schedule(job, Window(read(MORNING["FROM"]), read(MORNING["TO"])))
    await wfm.no_show(job, "C01")
    await wfm.hold(job)
    await wfm.enroute(job)
    await wfm.start_work(job)
    await wfm.finish(job)
    await wfm.close(job)
    await wfm.cancel_job(job, "T03")
    assert " ".join(partner.stats) == "NEW SCHD SCHD SCHD VCAN SCHD NOSH HOLD ENRT WIP DONE CLSD CANC"
    assert [key for key, _ in partner.events] == [f"job.{stat.lower()}" for stat in partner.stats]
    bodies = [body for _, body in partner.events]
    assert [body["JOB_VER"] for body in bodies] == list(range(1, 14))
    assert len({body["MSG_ID"] for body in bodies}) == 13
    assert [body["WIN_FROM"] for body in bodies[:4]] == ["", "", "2026-03-06 08:00", "2026-03-06 12:00"]
    assert [(body["RSN"], body["VISIT_NO"]) for body in bodies[4:7]] == [
        ("T01", "V-0001"),
        ("", "V-0002"),
        ("C01", "V-0002"),
    ]


async def test_anything_can_be_said(wfm: SimulatedWfm, partner: Partner) -> None:
    """A status nobody knows, a customer nobody knows, bytes that are no JSON."""
    job = await wfm.create_job()
    await wfm.raw(job, status="XXXX", CUST_ACC="PL-99999")
    await wfm.raw_bytes(b"\xff\x00", "job.raw")
    (_, _), (key, odd), (raw_key, raw) = partner.events
    assert (key, odd["STAT"], odd["CUST_ACC"], odd["JOB_VER"]) == ("job.xxxx", "XXXX", "PL-99999", 2)
    assert (raw_key, raw) == ("job.raw", {"RAW": b"\xff\x00"})
    assert wfm.acme.job(job).stat == "NEW"


async def test_search_book_move_cancel(wfm: SimulatedWfm, partner: Partner) -> None:
    job = await wfm.create_job()
    found = await partner.answer("FINDSLOT", job, FROM="2026-03-06 08:00", TO="2026-03-06 18:00")
    assert (found["RC"], found["REF"], len(found["SLOTS"])) == ("00", "R", 6)
    first, *_, last = found["SLOTS"]
    assert {**first, "SLOT_ID": "S"} == {"SLOT_ID": "S", **MORNING, "TECH": "T042"}
    slot = {key: first[key] for key in ("SLOT_ID", "FROM", "TO")}
    booked = await partner.answer("BOOKVIS", job, **slot, CONTACT="Jo", PHONE="", REMARK="")
    assert booked == {"RC": "00", "REF": "R", "VISIT_NO": "V-0001", "TXT": "OK"}
    slot = {key: last[key] for key in ("SLOT_ID", "FROM", "TO")}
    assert (await partner.answer("MOVEVIS", job, VISIT_NO="V-0001", **slot))["RC"] == "00"
    assert (await partner.answer("CANVIS", job, VISIT_NO="V-0001"))["RC"] == "00"
    await eventually(lambda: partner.stats == ["NEW", "SCHD", "SCHD", "VCAN"])
    assert partner.events[-1][1]["RSN"] == ""
    assert partner.order[-2:] == ["reply", "event"]
    assert [command["CMD"] for command in wfm.commands] == ["FINDSLOT", "BOOKVIS", "MOVEVIS", "CANVIS"]


async def test_refusals_have_their_code_and_no_event(wfm: SimulatedWfm, partner: Partner) -> None:
    job = await wfm.create_job()
    slot = {"SLOT_ID": "S-1", **MORNING}
    assert (await partner.answer("BOOKVIS", job, **slot))["RC"] == Rc.SLOT_TAKEN
    assert (await partner.answer("BOOKVIS", "J-none", **slot))["RC"] == Rc.NO_SUCH_JOB
    assert (await partner.answer("CANVIS", job, VISIT_NO="V-1"))["RC"] == Rc.NO_SUCH_VISIT
    assert (await partner.answer("BOOKVIS", job, SLOT_ID="", FROM="soon", TO="later"))["RC"] == Rc.INTERNAL
    assert (await partner.answer("NONSENSE", job))["RC"] == Rc.INTERNAL
    assert partner.stats == ["NEW"]


async def test_notes_and_tickets_are_kept(wfm: SimulatedWfm, partner: Partner) -> None:
    job = await wfm.create_job(ticket="TT-99")
    for status in ("PEND", "WORK", "RSLV"):
        await partner.ask("TTSTAT", job, TT_NO="TT-99", STATUS=status)
    await partner.ask("ADDNOTE", job, TEXT="hello")
    await eventually(
        lambda: wfm.tickets == {"TT-99": ["PEND", "WORK", "RSLV"]} and wfm.acme.job(job).notes == ["hello"]
    )


async def test_the_next_command_can_be_refused_and_the_one_after_is_not(wfm: SimulatedWfm, partner: Partner) -> None:
    job = await wfm.create_job()
    wfm.refuse_next("BOOKVIS", "21")
    refused = await partner.answer("BOOKVIS", job, SLOT_ID="", **MORNING)
    assert (refused["RC"], wfm.visits(job)) == ("21", [])
    assert (await partner.answer("BOOKVIS", job, SLOT_ID="", **MORNING))["RC"] == "00"


async def test_a_silent_command_is_done_and_told_but_not_answered(wfm: SimulatedWfm, partner: Partner) -> None:
    job = await wfm.create_job()
    wfm.silent_next("BOOKVIS")
    await partner.ask("BOOKVIS", job, SLOT_ID="", **MORNING)
    await eventually(lambda: partner.stats == ["NEW", "SCHD"])
    assert wfm.active_visit(job)
    assert partner.replies == []


async def test_a_late_command_is_done_and_answered_late(wfm: SimulatedWfm, partner: Partner) -> None:
    job, other = await wfm.create_job(), await wfm.create_job()
    wfm.late_next("BOOKVIS", 60)
    await partner.ask("BOOKVIS", job, SLOT_ID="", **MORNING)
    wfm.late_next("BOOKVIS", 0.01)
    assert (await partner.answer("BOOKVIS", other, SLOT_ID="", **MORNING))["RC"] == "00"
    assert wfm.active_visit(other)
    assert wfm.active_visit(job) is None


async def test_a_dropped_command_is_seen_and_ignored(wfm: SimulatedWfm, partner: Partner) -> None:
    job = await wfm.create_job()
    wfm.drop_next("BOOKVIS")
    await partner.ask("BOOKVIS", job, SLOT_ID="", **MORNING)
    answer = await partner.answer("FINDSLOT", job, **MORNING)
    assert (len(answer["SLOTS"]), len(wfm.commands), len(partner.replies)) == (3, 2, 1)


async def test_observers_see_events_commands_and_replies(wfm: SimulatedWfm, partner: Partner) -> None:
    seen: list[tuple[str, str, str]] = []
    wfm.observers.append(
        lambda direction, key, body, at: seen.append((direction, key, body.get("JOB_NO", body.get("RC"))))
    )
    job = await wfm.create_job()
    await partner.answer("BOOKVIS", job, SLOT_ID="", **MORNING)
    await eventually(lambda: len(seen) == 4)
    assert seen == [
        ("event", "job.new", job),
        ("command", "cmd.x", job),
        ("reply", "replies", "00"),
        ("event", "job.schd", job),
    ]


async def test_many_bookings_do_not_wait_for_each_other(wfm: SimulatedWfm, partner: Partner) -> None:
    """All are under way at once, long before the first is answered."""
    wfm.reply_delay = 600
    jobs = [await wfm.create_job() for _ in range(20)]
    await asyncio.gather(*(partner.ask("BOOKVIS", job, SLOT_ID="", **MORNING) for job in jobs))
    await eventually(lambda: len(wfm.commands) == 20)
    assert partner.replies == []


async def test_many_bookings_at_once_are_each_answered(wfm: SimulatedWfm, partner: Partner) -> None:
    """Three technicians have that window; the others are told so."""
    jobs = [await wfm.create_job() for _ in range(20)]
    await asyncio.gather(*(partner.ask("BOOKVIS", job, SLOT_ID="", **MORNING) for job in jobs))
    await eventually(lambda: len(partner.replies) == 20)
    assert sorted(reply["RC"] for reply in partner.replies) == ["00"] * 3 + ["17"] * 17


async def test_a_change_waits_until_the_messages_of_the_one_before_have_left(
    wfm: SimulatedWfm, partner: Partner
) -> None:
    """The dispatcher's change does not overtake a booking whose reply is still on its way; another job's does."""
    job, other = await wfm.create_job(), await wfm.create_job()
    partner.reads_replies.clear()
    await partner.ask("BOOKVIS", job, SLOT_ID="", **MORNING)
    await eventually(lambda: wfm.active_visit(job))
    holding = asyncio.create_task(wfm.hold(job))
    await wfm.hold(other)
    partner.reads_replies.set()
    await holding
    assert partner.stats == ["NEW", "NEW", "HOLD", "SCHD", "HOLD"]
    assert [body["JOB_VER"] for _, body in partner.events if body["JOB_NO"] == job] == [1, 2, 3]


async def test_who_sends_a_command_does_not_wait_for_it_to_be_carried_out(wfm: SimulatedWfm, partner: Partner) -> None:
    """In memory a publish runs the receiver's handler, which must come back at once."""
    wfm.reply_delay = 600
    job = await wfm.create_job()
    await asyncio.wait_for(partner.ask("BOOKVIS", job, SLOT_ID="", **MORNING), PATIENCE_S)
    assert wfm.active_visit(job) is None

"""Messages that are held, on both databases: a WFM cancels a visit and creates it anew to move it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from typing import Any

import orjson
import pytest

from bridge.domain import decide as decisions
from bridge.domain.model import Appointment, Job, JobRef, Outcome
from bridge.flows import hold_queue, job_updates
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.flows.refusals import Rejected
from bridge.flows.subscriptions import Subscriptions
from bridge.flows.work import Workshop
from bridge.mapping.pack import Pack
from bridge.mef.enums import Api, AppointmentStatus, Irp, WorkOrderState
from bridge.mef.models import EventSubscriptionInput
from bridge.store import SqlStore, open_store
from bridge.yaml_source import parse_yaml
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, IN_AFTERNOON, NOW, event
from tests.integration.flows.conftest import ACME
from tests.integration.flows.reading import entries
from tests.integration.flows.world import BUYERS, Clock, World, Worlds
from tests.support import eventually
from tests.unit.mapping.patches import pack_with

PACK = """
inbound: {message_id: $.id, version: {path: $.v, optional: true}}
fields:
  status: {path: $.status, type: code, required: true, values: [new, planned, begun, cancelled, note, odd]}
  task: {path: $.task, default: Look}
  day: {path: $.day, type: code, values: [friday]}
rules:
  - {rule: created, when: {status: new}, then: {work_order: open, creates: true}}
  - {rule: planned, when: {status: planned}, then: {work_order: planned, appointment: confirmed}}
  - {rule: begun, when: {status: begun}, then: {work_order: inProgress}}
  - {rule: cancelled, when: {status: cancelled}, then: {appointment: cancelled, wait_seconds: 30}}
  - {rule: note, when: {status: note}, then: {hold: Nothing has happened}}
  - {rule: odd, when: {status: odd}, then: {ignore: It tells a Buyer nothing}}
work_order: {task: {value: task}}
"""
MENDED = PACK.replace("[friday]", "[friday, monday]")
AT_ONCE = PACK.replace(", wait_seconds: 30", "")
FRIDAY = {"from": "2026-03-06T08:00:00Z", "to": "2026-03-06T10:00:00Z"}
MONDAY = {"from": "2026-03-09T08:00:00Z", "to": "2026-03-09T10:00:00Z"}
JOB = JobRef("toy", "J")
MOVED = ["appointmentStatusChangeEvent", "workOrderStateChangeEvent", "workOrderAppointmentRequiredEvent"]


class Bridge:
    """The way in of one pack, on a store of its own."""

    def __init__(self, store: SqlStore, pack: Pack, clock: Clock, ids: Callable[[], str]) -> None:
        self.store = store
        self.clock = clock
        self.updates = JobUpdates(store, Workshop(store, {pack.name: pack}, clock, ids))
        self._numbers = count(1)

    async def hear(self, *bodies: dict[str, Any]) -> None:
        """Take messages together, in this order."""
        await self.updates._commit([self._message(body) for body in bodies])

    def _message(self, body: dict[str, Any]) -> WfmMessage:
        said = orjson.dumps({"job": "J", "id": body["status"], **body})
        return WfmMessage(pack="toy", body=said, correlation_id="corr", received_at=self.clock())

    async def planned(self) -> None:
        """Have a visit on Friday that the Buyer sees."""
        await self.hear({"status": "new"}, {"status": "planned", **FRIDAY})

    async def entries(self) -> list[JournalEntry]:
        """Read the journal, in order of arrival."""
        return [recorded.entry for recorded in reversed(await self.store.journal.latest())]

    async def outcomes(self) -> dict[str | None, str]:
        """Read what became of the messages."""
        return {entry.message: str(entry.outcome) for entry in await self.entries()}

    async def job(self) -> Job:
        """Read the job."""
        async with self.store.transaction() as tx:
            return (await tx.load_jobs([JOB]))[JOB]

    async def visit(self) -> Appointment:
        """Read the visit that the Buyer sees."""
        found = (await self.job()).appointment
        assert found is not None
        return found

    async def told(self) -> list[str]:
        """Read what the Buyer is told since the last time, in order."""
        return [report.event_type for report in reversed(await self.store.backlog.reports())]


MakeBridge = Callable[..., Awaitable[Bridge]]


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(params=["sqlite", "postgresql"])
async def make_bridge(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[MakeBridge]:
    """Makes bridges on one empty database of the test's own: a second one is another process, or a later one."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "database_url")
    numbers = count(1)

    def new_id() -> str:
        return f"id-{next(numbers):04d}"

    async with AsyncExitStack() as stack:

        async def make(pack: str = PACK) -> Bridge:
            store = await open_store(url, new_id=new_id, clock=clock)
            stack.push_async_callback(store.close)
            return Bridge(store, pack_with(pack), clock, new_id)

        yield make


@pytest.fixture
async def bridge(make_bridge: MakeBridge) -> Bridge:
    """A bridge of which a Buyer listens, with a visit on Friday."""
    made = await make_bridge()
    listeners = Subscriptions(made.store.listeners, made.clock, iter(["s-1", "s-2"]).__next__, max_listeners=20)
    for api in Api:
        request = EventSubscriptionInput(callback="https://buyer.test")
        await listeners.register(api, Irp.SONATA, "the-buyer", request, None, None)
    await made.planned()
    return made


async def test_a_message_is_held_and_applied_by_itself_when_its_time_is_up(
    bridge: Bridge, make_bridge: MakeBridge, clock: Clock
) -> None:
    before = await bridge.told()
    await bridge.hear({"status": "cancelled"})
    (held,) = [entry for entry in await bridge.entries() if entry.outcome is Outcome.WAITING]
    assert held.due_at == NOW + timedelta(seconds=30)
    assert (held.rule, held.reason[:30]) == ("cancelled", "held until 2026-03-05T12:00:30")
    assert (await bridge.visit()).status == "confirmed"

    restarted = await make_bridge()
    clock.advance(seconds=29.9)
    assert await restarted.updates.apply_due() == 0
    clock.advance(seconds=0.1)
    assert await restarted.updates.apply_due() == 1

    assert (await bridge.visit()).status == "cancelled"
    assert (await bridge.outcomes())["cancelled"] == "applied"
    assert (await bridge.told())[len(before) :] == MOVED
    assert await restarted.updates.apply_due() == 0


async def test_a_cancellation_and_a_creation_with_another_window_are_one_move(bridge: Bridge) -> None:
    before = await bridge.told()
    await bridge.hear({"status": "cancelled"})
    await bridge.hear({"status": "planned", "id": "again", **MONDAY})
    assert await bridge.outcomes() == {
        "new": "applied",
        "planned": "applied",
        "cancelled": "superseded",
        "again": "applied",
    }
    superseded = (await bridge.entries())[2]
    assert superseded.due_at is None
    assert superseded.reason.startswith("superseded by message again")
    assert (await bridge.told())[len(before) :] == MOVED
    visit = await bridge.visit()
    assert (visit.status, visit.disregarded_window is not None) == ("cancelled", True)  # R27: the Buyer books again


async def test_a_cancellation_and_a_creation_with_the_same_window_are_nothing(
    bridge: Bridge, make_bridge: MakeBridge, clock: Clock
) -> None:
    before = await bridge.told()
    await bridge.hear({"status": "cancelled"})
    await (await make_bridge()).hear({"status": "planned", "id": "again", **FRIDAY})
    clock.advance(seconds=60)
    assert await bridge.updates.apply_due() == 0
    assert (await bridge.told())[len(before) :] == []
    assert (await bridge.visit()).status == "confirmed"
    assert (await bridge.outcomes())["again"] == "unchanged"


async def test_both_may_come_in_one_batch(bridge: Bridge) -> None:
    before = await bridge.told()
    await bridge.hear({"status": "cancelled"}, {"status": "planned", "id": "again", **FRIDAY})
    assert (await bridge.outcomes())["cancelled"] == "superseded"
    assert (await bridge.told())[len(before) :] == []


async def test_what_names_no_state_waits_behind_and_keeps_its_turn(bridge: Bridge, clock: Clock) -> None:
    await bridge.hear({"status": "cancelled", "v": 3, "task": "Cancelled"})
    clock.advance(seconds=10)
    await bridge.hear({"status": "odd", "v": 4}, {"status": "note", "v": 5, "task": "Ring twice"})
    assert await bridge.outcomes() == {
        "new": "applied",
        "planned": "applied",
        "cancelled": "waiting",
        "odd": "ignored",
        "note": "waiting",
    }
    clock.advance(seconds=20)
    assert await bridge.updates.apply_due() == 1
    assert {key: (await bridge.outcomes())[key] for key in ("cancelled", "note")} == {
        "cancelled": "applied",
        "note": "applied",
    }
    job = await bridge.job()
    assert job.versions == {"job": 5}
    assert job.work_order is not None
    assert job.work_order.details.task == ("Ring twice",)
    assert (await bridge.visit()).status == "cancelled"


async def test_what_waits_behind_is_applied_before_the_superseding_message(bridge: Bridge) -> None:
    await bridge.hear({"status": "cancelled", "v": 3}, {"status": "note", "v": 4, "task": "Ring twice"})
    await bridge.hear({"status": "planned", "id": "again", "v": 5, "task": "Knock", **FRIDAY})
    outcomes = await bridge.outcomes()
    assert [outcomes[key] for key in ("cancelled", "note", "again")] == ["superseded", "applied", "applied"]
    job = await bridge.job()
    assert (job.versions, job.holds) == ({"job": 5}, False)
    assert job.work_order is not None
    assert job.work_order.details.task == ("Knock",)


async def test_what_is_older_by_its_version_supersedes_nothing(bridge: Bridge, clock: Clock) -> None:
    await bridge.hear({"status": "cancelled", "v": 5})
    await bridge.hear({"status": "planned", "id": "late", "v": 4, "task": "Late", **FRIDAY})
    assert (await bridge.outcomes())["late"] == "applied"
    clock.advance(seconds=30)
    await bridge.updates.apply_due()
    assert (await bridge.visit()).status == "cancelled"


async def test_what_cannot_be_applied_supersedes_nothing(bridge: Bridge, clock: Clock) -> None:
    await bridge.hear({"status": "cancelled"}, {"status": "planned", "id": "again", "day": "sunday", **FRIDAY})
    outcomes = await bridge.outcomes()
    assert [outcomes[key] for key in ("cancelled", "again")] == ["waiting", "parked"]
    clock.advance(seconds=30)
    await bridge.updates.apply_due()
    assert (await bridge.visit()).status == "cancelled"


async def test_a_replayed_message_that_came_before_supersedes_nothing(
    bridge: Bridge, make_bridge: MakeBridge, clock: Clock
) -> None:
    await bridge.hear({"status": "planned", "id": "odd-day", "day": "monday", **FRIDAY})
    await bridge.hear({"status": "cancelled"})
    mended = await make_bridge(MENDED)
    (parked,) = [one.number for one in await mended.store.journal.latest() if one.entry.outcome is Outcome.PARKED]
    await mended.updates.replay(parked)
    assert (await bridge.outcomes())["cancelled"] == "waiting"
    clock.advance(seconds=30)
    await mended.updates.apply_due()
    assert (await bridge.visit()).status == "cancelled"


async def test_a_replayed_message_that_came_after_supersedes(bridge: Bridge, make_bridge: MakeBridge) -> None:
    await bridge.hear({"status": "cancelled"})
    await bridge.hear({"status": "planned", "id": "odd-day", "day": "monday", **FRIDAY})
    mended = await make_bridge(MENDED)
    (parked,) = [one.number for one in await mended.store.journal.latest() if one.entry.outcome is Outcome.PARKED]
    (entry,) = await mended.updates.replay(parked)
    assert entry.outcome is Outcome.UNCHANGED
    assert (await bridge.outcomes())["cancelled"] == "superseded"


async def test_what_comes_after_the_time_finds_the_held_message_applied(
    bridge: Bridge, make_bridge: MakeBridge, clock: Clock
) -> None:
    """A bridge that was away for a while must not take for one move what was far apart."""
    await bridge.hear({"status": "cancelled"})
    clock.advance(seconds=40)
    await (await make_bridge()).hear({"status": "planned", "id": "again", **FRIDAY})
    assert (await bridge.outcomes())["cancelled"] == "applied"


async def test_a_parked_cancellation_is_not_held_when_it_is_replayed_later(
    bridge: Bridge, make_bridge: MakeBridge, clock: Clock
) -> None:
    await bridge.hear({"status": "cancelled", "day": "monday"})
    clock.advance(minutes=5)
    mended = await make_bridge(MENDED)
    (parked,) = [one.number for one in await mended.store.journal.latest() if one.entry.outcome is Outcome.PARKED]
    (entry,) = await mended.updates.replay(parked)
    assert (entry.outcome, entry.due_at) == (Outcome.APPLIED, None)


async def test_a_cancellation_that_came_before_its_job_is_held_for_what_is_left_of_its_time(
    make_bridge: MakeBridge, clock: Clock
) -> None:
    bridge = await make_bridge()
    await bridge.hear({"status": "cancelled"})
    clock.advance(seconds=20)
    await bridge.hear({"status": "new"})
    (held,) = [entry for entry in await bridge.entries() if entry.outcome is Outcome.WAITING]
    assert held.due_at == NOW + timedelta(seconds=30)


async def test_a_cancellation_and_its_successor_that_came_before_their_job_are_nothing(make_bridge: MakeBridge) -> None:
    bridge = await make_bridge()
    planned, again = {"status": "planned", **FRIDAY}, {"status": "planned", "id": "again", **FRIDAY}
    await bridge.hear(planned)
    await bridge.hear({"status": "cancelled"}, again)
    await bridge.hear({"status": "new"})
    assert await bridge.outcomes() == {
        "planned": "applied",
        "cancelled": "superseded",
        "again": "unchanged",
        "new": "applied",
    }
    assert not (await bridge.job()).holds


async def test_a_pack_that_holds_nothing_any_more_applies_in_its_time_what_was_held(
    bridge: Bridge, make_bridge: MakeBridge, clock: Clock
) -> None:
    await bridge.hear({"status": "cancelled"})
    reloaded = await make_bridge(AT_ONCE)
    assert (await bridge.visit()).status == "confirmed"
    clock.advance(seconds=30)
    await reloaded.updates.apply_due()
    assert (await bridge.visit()).status == "cancelled"


async def test_what_the_pack_leaves_alone_meanwhile_is_held_no_longer(
    bridge: Bridge, make_bridge: MakeBridge, clock: Clock
) -> None:
    await bridge.hear({"status": "cancelled"})
    ignore = "ignore: [{path: $.status, fits: cancelled, why: Of no interest}]"
    reloaded = await make_bridge(PACK.replace("inbound: {", f"inbound: {{{ignore}, "))
    clock.advance(seconds=30)
    assert await reloaded.updates.apply_due() == 1
    assert (await bridge.outcomes())["cancelled"] == "ignored"
    assert await reloaded.updates.apply_due() == 0


async def test_two_processes_apply_what_is_due_once(bridge: Bridge, make_bridge: MakeBridge, clock: Clock) -> None:
    before = await bridge.told()
    await bridge.hear({"status": "cancelled"})
    other = await make_bridge()
    clock.advance(seconds=30)
    await asyncio.gather(bridge.updates.apply_due(), other.updates.apply_due())
    assert (await bridge.told())[len(before) :] == MOVED
    assert (await bridge.outcomes())["cancelled"] == "applied"


async def test_a_held_message_that_breaks_the_bridge_is_parked(
    bridge: Bridge, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bridge.hear({"status": "cancelled"}, {"status": "note", "task": "Ring twice"})

    def decide(job: Job, update: Any, *rest: Any) -> Any:
        if update.rule == "cancelled":
            raise RuntimeError("a bug")
        return decisions.decide(job, update, *rest)

    monkeypatch.setattr(hold_queue, "decide", decide)
    clock.advance(seconds=30)
    await bridge.updates.apply_due()
    outcomes = await bridge.outcomes()
    assert [outcomes[key] for key in ("cancelled", "note")] == ["parked", "applied"]
    assert await bridge.updates.apply_due() == 0


async def test_the_running_bridge_looks_after_what_is_due(
    bridge: Bridge, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_updates, "DUE_SECONDS", 0.001)
    await bridge.hear({"status": "cancelled"})
    running = asyncio.create_task(bridge.updates.run())
    try:
        clock.advance(seconds=30)

        async def cancelled() -> bool:
            return (await bridge.visit()).status == "cancelled"

        await eventually(cancelled)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


DELTAS = """
inbound: {deltas: true, message_id: $.id, version: $.v}
fields:
  status: {path: $.status, type: code, required: true, values: [new, planned, cancelled]}
  why: {path: $.why}
  task: {path: $.task, default: Look}
rules:
  - {rule: created, when: {status: new}, then: {work_order: open, creates: true}}
  - {rule: planned, when: {status: planned}, then: {work_order: planned, appointment: confirmed}}
  - {rule: cancelled, when: {status: cancelled}, then: {appointment: cancelled, wait_seconds: 30}}
work_order: {task: {value: task}}
"""


@pytest.mark.parametrize("pack", [DELTAS, DELTAS.replace("version: $.v", "ties: apply")], ids=["versions", "none"])
async def test_what_a_superseded_delta_told_is_remembered(make_bridge: MakeBridge, pack: str) -> None:
    bridge = await make_bridge(pack)
    await bridge.hear({"status": "new", "v": 1}, {"status": "planned", "v": 2, **FRIDAY})
    await bridge.hear({"status": "cancelled", "v": 3, "why": "Rain", "task": "None"})
    assert (await bridge.job()).record["status"] == "planned"
    await bridge.hear({"status": "planned", "id": "again", "v": 4, "task": "Look again"})
    assert (await bridge.outcomes())["cancelled"] == "superseded"
    record = (await bridge.job()).record
    assert [record[name] for name in ("status", "why", "task")] == ["planned", "Rain", "Look again"]


def holding_pack(*held: str, version: str | None = None) -> Pack:
    """The pack of the tests, with rules that hold; its WFM may say the version of a job in the reply to a move."""
    base: dict[str, Any] = parse_yaml((ACME / "pack.yaml").read_text(), "pack.yaml").data
    thens = {"paused": {"hold": "A pause"}}
    thens |= {rule["rule"]: {**rule["then"], "wait_seconds": 30} for rule in base["rules"] if rule["rule"] in held}
    rules = [{**rule, "then": thens.get(rule["rule"], rule["then"])} for rule in base["rules"]]
    move = base["commands"]["reschedule"]
    reply = {**move["reply"], **({"version": version} if version else {})}
    commands = {**base["commands"], "reschedule": {**move, "reply": reply}}
    return pack_with("fields: {}", {**base, "rules": rules, "commands": commands})


async def holding_world(make_world: Worlds, **changes: Any) -> World:
    """A bridge of a WFM that cancels visits to move them, with a visit in the morning that the Buyer booked."""
    world: World = await make_world(pack=holding_pack("visit-taken-back", **changes))
    return world


async def when_its_time_is_up(world: World, appointment: Appointment) -> Appointment:
    """Let the time of all that is held pass."""
    world.clock.advance(seconds=30)
    await world.job_updates.apply_due()
    return await world.appointment(appointment)


async def test_the_yes_to_a_move_takes_the_place_of_what_is_held(make_world: Worlds) -> None:
    world = await holding_world(make_world)
    appointment = await world.booked()
    await world.hear(event("VCAN", 3))
    await world.move(appointment)
    assert (await world.outcomes())[3:] == ["superseded", "applied"]
    (reason,) = [entry.reason for entry in await entries(world) if entry.message == "E-J-1-3"]
    assert reason.startswith("superseded by the WFM's yes to the reschedule id-")
    found = await when_its_time_is_up(world, appointment)
    assert (found.status, found.valid_for) == (AppointmentStatus.CONFIRMED, AFTERNOON)
    await world.hear(event("SCHD", 4, **IN_AFTERNOON))
    assert (await world.outcomes())[3:] == ["superseded", "applied", "unchanged"]


async def test_the_yes_to_a_booking_takes_the_place_of_what_is_held(make_world: Worlds) -> None:
    world: World = await make_world(pack=holding_pack("cancelled"))
    order = await world.open_work_order()
    await world.hear(event("CANC", 2))
    appointment = await world.book(order)
    assert (await world.outcomes())[1:] == ["superseded", "applied"]
    assert (await when_its_time_is_up(world, appointment)).status is AppointmentStatus.CONFIRMED
    assert (await world.work_order_of()).state is WorkOrderState.PLANNED


async def test_a_no_takes_the_place_of_nothing(make_world: Worlds) -> None:
    world = await holding_world(make_world)
    appointment = await world.booked()
    await world.hear(event("VCAN", 3))
    world.bus.answers["cmd.move"] = lambda _: acme.refused()
    with pytest.raises(Rejected):
        await world.move(appointment)
    assert (await world.outcomes())[3] == "waiting"
    assert (await when_its_time_is_up(world, appointment)).status is AppointmentStatus.CANCELLED


async def test_a_yes_that_comes_after_the_time_finds_what_was_held_applied(make_world: Worlds) -> None:
    world = await holding_world(make_world)
    appointment = await world.booked()
    task, sent = await world.begin("cmd.move", world.move(appointment))
    await world.hear(event("VCAN", 3))
    world.clock.advance(seconds=30)
    await world.reply(sent, acme.done(VISIT_NO="V-0001"))
    with pytest.raises(Rejected, match="has changed meanwhile"):
        await task
    assert (await world.outcomes())[3:] == ["applied", "unchanged"]
    assert (await world.appointment(appointment)).status is AppointmentStatus.CANCELLED


async def test_what_waits_behind_is_applied_before_the_yes(make_world: Worlds) -> None:
    world = await holding_world(make_world, version="$.VER")
    appointment = await world.booked()
    world.bus.answers["cmd.move"] = lambda _: acme.done(VISIT_NO="V-0001", VER=6)
    await world.hear(event("VCAN", 3), event("VCAN", 4), event("HOLD", 5, TASKS="RING TWICE"))
    assert (await world.outcomes())[3:] == ["waiting", "waiting", "waiting"]
    await world.move(appointment)
    assert (await world.outcomes())[3:] == ["superseded", "superseded", "applied", "applied"]
    assert (await world.work_order_of()).details.task == ("RING TWICE",)
    found = await when_its_time_is_up(world, appointment)
    assert (found.status, found.valid_for) == (AppointmentStatus.CONFIRMED, AFTERNOON)


@pytest.mark.parametrize(("version", "became"), [(2, "waiting"), (3, "superseded"), (4, "superseded")])
async def test_a_yes_that_is_older_by_its_version_takes_the_place_of_nothing(
    make_world: Worlds, version: int, became: str
) -> None:
    world = await holding_world(make_world, version="$.VER")
    appointment = await world.booked()
    world.bus.answers["cmd.move"] = lambda _: acme.done(VISIT_NO="V-0001", VER=version)
    await world.hear(event("VCAN", 3))
    await world.move(appointment)
    assert (await world.outcomes())[3] == became


async def test_what_waited_for_an_answer_is_held_for_what_is_left_of_its_time(make_world: Worlds) -> None:
    world = await holding_world(make_world)
    appointment = await world.booked()
    task, sent = await world.begin("cmd.cancel", world.appointments.cancel(BUYERS, appointment.id, "corr-buyer"))
    await world.hear(event("VCAN", 3))
    world.clock.advance(seconds=1)
    await world.reply(sent, acme.refused())
    with pytest.raises(Rejected):
        await task
    (entry,) = [entry for entry in await entries(world) if entry.message == "E-J-1-3"]
    assert (entry.outcome, entry.due_at) == ("waiting", NOW + timedelta(seconds=30))
    world.clock.advance(seconds=29)
    assert await world.job_updates.apply_due() == 1
    assert (await world.appointment(appointment)).status is AppointmentStatus.CANCELLED

"""What a pack's case says, and what the bridge does, is the same: random histories go through both, step by step.

The one is the bridge's transactions on SQLite, with several messages in one of them or one in each; the other is the
sandbox, in which cases, replays and explanations are played.
"""

import itertools
import shutil
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.domain.model import (
    AppointmentId,
    Command,
    CommandId,
    CommandKind,
    Job,
    JobRef,
    Outcome,
    WorkOrderId,
)
from bridge.errors import BridgeError
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.flows.refusals import WfmTimeout
from bridge.flows.replies import correlated
from bridge.flows.wishes import Begun, Wish
from bridge.localenv.process import run_async
from bridge.mapping.pack import Pack
from bridge.mef.models import AppointmentUpdate, TimePeriod
from bridge.packtools.replay import ASKED, Asked, Expired, Replied, replay
from bridge.packtools.sandbox import DUPLICATE, Happened, RawMessage, Sandbox
from tests.integration.flows import acme
from tests.integration.flows.reading import sent
from tests.integration.flows.world import BUYER, Clock, World
from tests.unit.examples import examples
from tests.unit.mapping.patches import pack_with

SNAPSHOTS = """
inbound: {message_id: $.id, version: {path: $.v, optional: true}, occurred_at: at}
fields:
  status:
    path: $.status
    type: code
    required: true
    values: [new, planned, begun, done, moved, cancelled, gone, note, odd]
  task: {path: $.task, default: Look}
  visit: {path: $.visit, nulls: absent}
  at: {path: $.at, type: datetime, format: "%Y-%m-%dT%H:%M:%S%z"}
  day: {path: $.day, type: code, values: [friday]}
rules:
  - {rule: created, when: {status: new}, then: {work_order: open, appointment_required: true, creates: true}}
  - {rule: planned, when: {status: planned}, then: {work_order: planned, appointment: confirmed}}
  - {rule: begun, when: {status: begun}, then: {work_order: inProgress}}
  - {rule: done, when: {status: done}, then: {work_order: completed, on_illegal: follow_up}}
  - {rule: moved, when: {status: moved}, then: {appointment: confirmed, wait_seconds: 20}}
  - {rule: cancelled, when: {status: cancelled}, then: {appointment: cancelled, wait_seconds: 60}}
  - {rule: gone, when: {status: gone}, then: {work_order: cancelled, wait_seconds: 40, on_illegal: keep}}
  - {rule: note, when: {status: note}, then: {hold: Nothing has happened}}
  - {rule: odd, when: {status: odd}, then: {ignore: It tells a Buyer nothing}}
work_order:
  buyer: acme-buyer
  task: {value: task}
appointment: {visit: {value: visit}}
tables:
  refusals: {key: rc, on_miss: default, default: {code: otherIssue, reason: No}, rows: []}
commands:
"""
COMMAND = """
  {kind}:
    exchange: toy
    routing_key: {kind}
    body: {{ref: {{value: command}}, job: {{value: job}}}}
    reply: {{status: $.rc, accepted: [ok], refused: refusals, visit: $.visit, version: {{path: $.rev, optional: true}}}}
"""
PACK = SNAPSHOTS + "".join(COMMAND.format(kind=kind) for kind in ("book", "reschedule", "cancel"))
PACKS = {
    "snapshots": pack_with(PACK),
    "deltas": pack_with(PACK.replace("inbound: {", "inbound: {deltas: true, ")),
}
WINDOWS = (acme.MORNING, acme.AFTERNOON, acme.MONDAY)


# a history


@dataclass(frozen=True)
class Says:
    """The WFM says something about a job."""

    job: str
    members: dict[str, Any]


@dataclass(frozen=True)
class Hears:
    """Messages arrive together. `again` has one of them arrive a second time."""

    messages: tuple[Says, ...]
    again: bool


@dataclass(frozen=True)
class Asks:
    """The Buyer wants a visit, in the n-th window; where he has one, he wants it there, or else not at all."""

    job: str
    window: int
    cancels: bool


@dataclass(frozen=True)
class Replies:
    """The WFM replies to the n-th last command, and perhaps to the one before that in the same batch."""

    nth: int
    bodies: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Expires:
    """The time of the n-th last command is up."""

    nth: int


@dataclass(frozen=True)
class Passes:
    """Time passes. `looked_after`: what falls due is applied in its time, not only with what comes next."""

    seconds: int
    looked_after: bool


Step = Hears | Asks | Replies | Expires | Passes


def moment(at: datetime) -> str:
    """Write a moment as this WFM does."""
    return at.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def within(window: TimePeriod) -> dict[str, str]:
    """The members that tell a window."""
    return {"from": moment(window.start_date_time), "to": moment(window.end_date_time)}


NEW = Says("J", {"status": "new"})
AGREED = Says("J", {"status": "planned", **within(acme.MORNING)})
DONE = Says("J", {"status": "done"})

JOBS = st.sampled_from(["J", "J", "J", "K"])
VISITS = st.sampled_from([None, None, "V-1", "V-2"])
STATUSES = [
    "new",
    "new",
    "new",
    "planned",
    "planned",
    "planned",
    "planned",
    "cancelled",
    "cancelled",
    "cancelled",
    "moved",
    "begun",
    "gone",
    "done",
    "note",
    "note",
    "odd",
]


@st.composite
def says(draw: st.DrawFn) -> Says:
    """A message, sensible or not."""
    window = draw(st.none() | st.sampled_from(WINDOWS))
    said = {
        "status": draw(st.sampled_from(STATUSES)),
        "v": draw(st.none() | st.integers(1, 6)),
        "task": draw(st.sampled_from(["Look", "Ring"])),
        "visit": draw(VISITS),
        "day": draw(st.sampled_from([None] * 8 + ["friday", "sunday"])),
        "ago": draw(st.none() | st.sampled_from([0, 60])),
        **({} if window is None else within(window)),
    }
    return Says(draw(JOBS), {name: value for name, value in said.items() if value is not None})


REPLY = st.fixed_dictionaries(
    {"rc": st.sampled_from(["ok", "ok", "ok", "no", []])},
    optional={"visit": st.sampled_from(["V-1", "V-2"]), "rev": st.integers(1, 6)},
)
NTH = st.sampled_from([0, 0, 0, 1, 2])
HEARS = st.builds(Hears, st.lists(says(), min_size=1, max_size=4).map(tuple), st.booleans())
ASKS = st.builds(Asks, JOBS, st.integers(0, 2), st.booleans())
REPLIES = st.builds(Replies, NTH, st.lists(REPLY, min_size=1, max_size=2).map(tuple))
PASSES = st.builds(Passes, st.sampled_from([1, 10, 30, 70, 1000]), st.booleans())
KINDS_OF_STEP = [*[HEARS] * 4, *[ASKS] * 4, *[REPLIES] * 5, *[PASSES] * 2, st.builds(Expires, NTH)]
STEPS = st.sampled_from(KINDS_OF_STEP).flatmap(lambda steps: steps)
OPENED = Hears((NEW,), again=False)
BOOKED = Hears((NEW, AGREED), again=False)
HISTORIES = st.builds(
    lambda begun, steps: [*begun, *steps],
    st.sampled_from([(), (OPENED,), (BOOKED,), (BOOKED, Hears((Says("J", {"status": "cancelled"}),), again=False))]),
    st.lists(STEPS, min_size=5, max_size=15),
)


# both sides


@dataclass
class Both:
    """The bridge and the sandbox, to which the same happens."""

    world: World
    sandbox: Sandbox
    commands: list[Command] = field(default_factory=list)
    became: dict[str, Happened] = field(default_factory=dict)
    notified: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    count: int = 0

    async def do(self, step: Step) -> None:
        """Let something happen on both sides, and compare them."""
        self.world.clock.advance(seconds=1)
        match step:
            case Hears():
                await self._hear(step)
            case Asks():
                await self._ask(step)
            case Replies():
                await self._reply(step)
            case Expires():
                await self._expire(step)
            case Passes():
                await self._pass(step)
        await self._compare()

    async def _hear(self, step: Hears) -> None:
        messages = [self._message(one) for one in step.messages]
        if step.again:
            messages.insert(1, messages[0])
        await self.world.job_updates._commit(messages)
        for message in messages:
            self._note(self.sandbox.apply(RawMessage(body=message.body), self.world.clock()))

    def _message(self, said: Says) -> WfmMessage:
        self.count += 1
        members = {**said.members, "job": said.job, "id": f"M-{self.count}"}
        if "ago" in members:
            members["at"] = moment(self.world.clock() - timedelta(seconds=members.pop("ago")))
        return WfmMessage(pack="toy", body=orjson.dumps(members), correlation_id="corr", received_at=self.world.clock())

    async def _ask(self, step: Asks) -> None:
        job = await self._job(step.job)
        if job.work_order is None:
            return
        change, window = job.open_appointment, WINDOWS[step.window]
        request: Any = acme.booking(job.work_order.id, window)
        if change is not None:
            request = None if step.cancels else AppointmentUpdate(valid_for=window)
        kind = CommandKind.BOOK if change is None else CommandKind.CANCEL if step.cancels else CommandKind.RESCHEDULE
        wish = Wish(
            kind=kind,
            window=None if request is None else window,
            buyers=frozenset({BUYER}),
            work_order=job.work_order.id,
            correlation_id="buyer",
            command=CommandId(f"C-{len(self.commands)}"),
            request=request,
            appointment=change,
            provided=frozenset({"validFor"}),
            token={},
        )
        try:
            begun = await self.world.appointments._wishes.begin(wish)
        except BridgeError:
            return
        assert isinstance(begun, Begun)
        self.commands.append(begun.command)
        (happened,) = replay(self.sandbox, Asked("", begun.command, self.world.clock()))
        assert happened.outcome == ASKED, happened

    async def _reply(self, step: Replies) -> None:
        replies = [
            (command, orjson.dumps(body))
            for number, body in enumerate(step.bodies)
            if (command := self._command(step.nth + number)) is not None
        ]
        now, packs = self.world.clock(), self.world.workshop.packs
        await self.world.commands._commit(
            [
                correlated(WfmMessage(pack="toy", body=body, correlation_id=c.id, received_at=now), packs, "here")
                for c, body in replies
            ]
        )
        for command, body in replies:
            self.sandbox._queue_at(command.job, now).let_due(now)  # the bridge does so before it reads a reply
            self._note(replay(self.sandbox, Replied("", command, body, now)))

    async def _expire(self, step: Expires) -> None:
        command = self._command(step.nth)
        if command is None:
            return
        with suppress(WfmTimeout):
            await self.world.commands._settling.expire(command)
        self._note(replay(self.sandbox, Expired("", command, self.world.clock())))

    def _command(self, nth: int) -> Command | None:
        return self.commands[-1 - nth] if nth < len(self.commands) else None

    async def _pass(self, step: Passes) -> None:
        clock = self.world.clock
        until = clock.now + timedelta(seconds=step.seconds)
        while step.looked_after and (due := self._next_due()) is not None and due <= until:
            clock.now = max(due, clock.now)
            assert await self.world.job_updates.apply_due() > 0
            for ref in self.sandbox.jobs:  # at this moment, though it may have been due before
                self.sandbox._queue_at(ref, clock.now).let_due(clock.now)
            self._note(self.sandbox.take_due(clock.now))
        clock.now = until

    def _next_due(self) -> Any:
        return min((due for queue in self.sandbox._queues.values() for due in queue.due_at()), default=None)

    def _note(self, happened: list[Happened]) -> None:
        for one in happened:
            self.notified += map(str, one.notifications)
            self.sent += [sent.routing_key for sent in one.commands]
            if one.message is not None and one.outcome != DUPLICATE:
                self.became[one.message] = one

    # what they have come to

    async def _job(self, key: str) -> Job:
        async with self.world.store.transaction() as tx:
            loaded: dict[JobRef, Job] = await tx.load_jobs([JobRef("toy", key)])
        return loaded[JobRef("toy", key)]

    async def _compare(self) -> None:
        for ref in (JobRef("toy", "J"), JobRef("toy", "K")):
            sandbox = self.sandbox._queue_at(ref, self.world.clock()).job
            assert shape(sandbox) == shape(await self._job(ref.key))
        assert self._outcomes() == {
            entry.message: outcome_of(entry) for entry in await self._entries() if entry.rule not in COMMAND_RULES
        }
        deliveries = await self.world.sql_store.backlog.reports(limit=1000)
        assert sorted(self.notified) == sorted(one.event_type for one in deliveries)
        assert self.sent == [message.routing_key for message in await sent(self.world)]

    async def _entries(self) -> list[JournalEntry]:
        return [
            one.entry for one in await self.world.sql_store.journal.latest(limit=1000) if one.entry.message is not None
        ]

    def _outcomes(self) -> dict[str, tuple[object, ...]]:
        waiting = {
            str(entry.message) for queue in self.sandbox._queues.values() for entry, _ in queue._waiting.values()
        }
        return {
            message: (str(one.outcome), one.reason, one.rule, one.flags)
            if one.outcome != Outcome.WAITING or message in waiting
            else (str(Outcome.SUPERSEDED),)
            for message, one in self.became.items()
        }


COMMAND_RULES = ("commands.book", "commands.reschedule", "commands.cancel")


def outcome_of(entry: JournalEntry) -> tuple[object, ...]:
    if entry.outcome is Outcome.SUPERSEDED:
        return (str(entry.outcome),)
    return str(entry.outcome), entry.reason, entry.rule, entry.flags


def shape(job: Job) -> dict[str, object]:
    """What there is to a job, without the ids that each side makes for itself."""
    order = job.work_order
    visits = sorted(job.appointments, key=lambda one: one.created_at)
    places = {one.id: number for number, one in enumerate(visits)}
    return {
        "work order": order and (order.state, order.details, order.appointment_required, order.changed_at),
        "current": job.appointment and places[job.appointment.id],
        "visits": [replace(one, id=AppointmentId("-"), work_order=WorkOrderId("-")) for one in visits],
        "versions": job.versions,
        "record": job.record,
        "told": job.field_versions,
        "commands": [
            replace(one, work_order=WorkOrderId("-"), appointment=None, request=None)
            for one in sorted(job.commands, key=lambda one: one.id)
        ],
        "granted": [(one.id, one.visit, one.echo_until) for one in job.granted if one.echo_until is not None],
    }


async def play(database: Path, pack: Pack, history: list[Step]) -> int:
    """Play a history through both, and compare them after each step; give how many steps they agreed on."""
    clock, numbers = Clock(acme.NOW), itertools.count(1)
    world = World(database, pack, clock, lambda: f"id-{next(numbers):04d}")
    try:
        await world.listen()
        both = Both(world, Sandbox(pack))
        for step in history:
            await both.do(step)
        return len(history)
    finally:
        await world.sql_store.close()


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
@given(HISTORIES)
@example([Hears((AGREED, DONE), again=False), Hears((NEW, DONE), again=False)])  # a WorkOrder that ends within a batch
@examples(25)
def test_the_bridge_does_what_the_sandbox_says(pack: Pack, template: Path, history: list[Step]) -> None:
    database = template.with_name("played.sqlite3")
    shutil.copy(template, database)
    assert run_async(lambda: play(database, pack, history)) == len(history)

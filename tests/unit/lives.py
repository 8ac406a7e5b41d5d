"""One job lived in an instant: ACME and its people, a Buyer and the bridge's own machine, on a clock of their own.

As in `benchmarks/chaos`, the dispatcher, the technician and the Buyer do what they like at the same time, and the WFM
is late, silent, deaf, refuses and repeats itself; but nothing is sent anywhere: thousands of lives take seconds.
What the WFM says of the job comes in its order; replies and messages overtake each other.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, Final

import orjson
from faststream.rabbit import RabbitBroker

from bridge.domain import compensation
from bridge.domain.model import (
    Appointment,
    AppointmentId,
    Command,
    CommandId,
    CommandKind,
    Ids,
    Job,
    JobRef,
    WorkOrder,
    WorkOrderId,
)
from bridge.domain.requests import check_booking, check_cancel, check_update
from bridge.flows.bus_messages import to_bus_message
from bridge.mapping.commands.context import context_of
from bridge.mapping.pack import Pack, ReplyRead
from bridge.mef.models import AppointmentCreate, AppointmentUpdate, TimePeriod, WorkOrderRef
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox
from bridge.simulator.acme import Slot, Stat, Window
from bridge.simulator.wfm import Mood, SimulatedWfm
from tests.unit.domain.builders import BUYERS_CONTACTS

BEGIN: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
REPLY_WITHIN: Final = timedelta(seconds=2)
Body = dict[str, Any]


@dataclass
class Life:
    """The life of one job. `story` tells it, for whoever looks at one that went wrong."""

    seed: int
    pack: Pack
    story: list[str] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.trouble = self.random.choice([0.0, 0.2, 0.5])
        self.steps = self.random.randint(3, 16)
        self.seconds = self.said = 0.0
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.numbers = count()
        self.wfm = SimulatedWfm(RabbitBroker(), clock=lambda: self.now)
        self.acme = self.wfm.acme
        self.job = self.acme.new_job(
            customer="PL-00017", visit_required=True, site="SITE-7", tasks=("A",), minutes=60, remark=""
        )
        self.sandbox = Sandbox(self.pack)
        self.moved: set[str] = set()
        self.looked_for: set[tuple[CommandId, datetime]] = set()

    @property
    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)

    @property
    def seen(self) -> Job:
        """The job as the bridge knows it."""
        return self.sandbox.job(JobRef(self.pack.name, self.job.number))

    def live(self) -> None:
        """Live it to its end, and until nothing more is under way."""
        self._tell()
        self._in(0.5, self._step)
        while self.agenda:
            self.seconds, number, what = heappop(self.agenda)
            assert number < 3000, "it never ends"
            what()

    def _in(self, seconds: float, what: Callable[[], None]) -> None:
        heappush(self.agenda, (self.seconds + seconds, next(self.numbers), what))

    def _note(self, *what: object) -> None:
        self.story.append(f"{self.seconds:9.3f} {' '.join(map(str, what))}")

    # the WFM speaks, and the bridge hears

    def _tell(self) -> None:
        body = self.acme.snapshot(self.job, self.now)
        self.acme.forget_fallen_visit(self.job)
        self._note("WFM:", body["MSG_ID"], body["STAT"], body["VISIT_NO"], body["WIN_FROM"])
        self.said = max(self.seconds + self._soon(1.0), self.said + 1e-6)
        self._in(self.said - self.seconds, lambda: self._hear(body))
        if self.random.random() < self.trouble / 4:
            self._in(self.said - self.seconds + 3 * self.random.random(), lambda: self._hear(body))

    def _hear(self, body: Body) -> None:
        self._happened(self.sandbox.apply(RawMessage(body=orjson.dumps(body)), self.now))

    def _happened(self, happened: list[Happened]) -> None:
        for one in happened:
            self._note("  bridge:", one.message or "", one.outcome, one.reason)
            if one.message is not None and one.outcome != "duplicate":
                self.outcomes[one.message] = str(one.outcome)
            for message in one.commands:
                body = orjson.loads(message.body)
                if body["CMD"] == "CANVIS":
                    self._send(body, lambda answer, body=body: self._taken_back(answer, body["VISIT_NO"]))
        for command in self.seen.commands:
            if command.try_again_at is not None and (command.id, command.try_again_at) not in self.looked_for:
                self.looked_for.add((command.id, command.try_again_at))
                self._in((command.try_again_at - self.now).total_seconds(), lambda id_=command.id: self._again(id_))

    def _soon(self, longest: float) -> float:
        return self.random.random() * self.random.choice([0.001, 0.01, 0.3 * longest, longest])

    # commands, and what comes back

    def _send(self, body: Body, replied: Callable[[Body], None]) -> None:
        mood = self._mood()

        def treat() -> None:
            answer, changed = self.wfm.carry_out(body, mood)
            self._note("WFM does", body["CMD"], answer)
            for _ in range(0 if mood.silent else 2 if self.random.random() < self.trouble / 2 else 1):
                self._in(self._soon(0.6), lambda: replied({"RC": "00", "REF": body["REF"], **answer}))
            if changed is not None:
                self._tell()

        if not mood.dropped:
            self._in(mood.late_s, treat)

    def _mood(self) -> Mood:
        if self.random.random() >= self.trouble:
            return Mood(late_s=self.random.uniform(0.001, 0.05))
        late = self.random.uniform(1.0, 3.0)
        silent, late_and_silent = Mood(silent=True), Mood(silent=True, late_s=late)
        return self.random.choice([Mood(late_s=late), silent, late_and_silent, Mood(dropped=True), Mood(rc="99")])

    def _replied(self, answer: Body, asked: CommandId) -> None:
        command = self.seen.find_command(asked)
        if command is None:
            return
        read = self.pack.read_reply(command.asked_as, orjson.dumps(answer), self.seen.record)
        assert isinstance(read, ReplyRead)
        self._note("  bridge: reply to", command.kind, answer["RC"])
        self._happened(self.sandbox.settle(command, read.reply, self.now)[1])

    def _expire(self, asked: CommandId) -> None:
        command = self.seen.find_command(asked)
        if command is not None and command.is_pending:
            self._note("  bridge: no reply to", command.kind)
            self._happened(self.sandbox.expire(command, self.now)[1])

    def _again(self, booking: CommandId) -> None:
        command = compensation.standing(self.seen, booking)
        if command is not None and command.try_again_at is not None and command.try_again_at <= self.now:
            self._happened(self.sandbox.adopt(compensation.ask_again(self.seen, command, self.now), self.now))

    def _taken_back(self, answer: Body, visit: str) -> None:
        standing = [one for one in self.seen.commands if one.try_again_at is not None and (one.visit or "") == visit]
        if not standing:
            return
        read = self.pack.read_reply(CommandKind.CANCEL, orjson.dumps(answer))
        assert isinstance(read, ReplyRead)
        ids = Ids(WorkOrderId(self.sandbox.new_id()), AppointmentId(self.sandbox.new_id()))
        seller = self.pack.seller_contact(self.seen)
        decision = compensation.replied(self.seen, standing[0], read.reply, seller, ids, self.now)
        self._happened(self.sandbox.adopt(decision, self.now))

    # the dispatcher, the technician and the Buyer

    def _step(self) -> None:
        if not self.steps or self.job.stat is Stat.STARTED:
            self._in(self.random.choice([0.1, 1.0, 6.0]), self._end)
            return
        self.steps -= 1
        if self.random.random() < 0.5:
            self._wish()
        else:
            self._something()
        self._in(self.random.random() * self.random.choice([0.02, 0.5, 1.5]), self._step)

    def _free(self) -> Slot:
        tomorrow = BEGIN + timedelta(days=1)
        return self.random.choice(
            self.acme.find(self.job.number, Window(tomorrow, tomorrow + timedelta(days=2)), BEGIN)
        )

    def _something(self) -> None:
        visit, window, choice = self.acme.active_visit(self.job.number), self._free().window, self.random.random()
        if visit is None:
            if choice > 0.4:
                return
            self.acme.plan(self.job, window)
        elif choice < 0.04:
            self.acme.turn(self.job, Stat.STARTED)
        elif choice < 0.1 and window != visit.window:
            self.acme.move(self.job, window)
            self.moved.add(visit.number)
        elif choice < 0.6:
            self.acme.turn(self.job, Stat.DRIVING)
        elif choice < 0.85:
            self.acme.turn(self.job, Stat.VISIT_TAKEN_BACK)
        else:
            self.acme.turn(self.job, Stat.NO_SHOW, self.random.choice(["C01", "T01"]))
        self._tell()

    def _end(self) -> None:
        """It ends, or is left as it is; but not with a visit that the Seller moved: the Buyer need not see it (R27)."""
        choice, visit = self.random.random(), self.acme.active_visit(self.job.number)
        if choice < 0.3:
            self.acme.turn(self.job, Stat.FINISHED)
        elif choice < 0.5:
            self.acme.turn(self.job, Stat.CANCELLED)
        elif visit is not None and visit.number in self.moved and self.job.stat is not Stat.STARTED:
            self.acme.turn(self.job, Stat.VISIT_TAKEN_BACK)
        else:
            return
        self._tell()

    def _wish(self) -> None:
        job = self.seen
        if job.work_order is None or any(command.is_pending for command in job.commands):
            self._something()
        elif job.open_appointment is None:
            self._book(job, job.work_order)
        elif self.random.random() < 0.5:
            if not check_cancel(job, job.open_appointment):
                self._ask(job, job.work_order, CommandKind.CANCEL, job.open_appointment)
        else:
            self._move(job, job.work_order, job.open_appointment)

    def _book(self, job: Job, order: WorkOrder) -> None:
        slot = self._free()
        request = AppointmentCreate(
            related_contact_information=BUYERS_CONTACTS,
            valid_for=_period(slot),
            work_order=WorkOrderRef(id=order.id),
        )
        if not check_booking(job, request, self.now):
            self._ask(job, order, CommandKind.BOOK, self.pack.moved_appointment(job), slot, request)

    def _move(self, job: Job, order: WorkOrder, appointment: Appointment) -> None:
        slot = self._free()
        request = AppointmentUpdate(valid_for=_period(slot))
        if not check_update(job, appointment, request, frozenset({"validFor"}), self.now):
            self._ask(job, order, CommandKind.RESCHEDULE, appointment, slot, request)

    def _ask(
        self,
        job: Job,
        order: WorkOrder,
        kind: CommandKind,
        appointment: Appointment | None,
        slot: Slot | None = None,
        request: AppointmentCreate | AppointmentUpdate | None = None,
    ) -> None:
        command = Command(
            id=CommandId(self.sandbox.new_id()),
            kind=kind,
            job=job.ref,
            work_order=order.id,
            buyer=order.buyer,
            appointment=appointment.id if appointment is not None else None,
            window=_period(slot) if slot is not None else None,
            request=request,
            visit=appointment.visit if appointment is not None else None,
            created_at=self.now,
            expires_at=self.now + REPLY_WITHIN,
        )
        token = {"id": slot.id} if slot is not None else {}
        body = orjson.loads(
            to_bus_message(self.pack, command.asked_as, context_of(command, job, order, appointment, token), "").body
        )
        self._note("Buyer:", kind, body)
        self.sandbox.put(job.with_command(command))
        self._in(REPLY_WITHIN.total_seconds(), lambda: self._expire(command.id))
        self._send(body, lambda answer: self._replied(answer, command.id))


def _period(slot: Slot) -> TimePeriod:
    start, end = (moment.astimezone(UTC) for moment in slot.window)
    return TimePeriod(start_date_time=start, end_date_time=end)

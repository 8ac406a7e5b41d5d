"""Jobs in memory, and what a pack and the domain make of messages about them: for cases, explanations, comparisons.

It drives the machine of the running bridge (`flows/hold_queue.py`), without its database.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from bridge.domain.echo import without_echoes
from bridge.domain.model import (
    Accepted,
    Appointment,
    Command,
    CommandKind,
    Decision,
    Job,
    JobRef,
    JobUpdate,
    Outcome,
    Refused,
    Transition,
)
from bridge.domain.settlement import Settlement
from bridge.flows.hold_queue import Arrival, HoldQueue, Place, Step
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.mapping.pack import Pack, Read, Reading, Skipped
from bridge.mef.models import TimePeriod

DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMessage:
    """What of a message comes off the bus, without when and by whom."""

    body: bytes
    routing_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What became of one message. `outcome` is an `Outcome` or `DUPLICATE`; `notifications` are event types in order.

    `message` is its id, where it has one. `update` is the canonical form, where the pack gave one.
    """

    job: JobRef | None
    message: str | None = None
    outcome: str
    reason: str = ""
    rule: str | None = None
    update: JobUpdate | None = None
    transitions: tuple[Transition, ...] = ()
    notifications: tuple[str, ...] = ()
    commands: tuple[BusMessage, ...] = ()
    flags: tuple[str, ...] = ()
    explanation: Mapping[str, object] = field(default_factory=dict)


class Sandbox:
    """The jobs of one pack. Identifiers are `id-1`, `id-2`, … in order of use.

    `offered` has the token by which a window that the WFM offered for a job is booked.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.offered: dict[tuple[JobRef, TimePeriod | None], Mapping[str, object]] = {}
        self._queues: dict[JobRef, HoldQueue] = {}
        self._steps: list[Step] = []
        self._seen: set[str] = set()
        self._numbers = count(1)
        self.number_ids("id")

    def number_ids(self, name: str) -> None:
        """Begin the identifiers anew, with this name."""
        self._ids = (f"{name}-{number}" for number in count(1))

    def new_id(self) -> str:
        """Make the next identifier."""
        return next(self._ids)

    # jobs

    @property
    def jobs(self) -> dict[JobRef, Job]:
        """All jobs that were spoken of."""
        return {ref: queue.job for ref, queue in self._queues.items()}

    def job(self, ref: JobRef) -> Job:
        """Give what is known of a job."""
        return self._queues[ref].job if ref in self._queues else Job(ref=ref)

    def put(self, job: Job) -> None:
        """Know a job as it is given, whatever was known before."""
        self._queue(job.ref).job = job

    def concerned(self, job: Job, kind: CommandKind) -> Appointment | None:
        """Give the Appointment that a Buyer's command of this kind is about; None where it is about none yet."""
        if kind is CommandKind.SEARCH:
            return None
        return self.pack.moved_appointment(job) if kind is CommandKind.BOOK else job.appointment

    def _queue(self, ref: JobRef) -> HoldQueue:
        if ref not in self._queues:
            self._queues[ref] = HoldQueue(self.pack, Job(ref=ref), self.new_id, self._steps)
        return self._queues[ref]

    def _queue_at(self, ref: JobRef, now: datetime) -> HoldQueue:
        """Give a job's queue, with the job as it would be loaded now."""
        queue = self._queue(ref)
        queue.job = without_echoes(queue.job, now)
        return queue

    # what happens

    def apply(self, message: RawMessage, now: datetime) -> list[Happened]:
        """Apply a message, part by part, and then tell what waited for what it brought."""
        raw = WfmMessage(
            pack=self.pack.name,
            body=message.body,
            routing_key=message.routing_key,
            headers=message.headers,
            correlation_id="",
            received_at=now,
        )
        parts = self.pack.read_all(message.body, message.routing_key, message.headers)
        return [happened for part in parts for happened in self._take(raw, part, now)]

    def _take(self, raw: WfmMessage, part: Read, now: datetime) -> list[Happened]:
        if not isinstance(part, Reading):
            outcome = Outcome.IGNORED if isinstance(part, Skipped) else Outcome.PARKED
            return [Happened(job=None, outcome=outcome, reason=part.reason, explanation=part.explanation)]
        if part.message in self._seen:
            return [Happened(job=part.job, outcome=DUPLICATE, reason="a message with this id was taken before")]
        self._seen.add(part.message)
        own = Place(next(self._numbers))
        self._queue_at(part.job, now).arrive(Arrival(own, raw, part), now)
        return self._happened(lambda step: step.place == own)

    def take_due(self, now: datetime) -> list[Happened]:
        """Apply what was held until now, each in its time."""
        due = sorted((moment, ref) for ref, queue in self._queues.items() for moment in queue.due_at() if moment <= now)
        for moment, ref in due:
            self._queue_at(ref, moment).let_due(moment)
        return self._happened()

    def settle(self, command: Command, reply: Accepted | Refused, now: datetime) -> tuple[Settlement, list[Happened]]:
        """Settle a command by the WFM's reply; tell what came of it, and then what had waited."""
        settlement = self._queue_at(command.job, now).settle(command, reply, now)
        return settlement, self._happened(lambda step: step.settlement is settlement)

    def expire(self, command: Command, now: datetime) -> tuple[Settlement, list[Happened]]:
        """Settle a command by its deadline; tells the same."""
        settlement = self._queue_at(command.job, now).expire(command, now)
        return settlement, self._happened(lambda step: step.settlement is settlement)

    def adopt(self, decision: Decision, now: datetime) -> list[Happened]:
        """Take something else that was decided about a job; raises `Unrenderable`."""
        self._queue_at(decision.job.ref, now).adopt(decision, now, cause="")
        return self._happened()

    def _happened(self, is_first: Callable[[Step], bool] = lambda _: False) -> list[Happened]:
        """Tell what came of it, one thing first; but for messages that have never happened.

        One that was parked may come again.
        """
        steps = sorted(self._steps, key=lambda step: not is_first(step))
        self._steps.clear()
        became = {entry.message: entry.outcome for step in steps if (entry := step.entry) is not None}
        self._seen -= {str(message) for message, outcome in became.items() if outcome is Outcome.PARKED}
        return [_happened(step) for step in steps if step.entry is None or step.entry.outcome is not Outcome.SUPERSEDED]


def _happened(step: Step) -> Happened:
    decision, entry = step.decision, step.entry
    happened = Happened(job=decision.job.ref if decision is not None else None, outcome=Outcome.UNCHANGED)
    if entry is not None:
        happened = Happened(
            job=entry.job,
            message=entry.message,
            outcome=entry.outcome,
            reason=entry.reason,
            rule=entry.rule,
            update=step.update,
            flags=entry.flags,
            explanation=entry.explanation,
        )
    if decision is None:
        return happened
    return replace(
        happened,
        outcome=decision.outcome,
        reason=decision.reason,
        transitions=decision.transitions,
        notifications=tuple(one.event_type for one in decision.notifications),
        commands=tuple(step.messages),
    )

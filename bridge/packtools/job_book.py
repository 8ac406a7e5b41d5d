"""Jobs in memory, and what a pack and the domain make of messages about them: for cases, explanations, comparisons.

The same steps as in the running bridge, without its database: known message? translate, decide, take up what waited.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from bridge.domain.decide import decide, learned
from bridge.domain.echo import without_old_echoes
from bridge.domain.model import (
    Accepted,
    Appointment,
    AppointmentId,
    Command,
    CommandKind,
    Decision,
    Ids,
    Job,
    JobRef,
    JobUpdate,
    Outcome,
    Refused,
    Transition,
    WorkOrderId,
)
from bridge.domain.order import in_order
from bridge.domain.replies import Settlement, settle
from bridge.flows.effects import messages_for
from bridge.flows.ports import BusMessage
from bridge.mapping.pack import Awaits, Ignored, Pack, Read, Reading, Skipped, Translated, Unmapped
from bridge.mapping.partners import Behind, InLine, Partner, place, place_answer, translate_as_partner
from bridge.mef.models import TimePeriod

DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class WfmWords:
    """A message as it comes off the bus."""

    body: bytes
    routing_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What became of one message. `outcome` is an `Outcome` or `DUPLICATE`; `notifications` are event types in order.

    `update` is the canonical form, where the pack gave one.
    """

    job: JobRef | None
    outcome: str
    reason: str = ""
    rule: str | None = None
    update: JobUpdate | None = None
    transitions: tuple[Transition, ...] = ()
    notifications: tuple[str, ...] = ()
    commands: tuple[BusMessage, ...] = ()
    flags: tuple[str, ...] = ()
    explanation: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Heard:
    """A message with its number in order of arrival."""

    number: int
    reading: Reading
    came: datetime


class JobBook:
    """The jobs of one pack. Identifiers are `id-1`, `id-2`, … in order of use.

    `offered` has the token by which a window that the WFM offered for a job is booked.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.jobs: dict[JobRef, Job] = {}
        self.offered: dict[tuple[JobRef, TimePeriod | None], Mapping[str, object]] = {}
        self._seen: set[str] = set()
        self._waiting: dict[JobRef, list[_Heard]] = {}
        self._lines: dict[JobRef, dict[int, InLine]] = {}
        self._numbers = count(1)
        self.number_ids("id")

    def number_ids(self, name: str) -> None:
        """Begin the identifiers anew, with this name."""
        self._ids = (f"{name}-{number}" for number in count(1))

    def new_id(self) -> str:
        """Make the next identifier."""
        return next(self._ids)

    def job(self, ref: JobRef) -> Job:
        """Give what is known of a job."""
        return self.jobs.get(ref) or Job(ref=ref)

    def concerned(self, job: Job, kind: CommandKind) -> Appointment | None:
        """Give the Appointment that a Buyer's command of this kind is about; None where it is about none yet."""
        if kind is CommandKind.SEARCH:
            return None
        return self.pack.held_appointment(job) if kind is CommandKind.BOOK else job.appointment

    def _job_at(self, ref: JobRef, now: datetime) -> Job:
        return without_old_echoes(self.job(ref), now)

    def put(self, job: Job) -> None:
        """Know a job as it is given, whatever was known before."""
        self.jobs[job.ref] = job

    def apply(self, words: WfmWords, now: datetime) -> list[Happened]:
        """Apply a message, part by part, and then what waited for what it brought."""
        parts = self.pack.read_all(words.body, words.routing_key, words.headers)
        return [happened for part in parts for happened in self._take(part, now)]

    def _take(self, part: Read, now: datetime) -> Iterator[Happened]:
        if not isinstance(part, Reading):
            outcome = Outcome.IGNORED if isinstance(part, Skipped) else Outcome.PARKED
            yield Happened(job=None, outcome=outcome, reason=part.reason, explanation=part.explanation)
            return
        if part.message in self._seen:
            yield Happened(job=part.job, outcome=DUPLICATE, reason="a message with this id was taken before")
            return
        self._seen.add(part.message)
        was_known = self.job(part.job).work_order is not None
        yield from self._arrive(_Heard(next(self._numbers), part, now), now)
        if not was_known and self.job(part.job).work_order is not None:
            yield from self.take_up_waiting(part.job, now)

    def take_up_waiting(self, ref: JobRef, now: datetime) -> list[Happened]:
        """Apply what waits for a job, by version where it has one; it may have to wait on."""
        waited = in_order(self._waiting.pop(ref, []), lambda heard: heard.reading.versions)
        return [happened for heard in waited for happened in self._arrive(heard, now)]

    def take_due(self, now: datetime) -> list[Happened]:
        """Apply what was held for a partner that has not come by now."""
        due = [
            (one.due_at, number, ref)
            for ref, line in self._lines.items()
            for number, one in line.items()
            if one.due_at <= now
        ]
        return [happened for moment, number, ref in sorted(due) for happened in self._due(ref, number, moment)]

    def _due(self, ref: JobRef, number: int, moment: datetime) -> list[Happened]:
        one = self._lines[ref].pop(number, None)
        return self._arrive(_Heard(number, one.reading, one.came), moment) if one is not None else []

    def _arrive(self, heard: _Heard, now: datetime) -> list[Happened]:
        """Apply a message, unless it must wait in line; what follows from it for the line comes after it."""
        ref = heard.reading.job
        line = self._lines.get(ref, {})
        before = [number for number in sorted(line) if number < heard.number]
        ahead = [line[number] for number in before]
        placed = place(self.pack, self._job_at(ref, now), ahead, heard.reading, heard.came, now)
        if isinstance(placed, Behind):
            line[heard.number] = InLine(heard.reading, heard.came, placed.due_at)
            return [_behind(ref, placed)]
        if not isinstance(placed, Partner):
            return [self._apply(heard, now)]
        superseded, caught_up = self._resolve(line, before, placed, now)
        return [self._apply(heard, now, superseded), *caught_up]

    def _resolve(
        self, line: dict[int, InLine], before: Sequence[int], placed: Partner, now: datetime
    ) -> tuple[list[Reading], list[Happened]]:
        """Take messages out of a line: the partner supersedes some, and the others need not wait any more."""
        superseded, caught_up = [], []
        for index, number in enumerate(before):
            one = line.pop(number)
            if index in placed.of:
                superseded.append(one.reading)
            else:
                caught_up.append(self._apply(_Heard(number, one.reading, one.came), now))
        return superseded, caught_up

    def _apply(self, heard: _Heard, now: datetime, superseded: Sequence[Reading] = ()) -> Happened:
        reading = heard.reading
        job = self._job_at(reading.job, now)
        translation = translate_as_partner(self.pack, reading, job, superseded)
        if not isinstance(translation, Translated):
            return self._untranslated(heard, job, translation)
        decision = decide(job, translation.update, self._fresh_ids(), now, heard.came)
        if decision.due_at is not None:
            self._lines.setdefault(reading.job, {})[heard.number] = InLine(reading, heard.came, decision.due_at)
        elif decision.outcome is Outcome.WAITING:
            self._waiting.setdefault(reading.job, []).append(heard)
        return replace(
            self.carry_out(decision, now),
            rule=translation.update.rule,
            update=translation.update,
            flags=translation.update.flags,
            explanation=translation.explanation,
        )

    def _untranslated(self, heard: _Heard, job: Job, translation: Ignored | Awaits | Unmapped) -> Happened:
        reading = heard.reading
        outcome = Outcome.PARKED
        if isinstance(translation, Ignored):
            outcome = Outcome.IGNORED
            if translation.record is not None:
                self.put(learned(job, reading.versions, translation.record, translation.field_versions))
        elif isinstance(translation, Awaits):
            outcome = Outcome.WAITING
            self._waiting.setdefault(reading.job, []).append(heard)
        return Happened(
            job=reading.job,
            outcome=outcome,
            reason=translation.reason,
            rule=translation.rule,
            explanation=translation.explanation,
        )

    def settle(
        self, command: Command, reply: Accepted | Refused, now: datetime
    ) -> tuple[Settlement, tuple[Happened, ...]]:
        """Decide on the WFM's answer to a command; tell what had waited behind messages that it supersedes."""
        ref, ids = command.job, self._fresh_ids()

        def settled(job: Job) -> Settlement:
            return settle(job, command, reply, self.pack.seller_contact, ids, now)

        line = self._lines.get(ref, {})
        before = sorted(line)
        placed = place_answer(self.pack, self.job(ref), [line[number] for number in before], reply, settled, now)
        caught_up = self._resolve(line, before, placed, now)[1] if placed is not None else []
        return settled(self.job(ref)), tuple(caught_up)

    def _fresh_ids(self) -> Ids:
        return Ids(WorkOrderId(self.new_id()), AppointmentId(self.new_id()))

    def carry_out(self, decision: Decision, now: datetime) -> Happened:
        """Keep the job of a decision; tell what it has others know."""
        self.jobs[decision.job.ref] = decision.job
        effects = decision.effects
        return Happened(
            job=decision.job.ref,
            outcome=decision.outcome,
            reason=decision.reason,
            transitions=decision.transitions,
            notifications=tuple(one.event_type for one in decision.notifications),
            commands=tuple(messages_for(self.pack, decision.job, effects, self.new_id, now)) if effects else (),
        )


def _behind(ref: JobRef, placed: Behind) -> Happened:
    translation = placed.translation
    update = translation.update if isinstance(translation, Translated) else None
    return Happened(
        job=ref,
        outcome=Outcome.WAITING,
        reason=placed.reason,
        rule=placed.rule,
        update=update,
        explanation=translation.explanation,
    )

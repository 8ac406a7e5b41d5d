"""The messages of one job, and which of them wait: one machine without a database, a clock or a log.

What happens goes in: a message arrived, time passed, the WFM replied to a Buyer's command. Out comes, step by step,
what became of which message: its journal entry and the decision, for the caller to write. The transaction of the
running bridge and the tools that play cases and records through a pack drive the same machine, so they cannot differ.

A message *waits* for one of three things:

1. For its job. It came before the message that opens the job, or is a delta that builds on it.
2. For a reply. It may be the echo of a Buyer's command that is still pending (`domain/echo.py`).
3. For its time. A rule of the pack holds it (`wait_seconds`): a WFM that plans anew may cancel first and create then,
   and until then nobody knows whether a visit was cancelled or moved. It is due so long after its arrival.

Those of the third kind are the *hold queue*. While it has one, whatever comes later of this job stands behind it, lest
it be applied before what came before it; it is due when the last one ahead of it is. There are three exceptions:

- A message that changes nothing where it stands, such as one that the pack ignores, need not wait.
- One with a lower version than something in the queue says itself that it is older, and is judged at once.
- One that names a state, and can be applied as if what is held had never come, *supersedes* what is held: that never
  happened. What stood behind is applied first, in its order. What a superseded message told stays in the record, for
  the next delta builds on what the WFM believes to have told. A message that is held itself supersedes nothing until
  it is due. The WFM's yes to a booking or a move supersedes, too, unless it bears a lower version than something in the
  queue; there, what was superseded told nothing, as no later word of the WFM's messages contradicts it.

Order. In the queue it is that of arrival, as a WFM cancels and creates within a second: `Place`. What is due is taken
by its moment, then by arrival. What waited for its job or for a reply stands in no queue: it is taken by versions where
it bears them, else by arrival (`in_order`). Whatever happens to a job, what is due by then comes first.

A message is judged by its content each time anew, with the pack as it is then: it may come to be held after it waited,
for what is left of its time, or wait once more. If the bridge fails on a message that waited, that one alone is parked;
what fails on its first arrival goes up to the caller, who has not yet said that he has it.
"""

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from bridge.domain.ages import in_order, is_behind
from bridge.domain.decide import decide, learned
from bridge.domain.model import (
    Accepted,
    AppointmentId,
    Command,
    CommandKind,
    CommandState,
    Decision,
    Ids,
    Job,
    JobUpdate,
    Outcome,
    Refused,
    WorkOrderId,
)
from bridge.domain.replacing import replace
from bridge.domain.settlement import Settlement, expire, settle, withdraw
from bridge.flows.bus_messages import messages_for
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.mapping.pack import Awaits, Ignored, Pack, Read, Reading, Skipped, Translated, Unreadable
from bridge.mapping.translator import Translation

LAST: Final = sys.maxsize
"""The number of whatever is not in the journal yet: it came after all that is."""

BEHIND: Final = "waits behind an earlier message of its job, which is held for another one"

_IDS = Ids(WorkOrderId("-"), AppointmentId("-"))
"""Of objects that are thrown away."""


class Place(NamedTuple):
    """A message's place in the order of arrival, by which it is known here.

    `number` is that of its entry in the journal; `new` counts those that have none of their own yet. A parked message
    that is applied anew is a new one in its old place.
    """

    number: int
    new: int = 0


END: Final = Place(LAST, LAST)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message of the job, with what the pack read in it."""

    place: Place
    message: WfmMessage
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that came of what happened, to be written: what became of a message, or how a command was settled.

    A message has its `place` and its `entry` in the journal. `decision` and `messages` (for the WFM) are what is to be
    done; `cause` is the correlation id of what led to it. `ended` is how the job stood when another WorkOrder took the
    place of its own, to be stored before. `update` is the canonical form, where the pack gave one. `error` is what the
    bridge failed on.
    """

    place: Place = END
    entry: JournalEntry | None = None
    settlement: Settlement | None = None
    update: JobUpdate | None = None
    decision: Decision | None = None
    messages: Sequence[BusMessage] = ()
    cause: str = ""
    ended: Job | None = None
    error: Exception | None = None


class HoldQueue:
    """The machine of one job. `job` is how it stands now; what comes of anything is added to `steps`.

    `stored` are its entries in the journal that wait. They may be left out as long as nothing of the job is held, the
    job is known, and no command of it is settled.
    """

    def __init__(
        self,
        pack: Pack,
        job: Job,
        new_id: Callable[[], str],
        steps: list[Step],
        stored: Mapping[Place, JournalEntry] | None = None,
    ) -> None:
        self.job = job
        self._pack = pack
        self._new_id = new_id
        self._steps = steps
        self._unread = dict(stored or {})
        self._waiting: dict[Place, tuple[JournalEntry, Reading]] = {}

    def due_at(self) -> list[datetime]:
        """Tell when something will be due."""
        return sorted(entry.due_at for entry, _ in self._waiting.values() if entry.due_at is not None)

    # what happens

    def arrive(self, came: Arrival, now: datetime) -> None:
        """A message came. If it brings the job, what waited for that follows."""
        was_known = self.job.work_order is not None
        if self._unread or self._waiting:
            self.let_due(now)
        self._judge(came, now)
        if not was_known and self.job.work_order is not None:
            self._take_up(now)

    def let_due(self, now: datetime) -> None:
        """Time passed: what was held until now is held no longer."""
        if self._unread:
            self._read(held=True)
        if not self._waiting:
            return
        due = [(entry.due_at, one) for one, (entry, _) in self._waiting.items() if entry.due_at is not None]
        for moment, one in sorted(due):
            if moment <= now and one in self._waiting:  # no other has superseded it
                self._again(one, self._judge, now)

    def settle(self, command: Command, reply: Accepted | Refused, now: datetime) -> Settlement:
        """The WFM replied to a command."""
        self.let_due(now)
        ids = self._ids()

        def settled(job: Job) -> Settlement:
            return settle(job, command, reply, self._pack.seller_contact(job), ids, now)

        if self._waiting:
            self._supersede(command, reply, settled, now)
        return self._conclude(settled(self.job), now)

    def expire(self, command: Command, now: datetime) -> Settlement:
        """The WFM did not reply to a command in time."""
        self.let_due(now)
        return self._conclude(expire(self.job, command), now)

    def withdraw(self, command: Command, now: datetime) -> Settlement:
        """A command never left. What waited to be told from its echo is news."""
        self.let_due(now)
        return self._conclude(withdraw(self.job, command), now)

    def adopt(self, decision: Decision, now: datetime, cause: str) -> None:
        """Something else was decided about the job."""
        self._steps.append(self._carry_out(decision, now, cause))

    def _conclude(self, settlement: Settlement, now: datetime) -> Settlement:
        cause = settlement.command.correlation_id
        self._steps.append(self._carry_out(settlement.decision, now, cause, settlement=settlement))
        if self._unread or self._waiting:
            self._take_up(now)
        return settlement

    def _carry_out(
        self,
        decision: Decision,
        now: datetime,
        cause: str,
        *,
        place: Place = END,
        entry: JournalEntry | None = None,
        update: JobUpdate | None = None,
        settlement: Settlement | None = None,
    ) -> Step:
        """First comes what may fail: a pack may be unable to say it, and then nothing of the decision is kept."""
        messages: Sequence[BusMessage] = ()
        if decision.effects:
            messages = messages_for(self._pack, decision.job, decision.effects, self._new_id, now, cause)
        before, self.job = self.job, decision.job
        old, new = before.work_order, decision.job.work_order
        ended = before if old is not None and new is not None and old.id != new.id else None
        return Step(
            place=place,
            entry=entry,
            settlement=settlement,
            update=update,
            decision=decision,
            messages=messages,
            cause=cause,
            ended=decision.ended or ended,
        )

    def _ids(self) -> Ids:
        return Ids(WorkOrderId(self._new_id()), AppointmentId(self._new_id()))

    # one message

    def _judge(self, came: Arrival, now: datetime) -> None:
        """Apply a message, unless it must wait in the queue."""
        ahead = self._held(came.place) if self._waiting else []
        if not ahead or any(is_behind(came.reading.versions, self._waiting[one][1].versions) for one in ahead):
            return self._apply(came, now)
        standing, held = self._without_held(ahead, now)
        translation = self._pack.translate(came.reading, standing)
        after, due_at = standing, max(filter(None, (self._waiting[one][0].due_at for one in ahead)))
        if isinstance(translation, Translated):
            decision = decide(standing, translation.update, _IDS, now, came.message.received_at)
            if translation.update.names_state and decision.outcome in (Outcome.APPLIED, Outcome.UNCHANGED):
                return self._apply(came, now, self._resolve(ahead, held, f"message {came.reading.message}", now))
            after, due_at = decision.job, decision.due_at or due_at
        else:
            after = _after(standing, came.reading, translation, now)
        if after is self.job:
            return self._apply(came, now)
        entry = replace(self._entry(came, translation, Outcome.WAITING), reason=BEHIND, due_at=due_at)
        return self._add(came, Step(place=came.place, entry=entry, update=_update(translation)))

    def _apply(self, came: Arrival, now: datetime, superseded: Sequence[Reading] = ()) -> None:
        """Apply a message as if those that it supersedes had never come."""
        translation = self._pack.translate(came.reading, self.job)
        if isinstance(translation, Translated):
            if superseded:
                translation = _recording(self._pack, came.reading, self.job, translation, superseded)
            update, cause = translation.update, came.message.correlation_id
            decision = decide(self.job, update, self._ids(), now, came.message.received_at)
            entry = self._entry(came, translation, decision.outcome, decision)
            return self._add(came, self._carry_out(decision, now, cause, place=came.place, entry=entry, update=update))
        outcome = Outcome.PARKED
        if isinstance(translation, Ignored):
            self.job, outcome = _after(self.job, came.reading, translation, now), Outcome.IGNORED
        elif isinstance(translation, Awaits):
            outcome = Outcome.WAITING
        return self._add(came, Step(place=came.place, entry=self._entry(came, translation, outcome)))

    def _entry(
        self, came: Arrival, translation: Translation, outcome: Outcome, decision: Decision | None = None
    ) -> JournalEntry:
        """Write down a message, and what became of it; `decision` is what was decided, if it came to that."""
        flags = translation.explanation.get("flags")
        return JournalEntry(
            message=came.reading.message,
            job=came.reading.job,
            raw=came.message,
            outcome=outcome,
            reason=(decision.reason if decision else "") if isinstance(translation, Translated) else translation.reason,
            rule=translation.update.rule if isinstance(translation, Translated) else translation.rule,
            pack_version=self._pack.version,
            transitions=decision.transitions if decision else (),
            flags=tuple(map(str, flags)) if isinstance(flags, list) else (),
            explanation=translation.explanation,
            due_at=decision.due_at if decision else None,
        )

    def _add(self, came: Arrival, step: Step) -> None:
        self._steps.append(step)
        if step.entry is not None and step.entry.outcome is Outcome.WAITING:
            self._waiting[came.place] = (step.entry, came.reading)

    # those that wait

    def _held(self, before: Place = END) -> list[Place]:
        """Give the hold queue, in order."""
        return sorted(one for one, (entry, _) in self._waiting.items() if entry.due_at is not None and one < before)

    def _take_up(self, now: datetime) -> None:
        """Apply what waited for the job or for a reply, by version where it has one, else as it arrived."""
        self._read(held=False)
        waited = [(one, reading) for one, (entry, reading) in sorted(self._waiting.items()) if entry.due_at is None]
        for one, _ in in_order(waited, lambda pair: pair[1].versions):
            self._again(one, self._judge, now)

    def _read(self, *, held: bool) -> None:
        """Read stored messages anew; what cannot be read, or is of no interest any more, waits no longer."""
        for place, entry in sorted(self._unread.items()):
            if held and entry.due_at is None:
                continue
            del self._unread[place]
            try:
                (read,) = read_again(self._pack, entry)
            except Exception as error:  # noqa: BLE001 - outermost for this message
                self._steps.append(Step(place=place, entry=crashed(entry, error), error=error))
                continue
            if isinstance(read, Reading):
                self._waiting[place] = (entry, read)
            else:
                self._steps.append(Step(place=place, entry=unattributed(entry, read)))

    def _again(self, place: Place, judge: Callable[[Arrival, datetime], None], now: datetime) -> None:
        """Judge a message that waited, or park it if it breaks the bridge: what it waited for must not suffer."""
        entry, reading = self._waiting.pop(place)
        try:
            judge(Arrival(place, entry.raw, reading), now)
        except Exception as error:  # noqa: BLE001 - outermost for this message
            self._steps.append(Step(place=place, entry=crashed(entry, error), error=error))

    def _resolve(self, queue: Iterable[Place], superseded: Collection[Place], by: str, now: datetime) -> list[Reading]:
        """Empty the queue: some are superseded, which are returned, and the others need not wait any more."""
        readings = []
        for place in queue:
            if place not in superseded:
                self._again(place, self._apply, now)
                continue
            entry, reading = self._waiting.pop(place)
            reason = f"superseded by {by}, as if it had never come; was: {entry.reason}"
            became = replace(entry, outcome=Outcome.SUPERSEDED, reason=reason, due_at=None)
            self._steps.append(Step(place=place, entry=became))
            readings.append(reading)
        return readings

    def _without_held(self, queue: Iterable[Place], now: datetime) -> tuple[Job, set[Place]]:
        """Give the job as if the messages that are held had never come, and the places of these in the queue."""
        job, held = self.job, set()
        for place in queue:
            reading = self._waiting[place][1]
            translation = self._pack.translate(reading, job)
            if isinstance(translation, Translated) and translation.update.wait is not None:
                held.add(place)
            else:
                job = _after(job, reading, translation, now)
        return job, held

    def _supersede(
        self, command: Command, reply: Accepted | Refused, settled: Callable[[Job], Settlement], now: datetime
    ) -> None:
        """Let a reply supersede what it makes never have happened; `settled` gives what it means to a job."""
        queue = self._held()
        if not queue or any(_is_newer(self._waiting[one][1], reply) for one in queue):
            return
        standing, held = self._without_held(queue, now)
        if _agrees_visit(settled(standing)):
            self._resolve(queue, held, f"the WFM's yes to the {command.kind} {command.id}", now)


def read_again(pack: Pack, entry: JournalEntry) -> Sequence[Read]:
    """Read the part of a message that a journal entry is about; all parts, where it is about none of them."""
    parts = pack.read_all(entry.raw.body, entry.raw.routing_key, entry.raw.headers)
    if entry.message is None:
        return parts
    same = (part for part in parts if isinstance(part, Reading) and part.message == entry.message)
    return [next(same, parts[0])]


def crashed(entry: JournalEntry, error: Exception) -> JournalEntry:
    """Return a message as one that the bridge failed on."""
    reason = f"the bridge failed on this message: {type(error).__name__}: {error}"
    return replace(entry, outcome=Outcome.PARKED, reason=reason, due_at=None)


def unattributed(entry: JournalEntry, read: Skipped | Unreadable) -> JournalEntry:
    """Return a message as one that the pack leaves alone, or that nobody can attribute to a job."""
    outcome = Outcome.IGNORED if isinstance(read, Skipped) else Outcome.PARKED
    return replace(entry, outcome=outcome, reason=read.reason, explanation=read.explanation, due_at=None)


def _update(translation: Translation) -> JobUpdate | None:
    return translation.update if isinstance(translation, Translated) else None


def _after(job: Job, reading: Reading, translation: Translation, now: datetime) -> Job:
    """Give the job as it stands after a message."""
    if isinstance(translation, Translated):
        return decide(job, translation.update, _IDS, now).job
    if isinstance(translation, Ignored) and translation.record is not None:
        return learned(job, reading.versions, translation.record, translation.field_versions)
    return job


def _recording(
    pack: Pack, reading: Reading, job: Job, translation: Translated, superseded: Iterable[Reading]
) -> Translated:
    """Say what a message means where others have never come; what they told goes into the record all the same."""
    after = job
    for one in superseded:
        after = _with_record(after, pack.translate(one, after))
    again = pack.translate(reading, after)
    if after is job or not isinstance(again, Translated):
        return translation
    return replace(
        translation,
        update=replace(translation.update, record=again.update.record, field_versions=again.update.field_versions),
    )


def _with_record(job: Job, translation: Translation) -> Job:
    if isinstance(translation, Translated):
        return replace(job, record=translation.update.record, field_versions=translation.update.field_versions)
    if isinstance(translation, Ignored) and translation.record is not None:
        return replace(job, record=translation.record, field_versions=translation.field_versions)
    return job


def _agrees_visit(settlement: Settlement) -> bool:
    command = settlement.command
    agreed = command.state is CommandState.ACCEPTED and not settlement.problems
    return agreed and command.kind in (CommandKind.BOOK, CommandKind.RESCHEDULE)


def _is_newer(reading: Reading, reply: Accepted | Refused) -> bool:
    """A reply may say the version that the job has since then."""
    if isinstance(reply, Refused) or reply.version is None:
        return False
    return reading.versions.get("job", reply.version) > reply.version

"""Jobs in memory, and what a pack and the domain make of messages about them: for cases, explanations, comparisons.

The same steps as in the running bridge, without its database: known message? translate, decide, take up what waited.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Protocol

from bridge.domain.decide import decide
from bridge.domain.model import (
    AppointmentId,
    Decision,
    Ids,
    Job,
    JobRef,
    JobUpdate,
    Outcome,
    Transition,
    WfmEffect,
    WorkOrderId,
)
from bridge.mapping.pack import Ignored, Pack, Reading, Translated, Unreadable

DUPLICATE = "duplicate"


class Sent(Protocol):
    """A message for the WFM."""

    @property
    def routing_key(self) -> str: ...

    @property
    def body(self) -> bytes: ...


Send = Callable[[Pack, Job, Sequence[WfmEffect], Callable[[], str], datetime], Sequence[Sent]]
"""Renders the effects of a decision; the running bridge's own way of doing it is handed in."""


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
    commands: tuple[Sent, ...] = ()
    flags: tuple[str, ...] = ()
    explanation: Mapping[str, object] = field(default_factory=dict)


class JobBook:
    """The jobs of one pack. Identifiers are `id-1`, `id-2`, … in order of use."""

    def __init__(self, pack: Pack, send: Send) -> None:
        self.pack = pack
        self.jobs: dict[JobRef, Job] = {}
        self._send = send
        self._seen: set[tuple[JobRef, str]] = set()
        self._waiting: dict[JobRef, list[WfmWords]] = {}
        self._numbers = count(1)

    def new_id(self) -> str:
        """Make the next identifier."""
        return f"id-{next(self._numbers)}"

    def job(self, ref: JobRef) -> Job:
        """Give what is known of a job."""
        return self.jobs.get(ref) or Job(ref=ref)

    def put(self, job: Job) -> None:
        """Know a job as it is given, whatever was known before."""
        self.jobs[job.ref] = job

    def apply(self, words: WfmWords, now: datetime) -> list[Happened]:
        """Apply one message, and then those that waited for what it brought."""
        reading = self.pack.read(words.body, words.routing_key, words.headers)
        if not isinstance(reading, Reading):
            outcome = Outcome.PARKED if isinstance(reading, Unreadable) else Outcome.IGNORED
            return [replace(_parked(None, reading.reason, None, reading.explanation), outcome=outcome)]
        key = (reading.job, reading.message)
        if key in self._seen:
            return [Happened(job=reading.job, outcome=DUPLICATE, reason="a message with this id was taken before")]
        self._seen.add(key)
        was_known = self.job(reading.job).work_order is not None
        happened = [self._apply(words, reading, now)]
        if not was_known and self.job(reading.job).work_order is not None:
            happened += self._take_up(reading.job, now)
        return happened

    def _take_up(self, ref: JobRef, now: datetime) -> Iterator[Happened]:
        for words in self._waiting.pop(ref, []):
            reading = self.pack.read(words.body, words.routing_key, words.headers)
            if isinstance(reading, Reading):
                yield self._apply(words, reading, now)

    def _apply(self, words: WfmWords, reading: Reading, now: datetime) -> Happened:
        translation = self.pack.translate(reading, self.job(reading.job))
        if isinstance(translation, Ignored):
            return replace(
                _parked(reading.job, translation.reason, translation.rule, translation.explanation),
                outcome=Outcome.IGNORED,
            )
        if not isinstance(translation, Translated):
            return _parked(reading.job, translation.reason, translation.rule, translation.explanation)
        ids = Ids(WorkOrderId(self.new_id()), AppointmentId(self.new_id()))
        decision = decide(self.job(reading.job), translation.update, ids, now)
        if decision.outcome is Outcome.WAITING:
            self._waiting.setdefault(reading.job, []).append(words)
        return replace(
            self.carry_out(decision, now),
            rule=translation.update.rule,
            update=translation.update,
            flags=translation.update.flags,
            explanation=translation.explanation,
        )

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
            commands=tuple(self._send(self.pack, decision.job, effects, self.new_id, now)) if effects else (),
        )


def _parked(job: JobRef | None, reason: str, rule: str | None, explanation: Mapping[str, object]) -> Happened:
    return Happened(job=job, outcome=Outcome.PARKED, reason=reason, rule=rule, explanation=explanation)

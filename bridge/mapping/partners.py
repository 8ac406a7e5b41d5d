"""Messages that are held for a partner: a WFM that plans anew may cancel first, and then create.

While one is held, the later ones of its job wait behind it, so that all are applied in the order in which they came.
One of them that names a state and can be applied is the partner: then what is held never happened. So is the WFM's yes
to a visit that a Buyer asked for.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.domain.decide import decide, learned
from bridge.domain.model import (
    Accepted,
    AppointmentId,
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
from bridge.domain.order import is_behind
from bridge.domain.replies import Settlement
from bridge.mapping.pack import Ignored, Pack, Reading, Translated
from bridge.mapping.translator import Translation


@dataclass(frozen=True, slots=True)
class InLine:
    """A message in the line of its job: held for a partner, or behind one that is. `came` is when it arrived."""

    reading: Reading
    came: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Behind:
    """The message must wait, too; `translation` is what it means so far."""

    due_at: datetime
    reason: str
    translation: Translation

    @property
    def rule(self) -> str | None:
        """Name the rule that holds so far, if any."""
        return self.translation.update.rule if isinstance(self.translation, Translated) else self.translation.rule


@dataclass(frozen=True, slots=True)
class Partner:
    """The message makes those at these places of the line never have happened."""

    of: frozenset[int]


def place(
    pack: Pack, job: Job, line: Sequence[InLine], reading: Reading, came: datetime, now: datetime
) -> Behind | Partner | None:
    """Say what a message means for the line of earlier ones; None: nothing, and it need not wait behind them.

    That goes by arrival, as a WFM cancels and creates within a second; only a version may say that it is older.
    """
    if not line or any(is_behind(reading.versions, one.reading.versions) for one in line):
        return None
    standing, held = _without_held(pack, job, line, now)
    translation = pack.translate(reading, standing)
    until = max(one.due_at for one in line)
    if isinstance(translation, Translated):
        decision = decide(standing, translation.update, _IDS, now, came)
        if _is_partner(translation.update, decision):
            return Partner(held)
        until, standing = decision.due_at or until, decision.job
    else:
        standing = _after(standing, reading, translation, now)
    return None if standing is job else Behind(until, _BEHIND, translation)


def place_answer(
    pack: Pack,
    job: Job,
    line: Sequence[InLine],
    reply: Accepted | Refused,
    settled: Callable[[Job], Settlement],
    now: datetime,
) -> Partner | None:
    """Say what the WFM's answer to a Buyer's command means for the line; None: nothing.

    `settled` gives what the answer means to a job. What superseded messages told is not remembered: no later word of
    the WFM's messages contradicts it, and the next delta would build on a visit that is cancelled.
    """
    if not line or any(_is_newer(one.reading, reply) for one in line):
        return None
    standing, held = _without_held(pack, job, line, now)
    return Partner(held) if _agrees_visit(settled(standing)) else None


def translate_as_partner(pack: Pack, reading: Reading, job: Job, superseded: Iterable[Reading]) -> Translation:
    """Say what a message means as if others had never come; what they tell goes into the record all the same."""
    translation = pack.translate(reading, job)
    told = job
    for one in superseded:
        told = _with_record(told, pack.translate(one, told))
    if told is job or not isinstance(translation, Translated):
        return translation
    again = pack.translate(reading, told)
    if not isinstance(again, Translated):
        return translation
    return replace(translation, update=replace(translation.update, record=again.update.record, told=again.update.told))


_BEHIND = "waits behind an earlier message of its job, which is held for another one"
_IDS = Ids(WorkOrderId("-"), AppointmentId("-"))
"""Of objects that are thrown away."""


def _without_held(pack: Pack, job: Job, line: Sequence[InLine], now: datetime) -> tuple[Job, frozenset[int]]:
    """Give the job as if the messages that are held had never come, and their places in the line."""
    held = set()
    for index, one in enumerate(line):
        translation = pack.translate(one.reading, job)
        if isinstance(translation, Translated) and translation.update.wait is not None:
            held.add(index)
        else:
            job = _after(job, one.reading, translation, now)
    return job, frozenset(held)


def _agrees_visit(settlement: Settlement) -> bool:
    command = settlement.command
    agreed = command.state is CommandState.ACCEPTED and not settlement.problems
    return agreed and command.kind in (CommandKind.BOOK, CommandKind.RESCHEDULE)


def _is_newer(reading: Reading, reply: Accepted | Refused) -> bool:
    """An answer may say the version that the job has since then."""
    if isinstance(reply, Refused) or reply.version is None:
        return False
    return reading.versions.get("job", reply.version) > reply.version


def _is_partner(update: JobUpdate, decision: Decision) -> bool:
    return update.goal.names_state and decision.outcome in (Outcome.APPLIED, Outcome.UNCHANGED)


def _after(job: Job, reading: Reading, translation: Translation, now: datetime) -> Job:
    """Give the job as it stands after a message."""
    if isinstance(translation, Translated):
        return decide(job, translation.update, _IDS, now).job
    if isinstance(translation, Ignored) and translation.record is not None:
        return learned(job, reading.versions, translation.record, translation.field_versions)
    return job


def _with_record(job: Job, translation: Translation) -> Job:
    if isinstance(translation, Translated):
        return replace(job, record=translation.update.record, told=translation.update.told)
    if isinstance(translation, Ignored) and translation.record is not None:
        return replace(job, record=translation.record, told=translation.field_versions)
    return job

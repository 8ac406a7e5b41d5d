"""Messages that are held for a partner: a WFM that plans anew may cancel first, and then create.

While one is held, the later ones of its job wait behind it, so that all are applied in the order in which they came.
One of them that names a state and can be applied is the partner: then what is held never happened.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.domain.decide import decide, learned
from bridge.domain.model import AppointmentId, Decision, Ids, Job, JobUpdate, Outcome, WorkOrderId
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
    if not line or any(_is_older(reading, one.reading) for one in line):
        return None
    standing, held = job, set()
    for index, one in enumerate(line):
        translation = pack.translate(one.reading, standing)
        if isinstance(translation, Translated) and translation.update.wait is not None:
            held.add(index)
        else:
            standing = _after(standing, one.reading, translation, now)
    translation = pack.translate(reading, standing)
    until = max(one.due_at for one in line)
    if isinstance(translation, Translated):
        decision = decide(standing, translation.update, _IDS, now, came)
        if _is_partner(translation.update, decision):
            return Partner(frozenset(held))
        until, standing = decision.due_at or until, decision.job
    else:
        standing = _after(standing, reading, translation, now)
    return None if standing is job else Behind(until, _BEHIND, translation)


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


def _is_partner(update: JobUpdate, decision: Decision) -> bool:
    return update.goal.names_state and decision.outcome in (Outcome.APPLIED, Outcome.UNCHANGED)


def _is_older(reading: Reading, other: Reading) -> bool:
    return any(version < other.versions.get(key, version) for key, version in reading.versions.items())


def _after(job: Job, reading: Reading, translation: Translation, now: datetime) -> Job:
    """Give the job as it stands after a message."""
    if isinstance(translation, Translated):
        return decide(job, translation.update, _IDS, now).job
    if isinstance(translation, Ignored) and translation.record is not None:
        return learned(job, reading.versions, translation.record, translation.told)
    return job


def _with_record(job: Job, translation: Translation) -> Job:
    if isinstance(translation, Translated):
        return replace(job, record=translation.update.record, told=translation.update.told)
    if isinstance(translation, Ignored) and translation.record is not None:
        return replace(job, record=translation.record, told=translation.told)
    return job

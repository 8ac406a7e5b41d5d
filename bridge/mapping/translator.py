"""A reading becomes a canonical update, step by step explained: fields, then the rule, then what the Buyer sees.

Pure, and total: whatever is in the message, the result is `Translated`, `Ignored`, `Awaits` or `Unmapped`.

1. *Fields.* Each is found, typed and looked up in its table. Of a delta, what it leaves out is what the record of the
   job has, and of an older one what no later message has told (`reading/`). The first that cannot be read ends it.
2. *The rule.* The first whose conditions hold decides. Of a job that is not known yet, a value still missing may
   be why none does: then the message waits. The rules that did not fit are kept for the explanation, and so that it is
   known which fields a goal rests on.
3. *Whether the goal still counts.* A goal rests on fields, and each field has an age. It is withheld where all of them
   were told before what the Buyer and the WFM agreed, or where a later message has named a state (`_why_withheld`); and
   where a message only tells again what others told. The rest of the message is applied all the same.
4. *What the Buyer sees*: the WorkOrder and the visit, built from the same values (`outputs/`). What the standard can't
   hold is told by its attribute.

What the update does to the job is for the domain to decide: this module knows a job's states and ages, and changes
nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from bridge.domain.ages import is_behind, is_older, newest
from bridge.domain.decide import is_late
from bridge.domain.model import BuyerId, Goal, Job, JobUpdate, OnIllegal
from bridge.domain.replacing import replace
from bridge.mapping.formats.paths import Find
from bridge.mapping.formats.values import Misread, briefly
from bridge.mapping.grounds import Grounds, RuleGrounds
from bridge.mapping.outputs.sections import VisitBuilder, WorkOrderBuilder
from bridge.mapping.reading.fields import Field, OfOthers
from bridge.mapping.reading.messages import Message, Reading, TestMessage
from bridge.mapping.reading.references import states_of
from bridge.mapping.reading.scope import FieldVersions, Scope
from bridge.mapping.rules import DecisionTable, Ignore, Park, Rule
from bridge.mef.enums import AppointmentStatus
from bridge.mef.moments import rfc3339


@dataclass(frozen=True, slots=True)
class Translated:
    """The message in canonical form. `explanation` is plain JSON: every field, every rule up to the one that held."""

    update: JobUpdate
    explanation: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Ignored:
    """The pack says that the message tells the Buyer nothing.

    `record` is what is known of its job now, None where the pack keeps no record, or the message is too old for it.
    `field_versions` are those by which each field of it was written.
    """

    reason: str
    rule: str
    explanation: Mapping[str, object]
    record: Mapping[str, object] | None
    field_versions: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Awaits:
    """A delta of a job that is not known yet; it is to be translated again once the job has come.

    `rule` is the one that holds so far, if any.
    """

    reason: str
    rule: str | None
    explanation: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Unmapped:
    """The pack cannot say what the message means; it is to be parked. `rule` is the one that held, if any."""

    reason: str
    rule: str | None
    explanation: Mapping[str, object]


Translation = Translated | Ignored | Awaits | Unmapped


@dataclass(slots=True)
class _Trace:
    """What happened so far in one translation, by the pack of this version; local to it."""

    version: str
    deltas: bool
    scope: Scope
    occurred_at: datetime | None = None
    rules: list[object] = field(default_factory=list)
    rule: str | None = None

    @property
    def failed(self) -> list[str]:
        """The columns by which the rules did not fit that stand before the one that does."""
        return [str(entry["column"]) for entry in self.rules if isinstance(entry, Mapping)]

    def explanation(self, reason: str | None = None) -> Mapping[str, object]:
        """Give what happened as plain JSON."""
        explained: dict[str, object] = {
            "pack": self.version,
            **({"complete": self.scope.is_complete} if self.deltas else {}),
            "fields": self.scope.explained,
            "rules": self.rules,
            "rule": self.rule,
        }
        if self.scope.remarks:
            explained["flags"] = self.scope.remarks
        if reason is not None:
            explained["reason"] = reason
        return explained


@dataclass(frozen=True, slots=True)
class Translator:
    """The compiled inbound half of a pack.

    `deltas`: a message may tell only what has changed; one that `is_complete` does not. `keeps`: some fields keep what
    was told of them; `forgotten` names those that a message takes back. `window_fields` are those that
    the window of a visit comes down to, `visit_fields` those of its reference.
    """

    version: str
    fields: tuple[Field, ...]
    rules: DecisionTable
    grounds: RuleGrounds
    work_order: WorkOrderBuilder
    visit: VisitBuilder
    occurred_at: str | None
    changed_names: Find | None
    deltas: bool
    keeps: bool
    is_complete: TestMessage
    forgotten: Callable[[Message], frozenset[str]]
    window_fields: frozenset[str]
    visit_fields: frozenset[str]

    def translate(self, reading: Reading, job: Job) -> Translation:
        """Translate one message; `job` is what the bridge knows of its job."""
        message = reading.content
        complete = self.is_complete(message)
        overtaken = is_behind(reading.versions, job.heard)
        # A delta builds on all that was told before, a complete message on nothing that was not applied.
        late = is_late(job, reading.versions) or (self.deltas and overtaken)
        scope = Scope(
            message,
            job,
            FieldVersions(job, reading.versions, self.occurred_at, late, overtaken),
            is_complete=complete,
            forgotten=self.forgotten(message),
            values=states_of(job),
            remarks=[*message.remarks],
            tolerant=job.work_order is None and not complete,
        )
        trace = _Trace(self.version, self.deltas, scope)
        try:
            return self._translate(reading, trace)
        except Misread as misread:
            if isinstance(misread, OfOthers) and job.work_order is None:
                return self._left_alone(misread, trace)
            reason = str(misread)
        except ValidationError as error:
            reason = _not_standard(error)
        if trace.rule is not None:
            reason = f"rule {trace.rule}: {reason}"
        return Unmapped(reason, trace.rule, trace.explanation(reason))

    def _left_alone(self, others: OfOthers, trace: _Trace) -> Ignored:
        explanation, versions = trace.explanation(others.why), trace.scope.versions.by_field
        return Ignored(others.why, f"fields.{others.field}", explanation, self._record(trace.scope), versions)

    def _translate(self, reading: Reading, trace: _Trace) -> Translation:
        scope = trace.scope
        if reading.problem is not None:
            raise Misread(reading.problem)
        if self.changed_names is not None:
            scope.changed_names = _names(self.changed_names(scope.message.data))
        for field_ in self.fields:
            scope.values[field_.name] = field_.read(scope)
        moment = scope.values[self.occurred_at] if self.occurred_at is not None else None
        trace.occurred_at = moment if isinstance(moment, datetime) else None
        if self.keeps and scope.job.appointment is not None:
            # Did it occur before the last visit was agreed, moved or ended?
            age = scope.job.age_of(scope.job.appointment)
            scope.versions.precedes = age.is_before(reading.versions, trace.occurred_at) is False
        rule = self.rules.decide(scope.values, trace.rules)
        # A delta adds to what is known of its job. Where no rule fits, a value that is not known yet may be why.
        if scope.missing if rule is None else scope.tolerant and rule.adds:
            return _awaits(reading, rule, trace)
        if rule is None:
            raise Misread("no rule fits this message")
        trace.rule = rule.name
        if scope.missing and rule.creates:
            raise Misread(next(iter(scope.missing.values())))
        return self._outcome(reading, rule, trace)

    def _outcome(self, reading: Reading, rule: Rule, trace: _Trace) -> Translation:
        scope = trace.scope
        outcome = rule.outcome if rule.appointment_required is None else rule.outcome_for(scope.values)
        if self.keeps or self.deltas:
            scope.remarks += self._said_since(rule, trace)
        if isinstance(outcome, Ignore):
            reason, versions = outcome.reason, scope.versions.by_field
            return Ignored(reason, rule.name, trace.explanation(reason), self._record(scope), versions)
        if isinstance(outcome, Park):
            return Unmapped(outcome.reason, rule.name, trace.explanation(outcome.reason))
        update = self._update(reading, rule, outcome, trace)
        if self.keeps:
            if scope.job.work_order is not None:
                update = self._grounded(update, trace)
            scope.remarks += self._remarks(update, scope)
        is_stale = scope.versions.is_late and not update.late
        if not is_stale and update.takes_place_elsewhen(scope.job):
            scope.remarks += _elsewhen(update, scope.job)
        if scope.remarks:
            update = replace(update, flags=tuple(scope.remarks))
        return Translated(update, trace.explanation())

    def _grounded(self, update: JobUpdate, trace: _Trace) -> JobUpdate:
        """Take a goal away that says nothing new, or nothing as new as what is known of the states."""
        scope = trace.scope
        grounds = self.grounds.of(update.rule, trace.failed, scope.versions, scope.values)
        update = replace(update, grounds=newest(grounds.ages), repeats=grounds.repeats, is_own=grounds.is_own)
        why = _why_withheld(grounds, scope) if update.goal.names_state else None
        if why is None:
            return update
        withheld = _withheld(update, f"rule {update.rule} {why}", scope.job)
        return replace(update, goal=Goal(on_illegal=OnIllegal.KEEP), wait=None, withheld=withheld)

    def _said_since(self, rule: Rule, trace: _Trace) -> list[str]:
        """Say of an older message what is not taken from it, and what it is judged by, as later ones have told it."""
        scope = trace.scope
        since = [name for name, entry in scope.explained.items() if entry.get("told_since")]
        if not since and not (self.deltas and scope.versions.is_late):
            return []
        looked_at = filter(scope.versions.is_overtaken, self.grounds.looked_at(rule.name, trace.failed))
        others = sorted({*looked_at} - {*since})
        said = [f"not taken, as told since: {', '.join(since)}"] if since else []
        said += [f"judged by what was told since: {', '.join(others)}"] if others else []
        missed = sorted(self.grounds.kept & scope.versions.written) if self._names_none(rule, scope) else []
        said += [f"a later message has named a state without it: {', '.join(missed)}"] if missed else []
        return [f"older than what is applied; {'; '.join(said) or 'nothing of it was told since'}"]

    def _names_none(self, rule: Rule, scope: Scope) -> bool:
        """Tell whether a later message has named a state, and this one, which it did not know of, names none."""
        names_state = isinstance(rule.outcome, Goal) and rule.outcome.names_state
        return not names_state and is_behind(scope.versions.message, scope.job.ages.named)

    def _remarks(self, update: JobUpdate, scope: Scope) -> list[str]:
        """Say what an older message does not bring about, or brings about otherwise."""
        remarks = [update.withheld] if update.withheld else []
        speaks_of_visit = update.goal.appointment not in (None, AppointmentStatus.CANCELLED)
        if speaks_of_visit and any(map(scope.versions.is_overtaken, self.window_fields)):
            remarks.append("the window of the visit was told since: by a later message")
        return remarks

    def _record(self, scope: Scope) -> Mapping[str, object] | None:
        if scope.versions.is_late and not self.deltas:
            return None
        return scope.record if any(one.remembered for one in self.fields) else None

    def _update(self, reading: Reading, rule: Rule, goal: Goal, trace: _Trace) -> JobUpdate:
        scope = trace.scope
        values, job, versions = scope.values, scope.job, scope.versions
        return JobUpdate(
            job=reading.job,
            message=reading.message,
            rule=rule.name,
            pack_version=self.version,
            goal=goal,
            details=self.work_order.details(values, job),
            buyer=BuyerId(self.work_order.buyer(values)),
            creates=rule.creates,
            visit=self.visit.visit(
                values,
                job,
                writes_window=not self.window_fields <= versions.kept,
                writes_ref=not self.visit_fields <= versions.kept,
            ),
            occurred_at=trace.occurred_at,
            versions=reading.versions,
            ties_are_stale=reading.ties_are_stale,
            record=scope.record,
            field_versions=versions.by_field if self.keeps else {},
            late=self.deltas and versions.is_late and versions.is_news,
            wait=rule.wait if goal.names_state else None,
        )


def _elsewhen(update: JobUpdate, job: Job) -> list[str]:
    """Say that a visit begins in another window than the Buyer sees: what has moved it may be late, or lost."""
    current = job.open_appointment
    if current is None or update.is_begun_as_agreed(job):
        return []
    window = f"{rfc3339(current.valid_for.start_date_time)} to {rfc3339(current.valid_for.end_date_time)}"
    return [f"the window of the visit is another one here; not taken, the Buyer sees {window}"]


def _why_withheld(grounds: Grounds, scope: Scope) -> str | None:
    """Say why a goal is withheld, None where it is not.

    Where only the message's own moment says that it is from before an agreement, that is for the decision to judge.
    """
    ages, versions = scope.job.ages, scope.versions
    rests_on = f"rests on {', '.join(grounds.names) or 'this message alone'}"
    if grounds.repeats:
        return f"{rests_on}, and this message tells nothing that a rule asks for"
    judged_later = versions.precedes and not versions.is_late and versions.own in grounds.ages
    if ages.agreed and not judged_later and all(is_older(age, ages.agreed) for age in grounds.ages):
        return f"{rests_on}, told before what the Buyer and the WFM agreed"
    later = ages.named if grounds.is_own else ages.own
    older = [
        f"{name} {came} < {later[name]}" for name, came in versions.message.items() if came < later.get(name, came)
    ]
    return f"{rests_on}, and a later message has named a state ({', '.join(older)})" if older else None


def _withheld(update: JobUpdate, why: str, job: Job) -> str:
    """Say which states a goal does not name; nothing where the Buyer sees these states already."""
    goal = update.goal.where(visit=update.has_visit(job))
    state = job.work_order.state if job.work_order is not None else None
    status = job.appointment.status if job.appointment is not None else None
    named = (("work_order", goal.work_order, state), ("appointment", goal.appointment, status))
    new = [f"{name} {wanted}" for name, wanted, now in named if wanted not in (None, now)]
    new += ["another window"] if update.moves(job) else []
    return f"goal withheld ({', '.join(new)}): {why}" if new else ""


def _awaits(reading: Reading, rule: Rule | None, trace: _Trace) -> Awaits:
    trace.rule = rule.name if rule is not None else None
    missing = trace.scope.missing
    reason = f"job {reading.job.key} is not known yet"
    if missing:
        reason = f"{reason}; this message alone does not tell {', '.join(missing)}"
    return Awaits(reason, trace.rule, trace.explanation(reason))


def _names(raw: object) -> frozenset[str]:
    """Take the names of what has changed; where the message does not say, the record decides."""
    return frozenset(name for name in raw if isinstance(name, str)) if isinstance(raw, list) else frozenset()


def _not_standard(error: ValidationError) -> str:
    """Say in one sentence which attribute of the standard cannot hold the value."""
    first = error.errors(include_url=False)[0]
    attribute = ".".join(map(str, first["loc"]))
    return f"{error.title}.{attribute}: {first['msg']}; came {briefly(first['input'])}"

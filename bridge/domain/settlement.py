"""Decides what the WFM's reply to a Buyer's command does: book, reschedule, cancel.

A command is settled once, by the first of three things: a reply, its deadline, or that it could not be sent. Between
the Buyer's request and that, the world may have moved on: the WFM has announced the visit by itself, the job has ended,
the deadline has passed. So a yes is not simply carried out; it is held against how the job stands now:

| the WFM says | in time | after the deadline, when the Buyer was told 504, *not done* |
|---|---|---|
| no | he is told why | nothing to do |
| yes to a booking | the visit is his, or taken back if the WorkOrder can't take it any more | it is taken back |
| yes, of a visit that he sees | it gets what he wrote into his request | nothing to do |
| yes to a reschedule | the Appointment is in its new window | adopted, and notified: the WFM's truth wins |
| yes to a cancellation | the Appointment is cancelled | adopted, and notified |

A booking and the other two differ after a 504 because of what the Buyer does next. After "not booked" he books again,
and would have two visits; after "not moved" he looks, and finds the visit where the notification says.

A yes has an age like any message (`ages.py`): the Buyer and the WFM agreed no earlier than he asked, and no later than
the reply came; what the WFM said before that says nothing against it. A command stays with its job, also when it is
settled, as long as the WFM may repeat it in a message of its own: `echo.py` looks there (`ECHO_WITHIN`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain import compensation
from bridge.domain.ages import TURN, VisitAge, next_turn
from bridge.domain.booking import booked_appointment, buyers_contacts, with_planned_date
from bridge.domain.draft import Draft
from bridge.domain.model import (
    Accepted,
    Appointment,
    Command,
    CommandKind,
    CommandState,
    Decision,
    Ids,
    Job,
    Outcome,
    Problem,
    Refused,
    Visit,
)
from bridge.domain.patch import apply_patch, news_for_wfm
from bridge.domain.replacing import replace
from bridge.mef.enums import AppointmentStatus, ContactRole, Error422Code, WorkOrderState
from bridge.mef.models import AppointmentCreate, AppointmentUpdate, RelatedContactInformation

ECHO_WITHIN = timedelta(minutes=15)
"""So long after its yes, or after the deadline of a command that it has not answered, a WFM may repeat what the Buyer
asked for. One that never does must not lend the Buyer's name to what its dispatchers do later."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a settled command means for the Buyer. `appointment` is given where the settling process still has it."""

    state: CommandState
    appointment: Appointment | None = None
    problems: tuple[Problem, ...] = ()

    def stored(self) -> dict[str, object]:
        """Write it as it is kept with the command, for whoever asks later: plain JSON."""
        return {
            "appointment": self.appointment.id if self.appointment else None,
            "problems": [{"code": p.code, "reason": p.reason, "path": p.path} for p in self.problems],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a reply means: the job's decision, the command's final state, and what the Buyer is told.

    `problems` is empty when the Buyer got what he asked for.
    """

    decision: Decision
    command: Command
    problems: tuple[Problem, ...] = ()

    @property
    def result(self) -> CommandResult:
        """What the Buyer is told; an Appointment where he got what he asked for."""
        accepted = self.command.state is CommandState.ACCEPTED
        appointment = self.decision.job.appointment if accepted else None
        return CommandResult(self.command.state, appointment, self.problems)


def settle(
    job: Job, command: Command, reply: Accepted | Refused, seller: RelatedContactInformation, ids: Ids, now: datetime
) -> Settlement:
    """Decide on the reply to a command. `seller` stands in as sellerAppointmentContact of a new Appointment (R18)."""
    if command.state not in (CommandState.PENDING, CommandState.EXPIRED):
        return _nothing(job, command, "the command was settled before")
    if isinstance(reply, Refused):
        return _refused(job, command, reply)
    agreed = replace(command, visit=reply.visit or command.visit)
    if command.kind is CommandKind.BOOK:
        settlement = _booked(job, agreed, reply, seller, ids, now)
    elif command.kind is CommandKind.RESCHEDULE:
        settlement = reschedule(job, agreed, reply, now)
    else:
        settlement = _cancelled(job, agreed, now)
    if settlement.command.state is not CommandState.ACCEPTED:
        return settlement
    decision = settlement.decision
    return replace(settlement, decision=replace(decision, job=_agreed_now(job, decision.job, command, reply, now)))


def _agreed_now(before: Job, job: Job, command: Command, reply: Accepted, now: datetime) -> Job:
    """Remember how new the agreement is: newer than what the WFM has said so far, and no older than its reply.

    A reply may come late. What was not applied of what came before it says nothing of what may follow.
    """
    versions = {} if reply.version is None else {"job": reply.version}
    turn = next_turn((before.ages.agreed, *before.field_versions.values()))
    age = VisitAge(earliest=command.created_at, latest=now, versions=versions, by_buyer=True)
    ages = job.aged(before, age).with_agreement(before.heard, {**versions, TURN: turn})
    return replace(job, ages=ages.with_yes(versions))


def expire(job: Job, command: Command) -> Settlement:
    """Decide on a command whose deadline passed: the Buyer is told 504, and the WFM may still carry it out."""
    if not command.is_pending:
        return _nothing(job, command, "the command was settled before")
    late = replace(command, echo_until=command.expires_at + ECHO_WITHIN)
    return _settled(job, late, CommandState.EXPIRED, "no reply from the WFM in time")


def withdraw(job: Job, command: Command) -> Settlement:
    """Decide on a command that never left: it did not happen."""
    return _settled(job, command, CommandState.FAILED, "it could not be sent")


def _refused(job: Job, command: Command, reply: Refused) -> Settlement:
    problem = Problem(reply.code, reply.reason, reply.path)
    return _settled(job, command, CommandState.REFUSED, f"refused by the WFM: {reply.reason}", (problem,))


def _booked(
    job: Job, command: Command, reply: Accepted, seller: RelatedContactInformation, ids: Ids, now: datetime
) -> Settlement:
    work_order, standing = job.work_order, job.open_appointment
    visit = Visit(ref=command.visit, window=reply.window or command.window, contacts=(seller,))
    if standing is not None and visit.is_of(standing):
        return _joined(job, command, standing, now)
    if command.state is CommandState.EXPIRED:
        return _taken_back(job, command, now, "accepted after the Buyer was told 504")
    if work_order is None or work_order.id != command.work_order or work_order.state is not WorkOrderState.OPEN:
        return _taken_back(job, command, now, "accepted, but the WorkOrder can no longer take an Appointment")
    draft = Draft(job, with_planned_date(work_order, visit.window), now)
    draft.add_appointment(booked_appointment(draft, command, visit, ids), announce=False)
    draft.move_work_order(WorkOrderState.PLANNED)  # R24
    return _accepted(draft, command)


def _joined(job: Job, command: Command, standing: Appointment, now: datetime) -> Settlement:
    """The Buyer sees this visit already: never take it back.

    The WFM announced it with another window than was asked for, or an earlier try that timed out had booked it.
    """
    request = command.request
    if command.state is CommandState.EXPIRED or job.work_order is None or not isinstance(request, AppointmentCreate):
        return _settled(job, command, CommandState.ACCEPTED, "the Buyer sees this visit already")
    draft = Draft(job, job.work_order, now)
    sellers = (c for c in standing.contacts if c.role == ContactRole.SELLER_APPOINTMENT)
    draft.change_appointment(
        replace(
            standing,
            contacts=(*buyers_contacts(request), *sellers),
            note=request.note or (),
            attachment=request.attachment or (),
            visit=command.visit or standing.visit,
        ),
        announce=False,
    )
    return _accepted(draft, command, announced=True)


def reschedule(job: Job, command: Command, reply: Accepted, now: datetime) -> Settlement:
    """Move the Appointment to the window the WFM agreed to, with the rest of the Buyer's patch."""
    appointment = _target(job, command)
    if job.work_order is None or appointment is None or appointment.status is not AppointmentStatus.CONFIRMED:
        return _settled(job, command, CommandState.REFUSED, "the Appointment moved on meanwhile", _MOVED_ON)
    window = reply.window or command.window or appointment.valid_for
    patch = command.request if isinstance(command.request, AppointmentUpdate) else None
    moved = replace(
        apply_patch(appointment, patch) if patch else appointment,
        valid_for=window,
        visit=command.visit or appointment.visit,
        disregarded_window=appointment.disregarded_window if window == appointment.valid_for else appointment.valid_for,
    )
    draft = Draft(job, with_planned_date(job.work_order, window), now)
    # A Buyer's own change is not announced to him; one adopted after a 504 is news.
    draft.change_appointment(moved, announce=command.state is CommandState.EXPIRED)
    if patch:
        draft.effects.extend(news_for_wfm(appointment, patch))
    return _accepted(draft, command)


def _cancelled(job: Job, command: Command, now: datetime) -> Settlement:
    appointment = _target(job, command)
    possible = (AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELLED)
    if job.work_order is None or appointment is None or appointment.status not in possible:
        return _settled(job, command, CommandState.REFUSED, "the Appointment moved on meanwhile", _MOVED_ON)
    draft = Draft(job, job.work_order, now)
    if appointment.status is AppointmentStatus.CONFIRMED:
        draft.move_appointment(AppointmentStatus.CANCELLED)  # R50
        if job.work_order.state is WorkOrderState.PLANNED:
            draft.move_work_order(WorkOrderState.OPEN)  # R49
            draft.set_appointment_required(True)  # R48
    return _accepted(draft, command)


_MOVED_ON = (Problem(Error422Code.OTHER_ISSUE, "The Appointment has changed meanwhile; read it again."),)


def _taken_back(job: Job, command: Command, now: datetime, reason: str) -> Settlement:
    """Have the WFM cancel the visit. After a 504 the Buyer needs no other answer: it was not done."""
    booking, effect = compensation.begin(command, now)
    problem = Problem(Error422Code.OTHER_ISSUE, "The WorkOrder can no longer take an Appointment.", "/workOrder/id")
    problems = (problem,) if command.is_pending else ()
    settled = _settled(job, booking, CommandState.COMPENSATED, reason, problems)
    return replace(settled, decision=replace(settled.decision, effects=(effect,)))


def _accepted(draft: Draft, command: Command, *, announced: bool = False) -> Settlement:
    """The WFM may repeat it, unless it was `announced` before."""
    settled = replace(command, state=CommandState.ACCEPTED, echo_until=None if announced else draft.now + ECHO_WITHIN)
    decision = draft.result()
    granted = decision.job.granted if announced else (*decision.job.granted, settled)
    job = replace(_remembering(decision.job, settled), granted=granted)
    return Settlement(decision=replace(decision, job=job), command=settled)


def _settled(
    job: Job, command: Command, state: CommandState, reason: str, problems: tuple[Problem, ...] = ()
) -> Settlement:
    settled = replace(command, state=state)
    decision = Decision(outcome=Outcome.UNCHANGED, job=_remembering(job, settled), reason=reason)
    return Settlement(decision=decision, command=settled, problems=problems)


def _nothing(job: Job, command: Command, reason: str) -> Settlement:
    return Settlement(decision=Decision(outcome=Outcome.UNCHANGED, job=job, reason=reason), command=command)


def _remembering(job: Job, command: Command) -> Job:
    """Keep a command that the WFM may still speak of; forget one that is over."""
    others = job.without_command(command.id)
    return others.with_command(command) if command.state in _SPOKEN_OF else others


_SPOKEN_OF = (CommandState.EXPIRED, CommandState.COMPENSATED)


def _target(job: Job, command: Command) -> Appointment | None:
    if job.appointment is not None and job.appointment.id == command.appointment:
        return job.appointment
    return None

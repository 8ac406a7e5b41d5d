"""Who asked? Recognises WFM messages that only repeat what the Buyer asked for, or old news of a visit.

Without this, the echo of a Buyer's own reschedule would be taken for a move by the Seller (R27), and the echo of a
booking that timed out would become a ghost visit.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.domain.appointment import OPEN
from bridge.domain.model import (
    Accepted,
    Appointment,
    CancelVisit,
    Command,
    CommandKind,
    CommandState,
    Decision,
    Job,
    JobUpdate,
    Outcome,
)
from bridge.domain.replies import reschedule
from bridge.mef.enums import AppointmentStatus

CLOCK_GRAIN = timedelta(seconds=1)
"""WFM timestamps are often whole seconds; a message is older than a change only if it is by more than this."""


def recognise(job: Job, update: JobUpdate, now: datetime) -> Decision | None:
    """Return the decision for a message that is an echo or old news, None for one that says something new.

    While a Buyer's command is pending, what looks like its echo waits for the reply: only then is it known whether it
    was one.
    """
    if update.goal.appointment is AppointmentStatus.CANCELLED:
        return _cancel_echo(job)
    if update.goal.appointment is not AppointmentStatus.CONFIRMED:
        return None
    return _booking_echo(job, update) or _reschedule_echo(job, update, now) or _old_news(job, update)


def _booking_echo(job: Job, update: JobUpdate) -> Decision | None:
    command = _find(job.commands, CommandKind.BOOK, lambda each: _same_visit(each, update))
    if command is None or _is_open(job.appointment):
        return None
    if command.state is CommandState.PENDING:
        return _waiting(job, "may be the echo of a booking whose reply is awaited")
    if command.state is CommandState.EXPIRED:
        return _taken_back(job, command, update)
    return _ignored(job, "the booking timed out and is being cancelled in the WFM")


def _taken_back(job: Job, command: Command, update: JobUpdate) -> Decision:
    settled = replace(command, state=CommandState.COMPENSATED, visit=update.visit.ref or command.visit)
    effect = CancelVisit(command.id, settled.visit, command.window, command.work_order)
    return Decision(
        outcome=Outcome.ECHO,
        job=_with(job, settled),
        reason="the WFM announced a booking that had timed out; it is cancelled there",
        effects=(effect,),
    )


def _reschedule_echo(job: Job, update: JobUpdate, now: datetime) -> Decision | None:
    command = _find(job.commands, CommandKind.RESCHEDULE, lambda each: each.window == update.visit.window)
    if command is None or not _is_open(job.appointment):
        return None
    if command.state is CommandState.PENDING:
        return _waiting(job, "may be the echo of a reschedule whose reply is awaited")
    settlement = reschedule(job, command, Accepted(update.visit.ref, update.visit.window), now)
    decision = settlement.decision
    adopted = replace(decision.job, commands=(*decision.job.commands, settlement.command))
    return replace(decision, job=adopted, reason="the WFM carried out a reschedule that had timed out; it is adopted")


def _cancel_echo(job: Job) -> Decision | None:
    command = _find(job.commands, CommandKind.CANCEL, lambda each: each.state is CommandState.PENDING)
    if command is None or not _is_open(job.appointment):
        return None
    return _waiting(job, "may be the echo of a cancellation whose reply is awaited")


def _old_news(job: Job, update: JobUpdate) -> Decision | None:
    for appointment in _appointments(job):
        if not _concerns(appointment, update):
            continue
        if _is_open(appointment):
            if update.visit.window == appointment.disregarded_window and not _newer(update, appointment.changed_at):
                return _ignored(job, "the window is the one before the Buyer's reschedule", Outcome.STALE)
            return None
        if appointment.disregarded_window is not None and appointment.status is AppointmentStatus.CANCELLED:
            return _ignored(job, "the Seller moved this visit; the Buyer was asked to book again (R27)")
        if not _newer(update, appointment.changed_at):
            return _ignored(job, "the visit ended after this message was sent", Outcome.STALE)
    return None


def _same_visit(command: Command, update: JobUpdate) -> bool:
    if command.visit is not None and update.visit.ref is not None:
        return command.visit == update.visit.ref
    return command.window is not None and command.window == update.visit.window


def _concerns(appointment: Appointment, update: JobUpdate) -> bool:
    if appointment.visit is None or update.visit.ref is None:
        return _is_open(appointment)
    return appointment.visit == update.visit.ref


def _newer(update: JobUpdate, moment: datetime) -> bool:
    return update.occurred_at is None or update.occurred_at > moment + CLOCK_GRAIN


def _appointments(job: Job) -> Iterable[Appointment]:
    if job.appointment is not None:
        yield job.appointment
    yield from reversed(job.ended_appointments)


def _is_open(appointment: Appointment | None) -> bool:
    return appointment is not None and appointment.status in OPEN


def _find(commands: Iterable[Command], kind: CommandKind, matches: Callable[[Command], bool]) -> Command | None:
    return next((command for command in commands if command.kind is kind and matches(command)), None)


def _waiting(job: Job, reason: str) -> Decision:
    return Decision(outcome=Outcome.WAITING, job=job, reason=reason)


def _with(job: Job, command: Command) -> Job:
    return replace(job, commands=tuple(command if c.id == command.id else c for c in job.commands))


def _ignored(job: Job, reason: str, outcome: Outcome = Outcome.ECHO) -> Decision:
    return Decision(outcome=outcome, job=job, reason=reason)

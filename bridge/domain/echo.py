"""Who asked? Recognises WFM messages that only repeat what the Buyer asked for, or old news of a visit.

A WFM that carries out a Buyer's command says so twice: in the reply, and in a message like those about what its own
dispatchers do. Nothing in that message tells the two apart. Without this module, the echo of a Buyer's own reschedule
would be taken for a move by the Seller (R27), and the echo of a booking that timed out would become a ghost visit.

What is known is what was asked. A command is *pending* until its reply, and then accepted, refused or, by its deadline,
expired: the Buyer was told that it is not done, and yet the WFM may do it. So a message is held against the commands
of its job of which the WFM may still speak, and against the visits that the job has had:

- It fits a pending command: it waits, for only the reply tells whether it is an echo. The reply takes it up again.
- It speaks of another visit while a command is pending: it waits, too. Of a visit that is being booked nobody knows the
  reference yet, and the WFM may have moved it; one that is being moved or cancelled may be gone, and the other one no
  move of it.
- It fits one that expired: the WFM did it all the same. A change is adopted; a booking is taken back, and what the WFM
  says of its visit until it is gone is not shown to anybody. A visit that has begun can't be taken back: it is adopted.
- It fits one that was accepted: then the visit stands as it says, and deciding on it finds nothing to change.
- It speaks of a visit that has ended, also of one that the Buyer never saw (`Ages.gone`), or of a window that the visit
  has left, and is not newer than that: old news.
- Else somebody at the WFM did something, and `None` says so.

Two mentions of a visit are the same by the WFM's reference where both have one, else by the window (`Visit.is_of`). In
doubt about *when*, a message is neither newer nor older (`_newer`, `_older`): each side then takes what does less harm.
When is told by what the WFM says: its versions, else its clock against its own (`ages.py`), and against ours where the
Buyer and the WFM agreed. When a message was taken, or decided on, says nothing: it may have lain in a queue for hours.
Which of these questions are asked depends on what the message wants of the Appointment: see the table at the end. The
first that has an answer decides. The end of the whole job is never an echo.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from bridge.domain import compensation
from bridge.domain.ages import CLOCK_GRAIN, is_behind
from bridge.domain.appointment import OPEN
from bridge.domain.booking import can_be_adopted
from bridge.domain.model import (
    Accepted,
    Appointment,
    Command,
    CommandKind,
    CommandState,
    Decision,
    Job,
    JobUpdate,
    MovedBy,
    Outcome,
)
from bridge.domain.replacing import replace
from bridge.domain.settlement import reschedule
from bridge.domain.work_order import TERMINAL
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import TimePeriod

ENDED_SINCE = "the visit ended after this message was sent"

_FIRST_MEANT = (CommandState.PENDING, CommandState.EXPIRED, CommandState.COMPENSATED)
"""After a 504 a Buyer tries the same window again: of two commands alike, the outstanding one is meant."""


def recognise(job: Job, update: JobUpdate, now: datetime) -> Decision | None:
    """Return the decision for a message that is an echo or old news, None for one that says something new.

    While a Buyer's command is pending, what looks like its echo waits for the reply: only then is it known whether it
    was one.
    """
    if update.goal.work_order in TERMINAL:
        return None
    for recogniser in _RECOGNISERS[update.goal.appointment]:
        if recogniser in _OF_COMMANDS and not job.commands:
            continue
        decision = recogniser(job, update, now)
        if decision is not None:
            return decision
    return None


def with_standing_visit(job: Job, update: JobUpdate) -> JobUpdate:
    """A delta that does not tell the window bears the last that was told: perhaps one from before the Buyer's command.

    So it is with the reference. The WFM has moved nothing by not speaking of it, and means the visit that stands.
    """
    current, visit = job.open_appointment, update.visit
    if current is None or (visit.writes_window and visit.writes_ref):
        return update
    if not visit.writes_window and visit.window in _left_behind(job, current):
        visit = replace(visit, window=current.valid_for)
    if not visit.writes_ref and visit.ref in {ended.visit for ended in job.past_appointments}:
        visit = replace(visit, ref=current.visit)
    return replace(update, visit=visit)


def _left_behind(job: Job, current: Appointment) -> set[TimePeriod | None]:
    """The windows that a Buyer's reschedule or booking has taken the place of."""
    ended = job.ended_appointments
    moved = {each.disregarded_window for each in (current, *ended)}
    return moved | {each.valid_for for each in ended}


def before_visit(job: Job, update: JobUpdate) -> Decision | None:
    """Recognise what occurred before the visit was agreed that stands: it is about one before it, whatever it tells.

    Only a message that repeats the agreement, or names a visit that was not there before, speaks of this one.
    """
    current, goal = job.open_appointment, update.goal
    at_stake = goal.appointment is not None or goal.work_order not in (None, WorkOrderState.PLANNED)
    if current is None or not at_stake:
        return None
    age = job.age_of(current)
    if age.is_before(update.versions, update.occurred_at) is not False or _repeats(job, update, current):
        return None
    if goal.work_order in TERMINAL:
        # A WFM may have agreed to a visit of a job that it had ended: nobody but a person can tell. In the other order
        # it is the visit that finds an ended job.
        whose = "the Buyer's visit" if age.by_buyer else "the visit that stands"
        reason = f"the WFM says that the job ended ({goal.work_order}) before it agreed to {whose}"
        return Decision(outcome=Outcome.PARKED, job=job, reason=reason)
    who = "the Buyer's booking" if age.by_buyer else "the visit that stands was agreed"
    return _ignored(job, f"the message was sent before {who}", Outcome.STALE)


def _repeats(job: Job, update: JobUpdate, current: Appointment) -> bool:
    visit = update.visit
    if update.goal.appointment is AppointmentStatus.CONFIRMED and visit.window in (None, current.valid_for):
        return True
    is_new = visit.ref not in {ended.visit for ended in job.past_appointments}
    return visit.writes_ref and visit.ref is not None and visit.ref == current.visit and is_new


def booking_echo(job: Job, update: JobUpdate, now: datetime) -> Decision | None:
    """Recognise the announcement of a visit that a Buyer's command has booked, or had booked too late."""
    command = _booking(job, update)
    if command is None:
        return None
    if command.is_pending:
        return _waiting(job, "may be the echo of a booking whose reply is awaited")
    if command.state is CommandState.EXPIRED:
        return _taken_back(job, command, update, now)
    ignored = _ignored(job, "the booking timed out and is being cancelled in the WFM")
    return replace(ignored, job=job.with_command(_where_it_is(job, command, update)))


def _where_it_is(job: Job, command: Command, update: JobUpdate) -> Command:
    """Note where the WFM has moved a visit that it is to take back: if it never does, the Buyer is shown it there."""
    visit = update.visit
    is_it = visit.ref is not None and visit.ref == command.visit and command.appointment is None
    tells = visit.window is not None and visit.writes_window and not is_behind(update.versions, job.heard)
    return replace(command, window=visit.window) if is_it and tells else command


def gone_echo(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    """Recognise that the visit which the WFM was asked to take back is cancelled there: nothing is left of it."""
    current = job.open_appointment
    if current is not None and update.visit.is_of(current):
        return None
    return _gone(job, update, "the WFM has cancelled the visit of a booking that was taken back")


def is_unseen(job: Job, update: JobUpdate) -> bool:
    """Tell whether a message speaks of a visit that the Buyer was told is not booked."""
    command = _booking(job, update)
    return command is not None and not command.is_pending and not _names_ended(job, update)


def _unseen_visit(job: Job, update: JobUpdate, now: datetime) -> Decision | None:
    """The technician may start, or miss, a visit before the WFM replies to its booking, or takes it back."""
    command = _booking(job, update)
    if command is not None and command.is_pending:
        return _waiting(job, "may concern the visit of a booking whose reply is awaited")
    if command is None or _names_ended(job, update):
        return None
    if update.goal.appointment in _BEGUN:
        return _begun(job, command)
    if update.goal.appointment not in OPEN:
        gone = _gone(job, update, "the visit of a booking that was taken back has ended in the WFM")
        return gone or _ignored(job, "the visit of a booking that timed out has ended in the WFM")
    return booking_echo(job, update, now)


def _begun(job: Job, command: Command) -> Decision | None:
    """A visit that nobody can take back any more is adopted, where the Buyer's WorkOrder can take it."""
    if can_be_adopted(job):
        return None
    reason = "the visit of a booking that the Buyer was told is not done takes place"
    if job.open_appointment is not None:
        return Decision(outcome=Outcome.PARKED, job=job, reason=f"{reason}, while he sees another one")
    return replace(compensation.settled(job, command, f"{reason}; the WorkOrder is under way"), outcome=Outcome.ECHO)


def begun_booking(job: Job, update: JobUpdate) -> Command | None:
    """Find the booking that the Buyer was told is not done, and of whose visit the message says that it has begun."""
    if update.goal.appointment not in _BEGUN or not is_unseen(job, update):
        return None
    return _booking(job, update)


_BEGUN = (AppointmentStatus.IN_PROGRESS, AppointmentStatus.COMPLETED)
"""What nobody can take back. A visit that was missed, or failed, never was for the Buyer, and nothing is left of it."""


def _gone(job: Job, update: JobUpdate, reason: str) -> Decision | None:
    standing = (c for c in job.commands if c.try_again_at is not None and update.visit.is_of(c))
    command = next((c for c in standing if not _older(update, c.created_at)), None)
    if command is None:
        return None
    job = replace(job, ages=job.ages.with_gone(update.visit.ref, update.versions))
    return replace(compensation.settled(job, command, reason), outcome=Outcome.ECHO)


def _names_ended(job: Job, update: JobUpdate) -> bool:
    return update.visit.ref is not None and any(ended.visit == update.visit.ref for ended in job.past_appointments)


def _before_its_end(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    """A visit that is known to have ended is not the one being booked, though the window may be the same."""
    current = job.open_appointment
    if update.visit.ref is None or (current is not None and current.visit == update.visit.ref):
        return None
    gone = is_behind(update.versions, job.ages.gone.get(update.visit.ref, {}))
    if gone or any(e.visit == update.visit.ref and not _newer(job, update, e) for e in job.past_appointments):
        return _ignored(job, ENDED_SINCE, Outcome.STALE)
    return None


def _booking(job: Job, update: JobUpdate) -> Command | None:
    """Find the booking whose visit the message speaks of, unless that is the visit the Buyer sees."""
    current = job.open_appointment
    if current is not None and update.visit.is_of(current):
        return None
    return _meant((command for command in job.commands if _announced_by(command, update)), CommandKind.BOOK)


def _announced_by(command: Command, update: JobUpdate) -> bool:
    """A booking that moves a visit the WFM holds already is announced by the window, not by the visit alone."""
    moves = command.appointment is not None
    return update.visit.is_of(command) and (not moves or command.window == update.visit.window)


def _taken_back(job: Job, command: Command, update: JobUpdate, now: datetime) -> Decision:
    settled, effect = compensation.begin(replace(command, visit=update.visit.ref or command.visit), now)
    return Decision(
        outcome=Outcome.ECHO,
        job=job.with_command(settled),
        reason="the WFM announced a booking that had timed out; it is cancelled there",
        effects=(effect,),
    )


def _reschedule_to(job: Job, appointment: Appointment, update: JobUpdate) -> Command | None:
    """Find the reschedule that asked for the window in which the message has the visit."""
    if update.visit.window == appointment.valid_for:
        return None
    asked = (c for c in job.commands if c.appointment == appointment.id and c.window == update.visit.window)
    return _meant(asked, CommandKind.RESCHEDULE)


def _begun_in_new_window(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    """The technician may start, or miss, a visit before the WFM's yes to its reschedule is here."""
    appointment = job.open_appointment
    command = _reschedule_to(job, appointment, update) if appointment is not None else None
    if command is None or not command.is_pending:
        return None
    return _waiting(job, "may concern the visit in its new window, and the reply to the reschedule is awaited")


def _reschedule_echo(job: Job, update: JobUpdate, now: datetime) -> Decision | None:
    appointment = job.open_appointment
    command = _reschedule_to(job, appointment, update) if appointment is not None else None
    if appointment is None or command is None:
        return None
    if command.is_pending:
        return _waiting(job, "may be the echo of a reschedule whose reply is awaited")
    if appointment.status is not AppointmentStatus.CONFIRMED:
        return None
    if job.age_of(appointment).is_before(update.versions, update.occurred_at) is False:
        return _ignored(job, "the Appointment has changed since this late reschedule", Outcome.STALE)
    return _adopted(job, command, update, now)


def _adopted(job: Job, command: Command, update: JobUpdate, now: datetime) -> Decision:
    decision = reschedule(job, command, Accepted(update.visit.ref, update.visit.window), now).decision
    return replace(decision, reason="the WFM carried out a reschedule that had timed out; it is adopted")


def _cancel_echo(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    command = _meant(filter(update.visit.may_be_of, job.commands), CommandKind.CANCEL)
    if command is None or not command.is_pending:
        return None
    return _waiting(job, "may be the echo of a cancellation whose reply is awaited")


def _beside_booking(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    """A visit in another window may be the Buyer's: the WFM has moved it since, and its yes is under way."""
    if job.open_appointment is not None or not job.awaits(CommandKind.BOOK):
        return None
    return _waiting(job, "may concern the visit of a booking whose reply is awaited")


def _beside_change(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    """Another visit is no move of the one that the Buyer is just moving or cancelling: that may be gone, and the WFM's
    word of it waits for the same reply. So does the word that the other one is cancelled: what announced it may wait
    ahead.
    """
    appointment = job.open_appointment
    if appointment is None or update.visit.may_be_of(appointment):
        return None
    if not any(command.is_pending and command.appointment == appointment.id for command in job.commands):
        return None
    return _waiting(job, "may come after the change whose reply is awaited")


def _other_visit(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    """What the WFM said of that visit before may come later, and would be taken for a move of the one that stands."""
    appointment = job.open_appointment
    if appointment is None or update.visit.may_be_of(appointment):
        return None
    job = replace(job, ages=job.ages.with_gone(update.visit.ref, update.versions))
    return _ignored(job, "the visit that was cancelled is not the one that stands")


def _before_booking(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    """The WFM's yes may overtake what it said before, such as that there is no visit.

    Until it speaks of the booked visit, a message says something of that visit only if it names it, or is newer.
    """
    appointment = job.open_appointment
    booked = any(c.kind is CommandKind.BOOK and c.echo_until is not None for c in job.granted)
    if appointment is None or not booked:
        return None
    if update.visit.names(appointment) or _newer(job, update, appointment):
        return None
    return _ignored(job, "the message was sent before the Buyer's booking", Outcome.STALE)


def _of_the_job(job: Job, update: JobUpdate, now: datetime) -> Decision | None:
    """What only speaks of the WorkOrder says something of its visit where that cannot be confirmed any more."""
    of_visit = update.goal.work_order in (WorkOrderState.OPEN, WorkOrderState.IN_PROGRESS)
    return _before_booking(job, update, now) if of_visit else None


def _old_window(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    appointment = job.open_appointment
    if appointment is None or not update.visit.may_be_of(appointment):
        return None
    window = update.visit.window
    if window == appointment.valid_for or _newer(job, update, appointment):
        return None
    left = (appointment.disregarded_window, *(command.window for command in _granted_for(job, appointment)))
    if window not in left:
        return None
    return _ignored(job, "the window is one before the Buyer's reschedule", Outcome.STALE)


def _granted_for(job: Job, appointment: Appointment) -> list[Command]:
    """What the WFM has granted for this visit and may yet repeat: of several moves, all in turn."""
    return [
        command
        for command in job.granted
        if command.echo_until is not None
        and (
            command.appointment == appointment.id or (command.visit is not None and command.visit == appointment.visit)
        )
    ]


def _ended_visit(job: Job, update: JobUpdate, _: datetime) -> Decision | None:
    current = job.open_appointment
    if current is not None and update.visit.may_be_of(current):
        return None
    for ended in job.past_appointments:
        if _asks_to_book_again(update) and _moved_by_seller(job, ended, update):
            return _ignored(job, "the Seller moved this visit; the Buyer was asked to book again (R27)")
        if not update.visit.is_of(ended):
            continue
        if current is not None or not _newer(job, update, ended):
            return _ignored(job, ENDED_SINCE, Outcome.STALE)
    return None


def _asks_to_book_again(update: JobUpdate) -> bool:
    """What was agreed with the customer since then is another matter: he need not book."""
    return update.goal.appointment is AppointmentStatus.CONFIRMED and update.goal.moved_by is MovedBy.SELLER


def _moved_by_seller(job: Job, ended: Appointment, update: JobUpdate) -> bool:
    """Where the WFM does not name its visits, only the latest can be the one that still moves about."""
    if ended.disregarded_window is None:
        return False
    if ended.visit is not None and update.visit.ref is not None:
        return ended.visit == update.visit.ref
    return ended is job.appointment


def once_heard(job: Job, update: JobUpdate) -> Job:
    """Once the WFM has named a state, what it says is no repetition of what the Buyer asked for before.

    It repeats what it has granted in turn: what was granted after what it repeats now may still come.
    """
    heard, current = without_echoes(job), job.open_appointment
    if current is None or update.goal.appointment is not AppointmentStatus.CONFIRMED:
        return heard
    granted = _granted_for(job, current)
    repeated = next(
        (number for number, one in enumerate(granted, 1) if one.window == update.visit.window), len(granted)
    )
    later = {one.id: one for one in granted[repeated:]}
    return replace(heard, granted=tuple(later.get(one.id, one) for one in heard.granted))


def is_caught_up(job: Job) -> bool:
    """Tell whether the WFM has repeated all that it has granted for the visit that stands."""
    return job.open_appointment is not None and not _granted_for(job, job.open_appointment)


def without_echoes(job: Job, until: datetime | None = None) -> Job:
    """What the WFM had the time to repeat until then, it repeats no more; None: whatever it was."""

    def is_over(command: Command) -> bool:
        return command.echo_until is not None and (until is None or command.echo_until <= until)

    if not any(map(is_over, (*job.commands, *job.granted))):
        return job
    commands, granted = (
        tuple(replace(each, echo_until=None) if is_over(each) else each for each in commands)
        for commands in (job.commands, job.granted)
    )
    return replace(job, commands=commands, granted=granted)


def _older(update: JobUpdate, moment: datetime) -> bool:
    """In doubt it is not: what the WFM did must be adopted, or Buyer and WFM would go different ways (504)."""
    return update.occurred_at is not None and moment - update.occurred_at > CLOCK_GRAIN


def _newer(job: Job, update: JobUpdate, appointment: Appointment) -> bool:
    """In doubt it is not: what may be the echo of something known must not be taken for news.

    Of a message that does not say when it occurred, what came last counts.
    """
    is_before = job.age_of(appointment).is_before(update.versions, update.occurred_at)
    return update.occurred_at is None if is_before is None else is_before


def _meant(commands: Iterable[Command], kind: CommandKind) -> Command | None:
    alike = [command for command in commands if command.kind is kind and command.state in _FIRST_MEANT]
    return min(alike, key=lambda command: _FIRST_MEANT.index(command.state), default=None)


def _waiting(job: Job, reason: str) -> Decision:
    return Decision(outcome=Outcome.WAITING, job=job, reason=reason)


def _ignored(job: Job, reason: str, outcome: Outcome = Outcome.ECHO) -> Decision:
    return Decision(outcome=outcome, job=job, reason=reason)


Recogniser = Callable[[Job, JobUpdate, datetime], Decision | None]

_OF_COMMANDS: frozenset[Recogniser] = frozenset(
    {
        booking_echo,
        _unseen_visit,
        _beside_booking,
        _begun_in_new_window,
        _reschedule_echo,
        gone_echo,
        _cancel_echo,
        _beside_change,
    }
)
"""What holds a message against outstanding commands only: where there are none, it need not be asked."""

_OF_A_VISIT_UNDER_WAY: tuple[Recogniser, ...] = (
    _before_its_end,
    _beside_change,
    _unseen_visit,
    _beside_booking,
    _before_booking,
    _begun_in_new_window,
    _ended_visit,
)

_RECOGNISERS: Mapping[AppointmentStatus | None, tuple[Recogniser, ...]] = {
    None: (_of_the_job,),
    AppointmentStatus.CONFIRMED: (
        _before_its_end,
        _beside_change,
        booking_echo,
        _beside_booking,
        _reschedule_echo,
        _before_booking,
        _old_window,
        _ended_visit,
    ),
    AppointmentStatus.CANCELLED: (
        gone_echo,
        _beside_booking,
        _cancel_echo,
        _beside_change,
        _other_visit,
        _before_booking,
    ),
    AppointmentStatus.IN_PROGRESS: _OF_A_VISIT_UNDER_WAY,
    AppointmentStatus.COMPLETED: _OF_A_VISIT_UNDER_WAY,
    AppointmentStatus.MISSED: _OF_A_VISIT_UNDER_WAY,
    AppointmentStatus.FAILED: _OF_A_VISIT_UNDER_WAY,
}
"""What is asked of a message that wants this of the Appointment, in this order."""

"""Decides what a WFM message does to a job: the goal it names, the legal hops there, the notifications on the way.

A WFM says how things stand now, in its own words, and skips what it finds unimportant. MEF 137 wants each Buyer to see
legal hops one by one. So a pack turns a message into a `Goal`, the states that the objects are to be in (None leaves
one alone), and this module finds the way there.

First come the questions whose answer may end it, in this order:

1. Is it *stale*? It bears a version lower than one that was applied, or than a yes of the WFM's. What was heard and
   not applied, such as a message that the pack ignores, makes no other one stale: it said nothing to the Buyer. Of a
   delta that is only late, the pack has left what no later one has told, and the goal only where no later one has named
   a state.
2. Is the job *known*? If not, only a message that `creates` opens it, and any other waits for that.
3. Has it *ended*? Then nothing moves any more, but the pack may have a follow-up WorkOrder opened.
4. Did it occur *before the visit* was agreed that stands (`echo.before_visit`)? Then it is not about that one.
5. Is it an *echo* of what the Buyer asked for (`echo.py`), and must it wait for a reply to be known as one?
6. Is it to be *held*, as a later message may take its place (`flows/hold_queue.py`)?

What is left is news. A `Draft` of the job then takes in what the message tells of the visit (`_learn_visit`), and a
visit that the WFM agreed without the Buyer (R19, R22), and walks to the goal (`_walk_goal`). The goal is completed
first by the cross-rules of the standard: what becomes of the Appointment when only the WorkOrder is spoken of, and the
other way round (R24, R49, R50). Both paths are then walked level by level, the Appointment's hop before the
WorkOrder's, as in Figure 5; `appointmentRequired` comes last (R23, R27, R48, R58). A move by the Seller is no goal: it
withdraws the Appointment and asks the Buyer to book again (R27). What both sides have agreed on another channel is no
such move: the Appointment stays confirmed, in its new window, and the Buyer is told that it has changed.

A goal without a legal way raises `IllegalMove`, and nothing of the draft is kept: the pack's policy says whether the
message is parked, is kept without its goal, or ends the WorkOrder and opens another (R55-R57). Nothing is half done: a
decision is the whole new job, and all that follows from it.
"""

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter

from bridge.domain import echo
from bridge.domain.ages import VisitAge, highest, is_behind, newer_than
from bridge.domain.appointment import OPEN
from bridge.domain.booking import adopt
from bridge.domain.draft import Draft, IllegalMove
from bridge.domain.model import (
    Appointment,
    Decision,
    Goal,
    Ids,
    Job,
    JobUpdate,
    MovedBy,
    OnIllegal,
    Outcome,
    WorkOrder,
)
from bridge.domain.planner import appointment_path, work_order_path
from bridge.domain.replacing import replace
from bridge.domain.work_order import TERMINAL
from bridge.mef.enums import AppointmentStatus, ContactRole, WorkOrderState
from bridge.mef.moments import rfc3339

_FELL_THROUGH = frozenset({AppointmentStatus.CANCELLED, AppointmentStatus.MISSED, AppointmentStatus.FAILED})
_VISIT_ENDS = frozenset({AppointmentStatus.COMPLETED, AppointmentStatus.MISSED, AppointmentStatus.FAILED})


def decide(job: Job, update: JobUpdate, ids: Ids, now: datetime, came: datetime | None = None) -> Decision:
    """Decide on one message. `ids` are fresh; `now` is the moment of the decision, `came` that of its arrival."""
    if update.goal.if_any:
        update = replace(update, goal=update.goal.where(visit=update.has_visit(job)))
    ties = update.ties_are_stale and any(job.heard.get(key) == version for key, version in update.versions.items())
    if ties or (is_late(job, update.versions) and not update.late):
        return Decision(outcome=Outcome.STALE, job=job, reason=_stale_reason(job, update))
    try:
        decision = _decide_current(job, update, ids, now, came or now)
    except IllegalMove as illegal:
        return _parked(job, update, illegal)
    if decision.outcome in (Outcome.PARKED, Outcome.WAITING):
        return decision
    is_current = decision.outcome in (Outcome.APPLIED, Outcome.UNCHANGED)
    # A clock that is fast makes nothing that comes later look old.
    earliest = min(update.occurred_at, now) if update.occurred_at is not None else None
    age = VisitAge(earliest=earliest, latest=update.occurred_at or now, versions=update.versions)
    after, ages = decision.job, decision.job.aged(job, age)
    if update.names_state and is_current:
        after, ages = echo.once_heard(after, update), ages.with_state_named(update.versions, is_own=update.is_own)
        if (standing := after.open_appointment) is not None and echo.is_caught_up(after):
            known = ages.visits.get(standing.id) or after.age_of(standing)
            ages = ages.with_standing(standing.id, known, update.versions)
    elif update.names_state:
        # What was old news is older than what was agreed: a delta that tells nothing of it must not bring it back.
        ages = ages.with_agreement(newer_than(update.grounds))
    versions = after.versions
    # An echo may change what the Buyer sees, too. One about a visit that he never sees says nothing of what he does.
    if is_current or after.appointments != job.appointments:
        versions = highest(versions, update.versions)
    else:
        ages = ages.with_heard(update.versions)
    after = replace(after, versions=versions, record=update.record, field_versions=update.field_versions, ages=ages)
    return replace(decision, job=after, reason=decision.reason or update.withheld)


def learned(
    job: Job, versions: Mapping[str, int], record: Mapping[str, object], field_versions: Mapping[str, Mapping[str, int]]
) -> Job:
    """Keep what a message tells that says nothing to the Buyer, for later deltas build on it.

    A job that has not come yet has no version: the message that opens it may be older. Nothing was applied: an older
    message that was overtaken by this one may still name the state that the job is in.
    """
    ages = job.ages if job.work_order is None else job.ages.with_heard(versions)
    return replace(job, record=record, field_versions=field_versions, ages=ages)


def is_late(job: Job, versions: Mapping[str, int]) -> bool:
    """Tell whether a message of these versions is older than what is applied, or than a yes of the WFM's."""
    return is_behind(versions, job.versions) or is_behind(versions, job.ages.answered)


def _decide_current(job: Job, update: JobUpdate, ids: Ids, now: datetime, came: datetime) -> Decision:
    if job.work_order is None and not update.creates:
        return Decision(outcome=Outcome.WAITING, job=job, reason=f"job {job.ref.key} is not known yet")
    if job.work_order is None:
        return _open_new(job, update, ids, now)
    if job.work_order.state in TERMINAL:
        return _after_end(job, job.work_order, update, ids, now)
    update = echo.with_standing_visit(job, update)
    decision = echo.before_visit(job, update) or echo.recognise(job, update, now)
    if decision is not None:
        return decision
    if update.wait is not None and came + update.wait > now:
        until = came + update.wait
        reason = f"held until {rfc3339(until)}, in case a later message takes its place"
        return Decision(outcome=Outcome.WAITING, job=job, reason=reason, due_at=until)
    return _advance(job, job.work_order, update, ids, now)


def _open_new(job: Job, update: JobUpdate, ids: Ids, now: datetime) -> Decision:
    work_order = WorkOrder(
        id=ids.work_order,
        job=job.ref,
        buyer=update.buyer,
        state=WorkOrderState.OPEN,
        appointment_required=_born_required(update),
        details=update.details,
        created_at=now,
        changed_at=now,
    )
    draft = Draft(replace(job, appointment=None), work_order, now)
    draft.create_work_order()
    if work_order.appointment_required:
        draft.require_buyer()
    _walk(draft, update, ids)
    return draft.result()


def _born_required(update: JobUpdate) -> bool:
    """A WorkOrder that does not stay open, or has its visit, never asks the Buyer for one (R21)."""
    stays_open = update.goal.work_order in (None, WorkOrderState.OPEN)
    asks = bool(update.goal.appointment_required) and update.details.bookable
    return stays_open and update.visit.window is None and asks


def _after_end(job: Job, ended: WorkOrder, update: JobUpdate, ids: Ids, now: datetime) -> Decision:
    if update.goal.appointment is AppointmentStatus.CONFIRMED:
        late = echo.booking_echo(job, update, now)
        if late is not None:
            return late
    if update.goal.appointment is AppointmentStatus.CANCELLED:
        gone = echo.gone_echo(job, update, now)
        if gone is not None:
            return gone
    goal = update.goal.work_order
    if goal is None or goal == ended.state or update.goal.on_illegal is OnIllegal.KEEP:
        return Decision(outcome=Outcome.UNCHANGED, job=job, reason=f"the WorkOrder has ended ({ended.state})")
    if update.goal.on_illegal is OnIllegal.FOLLOW_UP and goal not in TERMINAL:
        return _open_new(_without_appointment(job), update, ids, now)
    return _parked(job, update, IllegalMove(f"WorkOrder {ended.state} -> {goal}: it has ended"))


def _advance(job: Job, work_order: WorkOrder, update: JobUpdate, ids: Ids, now: datetime) -> Decision:
    if work_order.details != update.details:
        work_order = replace(work_order, details=update.details)
    draft = Draft(job, work_order, now)
    try:
        _walk(draft, update, ids)
        # The end of a visit that the Buyer never saw must not pass unnoticed where it changes nothing.
        unseen = update.goal.appointment in _VISIT_ENDS and not any(map(update.visit.may_be_of, draft.appointments))
        if unseen and not draft.transitions:
            raise IllegalMove("the message speaks of a visit the Buyer knows nothing of")
        return draft.result()
    except IllegalMove as illegal:
        return _resolve_illegal(job, work_order, update, ids, now, illegal)


def _resolve_illegal(
    job: Job, work_order: WorkOrder, update: JobUpdate, ids: Ids, now: datetime, illegal: IllegalMove
) -> Decision:
    if update.goal.on_illegal is OnIllegal.PARK:
        return _parked(job, update, illegal)
    draft = Draft(job, replace(work_order, details=update.details), now)
    if update.goal.on_illegal is OnIllegal.KEEP:
        return draft.result(reason=f"kept: {illegal}")
    return _follow_up(draft, update, ids, now, illegal)


def _follow_up(draft: Draft, update: JobUpdate, ids: Ids, now: datetime, illegal: IllegalMove) -> Decision:
    """End the WorkOrder and open another; a job that is over needs no other."""
    _walk_goal(draft, Goal(work_order=WorkOrderState.UNABLE_TO_COMPLETE))
    first = draft.result(reason=f"ended: {illegal}")
    if update.goal.work_order in TERMINAL:
        return first
    second = _open_new(_without_appointment(first.job), update, ids, now)
    return replace(
        second,
        ended=first.job,
        reason=f"follow-up: {illegal}",
        transitions=first.transitions + second.transitions,
        notifications=first.notifications + second.notifications,
        effects=first.effects + second.effects,
    )


def _walk(draft: Draft, update: JobUpdate, ids: Ids) -> None:
    standing, goal, window = draft.open_appointment, update.goal, update.visit.window
    moved = (
        standing is not None
        and standing.status is AppointmentStatus.CONFIRMED
        and goal.appointment is AppointmentStatus.CONFIRMED
        and goal.work_order not in TERMINAL
        and window not in (None, standing.valid_for)
    )
    moved = moved or (goal.moved_by is MovedBy.AGREEMENT and update.is_begun_as_agreed(draft.job))
    if moved and goal.moved_by is MovedBy.SELLER:
        _withdraw(draft, update)
        return
    if draft.appointment is not None:
        _learn_visit(draft, draft.appointment, update, moved=moved)
    booking = echo.begun_booking(draft.job, update) if draft.job.commands else None
    if booking is not None:
        adopt(draft, booking, update.visit, ids)
    elif _agrees_visit(draft, update):
        draft.add_appointment(_new_appointment(draft, update, ids), announce=True)
        if draft.work_order.state is WorkOrderState.OPEN:
            draft.move_work_order(WorkOrderState.PLANNED)  # R24
    _walk_goal(draft, goal)


def _withdraw(draft: Draft, update: JobUpdate) -> None:
    """R27: a move by the Seller is a cancelled Appointment and a request to book again."""
    _walk_goal(draft, Goal(appointment=AppointmentStatus.CANCELLED))
    if draft.appointment is not None:
        visit, window = update.visit.ref or draft.appointment.visit, update.visit.window
        draft.appointment = replace(draft.appointment, visit=visit, disregarded_window=window)


def _learn_visit(draft: Draft, appointment: Appointment, update: JobUpdate, *, moved: bool) -> None:
    """Take in what the message tells of the visit that stands, or of one that the Seller has moved.

    A reply need not name a visit, and a WFM may renumber them. A visit that was moved and then cancelled is gone: the
    Buyer's next booking is a new one. A changed seller contact, or a new note, is an attribute event (R29); notes stay,
    as a WFM repeats its remarks with every message.
    """
    visit, role = update.visit, ContactRole.SELLER_APPOINTMENT
    if appointment.status not in OPEN:
        gone = update.goal.appointment is AppointmentStatus.CANCELLED and visit.may_be_of(appointment)
        if gone and appointment.moved_window is not None:
            draft.appointment = replace(appointment, disregarded_window=None)
        return
    names = visit.writes_ref and visit.ref is not None
    if names and (appointment.visit is None or visit.window == appointment.valid_for):
        draft.appointment = appointment = replace(appointment, visit=visit.ref)
    changed = _in_agreed_window(appointment, update) if moved else appointment
    fresh = [contact for contact in visit.contacts if contact.role == role]
    if fresh and fresh != [contact for contact in appointment.contacts if contact.role == role]:
        others = [contact for contact in appointment.contacts if contact.role != role]
        changed = replace(changed, contacts=(*others, *fresh))
    known = [note.id for note in appointment.note]
    if new := [note for note in visit.note if note.id not in known]:
        changed = replace(changed, note=(*appointment.note, *new))
    if changed != appointment:
        draft.change_appointment(changed, announce=True)


def _in_agreed_window(appointment: Appointment, update: JobUpdate) -> Appointment:
    """Give the Appointment as both sides agreed to have it; its old window says nothing new any more."""
    window, visit = update.visit.window or appointment.valid_for, update.visit.ref or appointment.visit
    return replace(appointment, valid_for=window, visit=visit, disregarded_window=appointment.valid_for)


def _agrees_visit(draft: Draft, update: JobUpdate) -> bool:
    """A visit that the WFM agreed without the Buyer (by phone, say) and that we have not seen end."""
    if update.visit.window is None or draft.open_appointment is not None:
        return False
    if update.goal.appointment in (None, AppointmentStatus.CANCELLED):
        return False
    if draft.job.commands and echo.is_unseen(draft.job, update):
        return False
    if update.goal.appointment not in _VISIT_ENDS:
        return True
    return not any(map(update.visit.is_of, draft.appointments))


def _new_appointment(draft: Draft, update: JobUpdate, ids: Ids) -> Appointment:
    window = update.visit.window
    if window is None or draft.work_order.state is WorkOrderState.IN_PROGRESS:
        raise IllegalMove("an Appointment for a WorkOrder that is already in progress")
    return Appointment(
        id=ids.appointment,
        work_order=draft.work_order.id,
        buyer=draft.work_order.buyer,
        status=AppointmentStatus.CONFIRMED,
        valid_for=window,
        place=draft.work_order.details.place[0],
        contacts=update.visit.contacts,
        note=update.visit.note,
        visit=update.visit.ref,
        created_at=draft.now,
        changed_at=draft.now,
    )


def _walk_goal(draft: Draft, goal: Goal) -> None:
    """Walk both objects to the goal in the order of Figure 5: level by level, Appointment before WorkOrder.

    `appointmentRequired` comes last: true again when a visit fell through (R27, R48), false once one is agreed.
    """
    for _, target in sorted(_hops(draft, goal), key=itemgetter(0)):
        if isinstance(target, AppointmentStatus):
            draft.move_appointment(target)
        else:
            draft.move_work_order(target)
    # R24: a visit stands on a WorkOrder that is planned or under way; a goal that says otherwise is no goal.
    state, standing = draft.work_order.state, draft.open_appointment
    if standing is not None and (state is WorkOrderState.OPEN or state in TERMINAL):
        raise IllegalMove(f"Appointment {standing.status} on a WorkOrder that is {state}")
    if state is not WorkOrderState.OPEN or standing is not None:
        draft.set_appointment_required(False)
    elif goal.appointment_required is not None:
        draft.set_appointment_required(goal.appointment_required)
    elif any(hop.resource == "appointment" and hop.target in _FELL_THROUGH for hop in draft.transitions):
        draft.set_appointment_required(True)


_APPOINTMENT_LEVEL = {
    AppointmentStatus.IN_PROGRESS: 4,
    AppointmentStatus.COMPLETED: 6,
    AppointmentStatus.MISSED: 6,
    AppointmentStatus.FAILED: 6,
    AppointmentStatus.CANCELLED: 6,
}
_WORK_ORDER_LEVEL = {
    WorkOrderState.PLANNED: 3,
    WorkOrderState.IN_PROGRESS: 5,
    WorkOrderState.COMPLETED: 7,
    WorkOrderState.CANCELLED: 7,
    WorkOrderState.UNABLE_TO_COMPLETE: 7,
    WorkOrderState.OPEN: 7,
}

Hop = tuple[int, AppointmentStatus | WorkOrderState]


_IMPLIED_APPOINTMENT = {
    WorkOrderState.OPEN: AppointmentStatus.CANCELLED,
    WorkOrderState.IN_PROGRESS: AppointmentStatus.IN_PROGRESS,
    WorkOrderState.COMPLETED: AppointmentStatus.COMPLETED,
    WorkOrderState.UNABLE_TO_COMPLETE: AppointmentStatus.COMPLETED,
}


def _hops(draft: Draft, goal: Goal) -> list[Hop]:
    """Give the hops of both objects, each with its level.

    A message that only speaks of the WorkOrder says what happens to its open Appointment, and the other way round.
    After `missed` and `failed` the standard is silent: a planned WorkOrder can be booked again, a started one failed.
    """
    standing, state = draft.open_appointment, draft.work_order.state
    appointment, work_order = goal.appointment, goal.work_order
    hops: list[Hop] = []
    if standing is not None:
        if appointment is None and work_order is WorkOrderState.CANCELLED:
            under_way = standing.status is AppointmentStatus.IN_PROGRESS
            appointment = AppointmentStatus.MISSED if under_way else AppointmentStatus.CANCELLED
        elif appointment is None and work_order is not None:
            appointment = _IMPLIED_APPOINTMENT.get(work_order)
        elif work_order is None and appointment in _FELL_THROUGH and state is not WorkOrderState.OPEN:
            failed = state is WorkOrderState.IN_PROGRESS
            work_order = WorkOrderState.UNABLE_TO_COMPLETE if failed else WorkOrderState.OPEN  # R49
        statuses = appointment_path(standing.status, appointment or standing.status)
        if statuses is None:
            raise IllegalMove(f"Appointment {standing.status} -> {appointment}: no legal way")
        hops += [(_APPOINTMENT_LEVEL[status], status) for status in statuses]
    states = work_order_path(state, work_order or state)
    if states is None:
        raise IllegalMove(f"WorkOrder {state} -> {work_order}: no legal way")
    return hops + [(_WORK_ORDER_LEVEL[hop], hop) for hop in states]


def _without_appointment(job: Job) -> Job:
    return replace(job, work_order=None, appointment=None, ended_appointments=job.appointments)


def _parked(job: Job, update: JobUpdate, illegal: IllegalMove) -> Decision:
    return Decision(outcome=Outcome.PARKED, job=job, reason=f"rule {update.rule}: {illegal}")


def _stale_reason(job: Job, update: JobUpdate) -> str:
    known = highest(job.versions, job.ages.answered)
    older = [f"{key} {came} < {known[key]}" for key, came in update.versions.items() if came < known.get(key, came)]
    if not older:
        same = [f"{key} {came}" for key, came in update.versions.items() if job.heard.get(key) == came]
        return f"applied already: {', '.join(same)}"
    return f"older than what is applied: {', '.join(older)}"

"""Decides what a WFM message does to a job: the goal it names, the legal hops there, the notifications on the way.

Order of the questions: stale? known? ended? only an echo? to be held for a partner? Then the goal is completed by the
cross-rules of MEF 137 (R20-R24, R27, R45-R50, R56-R58), planned and walked. A goal without a legal path is handled by
the pack's policy.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bridge.domain import echo
from bridge.domain.draft import Draft, IllegalMove
from bridge.domain.model import (
    ANSWER,
    Appointment,
    Decision,
    Goal,
    Ids,
    Job,
    JobUpdate,
    OnIllegal,
    Outcome,
    WorkOrder,
)
from bridge.domain.order import Versions, highest, is_behind
from bridge.domain.planner import appointment_path, work_order_path
from bridge.domain.work_order import TERMINAL
from bridge.mef.enums import AppointmentStatus, ContactRole, WorkOrderState
from bridge.mef.models import Note, RelatedContactInformation
from bridge.mef.moments import rfc3339

_FELL_THROUGH = frozenset({AppointmentStatus.CANCELLED, AppointmentStatus.MISSED, AppointmentStatus.FAILED})
_VISIT_ENDS = frozenset({AppointmentStatus.COMPLETED, AppointmentStatus.MISSED, AppointmentStatus.FAILED})


def decide(job: Job, update: JobUpdate, ids: Ids, now: datetime, came: datetime | None = None) -> Decision:
    """Decide on one message. `ids` are fresh; `now` is the moment of the decision, `came` that of its arrival."""
    if _is_stale(job, update):
        return Decision(outcome=Outcome.STALE, job=job, reason=_stale_reason(job, update))
    try:
        decision = _decide_current(job, update, ids, now, came or now)
    except IllegalMove as illegal:
        return _parked(job, update, illegal)
    if decision.outcome in (Outcome.PARKED, Outcome.WAITING):
        return decision
    is_current = decision.outcome in (Outcome.APPLIED, Outcome.UNCHANGED)
    job = echo.without_echo(decision.job, update) if is_current else decision.job
    return replace(decision, job=_remember(job, update))


def learned(
    job: Job, versions: Mapping[str, int], record: Mapping[str, object], told: Mapping[str, Mapping[str, int]]
) -> Job:
    """Keep what a message tells that says nothing to the Buyer, for later deltas build on it.

    A job that has not come yet has no version: the message that opens it may be older.
    """
    known = job.versions if job.work_order is None else highest(job.versions, versions)
    return replace(job, versions=known, record=record, told=told)


def is_older(job: Job, versions: Mapping[str, int]) -> bool:
    """Tell whether a message of these versions is older than what is applied, or than a yes of the WFM's."""
    return is_behind(versions, _known(job))


def _known(job: Job) -> Versions:
    """Give the highest versions that the WFM has spoken of: in its messages, and in its answers."""
    return highest(job.versions, job.told.get(ANSWER, {}))


def _is_stale(job: Job, update: JobUpdate) -> bool:
    if update.ties_are_stale and any(job.versions.get(key) == version for key, version in update.versions.items()):
        return True
    return is_older(job, update.versions) and not update.late


def _decide_current(job: Job, update: JobUpdate, ids: Ids, now: datetime, came: datetime) -> Decision:
    if job.work_order is None:
        return _first(job, update, ids, now)
    if job.work_order.state in TERMINAL:
        return _after_end(job, job.work_order, update, ids, now)
    update = echo.with_standing_window(job, update)
    if (decision := echo.recognise(job, update, now) or _held(job, update, came, now)) is not None:
        return decision
    return _advance(job, job.work_order, update, ids, now)


def _held(job: Job, update: JobUpdate, came: datetime, now: datetime) -> Decision | None:
    """A WFM that plans anew may cancel first and create then: a pack may have the one wait for the other."""
    if update.wait is None or came + update.wait <= now:
        return None
    until = came + update.wait
    reason = f"held until {rfc3339(until)}, in case a later message takes its place"
    return Decision(outcome=Outcome.WAITING, job=job, reason=reason, due_at=until)


def _first(job: Job, update: JobUpdate, ids: Ids, now: datetime) -> Decision:
    if not update.creates:
        return Decision(outcome=Outcome.WAITING, job=job, reason=f"job {job.ref.key} is not known yet")
    return _open_new(job, update, ids, now)


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
    return stays_open and update.visit.window is None and bool(update.goal.appointment_required)


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
    draft = Draft(job, replace(work_order, details=update.details), now)
    try:
        _walk(draft, update, ids)
        _check_known(draft, update)
        return draft.result()
    except IllegalMove as illegal:
        return _resolve_illegal(job, work_order, update, ids, now, illegal)


def _check_known(draft: Draft, update: JobUpdate) -> None:
    """The end of a visit that the Buyer never saw must not pass unnoticed where it changes nothing."""
    if draft.transitions or update.goal.appointment not in _VISIT_ENDS:
        return
    if not any(map(update.visit.may_be_of, draft.appointments)):
        raise IllegalMove("the message speaks of a visit the Buyer knows nothing of")


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
    if _seller_moves(draft, update):
        _withdraw(draft, update)
        return
    _follow_reference(draft, update)
    _release_moved(draft, update)
    _update_attributes(draft, update)
    if _agrees_visit(draft, update):
        draft.add_appointment(_new_appointment(draft, update, ids), announce=True)
        if draft.work_order.state is WorkOrderState.OPEN:
            draft.move_work_order(WorkOrderState.PLANNED)  # R24
    _walk_goal(draft, update.goal)


def _seller_moves(draft: Draft, update: JobUpdate) -> bool:
    appointment = draft.open_appointment
    return (
        appointment is not None
        and appointment.status is AppointmentStatus.CONFIRMED
        and update.goal.appointment is AppointmentStatus.CONFIRMED
        and update.goal.work_order not in TERMINAL
        and update.visit.window is not None
        and update.visit.window != appointment.valid_for
    )


def _withdraw(draft: Draft, update: JobUpdate) -> None:
    """R27: a move by the Seller is a cancelled Appointment and a request to book again."""
    _walk_goal(draft, Goal(appointment=AppointmentStatus.CANCELLED))
    moved = draft.require_appointment()
    draft.appointment = replace(moved, visit=update.visit.ref or moved.visit, disregarded_window=update.visit.window)


def _follow_reference(draft: Draft, update: JobUpdate) -> None:
    """Learn how the WFM calls the visit that stands: a reply need not name it, and a WFM may renumber its visits."""
    appointment, ref = draft.open_appointment, update.visit.ref
    if appointment is None or ref is None:
        return
    if appointment.visit is None or update.visit.window == appointment.valid_for:
        draft.appointment = replace(appointment, visit=ref)


def _release_moved(draft: Draft, update: JobUpdate) -> None:
    """The WFM no longer has a visit that it moved and then cancelled: the Buyer's next booking is a new one."""
    appointment = draft.appointment
    if appointment is None or appointment.moved_window is None:
        return
    if update.goal.appointment is AppointmentStatus.CANCELLED and update.visit.may_be_of(appointment):
        draft.appointment = replace(appointment, disregarded_window=None)


def _agrees_visit(draft: Draft, update: JobUpdate) -> bool:
    """A visit that the WFM agreed without the Buyer (by phone, say) and that we have not seen end."""
    if update.visit.window is None or draft.open_appointment is not None:
        return False
    if update.goal.appointment in (None, AppointmentStatus.CANCELLED) or echo.is_unseen(draft.job, update):
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


def _update_attributes(draft: Draft, update: JobUpdate) -> None:
    """R29: a changed seller contact, or a new note, of an open Appointment is an attribute event."""
    appointment = draft.open_appointment
    if appointment is None:
        return
    changed = replace(
        appointment,
        contacts=_with_seller_contact(appointment.contacts, update.visit.contacts),
        note=_with_notes(appointment.note, update.visit.note),
    )
    if changed != appointment:
        draft.change_appointment(changed, announce=True)


def _with_notes(notes: tuple[Note, ...], told: tuple[Note, ...]) -> tuple[Note, ...]:
    """Notes stay; a WFM repeats its remarks with every message."""
    known = {note.id for note in notes}
    return (*notes, *(note for note in told if note.id not in known))


def _with_seller_contact(
    contacts: tuple[RelatedContactInformation, ...], seller: tuple[RelatedContactInformation, ...]
) -> tuple[RelatedContactInformation, ...]:
    fresh = tuple(contact for contact in seller if contact.role == ContactRole.SELLER_APPOINTMENT)
    known = tuple(contact for contact in contacts if contact.role == ContactRole.SELLER_APPOINTMENT)
    if not fresh or fresh == known:
        return contacts
    return (*(contact for contact in contacts if contact.role != ContactRole.SELLER_APPOINTMENT), *fresh)


def _walk_goal(draft: Draft, goal: Goal) -> None:
    """Walk both objects to the goal in the order of Figure 5: level by level, Appointment before WorkOrder."""
    appointment_goal = _appointment_goal(draft, goal)
    work_order_goal = _work_order_goal(draft, goal, appointment_goal)
    hops = [*_appointment_hops(draft, appointment_goal), *_work_order_hops(draft, work_order_goal)]
    for _, target in sorted(hops, key=lambda hop: hop[0]):
        if isinstance(target, AppointmentStatus):
            draft.move_appointment(target)
        else:
            draft.move_work_order(target)
    _check_visit(draft)
    _settle_required(draft, goal)


def _check_visit(draft: Draft) -> None:
    """R24: a visit stands on a WorkOrder that is planned or under way; a goal that says otherwise is no goal."""
    state = draft.work_order.state
    if draft.open_appointment is not None and (state is WorkOrderState.OPEN or state in TERMINAL):
        raise IllegalMove(f"Appointment {draft.open_appointment.status} on a WorkOrder that is {state}")


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


def _appointment_hops(draft: Draft, goal: AppointmentStatus | None) -> list[Hop]:
    appointment = draft.open_appointment
    if appointment is None or goal is None:
        return []
    path = appointment_path(appointment.status, goal)
    if path is None:
        raise IllegalMove(f"Appointment {appointment.status} -> {goal}: no legal way")
    return [(_APPOINTMENT_LEVEL[status], status) for status in path]


def _work_order_hops(draft: Draft, goal: WorkOrderState | None) -> list[Hop]:
    state = draft.work_order.state
    if goal is None:
        return []
    path = work_order_path(state, goal)
    if path is None:
        raise IllegalMove(f"WorkOrder {state} -> {goal}: no legal way")
    return [(_WORK_ORDER_LEVEL[hop], hop) for hop in path]


_IMPLIED_APPOINTMENT = {
    WorkOrderState.OPEN: AppointmentStatus.CANCELLED,
    WorkOrderState.IN_PROGRESS: AppointmentStatus.IN_PROGRESS,
    WorkOrderState.COMPLETED: AppointmentStatus.COMPLETED,
    WorkOrderState.UNABLE_TO_COMPLETE: AppointmentStatus.COMPLETED,
}


def _appointment_goal(draft: Draft, goal: Goal) -> AppointmentStatus | None:
    """What happens to the open Appointment when the message only speaks of the WorkOrder."""
    if goal.appointment is not None or draft.open_appointment is None or goal.work_order is None:
        return goal.appointment
    if goal.work_order is WorkOrderState.CANCELLED:
        under_way = draft.open_appointment.status is AppointmentStatus.IN_PROGRESS
        return AppointmentStatus.MISSED if under_way else AppointmentStatus.CANCELLED
    return _IMPLIED_APPOINTMENT.get(goal.work_order)


def _work_order_goal(draft: Draft, goal: Goal, appointment: AppointmentStatus | None) -> WorkOrderState | None:
    """What happens to the WorkOrder when a visit falls through and the message does not say.

    After `missed` and `failed` the standard is silent: a planned WorkOrder can be booked again, a started one failed.
    """
    if goal.work_order is not None or draft.open_appointment is None:
        return goal.work_order
    if appointment not in _FELL_THROUGH or draft.work_order.state is WorkOrderState.OPEN:
        return None
    if draft.work_order.state is WorkOrderState.IN_PROGRESS:
        return WorkOrderState.UNABLE_TO_COMPLETE
    return WorkOrderState.OPEN  # R49


def _settle_required(draft: Draft, goal: Goal) -> None:
    """`appointmentRequired` comes last: true again when a visit fell through (R27, R48), false once one is agreed."""
    if draft.work_order.state is not WorkOrderState.OPEN or draft.open_appointment is not None:
        draft.set_appointment_required(False)
        return
    if goal.appointment_required is not None:
        draft.set_appointment_required(goal.appointment_required)
    elif any(hop.resource == "appointment" and hop.target in _FELL_THROUGH for hop in draft.transitions):
        draft.set_appointment_required(True)


def _remember(job: Job, update: JobUpdate) -> Job:
    return replace(job, versions=highest(job.versions, update.versions), record=update.record, told=update.told)


def _without_appointment(job: Job) -> Job:
    return replace(job, work_order=None, appointment=None, ended_appointments=job.appointments)


def _parked(job: Job, update: JobUpdate, illegal: IllegalMove) -> Decision:
    return Decision(outcome=Outcome.PARKED, job=job, reason=f"rule {update.rule}: {illegal}")


def _stale_reason(job: Job, update: JobUpdate) -> str:
    known = _known(job)
    older = [f"{key} {came} < {known[key]}" for key, came in update.versions.items() if key in known]
    return f"older than what is applied: {', '.join(older)}"

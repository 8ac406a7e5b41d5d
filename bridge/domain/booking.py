"""The Appointment that a Buyer's booking makes: in time, or after all where the WFM can't undo it any more."""

from bridge.domain.draft import Draft, IllegalMove
from bridge.domain.model import Appointment, Command, CommandState, Ids, Job, Visit, WorkOrder
from bridge.domain.replacing import replace
from bridge.mef.enums import AppointmentStatus, ContactRole, WorkOrderState
from bridge.mef.models import AppointmentCreate, RelatedContactInformation, TimePeriod


def buyers_contacts(request: AppointmentCreate) -> tuple[RelatedContactInformation, ...]:
    """The contacts that are the Buyer's to name."""
    return tuple(c for c in request.related_contact_information if c.role != ContactRole.SELLER_APPOINTMENT)


def booked_appointment(draft: Draft, command: Command, visit: Visit, ids: Ids) -> Appointment:
    """Give the Appointment as the Buyer asked for it; `visit` is what the WFM made of it, with the Seller's contact."""
    request = command.request
    if not isinstance(request, AppointmentCreate):
        raise IllegalMove("a booking without the Buyer's request")
    sellers = (c for c in visit.contacts if c.role == ContactRole.SELLER_APPOINTMENT)
    return Appointment(
        id=ids.appointment,
        work_order=draft.work_order.id,
        buyer=draft.work_order.buyer,
        status=AppointmentStatus.CONFIRMED,
        valid_for=visit.window or request.valid_for,
        place=draft.work_order.details.place[0],
        contacts=(*buyers_contacts(request), *sellers),
        note=request.note or (),
        attachment=request.attachment or (),
        visit=visit.ref or command.visit,
        created_at=draft.now,
        changed_at=draft.now,
    )


def with_planned_date(work_order: WorkOrder, window: TimePeriod | None) -> WorkOrder:
    """Plan the WorkOrder for the start of a visit."""
    if window is None:
        return work_order
    return replace(work_order, details=replace(work_order.details, planned_execution_date=window.start_date_time))


def can_be_adopted(job: Job) -> bool:
    """Tell whether the job's WorkOrder can take a visit that was not done for the Buyer (R20, R24)."""
    order = job.work_order
    return order is not None and order.state in _TAKES_VISITS and job.open_appointment is None


_TAKES_VISITS = (WorkOrderState.OPEN, WorkOrderState.PLANNED)


def adopt(draft: Draft, command: Command, visit: Visit, ids: Ids) -> None:
    """Show the Buyer the visit of a booking that he was told is not done: the WFM can't take it back, its truth wins.

    To him it is news. The booking is accepted, and the WFM is asked for nothing any more; also where his WorkOrder can
    take no visit, or has another.
    """
    accepted = replace(command, state=CommandState.ACCEPTED, try_again_at=None, echo_until=None)
    draft.job = replace(draft.job.without_command(command.id), granted=(*draft.job.granted, accepted))
    if draft.work_order.state not in _TAKES_VISITS or draft.open_appointment is not None:
        return
    window = visit.window or command.window
    draft.work_order = with_planned_date(draft.work_order, window)
    draft.add_appointment(booked_appointment(draft, command, replace(visit, window=window), ids), announce=True)
    if draft.work_order.state is WorkOrderState.OPEN:
        draft.move_work_order(WorkOrderState.PLANNED)  # R24

"""Factories of domain values for the unit tests: everything has a sensible default, a test names only what it is about.

One job runs through all of them: job J-1 of pack `acme`, WorkOrder `wo-1`, Appointment `ap-1`, the WFM's visit `V-1`
in the morning of 6 March. `ids()` gives what a decision may use for new objects: `wo-2` and `ap-2`.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    CancelVisit,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Decision,
    Goal,
    Ids,
    Job,
    JobRef,
    JobUpdate,
    MessageId,
    MovedBy,
    OfferedSlot,
    OnIllegal,
    SetTicketStatus,
    TicketStatus,
    Visit,
    WorkOrder,
    WorkOrderDetails,
    WorkOrderId,
)
from bridge.mef.enums import AppointmentStatus, BuyerSeller, ContactRole, EventType, TimeDurationUnits, WorkOrderState
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    AttachmentValue,
    GeographicSiteRef,
    Note,
    RelatedContactInformation,
    RelatedEntity,
    TimeDuration,
    TimePeriod,
    WorkOrderRef,
)

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=1)
LATER = NOW + timedelta(hours=1)
BUYER = BuyerId("acme-buyer")
JOB = JobRef("acme", "J-1")
WO = WorkOrderId("wo-1")
AP = AppointmentId("ap-1")
TICKET = "TT-99"

CREATED = EventType.WORK_ORDER_CREATE
STATE = EventType.WORK_ORDER_STATE_CHANGE
REQUIRED = EventType.WORK_ORDER_APPOINTMENT_REQUIRED
STATUS = EventType.APPOINTMENT_STATUS_CHANGE
ATTRIBUTE = EventType.APPOINTMENT_ATTRIBUTE_VALUE_CHANGE


def a_window(day: int = 6, hour: int = 8, hours: int = 4) -> TimePeriod:
    """A period of `hours` on a day of March 2026."""
    start = datetime(2026, 3, day, hour, tzinfo=UTC)
    return TimePeriod(start_date_time=start, end_date_time=start + timedelta(hours=hours))


MORNING = a_window(6, 8)
AFTERNOON = a_window(6, 13)
NEXT_DAY = a_window(7, 8)


def a_contact(role: str, name: str = "Jo Doe") -> RelatedContactInformation:
    return RelatedContactInformation(role=role, name=name, number="+48 1", email_address="jo@example.com")


BUYERS_CONTACTS = (a_contact(ContactRole.BUYER_APPOINTMENT), a_contact(ContactRole.APPOINTMENT_PLACE))
SELLER = a_contact(ContactRole.SELLER_APPOINTMENT, "Dispatch")
TECHNICIAN = a_contact(ContactRole.SELLER_APPOINTMENT, "Jan Kowalski")


def a_note(id_: str = "n-1", text: str = "Ring twice") -> Note:
    return Note(id=id_, author="Jo Doe", date=BEFORE, source=BuyerSeller.BUYER, text=text)


def an_attachment(name: str = "plan.pdf") -> AttachmentValue:
    return AttachmentValue(author="Jo Doe", name=name, source=BuyerSeller.BUYER, url=f"https://example.com/{name}")


def some_details(*, ticket: str | None = TICKET, **changes: Any) -> WorkOrderDetails:
    entity = RelatedEntity(id="order-1", role="order", referred_type="ProductOrder")
    if ticket is not None:
        entity = RelatedEntity(id=ticket, role="parentTroubleTicket", referred_type="TroubleTicket")
    details = WorkOrderDetails(
        place=(GeographicSiteRef(id="SITE-7", role="location"),),
        duration=TimeDuration(time_duration_value=120, time_duration_units=TimeDurationUnits.MIN),
        contacts=(a_contact(ContactRole.TECHNICAL),),
        related_entity=(entity,),
        task=("Replace SFP",),
    )
    return replace(details, **changes)


def a_work_order(state: WorkOrderState = WorkOrderState.OPEN, *, required: bool = False, **changes: Any) -> WorkOrder:
    work_order = WorkOrder(
        id=WO,
        job=JOB,
        buyer=BUYER,
        state=state,
        appointment_required=required,
        details=some_details(),
        created_at=BEFORE,
        changed_at=BEFORE,
    )
    return replace(work_order, **changes)


def an_appointment(
    status: AppointmentStatus = AppointmentStatus.CONFIRMED,
    window: TimePeriod = MORNING,
    visit: str | None = "V-1",
    **changes: Any,
) -> Appointment:
    appointment = Appointment(
        id=AP,
        work_order=WO,
        buyer=BUYER,
        status=status,
        valid_for=window,
        place=some_details().place[0],
        contacts=(*BUYERS_CONTACTS, SELLER),
        visit=visit,
        created_at=BEFORE,
        changed_at=BEFORE,
    )
    return replace(appointment, **changes)


def a_job(work_order: WorkOrder | None = None, appointment: Appointment | None = None, **changes: Any) -> Job:
    if work_order is not None and appointment is not None:
        work_order = replace(work_order, appointments=(appointment.id,))
    return replace(Job(ref=JOB, work_order=work_order, appointment=appointment), **changes)


def an_unknown_job() -> Job:
    """A job the bridge has heard nothing of."""
    return a_job()


def an_open_job(*, required: bool = True, **changes: Any) -> Job:
    """A WorkOrder that waits for an Appointment."""
    return a_job(a_work_order(WorkOrderState.OPEN, required=required), **changes)


def a_planned_job(**changes: Any) -> Job:
    """A planned WorkOrder that needs no visit."""
    return a_job(a_work_order(WorkOrderState.PLANNED), **changes)


def a_booked_job(
    window: TimePeriod = MORNING, visit: str | None = "V-1", *, appointment: Appointment | None = None, **changes: Any
) -> Job:
    """A planned WorkOrder with a confirmed Appointment."""
    return a_job(
        a_work_order(WorkOrderState.PLANNED), appointment or an_appointment(window=window, visit=visit), **changes
    )


def a_started_job(**changes: Any) -> Job:
    """A WorkOrder and its Appointment in progress."""
    return a_job(a_work_order(WorkOrderState.IN_PROGRESS), an_appointment(AppointmentStatus.IN_PROGRESS), **changes)


def an_ended_job(state: WorkOrderState = WorkOrderState.COMPLETED, **changes: Any) -> Job:
    status = AppointmentStatus.CANCELLED if state is WorkOrderState.CANCELLED else AppointmentStatus.COMPLETED
    return a_job(a_work_order(state), an_appointment(status), **changes)


def an_update(
    work_order: WorkOrderState | None = None,
    appointment: AppointmentStatus | None = None,
    *,
    required: bool | None = None,
    policy: OnIllegal = OnIllegal.PARK,
    window: TimePeriod | None = None,
    visit: str | None = None,
    contacts: tuple[RelatedContactInformation, ...] = (),
    moved_by: MovedBy = MovedBy.SELLER,
    **changes: Any,
) -> JobUpdate:
    """A message whose rule names these goals; it speaks of no visit unless `window` or `visit` is given."""
    update = JobUpdate(
        job=JOB,
        message=MessageId("E-1"),
        rule="a rule",
        pack_version="1",
        goal=Goal(
            work_order=work_order,
            appointment=appointment,
            appointment_required=required,
            on_illegal=policy,
            moved_by=moved_by,
        ),
        details=some_details(),
        buyer=BUYER,
        visit=Visit(ref=visit, window=window, contacts=contacts),
    )
    return replace(update, **changes)


def a_new_job(*, required: bool | None = True, **changes: Any) -> JobUpdate:
    """The message that creates a job."""
    return an_update(WorkOrderState.OPEN, required=required, creates=True, **changes)


def a_scheduled_visit(window: TimePeriod = MORNING, visit: str | None = "V-1", **changes: Any) -> JobUpdate:
    """The WFM announces a visit: WorkOrder planned, Appointment confirmed."""
    return an_update(WorkOrderState.PLANNED, AppointmentStatus.CONFIRMED, window=window, visit=visit, **changes)


def a_withdrawn_visit(window: TimePeriod | None = MORNING, visit: str | None = "V-1", **changes: Any) -> JobUpdate:
    """The WFM takes a visit back and keeps the job."""
    return an_update(
        WorkOrderState.OPEN, AppointmentStatus.CANCELLED, required=True, window=window, visit=visit, **changes
    )


def a_booking_request(window: TimePeriod = MORNING, **changes: Any) -> AppointmentCreate:
    request = AppointmentCreate(
        related_contact_information=BUYERS_CONTACTS, valid_for=window, work_order=WorkOrderRef(id=WO)
    )
    return request.model_copy(update=changes)


def a_command(kind: CommandKind, state: CommandState = CommandState.PENDING, **changes: Any) -> Command:
    command = Command(
        id=CommandId(f"{kind}-1"),
        kind=kind,
        job=JOB,
        work_order=WO,
        buyer=BUYER,
        state=state,
        created_at=BEFORE,
        expires_at=NOW,
    )
    return replace(command, **changes)


def a_booking(state: CommandState = CommandState.PENDING, window: TimePeriod = MORNING, **changes: Any) -> Command:
    """A Buyer's booking on its way to the WFM, which has named no visit yet."""
    changes = {"request": a_booking_request(window), **changes}
    return a_command(CommandKind.BOOK, state, window=window, **changes)


def a_reschedule(state: CommandState = CommandState.PENDING, window: TimePeriod = AFTERNOON, **changes: Any) -> Command:
    """A Buyer's reschedule of `ap-1` to the afternoon."""
    changes = {"request": AppointmentUpdate(valid_for=window), "appointment": AP, "visit": "V-1", **changes}
    return a_command(CommandKind.RESCHEDULE, state, window=window, **changes)


def a_cancel(state: CommandState = CommandState.PENDING, **changes: Any) -> Command:
    """A Buyer's cancellation of `ap-1`."""
    changes = {"appointment": AP, "visit": "V-1", **changes}
    return a_command(CommandKind.CANCEL, state, **changes)


def a_slot(window: TimePeriod = MORNING, slot: str = "S-1") -> OfferedSlot:
    return OfferedSlot(window, {"slot": slot})


def ids() -> Ids:
    """Fresh identifiers for one decision."""
    return Ids(WorkOrderId("wo-2"), AppointmentId("ap-2"))


def hops(decision: Decision) -> list[str]:
    """The transitions of a decision, as `appointment confirmed -> inProgress`."""
    return [f"{t.resource} {t.source or 'new'} -> {t.target}" for t in decision.transitions]


def events(decision: Decision) -> list[EventType]:
    """The types of the notifications, in order."""
    return [notification.event_type for notification in decision.notifications]


def tickets(decision: Decision) -> list[TicketStatus]:
    """What the WFM is told to set the trouble ticket to, in order."""
    return [effect.status for effect in decision.effects if isinstance(effect, SetTicketStatus)]


def taken_back(decision: Decision) -> list[CancelVisit]:
    """The visits that the WFM is told to cancel."""
    return [effect for effect in decision.effects if isinstance(effect, CancelVisit)]


def the_work_order(decision: Decision) -> WorkOrder:
    assert decision.job.work_order is not None
    return decision.job.work_order


def the_appointment(decision: Decision) -> Appointment:
    assert decision.job.appointment is not None
    return decision.job.appointment

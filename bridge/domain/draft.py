"""A job under decision: takes legal hops one by one and notes what each must tell the Buyer and the WFM.

Every change of state in the bridge goes through `move_work_order` and `move_appointment`: nothing illegal is stored.
"""

from datetime import datetime

from bridge.domain import appointment as appointment_machine
from bridge.domain import work_order as work_order_machine
from bridge.domain.model import (
    Appointment,
    Decision,
    Job,
    Notification,
    Outcome,
    SetTicketStatus,
    TicketStatus,
    Transition,
    WfmEffect,
    WorkOrder,
)
from bridge.domain.replacing import replace
from bridge.mef.enums import AppointmentStatus, EventType, WorkOrderState

TROUBLE_TICKET = "TroubleTicket"


class IllegalMove(Exception):
    """A hop that the state machine does not have."""


class Draft:
    """Collects the hops of one decision over one job; local to that decision."""

    def __init__(self, job: Job, work_order: WorkOrder, now: datetime) -> None:
        self.job = job
        self.work_order = work_order
        self.appointment = job.appointment
        self.ended = job.ended_appointments
        self.now = now
        self.transitions: list[Transition] = []
        self.notifications: list[Notification] = []
        self.effects: list[WfmEffect] = []

    @property
    def open_appointment(self) -> Appointment | None:
        """The Appointment that is confirmed or in progress, if any (R20: never more than one)."""
        standing = self.appointment
        return standing if standing is not None and standing.status in appointment_machine.OPEN else None

    @property
    def appointments(self) -> tuple[Appointment, ...]:
        """All of the job's Appointments, as the draft has them."""
        return self.ended if self.appointment is None else (*self.ended, self.appointment)

    def create_work_order(self) -> None:
        """Announce the draft's WorkOrder as new (R56)."""
        self.transitions.append(Transition("workOrder", self.work_order.id, None, self.work_order.state))
        self._notify(EventType.WORK_ORDER_CREATE, self.work_order.id)

    def add_appointment(self, appointment: Appointment, *, announce: bool) -> None:
        """Take a new confirmed Appointment in (R19, R22). One that the Buyer booked is announced by the response."""
        if self.open_appointment is not None:
            raise IllegalMove("the WorkOrder has an open Appointment already")  # R20
        self.ended = self.appointments
        self.appointment = appointment
        self.work_order = replace(self.work_order, appointments=(*self.work_order.appointments, appointment.id))
        self.transitions.append(Transition("appointment", appointment.id, None, appointment.status))
        if announce:
            self._notify(EventType.APPOINTMENT_STATUS_CHANGE, appointment.id)
        self.set_appointment_required(False)  # R23
        self._set_ticket(TicketStatus.IN_PROGRESS)  # R25

    def move_work_order(self, target: WorkOrderState) -> None:
        """Make one hop of the WorkOrder (R57); an ended one requires no Appointment any more."""
        source = self.work_order.state
        if (source, target) not in work_order_machine.HOPS:
            raise IllegalMove(f"WorkOrder {source} -> {target}")
        self.work_order = replace(self.work_order, state=target, changed_at=self.now)
        self.transitions.append(Transition("workOrder", self.work_order.id, source, target))
        self._notify(EventType.WORK_ORDER_STATE_CHANGE, self.work_order.id)
        if target in work_order_machine.TERMINAL:
            self.set_appointment_required(False)
        if target is WorkOrderState.COMPLETED and self.job.open_siblings == 0:
            self._set_ticket(TicketStatus.RESOLVED)

    def move_appointment(self, target: AppointmentStatus) -> None:
        """Make one hop of the open Appointment (R28)."""
        appointment = self.appointment
        if appointment is None:
            raise IllegalMove("the WorkOrder has no Appointment")
        if (appointment.status, target) not in appointment_machine.HOPS:
            raise IllegalMove(f"Appointment {appointment.status} -> {target}")
        disregarded = appointment.disregarded_window if target in appointment_machine.OPEN else None
        self.appointment = replace(appointment, status=target, disregarded_window=disregarded, changed_at=self.now)
        self.transitions.append(Transition("appointment", appointment.id, appointment.status, target))
        self._notify(EventType.APPOINTMENT_STATUS_CHANGE, appointment.id)

    def set_appointment_required(self, required: bool) -> None:
        """Set `appointmentRequired`; becoming true is announced and puts the ticket on hold (R58, Figure 5 step 8)."""
        required = required and self.work_order.details.bookable  # nobody is asked for what he cannot do
        if self.work_order.appointment_required == required:
            return
        self.work_order = replace(self.work_order, appointment_required=required, changed_at=self.now)
        if required:
            self.require_buyer()

    def require_buyer(self) -> None:
        """Tell the Buyer that he must schedule an Appointment (R58)."""
        self._notify(EventType.WORK_ORDER_APPOINTMENT_REQUIRED, self.work_order.id)
        self._set_ticket(TicketStatus.PENDING)

    def change_appointment(self, appointment: Appointment, *, announce: bool) -> None:
        """Replace attributes of the Appointment, status untouched (R29)."""
        self.appointment = replace(appointment, changed_at=self.now)
        if announce:
            self._notify(EventType.APPOINTMENT_ATTRIBUTE_VALUE_CHANGE, appointment.id)

    def result(self, *, reason: str = "") -> Decision:
        """Close the draft. A decision that changed nothing the Buyer can see is `unchanged`."""
        work_order = self.work_order
        if work_order.state is WorkOrderState.OPEN and work_order.details.planned_execution_date is not None:
            # Only what is no longer `open` has been given an execution date (Table 10): an old one must not stay.
            work_order = replace(work_order, details=replace(work_order.details, planned_execution_date=None))
        job, changed = self.job, (work_order, self.appointment) != (self.job.work_order, self.job.appointment)
        if changed:
            job = replace(job, work_order=work_order, appointment=self.appointment, ended_appointments=self.ended)
        return Decision(
            outcome=Outcome.APPLIED if changed else Outcome.UNCHANGED,
            job=job,
            reason=reason,
            transitions=tuple(self.transitions),
            notifications=tuple(self.notifications),
            effects=tuple(self.effects),
        )

    def _notify(self, event_type: EventType, object_id: str) -> None:
        self.notifications.append(Notification(event_type, object_id, self.work_order.buyer))

    def _set_ticket(self, status: TicketStatus) -> None:
        for entity in self.work_order.details.related_entity:
            if entity.referred_type == TROUBLE_TICKET:
                self.effects.append(SetTicketStatus(entity.id, status, self.work_order.id))

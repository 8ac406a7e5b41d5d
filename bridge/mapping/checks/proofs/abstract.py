"""Jobs and updates with no more in them than a decision looks at: for proofs by the real state machines."""

from datetime import UTC, datetime
from typing import Final

from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    Goal,
    Ids,
    Job,
    JobRef,
    JobUpdate,
    MessageId,
    Visit,
    WorkOrder,
    WorkOrderDetails,
    WorkOrderId,
)
from bridge.mapping.checks.proofs.situations import MefState
from bridge.mef.enums import AppointmentStatus, TimeDurationUnits, WorkOrderState
from bridge.mef.models import GeographicSiteRef, TimeDuration, TimePeriod

MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
IDS: Final = Ids(WorkOrderId("new"), AppointmentId("new"))
WINDOW: Final = TimePeriod(start_date_time=MOMENT, end_date_time=MOMENT.replace(hour=4))
LATER: Final = TimePeriod(start_date_time=MOMENT.replace(day=2), end_date_time=MOMENT.replace(day=2, hour=4))

RULE: Final = "rule"
RULE_PREFIX: Final = f"rule {RULE}: "
"""How a decision begins its reasons; it says nothing of an abstract update."""

_REF = JobRef("pack", "job")
_BUYER = BuyerId("buyer")
_SITE = GeographicSiteRef(id="site", role="site")
_DETAILS = WorkOrderDetails(
    place=(_SITE,),
    duration=TimeDuration(time_duration_value=1, time_duration_units=TimeDurationUnits.HOUR),
    contacts=(),
    related_entity=(),
    task=("task",),
)


def job_in(state: MefState) -> Job:
    """Make a job of which the Buyer sees just this."""
    work_order, appointment = state
    return Job(
        ref=_REF,
        work_order=_work_order(work_order) if work_order is not None else None,
        appointment=_appointment(appointment) if appointment is not None else None,
    )


def state_of(job: Job) -> MefState:
    """Give what the Buyer sees of a job."""
    return (
        job.work_order.state if job.work_order is not None else None,
        job.appointment.status if job.appointment is not None else None,
    )


def update_to(goal: Goal, *, creates: bool, visit: bool, another: bool = False) -> JobUpdate:
    """Make an update with this goal; `visit`: it speaks of the job's visit, or of `another` one."""
    spoken_of = Visit(ref="another", window=LATER) if another else Visit(ref="visit", window=WINDOW)
    return JobUpdate(
        job=_REF,
        message=MessageId("message"),
        rule=RULE,
        pack_version="version",
        goal=goal,
        details=_DETAILS,
        buyer=_BUYER,
        creates=creates,
        visit=spoken_of if visit else Visit(),
    )


def _work_order(state: WorkOrderState) -> WorkOrder:
    return WorkOrder(
        id=WorkOrderId("known"),
        job=_REF,
        buyer=_BUYER,
        state=state,
        appointment_required=False,
        details=_DETAILS,
        created_at=MOMENT,
        changed_at=MOMENT,
    )


def _appointment(status: AppointmentStatus) -> Appointment:
    return Appointment(
        id=AppointmentId("known"),
        work_order=WorkOrderId("known"),
        buyer=_BUYER,
        status=status,
        valid_for=WINDOW,
        place=_SITE,
        contacts=(),
        visit="visit",
        created_at=MOMENT,
        changed_at=MOMENT,
    )

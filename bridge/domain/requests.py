"""What a Buyer may ask for, judged before anything is sent to the WFM. Each check returns the violated rules."""

from datetime import datetime

from bridge.domain.model import Appointment, CommandKind, Job, Problem, WorkOrder
from bridge.domain.patch import BUYER_ROLES, check_patch
from bridge.domain.work_order import TERMINAL
from bridge.mef.enums import AppointmentStatus, Error422Code, WorkOrderState
from bridge.mef.models import AppointmentCreate, AppointmentUpdate, SearchTimeSlotCreate, TimePeriod

CHANGE_UNDER_WAY = "Another change of this Appointment is under way."
UNKNOWN_WORK_ORDER = Problem(Error422Code.REFERENCE_NOT_FOUND, "There is no such WorkOrder.", "/workOrder/id")


NOT_BOOKABLE = Problem(Error422Code.OTHER_ISSUE, "No visit can be booked for this WorkOrder.", "/workOrder/id")


def check_search(
    work_order: WorkOrder, request: SearchTimeSlotCreate, now: datetime, max_periods: int
) -> list[Problem]:
    """R12: the WorkOrder must still run, and each requested period, of not too many, must be one in the future.

    Each period is a question of its own to the WFM; the standard names no maximum.
    """
    problems: list[Problem] = []
    if work_order.state in TERMINAL:
        reason = f"The WorkOrder has ended ({work_order.state})."
        problems.append(Problem(Error422Code.OTHER_ISSUE, reason, "/workOrder/id"))
    elif not work_order.details.bookable:
        problems.append(NOT_BOOKABLE)
    if len(request.requested_time_slot) > max_periods:
        reason = (
            f"At most {max_periods} periods can be asked for at once; these are {len(request.requested_time_slot)}."
        )
        return [*problems, Problem(Error422Code.INVALID_VALUE, reason, "/requestedTimeSlot")]
    for index, slot in enumerate(request.requested_time_slot):
        problems += check_window(slot.valid_for, now, f"/requestedTimeSlot/{index}/validFor")
    return problems


def check_booking(job: Job, request: AppointmentCreate, now: datetime) -> list[Problem]:
    """R15, R16, R20, R21; and only one booking at a time."""
    problems: list[Problem] = []
    if job.open_appointment is not None:  # R20
        reason = f"The WorkOrder has an Appointment that is {job.open_appointment.status} already."
        problems.append(Problem(Error422Code.OTHER_ISSUE, reason, "/workOrder/id"))
    elif job.work_order is not None and job.work_order.state is not WorkOrderState.OPEN:  # R21
        reason = f"The WorkOrder must be open; it is {job.work_order.state}."
        problems.append(Problem(Error422Code.OTHER_ISSUE, reason, "/workOrder/id"))
    elif job.work_order is not None and not job.work_order.details.bookable:
        problems.append(NOT_BOOKABLE)
    elif job.awaits(CommandKind.BOOK):
        problems.append(
            Problem(Error422Code.OTHER_ISSUE, "Another booking for this WorkOrder is under way.", "/workOrder/id")
        )
    problems += check_window(request.valid_for, now, "/validFor")
    roles = {contact.role for contact in request.related_contact_information}
    problems += [
        Problem(Error422Code.MISSING_PROPERTY, f"A contact with role {role} is required.", "/relatedContactInformation")
        for role in BUYER_ROLES
        if role not in roles
    ]
    return problems


def check_update(
    job: Job, appointment: Appointment, request: AppointmentUpdate, provided: frozenset[str], now: datetime
) -> list[Problem]:
    """R36-R44; and only one reschedule or cancel at a time."""
    problems = check_patch(appointment, request, provided)
    if request.valid_for is not None and request.valid_for != appointment.valid_for:
        problems += check_window(request.valid_for, now, "/validFor")  # R41
    return problems or _check_idle(job)


def check_cancel(job: Job, appointment: Appointment) -> list[Problem]:
    """R46, R47."""
    if appointment.status is not AppointmentStatus.CONFIRMED:
        reason = f"Only a confirmed Appointment can be cancelled; this one is {appointment.status}."
        return [Problem(Error422Code.OTHER_ISSUE, reason)]
    if job.work_order is None or job.work_order.state is not WorkOrderState.PLANNED:
        state = job.work_order.state if job.work_order else "unknown"
        return [Problem(Error422Code.OTHER_ISSUE, f"The related WorkOrder must be planned; it is {state}.")]
    return _check_idle(job)


def check_window(window: TimePeriod, now: datetime, path: str) -> list[Problem]:
    """A window must end after it starts and must not lie in the past."""
    if window.end_date_time <= window.start_date_time:
        return [Problem(Error422Code.INVALID_VALUE, "endDateTime must be after startDateTime.", path)]
    if window.end_date_time <= now:
        return [Problem(Error422Code.INVALID_VALUE, "The period lies in the past.", path)]
    return []


def change_under_way(job: Job) -> bool:
    """Tell whether the WFM has been asked for a change of the Appointment and has not answered yet."""
    return job.awaits(CommandKind.RESCHEDULE, CommandKind.CANCEL)


def _check_idle(job: Job) -> list[Problem]:
    return [Problem(Error422Code.OTHER_ISSUE, CHANGE_UNDER_WAY)] if change_under_way(job) else []

"""When are two mentions of a visit the same visit? By the WFM's reference where both have one, else by the window."""

from bridge.domain.appointment import OPEN
from bridge.domain.model import Appointment, Command, Job, Visit
from bridge.mef.enums import AppointmentStatus
from bridge.mef.models import TimePeriod


def same_visit(known: Appointment | Command, visit: Visit) -> bool:
    """Tell whether a message or a reply speaks of the visit of an Appointment, or of the one a Command asked for."""
    if known.visit is not None and visit.ref is not None:
        return known.visit == visit.ref
    window = known.valid_for if isinstance(known, Appointment) else known.window
    return window is not None and window == visit.window


def may_be_same_visit(known: Appointment | Command, visit: Visit) -> bool:
    """Tell whether nothing says that it is another visit: a job has one at a time, and many WFMs do not name it."""
    return known.visit is None or visit.ref is None or known.visit == visit.ref


def held_window(appointment: Appointment | None) -> TimePeriod | None:
    """Return the window in which the WFM still holds a visit that its Seller moved (R27); None where it holds none.

    For the Buyer the Appointment is cancelled and he was asked to book again. His next booking moves this visit,
    because the WFM has one already.
    """
    if appointment is None or appointment.status is not AppointmentStatus.CANCELLED or appointment.visit is None:
        return None
    return appointment.disregarded_window


def open_appointment(job: Job) -> Appointment | None:
    """Return the Appointment that is confirmed or in progress, if any (R20: never more than one)."""
    if job.appointment is not None and job.appointment.status in OPEN:
        return job.appointment
    return None

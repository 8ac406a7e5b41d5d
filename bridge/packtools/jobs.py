"""A job as a case or an explanation begins with it, and what the Buyer sees of one.

The Buyer's view is told by the keys of a pack's sections; what stands below them is the standard's JSON.
"""

from dataclasses import fields, replace
from datetime import datetime

from pydantic import BaseModel

from bridge.domain.model import Appointment, Job, JobRef, JobUpdate, WorkOrder
from bridge.mapping.checks.proofs.outcomes import job_in
from bridge.mapping.checks.proofs.situations import MefState
from bridge.mapping.pack import Pack, Reading, Translated
from bridge.mef.enums import ContactRole
from bridge.mef.moments import rfc3339


def initial_job(reading: Reading, state: MefState, pack: Pack, now: datetime) -> Job:
    """Make the job that a message is about, in a state, with what the message itself says of it."""
    bare = job_in_state(reading.job, state, None, now)
    translation = pack.translate(reading, bare)
    return job_in_state(reading.job, state, translation.update, now) if isinstance(translation, Translated) else bare


def job_in_state(ref: JobRef, state: MefState, update: JobUpdate | None, now: datetime) -> Job:
    """Make the job; without an update it has nothing but its state."""
    job = job_in(state)
    work_order, appointment = job.work_order, job.appointment
    return Job(
        ref=ref,
        work_order=_work_order(work_order, ref, update, now) if work_order is not None else None,
        appointment=_appointment(appointment, update, now) if appointment is not None else None,
    )


def _work_order(known: WorkOrder, ref: JobRef, update: JobUpdate | None, now: datetime) -> WorkOrder:
    known = replace(known, job=ref, created_at=now, changed_at=now)
    return known if update is None else replace(known, buyer=update.buyer, details=update.details)


def _appointment(known: Appointment, update: JobUpdate | None, now: datetime) -> Appointment:
    known = replace(known, created_at=now, changed_at=now, visit=None)
    if update is None:
        return known
    visit = update.visit
    return replace(
        known,
        buyer=update.buyer,
        place=update.details.place[0],
        valid_for=visit.window or known.valid_for,
        contacts=visit.contacts,
        visit=visit.ref,
    )


Json = object


def buyers_view(job: Job | None) -> dict[str, Json]:
    """Give the WorkOrder and the Appointment, None where there is none."""
    work_order, appointment = (job.work_order, job.appointment) if job is not None else (None, None)
    return {
        "work_order": _work_order_view(work_order) if work_order is not None else None,
        "appointment": _appointment_view(appointment) if appointment is not None else None,
    }


def fits(wanted: Json, came: Json) -> bool:
    """Tell whether it is what came, as far as it is named; a list is named whole, item by item."""
    if isinstance(wanted, dict) and isinstance(came, dict):
        return all(fits(one, came.get(name)) for name, one in wanted.items())
    if isinstance(wanted, list) and isinstance(came, list):
        return len(wanted) == len(came) and all(map(fits, wanted, came))
    return wanted == came


def _work_order_view(work_order: WorkOrder) -> dict[str, Json]:
    details = work_order.details
    return {"buyer": work_order.buyer, **{one.name: _plain(getattr(details, one.name)) for one in fields(details)}}


def _appointment_view(appointment: Appointment) -> dict[str, Json]:
    contacts = appointment.contacts
    seller = next((one for one in contacts if one.role == ContactRole.SELLER_APPOINTMENT), None)
    window = appointment.valid_for
    return {
        "window": {"start": rfc3339(window.start_date_time), "end": rfc3339(window.end_date_time)},
        "seller_contact": _plain(seller),
        "note": _plain(appointment.note),
    }


def _plain(value: object) -> Json:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return rfc3339(value) if isinstance(value, datetime) else value

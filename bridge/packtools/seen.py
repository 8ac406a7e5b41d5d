"""What the Buyer sees of a job, by the keys of a pack's sections; what stands below them is the standard's JSON."""

from dataclasses import fields
from datetime import datetime

from pydantic import BaseModel

from bridge.domain.model import Appointment, Job, WorkOrder
from bridge.mef.enums import ContactRole
from bridge.mef.moments import rfc3339

Json = object


def seen(job: Job | None) -> dict[str, Json]:
    """Give the WorkOrder and the Appointment, None where there is none."""
    work_order, appointment = (job.work_order, job.appointment) if job is not None else (None, None)
    return {
        "work_order": _work_order(work_order) if work_order is not None else None,
        "appointment": _appointment(appointment) if appointment is not None else None,
    }


def fits(wanted: Json, came: Json) -> bool:
    """Tell whether it is what came, as far as it is named; a list is named whole, item by item."""
    if isinstance(wanted, dict) and isinstance(came, dict):
        return all(fits(one, came.get(name)) for name, one in wanted.items())
    if isinstance(wanted, list) and isinstance(came, list):
        return len(wanted) == len(came) and all(map(fits, wanted, came))
    return wanted == came


def _work_order(work_order: WorkOrder) -> dict[str, Json]:
    details = work_order.details
    return {"buyer": work_order.buyer, **{one.name: _plain(getattr(details, one.name)) for one in fields(details)}}


def _appointment(appointment: Appointment) -> dict[str, Json]:
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

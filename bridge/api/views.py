"""What is stored as a Buyer sees it, for the reads: plain JSON in, plain JSON out, in the standard's order of names.

A stored value was checked when it was made, and it is read far more often than it is made: no type of the standard is
built of it. What is empty is left out, as in `presenter`; a test holds that both write the same.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bridge.api.presenter import Links
from bridge.domain.model import AppointmentId, WorkOrderId
from bridge.flows.ports.buyer_views import AppointmentView, WorkOrderView
from bridge.mef.moments import rfc3339

Json = dict[str, Any]

_UTC: Final = "+00:00"
_SECONDS: Final = len("2026-03-05T13:04:05")
_MILLISECONDS: Final = len("2026-03-05T13:04:05.123")


def work_order(value: WorkOrderView, links: Links) -> Json:
    """7.2.2.1 (R53, R54)."""
    details = value.details
    shown: Json = {
        "id": value.id,
        "href": links.work_order(value.id),
        "appointmentRequired": value.appointment_required,
    }
    if value.appointments:
        visits = map(AppointmentId, value.appointments)
        shown["appointment"] = [{"id": visit, "href": links.appointment(visit)} for visit in visits]
    shown["duration"] = details["duration"]
    if details.get("note"):
        shown["note"] = _with_moments(details["note"], "date")
    shown["place"] = details["place"]
    if details.get("planned_execution_date"):
        shown["plannedExecutionDate"] = moment(details["planned_execution_date"])
    shown["relatedContactInformation"] = details["contacts"]
    shown["relatedEntity"] = details["related_entity"]
    shown["state"] = value.state
    shown["task"] = details["task"]
    return shown


def work_order_find(value: WorkOrderView) -> Json:
    """7.2.2.2 (R51); the standard gives it no href."""
    return {
        "id": value.id,
        "appointmentRequired": value.appointment_required,
        "place": value.details["place"],
        "relatedEntity": value.details["related_entity"],
        "state": value.state,
    }


def appointment(value: AppointmentView, links: Links) -> Json:
    """7.2.1.1 (R18, R34, R35)."""
    shown: Json = {"id": value.id, "href": links.appointment(value.id)}
    if value.attachment:
        shown["attachment"] = _with_moments(value.attachment, "creationDate")
    if value.note:
        shown["note"] = _with_moments(value.note, "date")
    shown["relatedContactInformation"] = value.contacts
    return shown | _found(value, links)


def appointment_find(value: AppointmentView, links: Links) -> Json:
    """7.2.1.3 (R30)."""
    return {"id": value.id, "href": links.appointment(value.id)} | _found(value, links)


def _found(value: AppointmentView, links: Links) -> Json:
    order: WorkOrderId = value.work_order
    return {
        "relatedPlace": value.place,
        "status": value.status,
        "validFor": {"startDateTime": rfc3339(value.starts_at), "endDateTime": rfc3339(value.ends_at)},
        "workOrder": {"id": order, "href": links.work_order(order)},
    }


def _with_moments(items: Sequence[Any], name: str) -> list[Json]:
    return [{**item, name: moment(item[name])} if name in item else item for item in items]


def moment(text: str) -> str:
    """Write a stored moment (ISO 8601 with an offset) as `rfc3339` does; nearly all are in UTC."""
    if not text.endswith(_UTC):
        return rfc3339(datetime.fromisoformat(text))
    return f"{text[:_MILLISECONDS]}Z" if text[_SECONDS] == "." else f"{text[:_SECONDS]}.000Z"

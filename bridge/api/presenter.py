"""The bridge's values as a Buyer sees them: pure functions from domain values to the standard's types.

What is empty is left out. Every href is absolute, under the reference point (Sonata or Cantata) that the Buyer used.
"""

from collections.abc import Sequence
from typing import Final, TypeVar
from urllib.parse import quote

from bridge.domain import model as domain
from bridge.flows.ports.subscription import Subscription
from bridge.mef.enums import Api, Irp
from bridge.mef.models import (
    Appointment,
    EventSubscription,
    SearchTimeSlot,
    SearchTimeSlotCreate,
    TimeSlot,
    WorkOrderRef,
)

API_PATHS: Final = {Api.APPOINTMENT: "appointment/v2", Api.WORK_ORDER: "workOrderManagement/v2"}

T = TypeVar("T")


def api_path(irp: Irp, api: Api) -> str:
    """The path of an API below the server's root (5.2)."""
    return f"/mefApi/{irp.value}/{API_PATHS[api]}"


class Links:
    """Writes hrefs. `root` is the absolute URL in front of `/mefApi`."""

    def __init__(self, root: str, irp: Irp) -> None:
        bases = {api: root + api_path(irp, api) for api in Api}
        self._appointments = f"{bases[Api.APPOINTMENT]}/appointment/"
        self._work_orders = f"{bases[Api.WORK_ORDER]}/workOrder/"
        self._hubs = {api: f"{base}/hub/" for api, base in bases.items()}

    def appointment(self, identifier: domain.AppointmentId) -> str:
        """The URL of an Appointment."""
        return self._appointments + quote(identifier, safe="")

    def work_order(self, identifier: domain.WorkOrderId) -> str:
        """The URL of a WorkOrder, in the guide's spelling of the path."""
        return self._work_orders + quote(identifier, safe="")

    def subscription(self, subscription: Subscription) -> str:
        """The URL of a registered listener."""
        return self._hubs[subscription.api] + quote(subscription.id, safe="")


def _some(items: tuple[T, ...]) -> tuple[T, ...] | None:
    return items or None


def _work_order_ref(identifier: domain.WorkOrderId, links: Links) -> WorkOrderRef:
    return WorkOrderRef(id=identifier, href=links.work_order(identifier))


def appointment(value: domain.Appointment, links: Links) -> Appointment:
    """7.2.1.1 (R18, R34, R35)."""
    return Appointment(
        id=value.id,
        href=links.appointment(value.id),
        attachment=_some(value.attachment),
        note=_some(value.note),
        related_contact_information=value.contacts,
        related_place=value.place,
        status=value.status,
        valid_for=value.valid_for,
        work_order=_work_order_ref(value.work_order, links),
    )


def search_time_slot(request: SearchTimeSlotCreate, slots: Sequence[TimeSlot], links: Links) -> SearchTimeSlot:
    """7.2.1.6: what was asked, and what there is; an empty list says that there is nothing (R13, R14)."""
    return SearchTimeSlot(
        available_time_slot=tuple(slots),
        requested_time_slot=request.requested_time_slot,
        work_order=_work_order_ref(domain.WorkOrderId(request.work_order.id), links),
    )


def event_subscription(value: Subscription) -> EventSubscription:
    """7.2.4.1."""
    return EventSubscription(id=value.id, callback=value.callback, query=value.query)

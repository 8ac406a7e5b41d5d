"""What each operation of Tables 4 and 6, and each listener of Tables 5 and 7, takes and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bridge.mef import models
from bridge.mef.enums import Api, EventType
from bridge.mef.models import MefModel

ALWAYS: Final = (400, 401, 403, 429, 500)
_FROM_STORE: Final = (*ALWAYS, 503)
_FROM_WFM: Final = (*_FROM_STORE, 504)
_WITH_BODY: Final = (413, 415)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One operation. `many` says that the answer is a list; `errors` are its statuses besides `success`.

    `location` says that the answer tells where the new object lives.
    """

    operation_id: str
    tag: str
    summary: str
    description: str
    success: int
    says: str
    errors: tuple[int, ...]
    request: type[MefModel] | None = None
    response: type[MefModel] | None = None
    many: bool = False
    location: bool = False


SEARCH: Final = Described(
    operation_id="createSearchTimeSlot",
    tag="searchTimeSlot",
    summary="Search time slots",
    description="Asks the Seller when a technician can come for a WorkOrder. The answer has only slots that lie "
    "within what was asked for. Nothing is reserved, and nothing is kept that could be fetched again.",
    request=models.SearchTimeSlotCreate,
    success=201,
    says="What was asked, and the free slots.",
    response=models.SearchTimeSlot,
    errors=(*_FROM_WFM, *_WITH_BODY, 422),
)
BOOK: Final = Described(
    operation_id="createAppointment",
    tag="appointment",
    summary="Book a visit",
    description="Books a visit for a WorkOrder that requires one. It is booked once the Seller's system has agreed; "
    "504 means that it is not booked, even if the Seller's system agrees later.",
    request=models.AppointmentCreate,
    success=201,
    says="The visit is agreed.",
    response=models.Appointment,
    errors=(*_FROM_WFM, *_WITH_BODY, 422),
    location=True,
)
LIST_APPOINTMENTS: Final = Described(
    operation_id="listAppointment",
    tag="appointment",
    summary="List Appointments",
    description="Lists the Buyer's Appointments that satisfy all filters. validFor.gt and validFor.lt bound a period; "
    "those that overlap it are found.",
    success=200,
    says="A page of the list.",
    response=models.AppointmentFind,
    many=True,
    errors=_FROM_STORE,
)
GET_APPOINTMENT: Final = Described(
    operation_id="retrieveAppointment",
    tag="appointment",
    summary="Show an Appointment",
    description="Shows one Appointment of the Buyer.",
    success=200,
    says="The Appointment.",
    response=models.Appointment,
    errors=(*_FROM_STORE, 404),
)
PATCH_APPOINTMENT: Final = Described(
    operation_id="patchAppointment",
    tag="appointment",
    summary="Change an Appointment",
    description="Merges a patch (RFC 7386) into a confirmed Appointment. A new validFor moves the visit, once the "
    "Seller's system has agreed. Notes and attachments can be added; the Buyer may change his own two contacts.",
    request=models.AppointmentUpdate,
    success=200,
    says="The Appointment as it is now.",
    response=models.Appointment,
    errors=(*_FROM_WFM, *_WITH_BODY, 404, 409, 422),
)
CANCEL: Final = Described(
    operation_id="cancelAppointment",
    tag="appointment operations",
    summary="Cancel an Appointment",
    description="Cancels a confirmed Appointment, once the Seller's system has agreed. The request has no body; "
    "what is sent as one is not read.",
    success=204,
    says="Cancelled.",
    errors=(*_FROM_WFM, 404, 422),
)
LIST_WORK_ORDERS: Final = Described(
    operation_id="listWorkOrder",
    tag="workorder",
    summary="List WorkOrders",
    description="Lists the Buyer's WorkOrders that satisfy all filters.",
    success=200,
    says="A page of the list.",
    response=models.WorkOrderFind,
    many=True,
    errors=_FROM_STORE,
)
GET_WORK_ORDER: Final = Described(
    operation_id="retrieveWorkOrder",
    tag="workorder",
    summary="Show a WorkOrder",
    description="Shows one WorkOrder of the Buyer.",
    success=200,
    says="The WorkOrder.",
    response=models.WorkOrder,
    errors=(*_FROM_STORE, 404),
)
REGISTER: Final = Described(
    operation_id="registerListener",
    tag="events subscription",
    summary="Register a listener",
    description="Registers where notifications of this API go. Wrong attributes are a 400 here: the hub has no 422.",
    request=models.EventSubscriptionInput,
    success=201,
    says="Registered.",
    response=models.EventSubscription,
    errors=(*_FROM_STORE, *_WITH_BODY),
    location=True,
)
GET_LISTENER: Final = Described(
    operation_id="retrieveHub",
    tag="events subscription",
    summary="Show a listener",
    description="Shows a registered listener.",
    success=200,
    says="The listener.",
    response=models.EventSubscription,
    errors=(*_FROM_STORE, 404),
)
UNREGISTER: Final = Described(
    operation_id="unregisterListener",
    tag="events subscription",
    summary="Remove a listener",
    description="Removes a listener; what has not been delivered to it yet will not be.",
    success=204,
    says="Removed.",
    errors=(*_FROM_STORE, 404),
)


def _as_in_guide(described: Described) -> Described:
    """The guide spells the path `/workOrder`, the OpenAPI file `/workorder`; operation ids must differ."""
    return replace(described, operation_id=f"{described.operation_id}AsInGuide")


_HUB: Final = {("POST", "/hub"): REGISTER, ("GET", "/hub/{id}"): GET_LISTENER, ("DELETE", "/hub/{id}"): UNREGISTER}

DESCRIBED: Final[Mapping[Api, Mapping[tuple[str, str], Described]]] = {
    Api.APPOINTMENT: {
        ("POST", "/searchTimeSlot"): SEARCH,
        ("POST", "/appointment"): BOOK,
        ("GET", "/appointment"): LIST_APPOINTMENTS,
        ("GET", "/appointment/{id}"): GET_APPOINTMENT,
        ("PATCH", "/appointment/{id}"): PATCH_APPOINTMENT,
        ("POST", "/appointment/{id}/cancel"): CANCEL,
        **_HUB,
    },
    Api.WORK_ORDER: {
        ("GET", "/workOrder"): _as_in_guide(LIST_WORK_ORDERS),
        ("GET", "/workOrder/{id}"): _as_in_guide(GET_WORK_ORDER),
        ("GET", "/workorder"): LIST_WORK_ORDERS,
        ("GET", "/workorder/{id}"): GET_WORK_ORDER,
        **_HUB,
    },
}

# What a listener is told, and about which of the two APIs.
EVENTS: Final[Mapping[Api, Mapping[EventType, str]]] = {
    Api.APPOINTMENT: {
        EventType.APPOINTMENT_ATTRIBUTE_VALUE_CHANGE: "A note, a contact or an attachment of a visit has changed.",
        EventType.APPOINTMENT_STATUS_CHANGE: "A visit has a new status, or there is a new visit.",
    },
    Api.WORK_ORDER: {
        EventType.WORK_ORDER_CREATE: "There is a new job.",
        EventType.WORK_ORDER_STATE_CHANGE: "A job has a new state.",
        EventType.WORK_ORDER_APPOINTMENT_REQUIRED: "The Buyer must agree on a visit.",
    },
}

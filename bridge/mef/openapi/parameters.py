"""The parameters of the operations: filters, pages, parties and headers."""

from collections.abc import Iterable
from typing import Final

from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.openapi import Json

_TEXT: Final[Json] = {"type": "string", "minLength": 1}
_MOMENT: Final[Json] = {"type": "string", "format": "date-time"}
_FLAG: Final[Json] = {"type": "boolean"}


def _members(kind: type[AppointmentStatus] | type[WorkOrderState]) -> Json:
    return {"type": "string", "enum": [member.value for member in kind]}


_ALSO: Final = "The same as {}; give one of them."
_PARTIES: Final[dict[str, tuple[Json, str]]] = {
    "buyerId": (_TEXT, "The Buyer; required if the caller represents several, and not allowed otherwise."),
    "sellerId": (_TEXT, "The Seller; required if there are several here, and not allowed otherwise."),
}
_QUERY: Final[dict[str, tuple[Json, str]]] = {
    "status": (_members(AppointmentStatus), "Only visits with this status."),
    "validFor.gt": (_MOMENT, "Only visits that end after this moment."),
    "validFor.lt": (_MOMENT, "Only visits that begin before this moment."),
    "workOrder": (_TEXT, "Only visits of this WorkOrder (the guide's spelling)."),
    "workOrderId": (_TEXT, _ALSO.format("workOrder")),
    "state": (_members(WorkOrderState), "Only jobs in this state."),
    "appointmentRequired": (_FLAG, "Only jobs for which a visit must (or need not) be agreed on."),
    "relatedEntity": (_TEXT, "Only jobs about the entity with this id (the guide's spelling)."),
    "relatedEntityId": (_TEXT, _ALSO.format("relatedEntity")),
    "relatedEntityType": (_TEXT, "Only jobs about an entity of this @referredType."),
    "geographicSiteId": (_TEXT, "Only what is at this site."),
    "geographicalSiteId": (_TEXT, _ALSO.format("geographicSiteId")),
    "geographicAddressId": (_TEXT, "Only what is at this address."),
    "geographicalAddressId": (_TEXT, _ALSO.format("geographicAddressId")),
    "offset": ({"type": "integer", "minimum": 0, "default": 0}, "How many to leave out at the beginning."),
    "limit": (
        {"type": "integer", "format": "int32", "minimum": 0},
        "How many to give at most; the server's own limit holds if this is more (see X-Pagination-Throttled).",
    ),
    **_PARTIES,
}
_IDENTIFIER: Final[Json] = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The identifier, as the Seller gave it.",
    "schema": {"type": "string", "minLength": 1},
}
CORRELATION_ID: Final = "X-Correlation-ID"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_HEADERS: Final[dict[str, tuple[Json, str]]] = {
    CORRELATION_ID: (
        {"type": "string", "minLength": 1, "maxLength": 128},
        "Found again in the answer and in the Seller's log; one is made if none is sent.",
    ),
    IDEMPOTENCY_KEY: (
        {"type": "string", "minLength": 1, "maxLength": 255},
        "The same key with the same body does the same thing once, however often it is sent.",
    ),
}


def query(names: Iterable[str]) -> list[Json]:
    """Query parameters by name, alphabetical, those of the parties last."""
    ordered = sorted(names, key=lambda name: (name in _PARTIES, name))
    return [_parameter(name, "query", *_QUERY[name]) for name in ordered]


def path(template: str) -> list[Json]:
    """The parameters in a path."""
    return [_IDENTIFIER] if "{id}" in template else []


def headers(*names: str) -> list[Json]:
    """Request headers by name."""
    return [_parameter(name, "header", *_HEADERS[name]) for name in names]


def _parameter(name: str, place: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": place, "required": False, "description": description, "schema": schema}

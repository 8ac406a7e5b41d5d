"""What MEF 137 requires of a body, as data: each type's attributes, which of them are required, and the closed words.

The facts are those of the standard's OpenAPI files; a test compares the two. In a type, `name: "Type"` is an attribute,
`"[Type]"` a list, `"[Type]+"` a list that is not empty, and a trailing `*` on the name makes it required.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

Type = Mapping[str, str]

ENUMS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "AppointmentStatusType": frozenset({"confirmed", "inProgress", "cancelled", "missed", "failed", "completed"}),
        "WorkOrderStateType": frozenset(
            {"cancelled", "completed", "inProgress", "open", "planned", "unableToComplete"}
        ),
        "AppointmentEventType": frozenset({"appointmentAttributeValueChangeEvent", "appointmentStatusChangeEvent"}),
        "WorkOrderEventType": frozenset(
            {"workOrderCreateEvent", "workOrderStateChangeEvent", "workOrderAppointmentRequiredEvent"}
        ),
        "MEFBuyerSellerType": frozenset({"buyer", "seller"}),
        "TimeDurationUnits": frozenset(
            {"NS", "US", "MS", "SEC", "MIN", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"},
        ),
        "DataSizeUnit": frozenset(
            {"BYTES", "KBYTES", "MBYTES", "GBYTES", "TBYTES", "PBYTES", "EBYTES", "ZBYTES", "YBYTES"}
        ),
        "Error400Code": frozenset({"missingQueryParameter", "missingQueryValue", "invalidQuery", "invalidBody"}),
        "Error401Code": frozenset({"missingCredentials", "invalidCredentials"}),
        "Error403Code": frozenset({"accessDenied", "forbiddenRequester", "tooManyUsers"}),
        "Error404Code": frozenset({"notFound"}),
        "Error409Code": frozenset({"conflict"}),
        "Error422Code": frozenset(
            {
                "missingProperty",
                "invalidValue",
                "invalidFormat",
                "referenceNotFound",
                "unexpectedProperty",
                "tooManyRecords",
                "otherIssue",
            }
        ),
        "Error500Code": frozenset({"internalError"}),
    }
)


def _error(code: str) -> Type:
    return {"reason*": "reason", "message": "string", "referenceError": "uri", "code*": code}


_PLACE: Final[Type] = {"@schemaLocation": "uri", "@type*": "string", "role*": "string"}
_EVENT: Final[Type] = {"eventId*": "string", "eventTime*": "date-time"}
_PAYLOAD: Final[Type] = {"id*": "string", "href": "string", "buyerId": "string", "sellerId": "string"}
_REFERENCE: Final[Type] = {"id*": "string", "href": "string"}

TYPES: Final[Mapping[str, Type]] = MappingProxyType(
    {
        "Appointment": {
            "id*": "string",
            "href": "string",
            "attachment": "[AttachmentValue]",
            "note": "[Note]",
            "relatedPlace*": "RelatedPlaceRefOrValue",
            "status*": "AppointmentStatusType",
            "validFor*": "TimePeriod",
            "relatedContactInformation*": "[RelatedContactInformation]+",
            "workOrder*": "WorkOrderRef",
        },
        "Appointment_Find": {
            "id*": "string",
            "href": "string",
            "relatedPlace*": "RelatedPlaceRefOrValue",
            "status*": "AppointmentStatusType",
            "validFor*": "TimePeriod",
            "workOrder*": "WorkOrderRef",
        },
        "SearchTimeSlot": {
            "availableTimeSlot*": "[TimeSlot]",
            "requestedTimeSlot*": "[TimeSlot]",
            "workOrder*": "WorkOrderRef",
        },
        "WorkOrder": {
            "id*": "string",
            "href": "string",
            "appointmentRequired*": "boolean",
            "appointment": "[AppointmentRef]",
            "duration*": "TimeDuration",
            "note": "[Note]",
            "place*": "[RelatedPlaceRefOrValue]",
            "plannedExecutionDate": "date-time",
            "relatedContactInformation*": "[RelatedContactInformation]+",
            "relatedEntity*": "[RelatedEntity]+",
            "state*": "WorkOrderStateType",
            "task*": "[string]+",
        },
        "WorkOrder_Find": {
            "id*": "string",
            "appointmentRequired*": "boolean",
            "place*": "[RelatedPlaceRefOrValue]",
            "relatedEntity*": "[RelatedEntity]+",
            "state*": "WorkOrderStateType",
        },
        "EventSubscription": {"id*": "string", "callback*": "string", "query": "string"},
        "AppointmentEvent": {**_EVENT, "eventType*": "AppointmentEventType", "event*": "AppointmentEventPayload"},
        "WorkOrderEvent": {**_EVENT, "eventType*": "WorkOrderEventType", "event*": "WorkOrderEventPayload"},
        "AppointmentEventPayload": _PAYLOAD,
        "WorkOrderEventPayload": _PAYLOAD,
        "AppointmentRef": _REFERENCE,
        "WorkOrderRef": _REFERENCE,
        "TimeSlot": {"validFor*": "TimePeriod"},
        "TimePeriod": {"startDateTime*": "date-time", "endDateTime*": "date-time"},
        "TimeDuration": {"timeDurationValue*": "integer", "timeDurationUnits*": "TimeDurationUnits"},
        "Note": {
            "id*": "string",
            "author*": "string",
            "date*": "date-time",
            "source*": "MEFBuyerSellerType",
            "text*": "string",
        },
        "AttachmentValue": {
            "attachmentId": "string",
            "author*": "string",
            "content": "string",
            "creationDate": "date-time",
            "description": "string",
            "mimeType": "string",
            "name*": "string",
            "size": "MEFByteSize",
            "source*": "MEFBuyerSellerType",
            "url": "string",
        },
        "MEFByteSize": {"amount": "number", "units": "DataSizeUnit"},
        "RelatedEntity": {"@referredType*": "string", "href": "string", "id*": "string", "role*": "string"},
        "RelatedContactInformation": {
            "emailAddress*": "string",
            "name*": "string",
            "number*": "string",
            "numberExtension": "string",
            "organization": "string",
            "postalAddress": "FieldedAddress",
            "role*": "string",
        },
        "RelatedPlaceRefOrValue": _PLACE,
        "FieldedAddress": {
            **_PLACE,
            "city*": "string",
            "country*": "string",
            "geographicSubAddress": "GeographicSubAddress",
            "locality": "string",
            "postcode": "string",
            "postcodeExtension": "string",
            "stateOrProvince": "string",
            "streetName*": "string",
            "streetNr": "string",
            "streetNrLast": "string",
            "streetNrLastSuffix": "string",
            "streetNrSuffix": "string",
            "streetSuffix": "string",
            "streetType": "string",
        },
        "FormattedAddress": {
            **_PLACE,
            "addrLine1*": "string",
            "addrLine2": "string",
            "city*": "string",
            "country*": "string",
            "locality": "string",
            "postcode": "string",
            "postcodeExtension": "string",
            "stateOrProvince": "string",
        },
        "GeographicAddressLabel": {**_PLACE, "externalReferenceId*": "string", "externalReferenceType*": "string"},
        "GeographicAddressRef": {**_PLACE, "href": "string", "id*": "string"},
        "GeographicSiteRef": {**_PLACE, "href": "string", "id*": "string"},
        "MEFGeographicPoint": {**_PLACE, "spatialRef*": "string", "x*": "string", "y*": "string", "z": "string"},
        "GeographicSubAddress": {
            "buildingName": "string",
            "id": "string",
            "levelNumber": "string",
            "levelType": "string",
            "privateStreetName": "string",
            "privateStreetNumber": "string",
            "subUnit": "[MEFSubUnit]",
        },
        "MEFSubUnit": {"subUnitNumber*": "string", "subUnitType*": "string"},
        **{f"Error{status}": _error(f"Error{status}Code") for status in (400, 401, 403, 404, 409, 500)},
        "Error422": {**_error("Error422Code"), "propertyPath": "string"},
    }
)

PLACES: Final = frozenset(name for name, attributes in TYPES.items() if {"@type*"} <= attributes.keys()) - {
    "RelatedPlaceRefOrValue"
}
"""What `@type` of a place may say; each is a type of its own."""

REASON_LENGTH: Final = 255

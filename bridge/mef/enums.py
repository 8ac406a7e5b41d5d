"""The closed vocabularies of MEF 137, spelled as the standard spells them."""

from enum import StrEnum


class WorkOrderState(StrEnum):
    """`WorkOrderStateType`, Table 10."""

    OPEN = "open"
    PLANNED = "planned"
    IN_PROGRESS = "inProgress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    UNABLE_TO_COMPLETE = "unableToComplete"


class AppointmentStatus(StrEnum):
    """`AppointmentStatusType`, Table 9."""

    CONFIRMED = "confirmed"
    IN_PROGRESS = "inProgress"
    COMPLETED = "completed"
    MISSED = "missed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class EventType(StrEnum):
    """All notification types: `WorkOrderEventType` and `AppointmentEventType` (Tables 11 and 12)."""

    WORK_ORDER_CREATE = "workOrderCreateEvent"
    WORK_ORDER_STATE_CHANGE = "workOrderStateChangeEvent"
    WORK_ORDER_APPOINTMENT_REQUIRED = "workOrderAppointmentRequiredEvent"
    APPOINTMENT_STATUS_CHANGE = "appointmentStatusChangeEvent"
    APPOINTMENT_ATTRIBUTE_VALUE_CHANGE = "appointmentAttributeValueChangeEvent"


class ContactRole(StrEnum):
    """Roles of `RelatedContactInformation` that MEF 113 gives a meaning to."""

    APPOINTMENT_PLACE = "appointmentPlaceContact"
    BUYER_APPOINTMENT = "buyerAppointmentContact"
    SELLER_APPOINTMENT = "sellerAppointmentContact"
    TECHNICAL = "technicalContact"
    TECHNICIAN = "technician"


class BuyerSeller(StrEnum):
    """`MEFBuyerSellerType`: who added a note or an attachment."""

    BUYER = "buyer"
    SELLER = "seller"


class TimeDurationUnits(StrEnum):
    """Units of a `TimeDuration`."""

    NS = "NS"
    US = "US"
    MS = "MS"
    SEC = "SEC"
    MIN = "MIN"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"


class DataSizeUnit(StrEnum):
    """Units of a `MEFByteSize`; MBYTES is missing in the guide and present in the OpenAPI file."""

    BYTES = "BYTES"
    KBYTES = "KBYTES"
    MBYTES = "MBYTES"
    GBYTES = "GBYTES"
    TBYTES = "TBYTES"
    PBYTES = "PBYTES"
    EBYTES = "EBYTES"
    ZBYTES = "ZBYTES"
    YBYTES = "YBYTES"


class Error422Code(StrEnum):
    """`Error422Code`, section 7.1.1.11."""

    MISSING_PROPERTY = "missingProperty"
    INVALID_VALUE = "invalidValue"
    INVALID_FORMAT = "invalidFormat"
    REFERENCE_NOT_FOUND = "referenceNotFound"
    UNEXPECTED_PROPERTY = "unexpectedProperty"
    TOO_MANY_RECORDS = "tooManyRecords"
    OTHER_ISSUE = "otherIssue"


class Irp(StrEnum):
    """The LSO interface reference point an API is served under."""

    SONATA = "sonata"
    CANTATA = "cantata"


class Api(StrEnum):
    """The two MEF 137 APIs; the value is the base path of its notifications without the suffix `Notification`."""

    APPOINTMENT = "appointment"
    WORK_ORDER = "workOrder"

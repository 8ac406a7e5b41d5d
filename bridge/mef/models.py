"""The data types of MEF 137, section 7, as strict pydantic models.

Python names are snake case; the wire names are the standard's (camel case, `@type`). Models are frozen values. Unknown
properties are refused, so that a Buyer hears of a misspelt one instead of losing it (`unexpectedProperty`).
"""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, PydanticKnownError

from bridge.mef.enums import AppointmentStatus, BuyerSeller, DataSizeUnit, TimeDurationUnits, WorkOrderState
from bridge.mef.moments import Moment

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-Z\[\]_a-z~%]+")  # RFC 3986: a scheme, and its characters


def _check_uri(text: str) -> str:
    if not _URI.fullmatch(text):
        raise PydanticCustomError("uri", "expected an absolute URI (RFC 3986)")
    return text


Text = Annotated[str, Field(min_length=1)]
Uri = Annotated[str, AfterValidator(_check_uri), WithJsonSchema({"type": "string", "format": "uri"})]


class MefModel(BaseModel):
    """A value of the standard: frozen, closed, wire names by alias."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,  # until it is first used: many are only parts of others, and imports are to be quick
    )


class TimePeriod(MefModel):
    """7.2.3.19: both ends are required."""

    start_date_time: Moment
    end_date_time: Moment

    def overlaps(self, other: "TimePeriod") -> bool:
        """Tell whether the two periods share a moment."""
        return self.start_date_time < other.end_date_time and other.start_date_time < self.end_date_time


class TimeSlot(MefModel):
    """7.2.3.20."""

    valid_for: TimePeriod


class TimeDuration(MefModel):
    """7.2.3.17."""

    time_duration_value: int
    time_duration_units: TimeDurationUnits


class MefByteSize(MefModel):
    """7.2.3.10."""

    amount: Annotated[float, Field(json_schema_extra={"format": "float"})] = 1
    units: DataSizeUnit | None = None


class MefSubUnit(MefModel):
    """7.2.3.12."""

    sub_unit_number: Text
    sub_unit_type: Text


class GeographicSubAddress(MefModel):
    """7.2.3.8."""

    id: str | None = None
    building_name: str | None = None
    level_number: str | None = None
    level_type: str | None = None
    private_street_name: str | None = None
    private_street_number: str | None = None
    sub_unit: tuple[MefSubUnit, ...] | None = None


class PlaceBase(MefModel):
    """7.2.3.16: what all six kinds of `RelatedPlaceRefOrValue` share."""

    schema_location: Uri | None = Field(default=None, alias="@schemaLocation")
    role: Text

    @model_validator(mode="after")
    def _demand_type(self, info: ValidationInfo) -> Self:
        """`@type` is required even where only one kind can stand (`postalAddress`); our own code need not say it."""
        if info.mode == "json" and "type_" not in self.model_fields_set:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": "'@type'"})
        return self


class FieldedAddress(PlaceBase):
    """7.2.3.3."""

    type_: Literal["FieldedAddress"] = Field(default="FieldedAddress", alias="@type")
    city: Text
    country: Text
    street_name: Text
    geographic_sub_address: GeographicSubAddress | None = None
    locality: str | None = None
    postcode: str | None = None
    postcode_extension: str | None = None
    state_or_province: str | None = None
    street_nr: str | None = None
    street_nr_last: str | None = None
    street_nr_last_suffix: str | None = None
    street_nr_suffix: str | None = None
    street_suffix: str | None = None
    street_type: str | None = None


class FormattedAddress(PlaceBase):
    """7.2.3.4."""

    type_: Literal["FormattedAddress"] = Field(default="FormattedAddress", alias="@type")
    addr_line1: Text
    addr_line2: str | None = None
    city: Text
    country: Text
    locality: str | None = None
    postcode: str | None = None
    postcode_extension: str | None = None
    state_or_province: str | None = None


class GeographicAddressLabel(PlaceBase):
    """7.2.3.5."""

    type_: Literal["GeographicAddressLabel"] = Field(default="GeographicAddressLabel", alias="@type")
    external_reference_id: Text
    external_reference_type: Text


class GeographicAddressRef(PlaceBase):
    """7.2.3.6."""

    type_: Literal["GeographicAddressRef"] = Field(default="GeographicAddressRef", alias="@type")
    id: Text
    href: str | None = None


class GeographicSiteRef(PlaceBase):
    """7.2.3.7."""

    type_: Literal["GeographicSiteRef"] = Field(default="GeographicSiteRef", alias="@type")
    id: Text
    href: str | None = None


class MefGeographicPoint(PlaceBase):
    """7.2.3.11."""

    type_: Literal["MEFGeographicPoint"] = Field(default="MEFGeographicPoint", alias="@type")
    spatial_ref: Text
    x: Text
    y: Text
    z: str | None = None


Place = Annotated[
    FieldedAddress
    | FormattedAddress
    | GeographicAddressLabel
    | GeographicAddressRef
    | GeographicSiteRef
    | MefGeographicPoint,
    Field(discriminator="type_"),
]


class Note(MefModel):
    """7.2.3.13."""

    id: Text
    author: Text
    date: Moment
    source: BuyerSeller
    text: Text


class AttachmentValue(MefModel):
    """7.2.3.1: either `url`, or `content` with `mimeType`."""

    author: Text
    name: Text
    source: BuyerSeller
    attachment_id: str | None = None
    content: str | None = None
    creation_date: Moment | None = None
    description: str | None = None
    mime_type: str | None = None
    size: MefByteSize | None = None
    url: str | None = None

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if self.url is None and (self.content is None or self.mime_type is None):
            raise ValueError("either url, or content together with mimeType, must be given")
        return self


class RelatedContactInformation(MefModel):
    """7.2.3.14."""

    role: Text
    name: Text
    number: Text
    email_address: Text
    number_extension: str | None = None
    organization: str | None = None
    postal_address: FieldedAddress | None = None


class RelatedEntity(MefModel):
    """7.2.3.15."""

    id: Text
    role: Text
    referred_type: Text = Field(alias="@referredType")
    href: str | None = None


class WorkOrderRef(MefModel):
    """7.2.1.8."""

    id: Text
    href: str | None = None


class AppointmentRef(MefModel):
    """7.2.2.4."""

    id: Text
    href: str | None = None


class AppointmentCreate(MefModel):
    """7.2.1.2 `Appointment_Create`: what a Buyer sends to book (R15, O1)."""

    related_contact_information: Annotated[tuple[RelatedContactInformation, ...], Field(min_length=1)]
    valid_for: TimePeriod
    work_order: WorkOrderRef
    attachment: tuple[AttachmentValue, ...] | None = None
    note: tuple[Note, ...] | None = None


class AppointmentUpdate(MefModel):
    """7.2.1.4 `Appointment_Update`: what a Buyer may patch (R36)."""

    attachment: tuple[AttachmentValue, ...] | None = None
    note: tuple[Note, ...] | None = None
    related_contact_information: Annotated[tuple[RelatedContactInformation, ...], Field(min_length=1)] | None = None
    related_place: Place | None = None
    valid_for: TimePeriod | None = None


class Appointment(MefModel):
    """7.2.1.1 (R18, R34, R35)."""

    id: Text
    href: str | None = None
    attachment: tuple[AttachmentValue, ...] | None = None
    note: tuple[Note, ...] | None = None
    related_contact_information: Annotated[tuple[RelatedContactInformation, ...], Field(min_length=1)]
    related_place: Place
    status: AppointmentStatus
    valid_for: TimePeriod
    work_order: WorkOrderRef


class AppointmentFind(MefModel):
    """7.2.1.3 `Appointment_Find` (R30)."""

    id: Text
    href: str | None = None
    related_place: Place
    status: AppointmentStatus
    valid_for: TimePeriod
    work_order: WorkOrderRef


class SearchTimeSlotCreate(MefModel):
    """7.2.1.7 `SearchTimeSlot_Create` (R11)."""

    requested_time_slot: Annotated[tuple[TimeSlot, ...], Field(min_length=1)]
    work_order: WorkOrderRef


class SearchTimeSlot(MefModel):
    """7.2.1.6 (R13, R14)."""

    available_time_slot: tuple[TimeSlot, ...]
    requested_time_slot: tuple[TimeSlot, ...]
    work_order: WorkOrderRef


class WorkOrder(MefModel):
    """7.2.2.1 (R53, R54)."""

    id: Text
    href: str | None = None
    appointment_required: bool
    appointment: tuple[AppointmentRef, ...] | None = None
    duration: TimeDuration
    note: tuple[Note, ...] | None = None
    place: tuple[Place, ...]
    planned_execution_date: Moment | None = None
    related_contact_information: Annotated[tuple[RelatedContactInformation, ...], Field(min_length=1)]
    related_entity: Annotated[tuple[RelatedEntity, ...], Field(min_length=1)]
    state: WorkOrderState
    task: Annotated[tuple[Text, ...], Field(min_length=1)]


class WorkOrderFind(MefModel):
    """7.2.2.2 `WorkOrder_Find` (R51)."""

    id: Text
    appointment_required: bool
    place: tuple[Place, ...]
    related_entity: Annotated[tuple[RelatedEntity, ...], Field(min_length=1)]
    state: WorkOrderState


class EventSubscriptionInput(MefModel):
    """7.2.4.2: a Buyer registers a listener; no query means all event types."""

    callback: Text
    query: str | None = None


class EventSubscription(MefModel):
    """7.2.4.1."""

    id: Text
    callback: Text
    query: str | None = None


class EventPayload(MefModel):
    """7.3.2.2 and 7.3.3.2: the object an event is about."""

    id: Text
    href: str | None = None
    buyer_id: str | None = None
    seller_id: str | None = None


class Event(MefModel):
    """7.3.1.1: the body of a notification."""

    event_id: Text
    event_time: Moment
    event_type: str
    event: EventPayload

"""What the Buyer sees of a WorkOrder and of a visit."""

from typing import Annotated, Literal

from pydantic import Field

from bridge.mapping.document.base import Name, Strict, Text, Value
from bridge.mef.enums import TimeDurationUnits

PlaceType = Literal[
    "FieldedAddress",
    "FormattedAddress",
    "GeographicAddressLabel",
    "GeographicAddressRef",
    "GeographicSiteRef",
    "MEFGeographicPoint",
]


class Item(Strict):
    """An entry of a list; `if_present` leaves it out where that field is absent."""

    if_present: Name | None = None


class Place(Item):
    """A place: the standard's kind, and its attributes by their names in snake case."""

    type: PlaceType
    role: Value
    attributes: dict[Name, Value]


class Person(Item):
    """Someone to reach; the standard wants all of name, number and e-mail address."""

    name: Value
    number: Value
    email_address: Value
    number_extension: Value | None = None
    organization: Value | None = None


class Contact(Person):
    """A contact of a WorkOrder with its role."""

    role: Text


class Entity(Item):
    """What a WorkOrder is about, such as a trouble ticket."""

    id: Value
    role: Value
    referred_type: Value


class Remark(Item):
    """A note of the Seller; left out where the text is absent."""

    text: Value
    author: Value
    date: Value


class Duration(Strict):
    """A time span and its unit."""

    amount: Value
    unit: TimeDurationUnits


class WorkOrderSection(Strict):
    """What the Buyer sees of a WorkOrder."""

    buyer: Value
    place: Annotated[tuple[Place, ...], Field(min_length=1)]
    duration: Duration
    contacts: Annotated[tuple[Contact, ...], Field(min_length=1)]
    related_entity: Annotated[tuple[Entity, ...], Field(min_length=1)]
    task: Value
    note: tuple[Remark, ...] = ()
    planned_execution_date: Value | None = None


class Window(Strict):
    """Start and end of a visit, both date-times."""

    start: Value
    end: Value


class FixedPerson(Strict):
    """A contact that is always the same."""

    name: Text
    number: Text
    email_address: Text
    number_extension: Text | None = None
    organization: Text | None = None


class SellerContact(Strict):
    """The sellerAppointmentContact: who is assigned, else who stands in."""

    assigned: Person | None = None
    default: FixedPerson


class AppointmentSection(Strict):
    """What the Buyer sees of a visit."""

    visit: Value | None = None
    window: Window
    seller_contact: SellerContact
    note: tuple[Remark, ...] = ()

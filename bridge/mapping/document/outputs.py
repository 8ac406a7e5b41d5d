"""What the Buyer sees of a WorkOrder and of a visit."""

from typing import Annotated, Literal

from pydantic import Field

from bridge.mapping.document.base import Cell, Name, Reference, Strict, Text, Value
from bridge.mef.enums import TimeDurationUnits

PlaceType = Literal[
    "FieldedAddress",
    "FormattedAddress",
    "GeographicAddressLabel",
    "GeographicAddressRef",
    "GeographicSiteRef",
    "MEFGeographicPoint",
]


class Entry(Strict):
    """Something that may be left out."""

    if_present: Name | None = None
    """The entry is left out where this field is absent."""
    when: dict[Reference, Cell] = {}
    """The entry is left out where one of these cells does not fit; columns and cells are those of rules."""


class Item(Entry):
    """An entry of a list, or one entry for each item of a field."""

    each: Name | None = None
    """A field of type items: there is one entry for each item, which may name the item's own fields too."""


class Place(Item):
    """A place: the standard's kind, and its attributes by their names in snake case."""

    type: PlaceType
    """The standard's kind of place."""
    role: Value
    """What the place is to the WorkOrder."""
    attributes: dict[Name, Value]
    """The place's attributes, by the standard's names in snake case."""


class Person(Entry):
    """Someone to reach; the standard wants all of name, number and e-mail address."""

    name: Value
    """Who it is."""
    number: Value
    """The telephone number."""
    email_address: Value
    """The e-mail address."""
    number_extension: Value | None = None
    """The extension of the telephone number."""
    organization: Value | None = None
    """The organization they are of."""


class Contact(Person, Item):
    """A contact of a WorkOrder with its role."""

    role: Text
    """The standard's role of the contact; one `technicalContact` must be sure."""


class Entity(Item):
    """What a WorkOrder is about, such as a trouble ticket."""

    id: Value
    """Its id."""
    role: Value
    """What it is to the WorkOrder."""
    referred_type: Value
    """What kind of thing it is."""


class Remark(Item):
    """A note of the Seller; left out where the text is absent."""

    text: Value
    """What it says; a text sent again stays the same note, a changed one is added."""
    author: Value
    """Who says it."""
    date: Value
    """When it was said, a datetime field."""


class Unit(Value):
    """A unit of the standard; `{value: field}` takes it from a code, or a column of a table, that is always one."""

    literal: TimeDurationUnits | None = None
    """The value as it stands; the short form of `{literal: x}` is `x`."""
    default: TimeDurationUnits | None = None
    """What stands in where none of them is present."""


class Duration(Strict):
    """A time span and its unit."""

    amount: Value
    """A whole number, or a duration field, which is rounded up."""
    unit: Unit
    """The standard's unit: `NS`, `US`, `MS`, `SEC`, `MIN`, `HOUR`, `DAY`, `WEEK`, `MONTH` or `YEAR`."""


Merged = Literal["contacts", "place", "related_entity"]


class WorkOrderSection(Strict):
    """What the Buyer sees of a WorkOrder."""

    buyer: Value
    """The Buyer's id, as in `buyers.yaml`."""
    place: Annotated[tuple[Place, ...], Field(min_length=1)]
    """Where the work is done."""
    duration: Duration
    """How long it takes."""
    contacts: Annotated[tuple[Contact, ...], Field(min_length=1)]
    """Who to reach."""
    related_entity: Annotated[tuple[Entity, ...], Field(min_length=1)]
    """What it is about, such as a trouble ticket."""
    task: Value
    """What is done: a text or a list field."""
    note: tuple[Remark, ...] = ()
    """Notes of the Seller on the WorkOrder."""
    merge: tuple[Merged, ...] = ()
    """Lists of which the Buyer keeps seeing what a message does not speak of. What it says replaces the entries of the
    same role, or of a related entity with the same id and type.
    """
    planned_execution_date: Value | None = None
    """When it is planned, a datetime field; the Buyer does not see it while the WorkOrder is `open`."""


class Window(Strict):
    """Start and end of a visit, both date-times."""

    start: Value
    """The start, a datetime field. A window of which one half is absent parks the message."""
    end: Value
    """The end, a datetime field."""


class FixedPerson(Strict):
    """A contact that is always the same."""

    name: Text
    """Who it is."""
    number: Text
    """The telephone number."""
    email_address: Text
    """The e-mail address."""
    number_extension: Text | None = None
    """The extension of the telephone number."""
    organization: Text | None = None
    """The organization they are of."""


class SellerContact(Strict):
    """The sellerAppointmentContact: who is assigned, else who stands in."""

    assigned: Person | None = None
    """Who comes."""
    default: FixedPerson
    """Who stands in while nobody is assigned."""


class AppointmentSection(Strict):
    """What the Buyer sees of a visit."""

    visit: Value | None = None
    """The WFM's reference of the visit."""
    window: Window
    """From when to when the visit is agreed."""
    seller_contact: SellerContact
    """Whom of the Seller the Buyer can reach about the visit."""
    note: tuple[Remark, ...] = ()
    """Notes of the Seller on the visit; each new one is told to the Buyer (R29)."""

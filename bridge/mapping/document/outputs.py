"""What the Buyer sees of a WorkOrder and of a visit."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from bridge.mapping.document.base import Cell, Name, Reference, Strict, Value, as_list
from bridge.mef.enums import ContactRole, TimeDurationUnits
from bridge.yaml_source import did_you_mean

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

    @property
    def is_sure(self) -> bool:
        """Tell whether the entry is built of every message."""
        return self.if_present is None and not self.when and self.each is None


class Place(Item):
    """A place: the standard's kind, and its attributes by their names in snake case."""

    type: PlaceType
    """The standard's kind of place."""
    role: Value
    """What the place is to the WorkOrder."""
    attributes: dict[Name, Value]
    """The place's attributes, by the standard's names in snake case."""


class Reachable(Strict):
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

    @property
    def references(self) -> frozenset[str]:
        """Name what the values are taken from."""
        values = (self.name, self.number, self.email_address, self.number_extension, self.organization)
        return frozenset(reference for value in values if value is not None for reference in value.value)


class Person(Reachable, Entry):
    """Someone to reach, who may be left out."""

    @property
    def asked_for(self) -> frozenset[str]:
        """Name all that the entry asks for."""
        return self.references | {*self.when, *([self.if_present] if self.if_present is not None else [])}


OF_WORK_ORDERS = (ContactRole.TECHNICAL, ContactRole.TECHNICIAN)
OF_APPOINTMENTS = (ContactRole.BUYER_APPOINTMENT, ContactRole.APPOINTMENT_PLACE)
"""The roles of contacts that a pack gives an Appointment besides the Seller's."""


def _check_role(role: str, known: tuple[ContactRole, ...], section: str, elsewhere: dict[ContactRole, str]) -> str:
    if role in known:
        return role
    listed = " and ".join(known)
    for other, place in elsewhere.items():
        if role == other:
            raise ValueError(f"{role} is no role of {section}, which has {listed}; write it under {place}")
    hint = did_you_mean(role, (*known, *elsewhere)) or f"; there is {listed}"
    raise ValueError(f"there is no role '{role}' of {section}{hint}")


def _work_order_role(role: str) -> str:
    elsewhere = dict.fromkeys(OF_APPOINTMENTS, "appointment: contacts")
    seller = {ContactRole.SELLER_APPOINTMENT: "appointment: seller_contact"}
    return _check_role(role, OF_WORK_ORDERS, "a WorkOrder", elsewhere | seller)


def _appointment_role(role: str) -> str:
    elsewhere = dict.fromkeys(OF_WORK_ORDERS, "work_order: contacts")
    seller = {ContactRole.SELLER_APPOINTMENT: "seller_contact"}
    return _check_role(role, OF_APPOINTMENTS, "an Appointment's contacts", elsewhere | seller)


def _enum(*roles: ContactRole) -> Any:
    return Field(json_schema_extra={"enum": [str(role) for role in roles]})


class Contact(Person, Item):
    """A contact of a WorkOrder with its role."""

    role: Annotated[str, AfterValidator(_work_order_role), _enum(*OF_WORK_ORDERS)]
    """The standard's role of the contact: `technicalContact`, of which one must be sure, or `technician`."""


class VisitContact(Person, Item):
    """A contact of an Appointment with its role, or one for several roles."""

    role: Annotated[
        tuple[Annotated[str, AfterValidator(_appointment_role), _enum(*OF_APPOINTMENTS)], ...],
        Field(min_length=1),
        BeforeValidator(as_list),
    ]
    """The standard's role of the contact, or several: `buyerAppointmentContact` is the Buyer's for the visit, and
    `appointmentPlaceContact` whom the technician reaches at the place.
    """


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
    bookable: Value | None = None
    """Whether a Buyer may book a visit for it: `true`, `false` or a boolean field; left out, he may. If not, he
    is never asked to, and search and booking are refused; a visit that the WFM agrees he sees all the same.
    """
    planned_execution_date: Value | None = None
    """When it is planned, a datetime field; the Buyer does not see it while the WorkOrder is `open`."""


class Window(Strict):
    """Start and end of a visit, both date-times."""

    start: Value
    """The start, a datetime field. A window of which one half is absent parks the message."""
    end: Value
    """The end, a datetime field."""


class SellerContact(Strict):
    """The sellerAppointmentContact: who is assigned, else who stands in."""

    assigned: Person | None = None
    """Who comes."""
    default: Reachable
    """Who stands in while nobody is assigned; every value is sure."""


class AppointmentSection(Strict):
    """What the Buyer sees of a visit."""

    visit: Value | None = None
    """The WFM's reference of the visit."""
    window: Window
    """From when to when the visit is agreed."""
    seller_contact: SellerContact
    """Whom of the Seller the Buyer can reach about the visit."""
    contacts: tuple[VisitContact, ...] = ()
    """The Buyer's contacts of a visit that the WFM has made (R18, R34); a booking brings its own. An entry that is sure
    stands in where no other entry of its role is built; each role needs one, if a rule may make a visit.
    """
    note: tuple[Remark, ...] = ()
    """Notes of the Seller on the visit; each new one is told to the Buyer (R29)."""

    @property
    def seller_references(self) -> frozenset[str]:
        """Name what the Seller's contact is made of."""
        seller = self.seller_contact
        return seller.default.references | (seller.assigned.asked_for if seller.assigned is not None else frozenset())

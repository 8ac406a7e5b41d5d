"""Checks of `work_order` and `appointment`: each attribute the standard requires has a sure source."""

from bridge.mapping.checks.durations import check_duration
from bridge.mapping.checks.references import (
    MOMENT,
    OPTIONAL_MOMENT,
    OPTIONAL_TEXT,
    TASKS,
    TEXT,
    References,
)
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.contacts import OPTIONAL, REQUIRED
from bridge.mapping.document import (
    AppointmentSection,
    Contact,
    Entity,
    Item,
    PackDocument,
    Person,
    Place,
    Remark,
)
from bridge.mapping.places import attributes
from bridge.mef.enums import ContactRole

_PERSON = dict.fromkeys(REQUIRED, TEXT) | dict.fromkeys(OPTIONAL, OPTIONAL_TEXT)


def check_outputs(document: PackDocument, references: References, report: Report) -> None:
    """Check what the Buyer is to see."""
    _check_work_order(document, references, report)
    _check_appointment(document.appointment, references)
    _check_seller(document.appointment, references, report)
    _check_notes(document.appointment, references, report)


def _check_work_order(document: PackDocument, references: References, report: Report) -> None:
    here: Loc = ("work_order",)
    section = document.work_order
    references.check_value((*here, "buyer"), section.buyer, TEXT)
    check_duration((*here, "duration"), section.duration, document, references, report)
    references.check_value((*here, "task"), section.task, TASKS)
    planned = (*here, "planned_execution_date")
    references.check_value(planned, section.planned_execution_date, OPTIONAL_MOMENT)
    for index, place in enumerate(section.place):
        _check_place((*here, "place", index), place, references, report)
    for index, contact in enumerate(section.contacts):
        _check_person((*here, "contacts", index), contact, references, report)
    for index, entity in enumerate(section.related_entity):
        _check_entity((*here, "related_entity", index), entity, references, report)
    for index, remark in enumerate(section.note):
        _check_remark((*here, "note", index), remark, references, report)
    _check_always_one((*here, "place"), section.place, "place", report)
    _check_always_one((*here, "related_entity"), section.related_entity, "related entity", report)
    _check_technical_contact((*here, "contacts"), section.contacts, report)


def _check_appointment(section: AppointmentSection, references: References) -> None:
    references.check_value(("appointment", "visit"), section.visit, OPTIONAL_TEXT)
    references.check_value(("appointment", "window", "start"), section.window.start, OPTIONAL_MOMENT)
    references.check_value(("appointment", "window", "end"), section.window.end, OPTIONAL_MOMENT)


def _check_notes(section: AppointmentSection, references: References, report: Report) -> None:
    for index, remark in enumerate(section.note):
        _check_remark(("appointment", "note", index), remark, references, report)


def _check_seller(section: AppointmentSection, references: References, report: Report) -> None:
    if section.seller_contact.assigned is not None:
        loc = ("appointment", "seller_contact", "assigned")
        _check_person(loc, section.seller_contact.assigned, references, report)


def _check_guard(loc: Loc, item: Item, references: References) -> None:
    if item.if_present is not None:
        references.check_name((*loc, "if_present"), item.if_present)


def _check_place(loc: Loc, place: Place, references: References, report: Report) -> None:
    _check_guard(loc, place, references)
    references.check_value((*loc, "role"), place.role, TEXT, place.if_present)
    required = attributes(place.type)
    for name, value in place.attributes.items():
        wanted = TEXT if required.get(name) else OPTIONAL_TEXT
        references.check_value((*loc, "attributes", name), value, wanted, place.if_present)
    _check_attributes((*loc, "attributes"), place, report)


def _check_attributes(loc: Loc, place: Place, report: Report) -> None:
    known = attributes(place.type)
    unknown = [name for name in place.attributes if name not in known]
    missing = [name for name, required in known.items() if required and name not in place.attributes]
    for name in unknown:
        report.unknown((*loc, name), "attribute", name, known, key=True)
    if missing and not unknown:
        report.add(loc, "missing-key", f"a {place.type} needs {', '.join(missing)}")


def _check_person(loc: Loc, person: Person, references: References, report: Report) -> None:
    _check_guard(loc, person, references)
    for name, wanted in _PERSON.items():
        references.check_value((*loc, name), getattr(person, name), wanted, person.if_present)


def _check_entity(loc: Loc, entity: Entity, references: References, report: Report) -> None:
    _check_guard(loc, entity, references)
    for name in ("id", "role", "referred_type"):
        references.check_value((*loc, name), getattr(entity, name), TEXT, entity.if_present)


def _check_remark(loc: Loc, remark: Remark, references: References, report: Report) -> None:
    _check_guard(loc, remark, references)
    references.check_value((*loc, "text"), remark.text, OPTIONAL_TEXT)
    references.check_value((*loc, "author"), remark.author, TEXT, remark.if_present)
    references.check_value((*loc, "date"), remark.date, MOMENT, remark.if_present)


def _check_always_one(loc: Loc, items: tuple[Item, ...], what: str, report: Report) -> None:
    if all(item.if_present is not None for item in items):
        report.add(loc, "may-be-absent", f"the standard requires a {what}; at least one must have no if_present")


def _check_technical_contact(loc: Loc, contacts: tuple[Contact, ...], report: Report) -> None:
    roles = [contact.role for contact in contacts if contact.if_present is None]
    if ContactRole.TECHNICAL not in roles:
        message = f"the standard requires a contact with role {ContactRole.TECHNICAL} in every WorkOrder (R54)"
        report.add(loc, "missing-key", message)

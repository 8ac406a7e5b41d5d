"""Checks of `work_order` and `appointment`: each attribute the standard requires has a sure source.

Of entries of lists: what they are built of, when, and what is sure where they are built.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.mapping.checks.reference_types import (
    AMOUNT,
    BOOLEAN,
    MOMENT,
    OPTIONAL_MOMENT,
    OPTIONAL_TEXT,
    TASKS,
    TEXT,
    References,
    Wanted,
)
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.checks.rules import check_cell, possible_values
from bridge.mapping.document import (
    AppointmentSection,
    Contact,
    Duration,
    Entity,
    Entry,
    Item,
    PackDocument,
    Person,
    Place,
    Reachable,
    Remark,
    Value,
)
from bridge.mapping.document.outputs import OF_APPOINTMENTS
from bridge.mapping.formats.durations import TELLABLE
from bridge.mapping.outputs.entries import OPTIONAL, REQUIRED, attributes
from bridge.mapping.reading.cells import cell_test
from bridge.mef.enums import ContactRole, TimeDurationUnits


@dataclass(frozen=True, slots=True)
class Seen:
    """What an entry may refer to. `present` are the fields and columns that are there wherever the entry is built."""

    references: References
    present: frozenset[str]

    def check_value(self, loc: Loc, value: Value | None, wanted: Wanted) -> None:
        """Report what is wrong with a value of the entry."""
        self.references.check_value(loc, value, wanted, self.present, of_entry=True)


def check_entry(loc: Loc, entry: Entry, document: PackDocument, references: References, report: Report) -> Seen | None:
    """Check when an entry is built; None where nobody can tell what it refers to."""
    each = entry.each if isinstance(entry, Item) else None
    if report.lacks((*loc, "each")):
        return None
    if each is not None:
        if not _check_each((*loc, "each"), each, references, report):
            return None
        document = document.of_item(each)
        references = References(document, report)
    if entry.if_present is not None:
        references.check_name((*loc, "if_present"), entry.if_present)
    for column, cell in entry.when.items():
        check_cell((*loc, "when", column), column, cell, document, references, report)
    return Seen(references, frozenset(_present(entry)))


def _check_each(loc: Loc, each: str, references: References, report: Report) -> bool:
    if not references.check_name(loc, each):
        return False
    found = references.type_of(each)
    if found != "items":
        report.add(loc, "wrong-type", f"expected a field of type items; {each} is {found}")
    return found == "items"


def _present(entry: Entry) -> Iterable[str]:
    if entry.if_present is not None:
        yield entry.if_present
    for column, cell in entry.when.items():
        if not cell_test(cell)(None):
            yield column
            yield column.partition(".")[0]


_PERSON = dict.fromkeys(REQUIRED, TEXT) | dict.fromkeys(OPTIONAL, OPTIONAL_TEXT)


def check_outputs(document: PackDocument, references: References, report: Report) -> None:
    """Check what the Buyer is to see."""
    _check_work_order(document, references, report)
    _check_appointment(document.appointment, references)
    _check_seller_contact(document, references, report)
    _check_visit_contacts(document, report)
    _check_entries(document, references, report)


def _check_work_order(document: PackDocument, references: References, report: Report) -> None:
    here: Loc = ("work_order",)
    section = document.work_order
    references.check_value((*here, "buyer"), section.buyer, TEXT)
    check_duration((*here, "duration"), section.duration, document, references, report)
    references.check_value((*here, "task"), section.task, TASKS)
    references.check_value((*here, "bookable"), section.bookable, BOOLEAN)
    planned = (*here, "planned_execution_date")
    references.check_value(planned, section.planned_execution_date, OPTIONAL_MOMENT)
    _check_always_one((*here, "place"), section.place, "place", report)
    _check_always_one((*here, "related_entity"), section.related_entity, "related entity", report)
    _check_technical_contact((*here, "contacts"), section.contacts, report)


def _check_appointment(section: AppointmentSection, references: References) -> None:
    references.check_value(("appointment", "visit"), section.visit, OPTIONAL_TEXT)
    references.check_value(("appointment", "window", "start"), section.window.start, OPTIONAL_MOMENT)
    references.check_value(("appointment", "window", "end"), section.window.end, OPTIONAL_MOMENT)


def _check_seller_contact(document: PackDocument, references: References, report: Report) -> None:
    """Check that who stands in is always known, also when a Buyer books: between two messages."""
    loc: Loc = ("appointment", "seller_contact", "default")
    stand_in = document.appointment.seller_contact.default
    _check_reachable(loc, stand_in, Seen(references, frozenset()))
    for name in _PERSON:
        value = getattr(stand_in, name)
        passing = document.fields_below(value.value) & document.passing_fields if value is not None else ()
        if passing and value.default is None:
            message = f"{', '.join(sorted(passing))} is known only while its message is read, not when a Buyer books"
            report.add((*loc, name), "not-remembered", f"{message}; give a default, or write what is remembered")


def _check_visit_contacts(document: PackDocument, report: Report) -> None:
    """R18 and R34 want three contacts of every Appointment; the Buyer brings his own only where he has booked."""
    if not any(rule.then.makes_visit for rule in document.rules):
        return
    contacts = document.appointment.contacts
    missing = [role for role in OF_APPOINTMENTS if not any(one.is_sure and role in one.role for one in contacts)]
    if missing and contacts:
        message = f"{' and '.join(missing)} may be absent; {_WANTED}: write one without if_present, when and each"
        report.add(("appointment", "contacts"), "may-be-absent", message)
    elif missing:
        rule = next(rule for rule in document.rules if rule.then.makes_visit)
        message = f"a visit that the WFM makes (rule {rule.rule}) has no {' and no '.join(missing)}; {_WANTED}"
        report.add(("appointment",), "missing-key", f"{message}: write contacts: [{{role: …, name: …, …}}]")


_WANTED = "the standard requires both in every Appointment (R18, R34)"


def _entries(document: PackDocument) -> Iterable[tuple[Loc, Entry]]:
    for name in ("place", "contacts", "related_entity", "note"):
        for index, entry in enumerate(getattr(document.work_order, name)):
            yield ("work_order", name, index), entry
    for index, entry in enumerate(document.appointment.note):
        yield ("appointment", "note", index), entry
    for index, contact in enumerate(document.appointment.contacts):
        yield ("appointment", "contacts", index), contact
    if document.appointment.seller_contact.assigned is not None:
        yield ("appointment", "seller_contact", "assigned"), document.appointment.seller_contact.assigned


def _check_entries(document: PackDocument, references: References, report: Report) -> None:
    for loc, entry in _entries(document):
        if isinstance(entry, Place):
            _check_attributes((*loc, "attributes"), entry, report)
        seen = check_entry(loc, entry, document, references, report)
        if seen is not None:
            _check_values(loc, entry, seen)


def _check_values(loc: Loc, entry: Entry, seen: Seen) -> None:
    match entry:
        case Place():
            _check_place(loc, entry, seen)
        case Person():
            _check_reachable(loc, entry, seen)
        case Entity():
            _check_entity(loc, entry, seen)
        case Remark():
            _check_remark(loc, entry, seen)


def _check_place(loc: Loc, place: Place, seen: Seen) -> None:
    seen.check_value((*loc, "role"), place.role, TEXT)
    required = attributes(place.type)
    for name, value in place.attributes.items():
        wanted = TEXT if required.get(name) else OPTIONAL_TEXT
        seen.check_value((*loc, "attributes", name), value, wanted)


def _check_attributes(loc: Loc, place: Place, report: Report) -> None:
    known = attributes(place.type)
    unknown = [name for name in place.attributes if name not in known]
    missing = [name for name, required in known.items() if required and name not in place.attributes]
    for name in unknown:
        report.unknown((*loc, name), "attribute", name, known, key=True)
    if missing and not unknown:
        report.add(loc, "missing-key", f"a {place.type} needs {', '.join(missing)}")


def _check_reachable(loc: Loc, person: Reachable, seen: Seen) -> None:
    for name, wanted in _PERSON.items():
        seen.check_value((*loc, name), getattr(person, name), wanted)


def _check_entity(loc: Loc, entity: Entity, seen: Seen) -> None:
    for name in ("id", "role", "referred_type"):
        seen.check_value((*loc, name), getattr(entity, name), TEXT)


def _check_remark(loc: Loc, remark: Remark, seen: Seen) -> None:
    seen.check_value((*loc, "text"), remark.text, OPTIONAL_TEXT)
    seen.check_value((*loc, "author"), remark.author, TEXT)
    seen.check_value((*loc, "date"), remark.date, MOMENT)


def _check_always_one(loc: Loc, items: tuple[Item, ...], what: str, report: Report) -> None:
    if not any(item.is_sure for item in items):
        message = f"the standard requires a {what}; at least one must have no if_present, when or each"
        report.add(loc, "may-be-absent", message)


def _check_technical_contact(loc: Loc, contacts: tuple[Contact, ...], report: Report) -> None:
    roles = [contact.role for contact in contacts if contact.is_sure]
    if ContactRole.TECHNICAL not in roles:
        message = (
            f"the standard requires a contact with role {ContactRole.TECHNICAL} in every WorkOrder (R54), "
            "one without if_present, when and each"
        )
        report.add(loc, "missing-key", message)


def check_duration(
    loc: Loc, duration: Duration, document: PackDocument, references: References, report: Report
) -> None:
    """Check that the amount is one, and that the unit is one of the standard whatever comes."""
    references.check_value((*loc, "amount"), duration.amount, AMOUNT)
    references.check_value((*loc, "unit"), duration.unit, TEXT)
    units = _units(duration, references)
    for literal in (duration.unit.literal, duration.unit.default):
        if literal is not None and literal not in units:
            report.add((*loc, "unit"), "wrong-value", f"a duration cannot be told in {literal}; write {_listed(units)}")
    for reference in filter(references.is_known, duration.unit.value):
        if references.type_of(reference) in TEXT.types:
            found = possible_values(reference, document, references)
            _check_units((*loc, "unit", "value"), reference, found, units, report)


def _units(duration: Duration, references: References) -> Sequence[TimeDurationUnits]:
    """A number may be told in any unit, a time span only in those of a fixed length."""
    types = {references.type_of(one) for one in filter(references.is_known, duration.amount.value)}
    return TELLABLE if "duration" in types else tuple(TimeDurationUnits)


def _check_units(loc: Loc, reference: str, found: Sequence[str] | None, units: Sequence[str], report: Report) -> None:
    if found is None:
        message = f"expected a code or column that is always one of {_listed(units)}; {reference} may be anything"
        report.add(loc, "wrong-type", message)
        return
    for value in found:
        if value not in units:
            report.add(loc, "wrong-value", f"{reference} may be '{value}'; expected {_listed(units)}")


def _listed(units: Sequence[str]) -> str:
    return f"{', '.join(units[:-1])} or {units[-1]}"

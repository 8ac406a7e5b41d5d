"""What the Buyer sees of a WorkOrder (7.2.2.1) and of its visit, built from the values of a message.

A section of the pack is compiled once into functions from values to the standard's objects; the standard's own models
check what comes out, so that no pack can show a Buyer what MEF 137 forbids. What is built is complete each time, with
three exceptions, in which what the Buyer has seen before goes on: notes (a WFM repeats its remarks, and forgets them),
lists under `merge`, where entries are replaced by their key, and contacts of the Seller for a visit that a Buyer books
between two messages, which are recalled from the record of the job.
"""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Generic, TypeVar

from pydantic import ValidationError

from bridge.domain.model import Job, JobRef, Visit, WorkOrderDetails
from bridge.mapping import document
from bridge.mapping.document.outputs import OF_APPOINTMENTS
from bridge.mapping.formats.durations import whole_units
from bridge.mapping.formats.values import Get, Misread, Values, absent, as_text, briefly, constant, window_of
from bridge.mapping.outputs.entries import (
    Entries,
    Known,
    contact_builder,
    contacts_getter,
    list_getter,
    merged,
    notes_getter,
    places_getter,
    related_entities_getter,
)
from bridge.mapping.reading.fields import Recall, compile_recall
from bridge.mapping.reading.references import Lookups, field_lookups, moment_getter, text_getter, value_getter
from bridge.mef.enums import ContactRole, TimeDurationUnits
from bridge.mef.models import Note, Place, RelatedContactInformation, RelatedEntity, TimeDuration

T = TypeVar("T")
_GetMoment = Callable[[Values], datetime | None]


@dataclass(frozen=True, slots=True)
class RequiredList(Generic[T]):
    """A list of which the standard wants at least one entry.

    `known` gives what of it the Buyer goes on seeing, where a message does not tell all of it: known entries of a `key`
    that it speaks of are replaced by what it says of that.
    """

    where: str
    entries: Entries[T]
    known: Known[T] | None
    key: Callable[[T], Hashable]

    def build(self, values: Values, job: Job) -> tuple[T, ...]:
        """Build the list. Raises `Misread` where it is empty."""
        built = self.entries(values, job.ref)
        if self.known is not None and (known := self.known(job)):
            built = merged(known, built, self.key)
        if not built:
            raise Misread(f"{self.where}: at least one entry is required, and all are left out")
        return tuple(built)


@dataclass(frozen=True, slots=True)
class WorkOrderBuilder:
    """The compiled `work_order` section. `buyer` gives the id of the Buyer that the WorkOrder belongs to."""

    buyer: Callable[[Values], str]
    place: RequiredList[Place]
    duration: Callable[[Values], TimeDuration]
    contacts: RequiredList[RelatedContactInformation]
    related_entity: RequiredList[RelatedEntity]
    task: Callable[[Values], tuple[str, ...]]
    note: Entries[Note]
    planned_execution_date: _GetMoment
    bookable: Callable[[Values], bool]

    def details(self, values: Values, job: Job) -> WorkOrderDetails:
        """Build the details. Raises `Misread`, or pydantic's error where a value breaks the standard.

        A note that is known already keeps its first date; earlier ones stay.
        """
        known = job.work_order.details.note if job.work_order is not None else ()
        notes = {note.id: note for note in known}
        for note in self.note(values, job.ref):
            notes.setdefault(note.id, note)
        return WorkOrderDetails(
            place=self.place.build(values, job),
            duration=self.duration(values),
            contacts=self.contacts.build(values, job),
            related_entity=self.related_entity.build(values, job),
            task=self.task(values),
            note=tuple(notes.values()),
            planned_execution_date=self.planned_execution_date(values),
            bookable=self.bookable(values),
        )


@dataclass(frozen=True, slots=True)
class SellerContact:
    """Who of the Seller can be reached about a visit: who is assigned, else who stands in.

    `recall` gives what the job's messages told before, where there is none to be read.
    """

    assigned: Entries[RelatedContactInformation] | None
    default: Callable[[Values, JobRef], RelatedContactInformation]
    recall: Recall

    def build(self, values: Values, job: JobRef) -> RelatedContactInformation:
        """Build it from the values of a message. Raises `Misread`, or pydantic's error."""
        found = self.assigned(values, job) if self.assigned is not None else ()
        return found[0] if found else self.default(values, job)

    def of_job(self, job: Job) -> RelatedContactInformation:
        """Give it for a visit that a Buyer books; the WorkOrder's technical contact where too little is known."""
        values = self.recall(job)
        for make in (self.build, self.default):
            with suppress(Misread, ValidationError):
                return make(values, job.ref)
        contacts = job.work_order.details.contacts if job.work_order is not None else ()
        technical = next(one for one in contacts if one.role == ContactRole.TECHNICAL)  # in every WorkOrder (R54)
        return technical.model_copy(update={"role": ContactRole.SELLER_APPOINTMENT})


@dataclass(frozen=True, slots=True)
class VisitBuilder:
    """The compiled `appointment` section."""

    ref: Get
    start: _GetMoment
    end: _GetMoment
    seller: SellerContact
    contacts: Entries[RelatedContactInformation]
    note: Entries[Note]

    def visit(self, values: Values, job: Job, *, writes_window: bool, writes_ref: bool) -> Visit:
        """Build the visit. Raises `Misread`."""
        ref = self.ref(values)
        return Visit(
            ref=(as_text(ref) or None) if ref is not None else None,
            window=window_of(self.start(values), self.end(values)),
            writes_window=writes_window,
            writes_ref=writes_ref,
            contacts=(*self.contacts(values, job.ref), self.seller.build(values, job.ref)),
            note=tuple(self.note(values, job.ref)),
        )


def compile_visit(pack: document.PackDocument) -> VisitBuilder:
    """Compile the `appointment` section of a checked pack."""
    section, lookups = pack.appointment, field_lookups(pack)
    return VisitBuilder(
        ref=absent if section.visit is None else value_getter(section.visit, lookups),
        start=moment_getter("appointment.window.start", section.window.start, lookups),
        end=moment_getter("appointment.window.end", section.window.end, lookups),
        seller=_seller_contact(section.seller_contact, pack),
        contacts=list_getter([_first_built(section.contacts, role, pack) for role in OF_APPOINTMENTS]),
        note=notes_getter("appointment.note", section.note, pack),
    )


def _seller_contact(seller: document.SellerContact, pack: document.PackDocument) -> SellerContact:
    where, role, assigned = "appointment.seller_contact", ContactRole.SELLER_APPOINTMENT, seller.assigned
    return SellerContact(
        assigned=contacts_getter(f"{where}.assigned", assigned, role, pack) if assigned is not None else None,
        default=contact_builder(f"{where}.default", seller.default, role, field_lookups(pack)),
        recall=compile_recall(pack, pack.appointment.seller_references),
    )


def _first_built(
    contacts: Sequence[document.VisitContact], role: ContactRole, pack: document.PackDocument
) -> Entries[RelatedContactInformation]:
    """Give the contacts of a role; those that are sure stand in where no others are built."""
    own, stand_ins = (
        list_getter(
            [
                contacts_getter(f"appointment.contacts[{index}]", one, role, pack)
                for index, one in enumerate(contacts)
                if role in one.role and one.is_sure == sure
            ]
        )
        for sure in (False, True)
    )
    return lambda values, job: own(values, job) or stand_ins(values, job)


def compile_work_order(pack: document.PackDocument) -> WorkOrderBuilder:
    """Compile the `work_order` section of a checked pack."""
    section, lookups = pack.work_order, field_lookups(pack)
    planned = section.planned_execution_date
    return WorkOrderBuilder(
        buyer=text_getter("work_order.buyer", section.buyer, lookups),
        place=_places(section, pack),
        duration=_duration_getter(section.duration, lookups),
        contacts=_contacts(section, pack),
        related_entity=_related_entities(section, pack),
        task=_task_getter(section.task, lookups),
        note=notes_getter("work_order.note", section.note, pack),
        planned_execution_date=(
            absent if planned is None else moment_getter("work_order.planned_execution_date", planned, lookups)
        ),
        bookable=_bookable(section.bookable, lookups),
    )


def _bookable(value: document.Value | None, lookups: Lookups) -> Callable[[Values], bool]:
    if value is None:
        return constant(True)
    get = value_getter(value, lookups)

    def get_bookable(values: Values) -> bool:
        found = get(values)
        if not isinstance(found, bool):
            raise Misread(f"work_order.bookable: expected true or false; came {briefly(found)}")
        return found

    return get_bookable


def _places(section: document.WorkOrderSection, pack: document.PackDocument) -> RequiredList[Place]:
    where = "work_order.place"
    return RequiredList(
        where,
        list_getter([places_getter(f"{where}[{i}]", one, pack) for i, one in enumerate(section.place)]),
        _known(lambda details: details.place) if "place" in section.merge else None,
        lambda place: place.role,
    )


def _contacts(
    section: document.WorkOrderSection, pack: document.PackDocument
) -> RequiredList[RelatedContactInformation]:
    where = "work_order.contacts"
    return RequiredList(
        where,
        list_getter([contacts_getter(f"{where}[{i}]", one, one.role, pack) for i, one in enumerate(section.contacts)]),
        _known(lambda details: details.contacts) if "contacts" in section.merge else None,
        lambda contact: contact.role,
    )


def _related_entities(section: document.WorkOrderSection, pack: document.PackDocument) -> RequiredList[RelatedEntity]:
    where = "work_order.related_entity"
    return RequiredList(
        where,
        list_getter(
            [related_entities_getter(f"{where}[{i}]", one, pack) for i, one in enumerate(section.related_entity)]
        ),
        _known(lambda details: details.related_entity) if "related_entity" in section.merge else None,
        lambda entity: (entity.id, entity.referred_type),
    )


def _known(entries: Callable[[WorkOrderDetails], tuple[T, ...]]) -> Known[T]:
    return lambda job: entries(job.work_order.details) if job.work_order is not None else ()


def _duration_getter(duration: document.Duration, lookups: Lookups) -> Callable[[Values], TimeDuration]:
    get = value_getter(duration.amount, lookups)
    get_unit = text_getter("work_order.duration.unit", duration.unit, lookups)
    as_unit = cache(TimeDurationUnits)  # Enum looks long for what it has

    def get_duration(values: Values) -> TimeDuration:
        amount, unit = get(values), as_unit(get_unit(values))
        if isinstance(amount, timedelta):
            amount = _in_units(amount, unit)
        if not isinstance(amount, int) or isinstance(amount, bool):
            raise Misread(f"work_order.duration.amount: expected a whole number or a duration; came {briefly(amount)}")
        return TimeDuration(time_duration_value=amount, time_duration_units=unit)

    return get_duration


def _in_units(duration: timedelta, unit: TimeDurationUnits) -> int:
    try:
        return whole_units(duration, unit)
    except ValueError as error:
        raise Misread(f"work_order.duration: {error}") from error


def _task_getter(task: document.Value, lookups: Lookups) -> Callable[[Values], tuple[str, ...]]:
    get = value_getter(task, lookups)

    def get_tasks(values: Values) -> tuple[str, ...]:
        found = get(values)
        tasks = found if isinstance(found, tuple) else () if found is None else (as_text(found),)
        if not tasks or "" in tasks:
            raise Misread("work_order.task: at least one task is required, and each has a text")
        return tasks

    return get_tasks

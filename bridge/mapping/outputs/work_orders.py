"""What the Buyer sees of a WorkOrder, built from the fields of a message (7.2.2.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from bridge.domain.model import BuyerId, Job, WorkOrderDetails
from bridge.mapping import document
from bridge.mapping.formats.durations import whole_units
from bridge.mapping.formats.values import Misread, Values, absent, as_text, shown
from bridge.mapping.outputs.contacts import contacts_getter
from bridge.mapping.outputs.entries import Entries, list_getter
from bridge.mapping.outputs.notes import Notes, notes_getter
from bridge.mapping.outputs.places import places_getter
from bridge.mapping.outputs.related_entities import related_entities_getter
from bridge.mapping.outputs.sources import moment_getter, text_getter, value_getter
from bridge.mapping.reading.columns import Lookups, field_lookups
from bridge.mef.enums import TimeDurationUnits
from bridge.mef.models import Place, RelatedContactInformation, RelatedEntity, TimeDuration

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkOrderBuilder:
    """The compiled `work_order` section."""

    buyer: Callable[[Values], str]
    place: Entries[Place]
    duration: Callable[[Values], TimeDuration]
    contacts: Entries[RelatedContactInformation]
    related_entity: Entries[RelatedEntity]
    task: Callable[[Values], tuple[str, ...]]
    note: Notes
    planned_execution_date: Callable[[Values], datetime | None]

    def buyer_id(self, values: Values) -> BuyerId:
        """Say which Buyer the WorkOrder belongs to."""
        return BuyerId(self.buyer(values))

    def details(self, values: Values, job: Job) -> WorkOrderDetails:
        """Build the details. Raises `Misread`, or pydantic's error where a value breaks the standard."""
        return WorkOrderDetails(
            place=self.place(values, job),
            duration=self.duration(values),
            contacts=self.contacts(values, job),
            related_entity=self.related_entity(values, job),
            task=self.task(values),
            note=self.note(values, job),
            planned_execution_date=self.planned_execution_date(values),
        )


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
        note=notes_getter(section.note, pack),
        planned_execution_date=(
            absent if planned is None else moment_getter("work_order.planned_execution_date", planned, lookups)
        ),
    )


def _places(section: document.WorkOrderSection, pack: document.PackDocument) -> Entries[Place]:
    entries = [places_getter(f"work_order.place[{i}]", one, pack) for i, one in enumerate(section.place)]
    known = _known(lambda details: details.place, "place" in section.merge)
    return list_getter("work_order.place", entries, known, lambda place: place.role)


def _contacts(section: document.WorkOrderSection, pack: document.PackDocument) -> Entries[RelatedContactInformation]:
    entries = [
        contacts_getter(f"work_order.contacts[{i}]", one, one.role, pack) for i, one in enumerate(section.contacts)
    ]
    known = _known(lambda details: details.contacts, "contacts" in section.merge)
    return list_getter("work_order.contacts", entries, known, lambda contact: contact.role)


def _related_entities(section: document.WorkOrderSection, pack: document.PackDocument) -> Entries[RelatedEntity]:
    entries = [
        related_entities_getter(f"work_order.related_entity[{i}]", one, pack)
        for i, one in enumerate(section.related_entity)
    ]
    known = _known(lambda details: details.related_entity, "related_entity" in section.merge)
    return list_getter("work_order.related_entity", entries, known, lambda entity: (entity.id, entity.referred_type))


def _known(entries: Callable[[WorkOrderDetails], tuple[T, ...]], stay: bool) -> Callable[[Job], tuple[T, ...]]:
    """Make a function that gives what of a list the Buyer goes on seeing; nothing where a message tells all of it."""
    return lambda job: entries(job.work_order.details) if stay and job.work_order is not None else ()


def _duration_getter(duration: document.Duration, lookups: Lookups) -> Callable[[Values], TimeDuration]:
    get = value_getter(duration.amount, lookups)
    get_unit = text_getter("work_order.duration.unit", duration.unit, lookups)

    def get_duration(values: Values) -> TimeDuration:
        amount, unit = get(values), TimeDurationUnits(get_unit(values))
        if isinstance(amount, timedelta):
            amount = _in_units(amount, unit)
        if not isinstance(amount, int) or isinstance(amount, bool):
            raise Misread(f"work_order.duration.amount: expected a whole number or a duration; came {shown(amount)}")
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

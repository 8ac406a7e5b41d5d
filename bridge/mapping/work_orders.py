"""What the Buyer sees of a WorkOrder, built from the fields of a message (7.2.2.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from bridge.domain.model import BuyerId, Job, WorkOrderDetails
from bridge.mapping import document
from bridge.mapping.contacts import GetContact, contact_getter
from bridge.mapping.durations import whole_units
from bridge.mapping.notes import GetNotes, notes_getter
from bridge.mapping.places import GetPlace, place_getter
from bridge.mapping.sources import Lookups, moment_getter, text_getter, value_getter
from bridge.mapping.values import Misread, Values, absent, as_text, shown
from bridge.mef.enums import TimeDurationUnits
from bridge.mef.models import RelatedEntity, TimeDuration

T = TypeVar("T")
_GetEntity = Callable[[Values], RelatedEntity | None]


@dataclass(frozen=True, slots=True)
class WorkOrderBuilder:
    """The compiled `work_order` section."""

    buyer: Callable[[Values], str]
    place: tuple[GetPlace, ...]
    duration: Callable[[Values], TimeDuration]
    contacts: tuple[GetContact, ...]
    related_entity: tuple[_GetEntity, ...]
    task: Callable[[Values], tuple[str, ...]]
    note: GetNotes
    planned_execution_date: Callable[[Values], datetime | None]

    def buyer_id(self, values: Values) -> BuyerId:
        """Say which Buyer the WorkOrder belongs to."""
        return BuyerId(self.buyer(values))

    def details(self, values: Values, job: Job) -> WorkOrderDetails:
        """Build the details. Raises `Misread`, or pydantic's error where a value breaks the standard."""
        return WorkOrderDetails(
            place=_built("place", self.place, values),
            duration=self.duration(values),
            contacts=_built("contacts", self.contacts, values),
            related_entity=_built("related_entity", self.related_entity, values),
            task=self.task(values),
            note=self.note(values, job),
            planned_execution_date=self.planned_execution_date(values),
        )


def _built(name: str, getters: Sequence[Callable[[Values], T | None]], values: Values) -> tuple[T, ...]:
    """Build a list that the standard wants at least one entry of."""
    built = tuple(item for getter in getters if (item := getter(values)) is not None)
    if not built:
        raise Misread(f"work_order.{name}: at least one entry is required, and all are left out")
    return built


def compile_work_order(section: document.WorkOrderSection, lookups: Lookups) -> WorkOrderBuilder:
    """Compile the `work_order` section of a checked pack."""
    planned = section.planned_execution_date
    return WorkOrderBuilder(
        buyer=text_getter("work_order.buyer", section.buyer, lookups),
        place=tuple(place_getter(f"work_order.place[{i}]", one, lookups) for i, one in enumerate(section.place)),
        duration=_duration_getter(section.duration, lookups),
        contacts=tuple(
            contact_getter(f"work_order.contacts[{i}]", one, one.role, lookups)
            for i, one in enumerate(section.contacts)
        ),
        related_entity=tuple(_entity_getter(i, one, lookups) for i, one in enumerate(section.related_entity)),
        task=_task_getter(section.task, lookups),
        note=notes_getter(section.note, lookups),
        planned_execution_date=(
            absent if planned is None else moment_getter("work_order.planned_execution_date", planned, lookups)
        ),
    )


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


def _entity_getter(index: int, entity: document.Entity, lookups: Lookups) -> _GetEntity:
    where, guard = f"work_order.related_entity[{index}]", entity.if_present
    get_id = text_getter(f"{where}.id", entity.id, lookups)
    role = text_getter(f"{where}.role", entity.role, lookups)
    referred_type = text_getter(f"{where}.referred_type", entity.referred_type, lookups)

    def get(values: Values) -> RelatedEntity | None:
        if guard is not None and values[guard] is None:
            return None
        return RelatedEntity(id=get_id(values), role=role(values), referred_type=referred_type(values))

    return get


def _task_getter(task: document.Value, lookups: Lookups) -> Callable[[Values], tuple[str, ...]]:
    get = value_getter(task, lookups)

    def get_tasks(values: Values) -> tuple[str, ...]:
        found = get(values)
        tasks = found if isinstance(found, tuple) else () if found is None else (as_text(found),)
        if not tasks or "" in tasks:
            raise Misread("work_order.task: at least one task is required, and each has a text")
        return tasks

    return get_tasks

"""What the two lists can be filtered by (O3, O4, R31), each as a condition with a parameter of its own name."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, any_, bindparam, exists, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from bridge.flows.ports.buyer_views import AppointmentQuery, WorkOrderQuery
from bridge.store.columns import TextList
from bridge.store.jobs import ADDRESS, SITE
from bridge.store.tables import appointments, work_order_entities, work_order_places, work_orders

Filter = Callable[[str, bool], ColumnElement[bool]]
"""Makes the condition, given the name of its parameter, for PostgreSQL (else for SQLite)."""
Given = Mapping[str, Any]
"""What is filtered by: values by the names of filters; those of `SEVERAL` are tuples."""

SEVERAL: Final = frozenset({"buyers", "packs"})
"""Filters by any of several values."""


def _equals(own: ColumnElement[Any]) -> Filter:
    return lambda name, _: own == bindparam(name)


def _one_of(own: ColumnElement[str]) -> Filter:
    """Any of several values, however many they are: the statement stays the same."""

    def condition(name: str, is_postgres: bool) -> ColumnElement[bool]:
        if is_postgres:
            return own == any_(bindparam(name, type_=ARRAY(own.type, dimensions=1)))
        values = func.json_each(bindparam(name, type_=TextList())).table_valued("value")
        return own.in_(select(values.c.value))

    return condition


def _has(owner: ColumnElement[str], *conditions: ColumnElement[bool], is_first: bool) -> ColumnElement[bool]:
    """Say that a row of another table is about the WorkOrder; `is_first` says to look for such rows first."""
    if is_first:
        return work_orders.c.id.in_(select(owner).where(*conditions))
    return exists().where(owner == work_orders.c.id, *conditions)


def _has_place(kind: str) -> Filter:
    places = work_order_places.c
    # PostgreSQL finds out by itself how many there are; SQLite would look for one with each WorkOrder in turn.
    return lambda name, is_postgres: _has(
        places.work_order_id, places.kind == kind, places.place_id == bindparam(name), is_first=not is_postgres
    )


def _has_entity(id_: str | None, type_: str | None) -> Filter:
    """By the names of the parameters; both must hold for one and the same entity. Of one type there are very many."""
    entities = work_order_entities.c
    named = ((entities.entity_id, id_), (entities.referred_type, type_))
    conditions = [column == bindparam(name) for column, name in named if name is not None]
    return lambda _, is_postgres: _has(
        entities.work_order_id, *conditions, is_first=id_ is not None and not is_postgres
    )


_ENTITY_AND_TYPE: Final = "entity_and_type"
"""A condition with two parameters."""
_AND_TYPE: Final = "and_type"


WORK_ORDER_FILTERS: Final[Mapping[str, Filter]] = {
    "buyer": _equals(work_orders.c.buyer),
    "buyers": _one_of(work_orders.c.buyer),
    "packs": _one_of(work_orders.c.pack),
    "state": _equals(work_orders.c.state),
    # Not as a parameter: so that the index of those that need one is recognised.
    "required": lambda _name, _: work_orders.c.appointment_required,
    "not_required": lambda _name, _: ~work_orders.c.appointment_required,
    "site": _has_place(SITE),
    "address": _has_place(ADDRESS),
    "entity": _has_entity("entity", None),
    "entity_type": _has_entity(None, "entity_type"),
    _ENTITY_AND_TYPE: _has_entity(_ENTITY_AND_TYPE, _AND_TYPE),
    _AND_TYPE: lambda _name, _: true(),
}


def of_work_orders(query: WorkOrderQuery) -> Iterator[tuple[str, Any]]:
    """Say which filters a query names."""
    yield from _of_owners(query.buyers, query.packs)
    if query.state is not None:
        yield "state", query.state.value
    if query.appointment_required is not None:
        yield ("required" if query.appointment_required else "not_required"), True
    if query.site is not None:
        yield "site", query.site
    if query.address is not None:
        yield "address", query.address
    match query.related_entity, query.related_entity_type:
        case str(id_), None:
            yield "entity", id_
        case None, str(type_):
            yield "entity_type", type_
        case str(id_), str(type_):
            yield from ((_ENTITY_AND_TYPE, id_), (_AND_TYPE, type_))


def _of_owners(buyers: Collection[str], packs: Collection[str] | None) -> Iterator[tuple[str, Any]]:
    yield ("buyer", next(iter(buyers))) if len(buyers) == 1 else ("buyers", tuple(sorted(buyers)))
    if packs is not None:
        yield "packs", tuple(sorted(packs))


def _of_packs(name: str, is_postgres: bool) -> ColumnElement[bool]:
    return exists().where(
        work_orders.c.id == appointments.c.work_order_id, _one_of(work_orders.c.pack)(name, is_postgres)
    )


def _is_at(kind: str) -> Filter:
    columns = appointments.c
    return lambda name, _: (columns.place_kind == kind) & (columns.place_id == bindparam(name))


APPOINTMENT_FILTERS: Final[Mapping[str, Filter]] = {
    "buyer": _equals(appointments.c.buyer),
    "buyers": _one_of(appointments.c.buyer),
    "packs": _of_packs,
    "status": _equals(appointments.c.status),
    "work_order": _equals(appointments.c.work_order_id),
    "ends_after": lambda name, _: appointments.c.valid_to > bindparam(name),
    "starts_before": lambda name, _: appointments.c.valid_from < bindparam(name),
    "site": _is_at(SITE),
    "address": _is_at(ADDRESS),
}


def of_appointments(query: AppointmentQuery) -> Iterator[tuple[str, Any]]:
    """Say which filters a query names."""
    yield from _of_owners(query.buyers, query.packs)
    given = {
        "status": query.status and query.status.value,
        "work_order": query.work_order,
        "site": query.site,
        "address": query.address,
        "ends_after": query.ends_after,
        "starts_before": query.starts_before,
    }
    yield from ((name, value) for name, value in given.items() if value is not None)

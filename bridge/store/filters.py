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


def _has_place(kind: str) -> Filter:
    places = work_order_places.c
    own = exists().where(places.work_order_id == work_orders.c.id, places.kind == kind)
    return lambda name, _: own.where(places.place_id == bindparam(name))


_ENTITIES: Final = work_order_entities.c
_HAS_ENTITY: Final = exists().where(_ENTITIES.work_order_id == work_orders.c.id)
_ENTITY_AND_TYPE: Final = "entity_and_type"
"""Both must hold for one and the same entity: a condition with two parameters."""
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
    "entity": lambda name, _: _HAS_ENTITY.where(_ENTITIES.entity_id == bindparam(name)),
    "entity_type": lambda name, _: _HAS_ENTITY.where(_ENTITIES.referred_type == bindparam(name)),
    _ENTITY_AND_TYPE: lambda name, _: _HAS_ENTITY.where(
        _ENTITIES.entity_id == bindparam(name), _ENTITIES.referred_type == bindparam(_AND_TYPE)
    ),
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

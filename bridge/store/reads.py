"""The Buyer's reads: one object, or a page of a list in a stable order (oldest first). They take no locks."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam, exists, func, select

from bridge.domain.model import Appointment, AppointmentId, BuyerId, JobRef, WorkOrder, WorkOrderId
from bridge.flows.ports import AppointmentQuery, Page, WorkOrderQuery
from bridge.store.columns import Row
from bridge.store.jobs import ADDRESS, SITE, appointment, work_order
from bridge.store.session import Database, Session
from bridge.store.tables import appointments, jobs, work_order_entities, work_order_places, work_orders

T = TypeVar("T")

_WORK_ORDER = select(work_orders).where(work_orders.c.id == bindparam("wanted"))
_RECORD = select(jobs.c.record).where(jobs.c.pack == bindparam("of_pack"), jobs.c.key == bindparam("of_key"))
_APPOINTMENT = select(appointments).where(appointments.c.id == bindparam("wanted"))
# What is another Buyer's is not even fetched: that would take longer than to find nothing, and tell that it is there.
_BUYERS: BindParameter[Any] = bindparam("of_buyers", expanding=True)
_WORK_ORDER_OF = _WORK_ORDER.where(work_orders.c.buyer.in_(_BUYERS))
_APPOINTMENT_OF = _APPOINTMENT.where(appointments.c.buyer.in_(_BUYERS))
_PACKS = select(jobs.c.pack).distinct()


class Reads:
    """A `Reader` of bridge.flows.ports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def work_order(self, id_: WorkOrderId, buyers: Collection[BuyerId] | None = None) -> WorkOrder | None:
        """Read a WorkOrder; one of these Buyers', if any are named."""
        async with self._database.read() as session:
            if buyers is None:
                row = await session.row(_WORK_ORDER, {"wanted": id_})
            else:
                row = await session.row(_WORK_ORDER_OF, {"wanted": id_, "of_buyers": sorted(buyers)})
        return None if row is None else work_order(row)

    async def record(self, job: JobRef) -> Mapping[str, object]:
        """Read what the WFM told of a job, by field; nothing of an unknown one."""
        async with self._database.read() as session:
            row = await session.row(_RECORD, {"of_pack": job.pack, "of_key": job.key})
        return {} if row is None else row["record"]

    async def appointment(self, id_: AppointmentId, buyers: Collection[BuyerId] | None = None) -> Appointment | None:
        """Read an Appointment; one of these Buyers', if any are named."""
        async with self._database.read() as session:
            if buyers is None:
                row = await session.row(_APPOINTMENT, {"wanted": id_})
            else:
                row = await session.row(_APPOINTMENT_OF, {"wanted": id_, "of_buyers": sorted(buyers)})
        return None if row is None else appointment(row)

    async def work_orders(self, query: WorkOrderQuery) -> Page[WorkOrder]:
        """Read a page of WorkOrders (O4), oldest first."""
        async with self._database.read() as session:
            return await _page(session, work_orders, [*_work_order_filters(query)], query, work_order)

    async def appointments(self, query: AppointmentQuery) -> Page[Appointment]:
        """Read a page of Appointments (O3, R31), oldest first."""
        async with self._database.read() as session:
            return await _page(session, appointments, [*_appointment_filters(query)], query, appointment)

    async def packs_in_use(self) -> frozenset[str]:
        """Name the packs that have jobs; also those of pending commands, which belong to jobs."""
        async with self._database.read() as session:
            return frozenset(row["pack"] for row in await session.rows(_PACKS))


def _work_order_filters(query: WorkOrderQuery) -> Iterator[ColumnElement[bool]]:
    yield work_orders.c.buyer.in_(sorted(query.buyers))
    if query.packs is not None:
        yield work_orders.c.pack.in_(sorted(query.packs))
    if query.state is not None:
        yield work_orders.c.state == query.state.value
    if query.appointment_required is not None:
        yield work_orders.c.appointment_required == query.appointment_required
    if query.site is not None:
        yield _has_place(SITE, query.site)
    if query.address is not None:
        yield _has_place(ADDRESS, query.address)
    if query.related_entity is not None or query.related_entity_type is not None:
        yield _has_entity(query.related_entity, query.related_entity_type)


def _has_place(kind: str, place_id: str) -> ColumnElement[bool]:
    places = work_order_places
    own = exists().where(places.c.work_order_id == work_orders.c.id)
    return own.where(places.c.kind == kind, places.c.place_id == place_id)


def _has_entity(id_: str | None, type_: str | None) -> ColumnElement[bool]:
    """Both must hold for one and the same entity."""
    entities = work_order_entities
    found = exists().where(entities.c.work_order_id == work_orders.c.id)
    if id_ is not None:
        found = found.where(entities.c.entity_id == id_)
    return found if type_ is None else found.where(entities.c.referred_type == type_)


def _appointment_filters(query: AppointmentQuery) -> Iterator[ColumnElement[bool]]:
    columns = appointments.c
    yield columns.buyer.in_(sorted(query.buyers))
    if query.packs is not None:
        own = exists().where(work_orders.c.id == columns.work_order_id)
        yield own.where(work_orders.c.pack.in_(sorted(query.packs)))
    if query.status is not None:
        yield columns.status == query.status.value
    if query.work_order is not None:
        yield columns.work_order_id == query.work_order
    if query.ends_after is not None:
        yield columns.valid_to > query.ends_after
    if query.starts_before is not None:
        yield columns.valid_from < query.starts_before
    for kind, place_id in ((SITE, query.site), (ADDRESS, query.address)):
        if place_id is not None:
            yield columns.place_kind == kind
            yield columns.place_id == place_id


async def _page(
    session: Session,
    table: Table,
    filters: list[ColumnElement[bool]],
    query: WorkOrderQuery | AppointmentQuery,
    make: Callable[[Row], T],
) -> Page[T]:
    counted = await session.rows(select(func.count().label("total")).select_from(table).where(*filters))
    ordered = select(table).where(*filters).order_by(table.c.created_at, table.c.id)
    found = await session.rows(ordered.offset(query.offset).limit(query.limit))
    return Page(tuple(map(make, found)), counted[0]["total"])

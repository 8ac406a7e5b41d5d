"""The Buyer's reads: one object, or a page of a list in a stable order (oldest first)."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar

from sqlalchemy import ColumnElement, Table, bindparam, exists, func, select

from bridge.domain.model import Appointment, AppointmentId, JobRef, WorkOrder, WorkOrderId
from bridge.flows.ports import AppointmentQuery, Owner, Page, WorkOrderQuery
from bridge.store import rows
from bridge.store.session import KEYS, Session
from bridge.store.tables import appointments, jobs, work_order_entities, work_order_places, work_orders

T = TypeVar("T")

_OWNERS = select(work_orders.c.id, work_orders.c.pack, work_orders.c.job_key, work_orders.c.buyer).where(
    work_orders.c.id.in_(KEYS)
)
_WORK_ORDER = select(work_orders).where(work_orders.c.id == bindparam("wanted"))
_RECORD = select(jobs.c.record).where(jobs.c.pack == bindparam("of_pack"), jobs.c.key == bindparam("of_key"))
_APPOINTMENT = select(appointments).where(appointments.c.id == bindparam("wanted"))


async def work_order(session: Session, id_: WorkOrderId) -> WorkOrder | None:
    """Read a WorkOrder."""
    row = await session.row(_WORK_ORDER, {"wanted": id_})
    return None if row is None else rows.work_order(row)


async def record(session: Session, job: JobRef) -> Mapping[str, object]:
    """Read what the WFM told of a job, by field; nothing of an unknown one."""
    row = await session.row(_RECORD, {"of_pack": job.pack, "of_key": job.key})
    return {} if row is None else rows.plain(row["record"])


async def packs_in_use(session: Session) -> frozenset[str]:
    """Read the names of the packs that have jobs."""
    return frozenset(row["pack"] for row in await session.rows(select(jobs.c.pack).distinct()))


async def appointment(session: Session, id_: AppointmentId) -> Appointment | None:
    """Read an Appointment."""
    row = await session.row(_APPOINTMENT, {"wanted": id_})
    return None if row is None else rows.appointment(row)


async def owners(session: Session, ids: Collection[WorkOrderId]) -> dict[WorkOrderId, Owner]:
    """Tell which jobs WorkOrders stand for, and whose they are."""
    found = await session.rows_in(_OWNERS, sorted(set(ids)))
    return {row["id"]: Owner(JobRef(row["pack"], row["job_key"]), row["buyer"]) for row in found}


async def list_work_orders(session: Session, query: WorkOrderQuery) -> Page[WorkOrder]:
    """Read a page of WorkOrders (O4)."""
    return await _page(session, work_orders, [*_work_order_filters(query)], query, rows.work_order)


def _work_order_filters(query: WorkOrderQuery) -> Iterator[ColumnElement[bool]]:
    yield work_orders.c.buyer.in_(sorted(query.buyers))
    if query.packs is not None:
        yield work_orders.c.pack.in_(sorted(query.packs))
    if query.state is not None:
        yield work_orders.c.state == query.state.value
    if query.appointment_required is not None:
        yield work_orders.c.appointment_required == query.appointment_required
    if query.site is not None:
        yield _has_place(rows.SITE, query.site)
    if query.address is not None:
        yield _has_place(rows.ADDRESS, query.address)
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


async def list_appointments(session: Session, query: AppointmentQuery) -> Page[Appointment]:
    """Read a page of Appointments (O3, R31)."""
    return await _page(session, appointments, [*_appointment_filters(query)], query, rows.appointment)


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
    for kind, place_id in ((rows.SITE, query.site), (rows.ADDRESS, query.address)):
        if place_id is not None:
            yield columns.place_kind == kind
            yield columns.place_id == place_id


async def _page(
    session: Session,
    table: Table,
    filters: list[ColumnElement[bool]],
    query: WorkOrderQuery | AppointmentQuery,
    make: Callable[[rows.Row], T],
) -> Page[T]:
    counted = await session.rows(select(func.count().label("total")).select_from(table).where(*filters))
    ordered = select(table).where(*filters).order_by(table.c.created_at, table.c.id)
    found = await session.rows(ordered.offset(query.offset).limit(query.limit))
    return Page(tuple(map(make, found)), counted[0]["total"])

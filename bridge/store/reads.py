"""The Buyer's reads: one object, or a page of a list in a stable order (oldest first). They take no locks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import BindParameter, ColumnElement, Table, Text, bindparam, column, func, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY

from bridge.batcher import Batcher
from bridge.domain.model import Appointment, AppointmentId, BuyerId, JobRef, WorkOrder, WorkOrderId
from bridge.flows.ports.buyer_views import AppointmentQuery, AppointmentView, Page, WorkOrderQuery, WorkOrderView
from bridge.store.direct import Direct
from bridge.store.filters import APPOINTMENT_FILTERS, WORK_ORDER_FILTERS, of_appointments, of_work_orders
from bridge.store.jobs import appointment, work_order
from bridge.store.lists import Listing
from bridge.store.session import Database
from bridge.store.tables import appointments, jobs, work_orders

_WORK_ORDER = select(work_orders).where(work_orders.c.id == bindparam("wanted"))
_RECORD = select(jobs.c.record).where(jobs.c.pack == bindparam("of_pack"), jobs.c.key == bindparam("of_key"))
_APPOINTMENT = select(appointments).where(appointments.c.id == bindparam("wanted"))
# What is another Buyer's is not even fetched: that would take longer than to find nothing, and tell that it is there.
_BUYERS: BindParameter[Any] = bindparam("of_buyers", expanding=True)
_WORK_ORDER_OF = _WORK_ORDER.where(work_orders.c.buyer.in_(_BUYERS))
_APPOINTMENT_OF = _APPOINTMENT.where(appointments.c.buyer.in_(_BUYERS))
_PACKS = select(jobs.c.pack).distinct()


def _as_stored(*columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Take JSON as the text that it is: it was checked when it was written."""
    return [type_coerce(each, Text()) for each in columns]


_ORDER: Final = work_orders.c
_WORK_ORDER_VIEW: Final = (
    _ORDER.id,
    _ORDER.pack,
    _ORDER.state,
    _ORDER.appointment_required,
    *_as_stored(_ORDER.appointments, _ORDER.details),
)
_VISIT: Final = appointments.c
_APPOINTMENT_FIND: Final = (
    _VISIT.id,
    _VISIT.work_order_id,
    _VISIT.status,
    _VISIT.valid_from,
    _VISIT.valid_to,
    *_as_stored(_VISIT.place),
)
_APPOINTMENT_VIEW: Final = (*_APPOINTMENT_FIND, *_as_stored(_VISIT.contacts, _VISIT.note, _VISIT.attachment))


def work_order_view(row: Sequence[Any]) -> WorkOrderView:
    """Read a row of `_WORK_ORDER_VIEW`; what a list adds to it is left alone."""
    id_, pack, state, required, visits, details, *_ = row
    return WorkOrderView(id_, pack, state, required, orjson.loads(visits), orjson.loads(details))


def appointment_view(row: Sequence[Any]) -> AppointmentView:
    """Read a row of `_APPOINTMENT_VIEW`; what else is asked for is left alone."""
    id_, order, status, start, end, place, contacts, note, attachment, *_ = row
    parts = map(orjson.loads, (place, contacts, note, attachment))
    return AppointmentView(id_, order, status, start, end, *parts)


def appointment_found(row: Sequence[Any]) -> AppointmentView:
    """Read a row of `_APPOINTMENT_FIND`; what a list adds to it is left alone."""
    id_, order, status, start, end, place, *_ = row
    return AppointmentView(id_, order, status, start, end, orjson.loads(place))


class Reads:
    """A `Reader` of bridge.flows.ports."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._work_order_views = Views(database, work_orders, _WORK_ORDER_VIEW)
        self._appointment_views = Views(database, appointments, _APPOINTMENT_VIEW)
        self._work_orders = Listing(database, work_orders, _WORK_ORDER_VIEW, WORK_ORDER_FILTERS, work_order_view)
        self._appointments = Listing(database, appointments, _APPOINTMENT_FIND, APPOINTMENT_FILTERS, appointment_found)

    async def close(self) -> None:
        """End what is under way."""
        for each in (self._work_orders, self._appointments, self._work_order_views, self._appointment_views):
            await each.close()

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

    async def work_order_view(self, id_: WorkOrderId, buyers: Collection[BuyerId]) -> WorkOrderView | None:
        """Read what one of these Buyers may see of a WorkOrder."""
        row = await self._work_order_views.find(id_, buyers)
        return None if row is None else work_order_view(row)

    async def appointment_view(self, id_: AppointmentId, buyers: Collection[BuyerId]) -> AppointmentView | None:
        """Read what one of these Buyers may see of an Appointment."""
        row = await self._appointment_views.find(id_, buyers)
        return None if row is None else appointment_view(row)

    async def work_orders(self, query: WorkOrderQuery) -> Page[WorkOrderView]:
        """Read a page of WorkOrders (O4), oldest first."""
        return await self._work_orders.page(dict(of_work_orders(query)), query.offset, query.limit)

    async def appointments(self, query: AppointmentQuery) -> Page[AppointmentView]:
        """Read a page of Appointments (O3, R31), oldest first."""
        return await self._appointments.page(dict(of_appointments(query)), query.offset, query.limit)

    async def packs_in_use(self) -> frozenset[str]:
        """Name the packs that have jobs; also those of pending commands, which belong to jobs."""
        async with self._database.read() as session:
            return frozenset(row["pack"] for row in await session.rows(_PACKS))


class Views:
    """Rows of a table by id and Buyer. Those that are asked for at the same time share one round trip."""

    def __init__(self, database: Database, table: Table, columns: Sequence[ColumnElement[Any]]) -> None:
        self._database = database
        self._table = table
        self._columns = columns
        self._query: Direct | None = None
        self._asked = Batcher(self._fetch)

    async def find(self, id_: str, buyers: Collection[BuyerId]) -> Sequence[Any] | None:
        """Give the values of the columns; None if none of the Buyers has such an object."""
        for buyer in sorted(buyers):
            row = await self._asked.submit((id_, buyer))
            if row is not None:
                return row
        return None

    async def close(self) -> None:
        """End what is under way."""
        await self._asked.stop()

    async def _fetch(self, asked: Sequence[tuple[str, BuyerId]]) -> Sequence[Sequence[Any] | None]:
        if self._database.dialect.name == "postgresql":
            return await self._fetch_joined(asked)
        query = self._query = self._query or Direct(self._one(), self._database.dialect)
        found = await self._database.fetch_each([query.bind({"_id": id_, "_buyer": buyer}) for id_, buyer in asked])
        return [next(iter(query.read(rows)), None) for rows in found]

    async def _fetch_joined(self, asked: Sequence[tuple[str, BuyerId]]) -> Sequence[Sequence[Any] | None]:
        query = self._query = self._query or Direct(self._joined(), self._database.dialect)
        ids, buyers = zip(*asked, strict=True)
        rows = await self._database.fetch(query.bind({"_ids": ids, "_buyers": buyers}))
        found = {(row[0], row[-1]): row for row in query.read(rows)}
        return [found.get(each) for each in asked]

    def _one(self) -> Any:
        own = self._table.c
        return select(*self._columns).where(own.id == bindparam("_id"), own.buyer == bindparam("_buyer"))

    def _joined(self) -> Any:
        own = self._table.c
        lists: tuple[BindParameter[Any], ...] = (
            bindparam("_ids", type_=ARRAY(own.id.type, dimensions=1)),
            bindparam("_buyers", type_=ARRAY(own.buyer.type, dimensions=1)),
        )
        names = column("id", own.id.type), column("buyer", own.buyer.type)
        asked = func.unnest(*lists).table_valued(*names, name="asked").render_derived()
        return select(*self._columns, own.buyer).join(asked, (own.id == asked.c.id) & (own.buyer == asked.c.buyer))

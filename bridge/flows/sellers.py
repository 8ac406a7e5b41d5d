"""One bridge for several Sellers (R7): each WFM, and so each pack, belongs to one of them.

The use cases of a Seller stand on a view of the store in which what belongs to another Seller does not exist.
"""

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from bridge.domain.model import Appointment, AppointmentId, BuyerId, JobRef, WorkOrder, WorkOrderId
from bridge.flows.ports.buyer_views import (
    AppointmentQuery,
    AppointmentView,
    Page,
    Reader,
    WorkOrderQuery,
    WorkOrderView,
)
from bridge.flows.ports.stores import BuyersStore
from bridge.flows.ports.subscription import Listeners, Subscription, SubscriptionId
from bridge.flows.ports.transaction import Transaction
from bridge.mef.enums import Api


class SellerStore:
    """A `BuyersStore` with the objects of some packs and the listeners of one Seller."""

    def __init__(self, store: BuyersStore, seller: str, packs: frozenset[str]) -> None:
        self._store = store
        self._packs = packs
        self.reads = SellerReader(store.reads, packs)
        self.listeners = SellerListeners(store.listeners, seller)

    def shows(self, job: JobRef) -> bool:
        """Tell whether the objects of a job are the Seller's."""
        return job.pack in self._packs

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; what is changed in it was found through this view, or asked of `shows`."""
        return self._store.transaction()


class SellerReader:
    """A `Reader` of the objects of some packs."""

    def __init__(self, reader: Reader, packs: frozenset[str]) -> None:
        self._reader = reader
        self._packs = packs

    async def work_order(self, work_order: WorkOrderId, buyers: Collection[BuyerId] | None = None) -> WorkOrder | None:
        """Read a WorkOrder."""
        found = await self._reader.work_order(work_order, buyers)
        return found if found is not None and found.job.pack in self._packs else None

    async def record(self, job: JobRef) -> Mapping[str, object]:
        """Read what the WFM told of a job, by field."""
        return await self._reader.record(job) if job.pack in self._packs else {}

    async def appointment(
        self, appointment: AppointmentId, buyers: Collection[BuyerId] | None = None
    ) -> Appointment | None:
        """Read an Appointment."""
        found = await self._reader.appointment(appointment, buyers)
        return found if found is not None and await self.work_order(found.work_order) is not None else None

    async def work_order_view(self, work_order: WorkOrderId, buyers: Collection[BuyerId]) -> WorkOrderView | None:
        """Read what a Buyer may see of a WorkOrder."""
        found = await self._reader.work_order_view(work_order, buyers)
        return found if found is not None and found.pack in self._packs else None

    async def appointment_view(self, appointment: AppointmentId, buyers: Collection[BuyerId]) -> AppointmentView | None:
        """Read what a Buyer may see of an Appointment."""
        found = await self._reader.appointment_view(appointment, buyers)
        return found if found is not None and await self.work_order(found.work_order) is not None else None

    async def work_orders(self, query: WorkOrderQuery) -> Page[WorkOrderView]:
        """Read a page of WorkOrders."""
        return await self._reader.work_orders(replace(query, packs=self._packs))

    async def appointments(self, query: AppointmentQuery) -> Page[AppointmentView]:
        """Read a page of Appointments."""
        return await self._reader.appointments(replace(query, packs=self._packs))


class SellerListeners:
    """The `Listeners` that were registered with one Seller."""

    def __init__(self, listeners: Listeners, seller: str) -> None:
        self._listeners = listeners
        self._seller = seller

    async def add(self, listener: Subscription) -> None:
        """Register a listener."""
        await self._listeners.add(listener)

    async def find(self, listener: SubscriptionId, of: Collection[BuyerId] | None = None) -> Subscription | None:
        """Read a listener's registration, if it is one of these Buyers'."""
        found = await self._listeners.find(listener, of)
        return found if found is not None and found.seller_param == self._seller else None

    async def count(self, api: Api, buyer: BuyerId) -> int:
        """Count a Buyer's listeners, whatever Seller they are with."""
        return await self._listeners.count(api, buyer)

    async def remove(self, listener: SubscriptionId) -> bool:
        """Remove a listener."""
        return await self._listeners.remove(listener)

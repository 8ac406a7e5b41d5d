"""What the Buyer's side asks of the rest of the bridge. The use cases in `flows` satisfy these protocols.

All raise the errors of `bridge.flows.refusals`, `ConflictError` or `StoreUnavailable`. `buyers` are the Buyers that the
caller may speak for in this request; an object of anybody else does not exist for him (`NotFound`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bridge.api.idempotency_key import Requests
from bridge.domain.model import Appointment, AppointmentId, BuyerId, CommandId, WorkOrderId
from bridge.flows.ports.buyer_views import AppointmentQuery, AppointmentView, Page, WorkOrderQuery, WorkOrderView
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.mef.enums import Api, Irp
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    EventSubscriptionInput,
    SearchTimeSlotCreate,
    TimeSlot,
)

Buyers = frozenset[BuyerId]
Readiness = Callable[[], Awaitable[Mapping[str, bool | int | str]]]


class Appointments(Protocol):
    """The use cases 7 to 12. `command_id` is for a request that may have been tried before."""

    async def search(
        self, buyers: Buyers, request: SearchTimeSlotCreate, correlation_id: str
    ) -> tuple[TimeSlot, ...]: ...

    async def book(
        self, buyers: Buyers, request: AppointmentCreate, correlation_id: str, command_id: CommandId | None = None
    ) -> Appointment: ...

    async def patch(
        self,
        buyers: Buyers,
        appointment: AppointmentId,
        request: AppointmentUpdate,
        provided: frozenset[str],
        correlation_id: str,
    ) -> Appointment:
        """Merge a patch. `provided` holds the top-level wire names that stood in the body."""
        ...

    async def cancel(
        self,
        buyers: Buyers,
        appointment_id: AppointmentId,
        correlation_id: str,
        command_id: CommandId | None = None,
    ) -> None: ...

    async def view(self, buyers: Buyers, appointment: AppointmentId) -> AppointmentView: ...

    async def list(self, query: AppointmentQuery) -> Page[AppointmentView]: ...


class WorkOrders(Protocol):
    """The use cases 13 and 14."""

    async def get(self, buyers: Buyers, work_order: WorkOrderId) -> WorkOrderView: ...

    async def list(self, query: WorkOrderQuery) -> Page[WorkOrderView]: ...


class Subscriptions(Protocol):
    """The use cases 19 and 21. `buyer_param` and `seller_param` are what the request carried (R9)."""

    async def register(
        self,
        api: Api,
        irp: Irp,
        buyer: BuyerId,
        request: EventSubscriptionInput,
        buyer_param: str | None,
        seller_param: str | None,
        subscription_id: SubscriptionId | None = None,
    ) -> Subscription: ...

    async def get(self, api: Api, buyers: Buyers, subscription: SubscriptionId) -> Subscription: ...

    async def remove(self, api: Api, buyers: Buyers, subscription: SubscriptionId) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All that the Buyer's side stands on. `readiness` tells for each needed thing if it is there."""

    appointments: Appointments
    work_orders: WorkOrders
    subscriptions: Subscriptions
    requests: Requests
    readiness: Readiness

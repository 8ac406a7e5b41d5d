"""What a Buyer reads: his queries, the pages that answer them, and who reads for him."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from bridge.domain.model import Appointment, AppointmentId, BuyerId, JobRef, WorkOrder, WorkOrderId
from bridge.mef.enums import AppointmentStatus, WorkOrderState

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderQuery:
    """Filters of `GET /workOrder` (O4); None means any. `packs` are those of one Seller (R7)."""

    buyers: frozenset[BuyerId]
    packs: frozenset[str] | None = None
    state: WorkOrderState | None = None
    appointment_required: bool | None = None
    site: str | None = None
    address: str | None = None
    related_entity: str | None = None
    related_entity_type: str | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentQuery:
    """Filters of `GET /appointment` (O3, R31); `ends_after` and `starts_before` bound the overlap.

    `packs` are those of one Seller (R7).
    """

    buyers: frozenset[BuyerId]
    packs: frozenset[str] | None = None
    status: AppointmentStatus | None = None
    work_order: WorkOrderId | None = None
    site: str | None = None
    address: str | None = None
    ends_after: datetime | None = None
    starts_before: datetime | None = None
    offset: int = 0
    limit: int = 100


class WorkOrderView(NamedTuple):
    """What a Buyer may see of a WorkOrder, as it is stored: read many times, and decided on never.

    `details` are those of `WorkOrderDetails` by name, as plain JSON: values of the standard under their wire names,
    moments in ISO 8601 with microseconds.
    """

    id: WorkOrderId
    pack: str
    state: str
    appointment_required: bool
    appointments: Sequence[str]
    details: Mapping[str, Any]


class AppointmentView(NamedTuple):
    """What a Buyer may see of an Appointment, as `WorkOrderView` of a WorkOrder.

    In a list, `contacts`, `note` and `attachment` are left out, as the standard does.
    """

    id: AppointmentId
    work_order: WorkOrderId
    status: str
    starts_at: datetime
    ends_at: datetime
    place: Mapping[str, Any]
    contacts: Sequence[Mapping[str, Any]] = ()
    note: Sequence[Mapping[str, Any]] = ()
    attachment: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list and the number of all matches: of a long list, as it was a while ago."""

    items: tuple[T, ...]
    total: int


class Reader(Protocol):
    """Reads for the Buyer's side; no locks."""

    async def work_order(
        self, work_order: WorkOrderId, buyers: Collection[BuyerId] | None = None
    ) -> WorkOrder | None: ...
    async def record(self, job: JobRef) -> Mapping[str, object]: ...
    async def appointment(
        self, appointment: AppointmentId, buyers: Collection[BuyerId] | None = None
    ) -> Appointment | None: ...
    async def work_order_view(self, work_order: WorkOrderId, buyers: Collection[BuyerId]) -> WorkOrderView | None: ...
    async def appointment_view(
        self, appointment: AppointmentId, buyers: Collection[BuyerId]
    ) -> AppointmentView | None: ...
    async def work_orders(self, query: WorkOrderQuery) -> Page[WorkOrderView]: ...
    async def appointments(self, query: AppointmentQuery) -> Page[AppointmentView]: ...

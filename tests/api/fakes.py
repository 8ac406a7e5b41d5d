"""Use cases in memory, for tests of the Buyer's side: they remember what they were asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite

from bridge.api.services import Services
from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    CommandId,
    JobRef,
    WorkOrder,
    WorkOrderDetails,
    WorkOrderId,
)
from bridge.flows.idempotency import Once, Work
from bridge.flows.ports.buyer_views import AppointmentQuery, AppointmentView, Page, WorkOrderQuery, WorkOrderView
from bridge.flows.ports.keyed_request import RequestKey, StoredAnswer
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.refusals import KeyReused, NotFound, StillUnderWay
from bridge.mef.enums import Api, AppointmentStatus, BuyerSeller, EventType, Irp, TimeDurationUnits, WorkOrderState
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    AttachmentValue,
    EventSubscriptionInput,
    FieldedAddress,
    GeographicSiteRef,
    Note,
    RelatedContactInformation,
    RelatedEntity,
    SearchTimeSlotCreate,
    TimeDuration,
    TimePeriod,
    TimeSlot,
)
from bridge.store import reads
from bridge.store.jobs import appointment_row, work_order_row
from bridge.store.tables import appointments, work_orders

T = TypeVar("T")

ACME = BuyerId("acme-buyer")
OTHER = BuyerId("other-buyer")
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
MORNING = TimePeriod(
    start_date_time=datetime(2026, 3, 6, 8, tzinfo=UTC), end_date_time=datetime(2026, 3, 6, 12, tzinfo=UTC)
)


def contact(role: str) -> RelatedContactInformation:
    return RelatedContactInformation(role=role, name="Jo Doe", number="+48 123", email_address="jo@example.com")


NOTE = Note(id="note-1", author="Jo Doe", date=NOON, source=BuyerSeller.BUYER, text="Ring twice.")
ATTACHMENT = AttachmentValue(author="Jo Doe", name="plan", source=BuyerSeller.BUYER, url="https://example.com/plan")


def an_appointment(identifier: str = "A-1", **changes: object) -> Appointment:
    plain = Appointment(
        id=AppointmentId(identifier),
        work_order=WorkOrderId("W-1"),
        buyer=ACME,
        status=AppointmentStatus.CONFIRMED,
        valid_for=MORNING,
        place=GeographicSiteRef(id="SITE-7", role="APPOINTMENT_LOCATION"),
        contacts=tuple(
            contact(f"{who}Contact") for who in ("buyerAppointment", "appointmentPlace", "sellerAppointment")
        ),
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def a_work_order(identifier: str = "W-1", **changes: object) -> WorkOrder:
    details = WorkOrderDetails(
        place=(FieldedAddress(role="PLACE", city="Warszawa", country="PL", street_name="Prosta"),),
        duration=TimeDuration(time_duration_value=120, time_duration_units=TimeDurationUnits.MIN),
        contacts=(contact("technician"),),
        related_entity=(RelatedEntity(id="TT-99", role="parentTroubleTicket", referred_type="TroubleTicket"),),
        task=("Replace the SFP",),
    )
    plain = WorkOrder(
        id=WorkOrderId(identifier),
        job=JobRef("acme-wfm", "J-4711"),
        buyer=ACME,
        state=WorkOrderState.OPEN,
        appointment_required=True,
        details=details,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def work_order_view(order: WorkOrder) -> WorkOrderView:
    """What would be read of it, had it been stored."""
    row = stored(work_orders, work_order_row(order)) | {"appointment_required": order.appointment_required}
    columns = ("id", "pack", "state", "appointment_required", "appointments", "details")
    return reads.work_order_view([row[name] for name in columns])


def appointment_view(visit: Appointment) -> AppointmentView:
    """What would be read of it, had it been stored."""
    row = stored(appointments, appointment_row(visit)) | {
        "valid_from": visit.valid_for.start_date_time,
        "valid_to": visit.valid_for.end_date_time,
    }
    columns = ("id", "work_order_id", "status", "valid_from", "valid_to", "place", "contacts", "note", "attachment")
    return reads.appointment_view([row[name] for name in columns])


def stored(table: Table, row: Mapping[str, object]) -> dict[str, Any]:
    """The values of a row as SQLite would be given them."""
    dialect = sqlite.dialect()
    writers = {each.name: each.type.dialect_impl(dialect).bind_processor(dialect) for each in table.c}
    return {name: value if (write := writers[name]) is None else write(value) for name, value in row.items()}


@dataclass
class Fake:
    """What all fakes can: `raises` is raised by every call; `calls` holds the arguments of the calls."""

    raises: Exception | None = None
    calls: list[tuple[object, ...]] = field(default_factory=list)

    def called(self, *arguments: object) -> None:
        self.calls.append(arguments)
        if self.raises is not None:
            raise self.raises


@dataclass
class FakeAppointments(Fake):
    slots: tuple[TimeSlot, ...] = (TimeSlot(valid_for=MORNING),)
    items: dict[str, Appointment] = field(default_factory=lambda: {"A-1": an_appointment()})
    commands: list[CommandId | None] = field(default_factory=list)

    async def search(
        self, buyers: frozenset[BuyerId], request: SearchTimeSlotCreate, correlation_id: str
    ) -> tuple[TimeSlot, ...]:
        self.called("search", buyers, request, correlation_id)
        return self.slots

    async def book(
        self,
        buyers: frozenset[BuyerId],
        request: AppointmentCreate,
        correlation_id: str,
        command_id: CommandId | None = None,
    ) -> Appointment:
        self.commands.append(command_id)
        self.called("book", buyers, request, correlation_id)
        booked = an_appointment("A-2", note=request.note or (), attachment=request.attachment or ())
        self.items[booked.id] = booked
        return booked

    async def patch(
        self,
        buyers: frozenset[BuyerId],
        appointment: AppointmentId,
        request: AppointmentUpdate,
        provided: frozenset[str],
        correlation_id: str,
    ) -> Appointment:
        self.called("patch", buyers, appointment, request, provided, correlation_id)
        return await self.get(buyers, appointment)

    async def cancel(
        self,
        buyers: frozenset[BuyerId],
        appointment_id: AppointmentId,
        correlation_id: str,
        command_id: CommandId | None = None,
    ) -> None:
        self.commands.append(command_id)
        self.called("cancel", buyers, appointment_id, correlation_id)
        await self.get(buyers, appointment_id)

    async def get(self, buyers: frozenset[BuyerId], appointment: AppointmentId) -> Appointment:
        self.called("get", buyers, appointment)
        found = self.items.get(appointment)
        if found is None or found.buyer not in buyers:
            raise NotFound
        return found

    async def view(self, buyers: frozenset[BuyerId], appointment: AppointmentId) -> AppointmentView:
        return appointment_view(await self.get(buyers, appointment))

    async def list(self, query: AppointmentQuery) -> Page[AppointmentView]:
        self.called("list", query)
        return cut(
            [appointment_view(item) for item in self.items.values() if item.buyer in query.buyers],
            query.offset,
            query.limit,
        )


@dataclass
class FakeWorkOrders(Fake):
    items: dict[str, WorkOrder] = field(default_factory=lambda: {"W-1": a_work_order()})

    async def get(self, buyers: frozenset[BuyerId], work_order: WorkOrderId) -> WorkOrderView:
        self.called("get", buyers, work_order)
        found = self.items.get(work_order)
        if found is None or found.buyer not in buyers:
            raise NotFound
        return work_order_view(found)

    async def list(self, query: WorkOrderQuery) -> Page[WorkOrderView]:
        self.called("list", query)
        return cut(
            [work_order_view(item) for item in self.items.values() if item.buyer in query.buyers],
            query.offset,
            query.limit,
        )


@dataclass
class FakeSubscriptions(Fake):
    items: dict[str, Subscription] = field(default_factory=dict)

    async def register(
        self,
        api: Api,
        irp: Irp,
        buyer: BuyerId,
        request: EventSubscriptionInput,
        buyer_param: str | None,
        seller_param: str | None,
        subscription_id: SubscriptionId | None = None,
    ) -> Subscription:
        self.called("register", api, irp, buyer, request, buyer_param, seller_param)
        made = Subscription(
            id=subscription_id or SubscriptionId(f"S-{len(self.items) + 1}"),
            api=api,
            irp=irp,
            buyer=buyer,
            callback=request.callback,
            query=request.query,
            event_types=frozenset(EventType),
            buyer_param=buyer_param,
            seller_param=seller_param,
            created_at=NOON,
        )
        self.items[made.id] = made
        return made

    async def get(self, api: Api, buyers: frozenset[BuyerId], subscription: SubscriptionId) -> Subscription:
        self.called("get", api, buyers, subscription)
        found = self.items.get(subscription)
        if found is None or found.api is not api or found.buyer not in buyers:
            raise NotFound
        return found

    async def remove(self, api: Api, buyers: frozenset[BuyerId], subscription: SubscriptionId) -> None:
        await self.get(api, buyers, subscription)
        del self.items[subscription]


def cut(items: list[T], offset: int, limit: int) -> Page[T]:
    return Page(tuple(items[offset : offset + limit]), len(items))


class FakeRequests:
    """Answers stored by key, as long as the process lives."""

    def __init__(self) -> None:
        self.answers: dict[RequestKey, tuple[str, StoredAnswer]] = {}
        self.under_way = False

    async def once(self, key: RequestKey, fingerprint: str, work: Work) -> Once:
        if self.under_way:
            raise StillUnderWay
        if key in self.answers:
            before, answer = self.answers[key]
            if before != fingerprint:
                raise KeyReused
            return Once(answer, replayed=True)
        answer = await work(f"effect-{len(self.answers) + 1}")
        self.answers[key] = (fingerprint, answer)
        return Once(answer, replayed=False)


@dataclass
class FakeBridge:
    """All use cases together."""

    appointments: FakeAppointments = field(default_factory=FakeAppointments)
    work_orders: FakeWorkOrders = field(default_factory=FakeWorkOrders)
    subscriptions: FakeSubscriptions = field(default_factory=FakeSubscriptions)
    requests: FakeRequests = field(default_factory=FakeRequests)
    checks: dict[str, bool | int | str] = field(default_factory=lambda: {"database": True, "broker": True})

    async def readiness(self) -> Mapping[str, bool | int | str]:
        return self.checks

    def fail(self, error: Exception) -> None:
        """Let every use case fail."""
        for fake in (self.appointments, self.work_orders, self.subscriptions):
            fake.raises = error

    def services(self) -> Services:
        return Services(
            appointments=self.appointments,
            work_orders=self.work_orders,
            subscriptions=self.subscriptions,
            requests=self.requests,
            readiness=self.readiness,
        )

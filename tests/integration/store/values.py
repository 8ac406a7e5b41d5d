"""Values to store, each plausible as it is; a test names only what it is about."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    Command,
    CommandId,
    CommandKind,
    Job,
    JobRef,
    MessageId,
    Notification,
    Outcome,
    WorkOrder,
    WorkOrderDetails,
    WorkOrderId,
)
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Attempt, Delivery, DeliverySettlement, DeliveryState
from bridge.mef.enums import Api, AppointmentStatus, EventType, Irp, TimeDurationUnits, WorkOrderState
from bridge.mef.models import (
    FieldedAddress,
    GeographicAddressRef,
    GeographicSiteRef,
    Place,
    RelatedContactInformation,
    RelatedEntity,
    TimeDuration,
    TimePeriod,
)
from bridge.store import SqlStore
from bridge.store.unit_of_work import UnitOfWork

NOW = datetime(2026, 3, 5, 12, 0, 0, 123456, tzinfo=UTC)
BUYER = BuyerId("acme-buyer")
OTHER_BUYER = BuyerId("other-buyer")
PACK = "acme-wfm"

_numbers = itertools.count(1)


def fresh(prefix: str) -> str:
    """Make an id that no other value has."""
    return f"{prefix}-{next(_numbers):06d}"


def at(**since: float) -> datetime:
    """Tell the moment that lies so much after NOW."""
    return NOW + timedelta(**since)


def window(start_hours: float = 24, hours: float = 4) -> TimePeriod:
    """Make a window that starts so many hours after NOW."""
    return TimePeriod(start_date_time=at(hours=start_hours), end_date_time=at(hours=start_hours + hours))


def site(id_: str = "SITE-7") -> Place:
    """Make a place that refers to a site."""
    return GeographicSiteRef(id=id_, role="installation")


def address(id_: str = "ADDR-1") -> Place:
    """Make a place that refers to an address."""
    return GeographicAddressRef(id=id_, role="installation")


def street() -> Place:
    """Make a place that refers to nothing."""
    return FieldedAddress(city="Warszawa", country="PL", street_name="Marszałkowska", role="installation")


def contact(name: str = "Jo Doe") -> RelatedContactInformation:
    """Make a contact."""
    return RelatedContactInformation(
        role="technicalContact", name=name, number="+48 22 1", email_address="jo@acme.test"
    )


def ticket(id_: str = "TT-99") -> RelatedEntity:
    """Make a reference to a trouble ticket."""
    return RelatedEntity(id=id_, role="cause", referred_type="TroubleTicket")


def details(places: Sequence[Place] = (), entities: Sequence[RelatedEntity] = ()) -> WorkOrderDetails:
    """Make what a Buyer sees of a WorkOrder."""
    return WorkOrderDetails(
        place=tuple(places) or (site(),),
        duration=TimeDuration(time_duration_value=120, time_duration_units=TimeDurationUnits.MIN),
        contacts=(contact(),),
        related_entity=tuple(entities) or (ticket(fresh("TT")),),
        task=("REPLACE SFP",),
    )


def work_order(**changes: Any) -> WorkOrder:
    """Make a WorkOrder of a job of its own."""
    value = WorkOrder(
        id=WorkOrderId(fresh("wo")),
        job=JobRef(PACK, fresh("J")),
        buyer=BUYER,
        state=WorkOrderState.OPEN,
        appointment_required=True,
        details=details(),
        created_at=NOW,
        changed_at=NOW,
    )
    return replace(value, **changes)


def appointment(order: WorkOrder, **changes: Any) -> Appointment:
    """Make a confirmed Appointment of a WorkOrder."""
    value = Appointment(
        id=AppointmentId(fresh("ap")),
        work_order=order.id,
        buyer=order.buyer,
        status=AppointmentStatus.CONFIRMED,
        valid_for=window(),
        place=site(),
        contacts=(contact(),),
        created_at=NOW,
        changed_at=NOW,
    )
    return replace(value, **changes)


def job(order: WorkOrder | None = None, **changes: Any) -> Job:
    """Make a job with a WorkOrder."""
    order = order or work_order()
    return replace(Job(ref=order.job, work_order=order, versions={"job": 1}, record={"STAT": "NEW"}), **changes)


def job_with(order: WorkOrder, *visits: Appointment) -> Job:
    """Make a job whose last Appointment is the current one, the others ended."""
    order = replace(order, appointments=tuple(visit.id for visit in visits))
    return job(order, appointment=visits[-1], ended_appointments=tuple(visits[:-1]))


def booking(order: WorkOrder, **changes: Any) -> Command:
    """Make a pending booking."""
    value = Command(
        id=CommandId(fresh("cmd")),
        kind=CommandKind.BOOK,
        job=order.job,
        work_order=order.id,
        buyer=order.buyer,
        window=window(),
        created_at=NOW,
        expires_at=at(seconds=30),
    )
    return replace(value, **changes)


def entry(outcome: Outcome = Outcome.APPLIED, **changes: Any) -> JournalEntry:
    """Make a journal entry with a message and a job of its own."""
    raw = WfmMessage(
        pack=PACK,
        body=b'{"STAT":"NEW"}',
        routing_key="job.new",
        headers={"x-origin": "wfm"},
        correlation_id="corr-1",
        received_at=NOW,
    )
    value = JournalEntry(
        message=MessageId(fresh("E")), job=JobRef(PACK, fresh("J")), raw=raw, outcome=outcome, pack_version="1"
    )
    return replace(value, **changes)


def subscription(*event_types: EventType, **changes: Any) -> Subscription:
    """Make a listener for the event types named, else for all."""
    value = Subscription(
        id=SubscriptionId(fresh("sub")),
        api=Api.WORK_ORDER,
        irp=Irp.SONATA,
        buyer=BUYER,
        callback="https://buyer.test",
        query=None,
        event_types=frozenset(event_types or EventType),
        created_at=NOW,
    )
    return replace(value, **changes)


def event(resource: str, event_type: EventType = EventType.WORK_ORDER_STATE_CHANGE, **changes: Any) -> Notification:
    """Make a notification."""
    return replace(Notification(event_type, resource, BUYER), **changes)


def message(job_key: str | None = None, **changes: Any) -> BusMessage:
    """Make a message for the WFM, of a job or of none."""
    value = BusMessage(
        pack=PACK,
        exchange="acme.wfm.commands",
        routing_key="cmd.ticket",
        body=b'{"CMD":"TTSTAT"}',
        content_type="application/json",
        headers={"x-source": "bridge"},
        message_id=fresh("m"),
        correlation_id="corr-1",
        job=None if job_key is None else JobRef(PACK, job_key),
    )
    return replace(value, **changes)


def attempt(status: int | None = 204, error: str | None = None, **changes: Any) -> Attempt:
    """Make an attempt."""
    return replace(Attempt(at=NOW, status=status, error=error, elapsed=0.05, excerpt="ok"), **changes)


def delivered(delivery: Delivery, **changes: Any) -> DeliverySettlement:
    """Say that it was delivered."""
    value = DeliverySettlement(
        number=delivery.number,
        listener=delivery.subscription.id,
        attempt=attempt(at=delivery.claimed_at),
        state=DeliveryState.DELIVERED,
    )
    return replace(value, **changes)


def failed(delivery: Delivery, again: datetime, **changes: Any) -> DeliverySettlement:
    """Say that it failed, and is tried again at that moment."""
    outcome = {"attempt": attempt(503, at=delivery.claimed_at), "state": DeliveryState.PENDING}
    return delivered(delivery, **{**outcome, "next_attempt_at": again, **changes})


def discarded(delivery: Delivery, **changes: Any) -> DeliverySettlement:
    """Say that it was given up."""
    outcome = {"attempt": attempt(500, at=delivery.claimed_at), "state": DeliveryState.DISCARDED}
    return delivered(delivery, **{**outcome, **changes})


async def save(store: SqlStore, *jobs: Job) -> None:
    """Save jobs in one transaction."""
    async with store.transaction() as tx:
        await tx.save_jobs(jobs)


async def load(store: SqlStore, ref: JobRef) -> Job:
    """Load one job."""
    async with store.transaction() as tx:
        return (await tx.load_jobs([ref]))[ref]


async def ask(tx: UnitOfWork, *commands: Command) -> None:
    """Add commands, as a use case does: their jobs are loaded first."""
    await tx.load_jobs({command.job for command in commands})
    await tx.add_commands(commands)


async def announce(store: SqlStore, *events: Notification, correlation_id: str = "corr-1") -> None:
    """Announce events in one transaction."""
    async with store.transaction() as tx:
        await tx.notify(events, NOW, correlation_id)


async def send(store: SqlStore, *messages: BusMessage) -> None:
    """Queue messages in one transaction."""
    async with store.transaction() as tx:
        await tx.send(messages)


class BrokenOff(Exception):
    """What breaks a transaction off."""


@asynccontextmanager
async def rolled_back(store: SqlStore) -> AsyncIterator[UnitOfWork]:
    """Run the block in a transaction that an exception ends."""
    try:
        async with store.transaction() as tx:
            yield tx
            raise BrokenOff
    except BrokenOff:
        return


async def settled_soon(task: asyncio.Task[Any]) -> bool:
    """Give a task that should wait for us every chance to show that it does not."""
    done, _ = await asyncio.wait({task}, timeout=0.3)
    return bool(done)

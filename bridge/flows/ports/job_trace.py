"""All that is on record of one job."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.model import Appointment, BuyerId, Command, JobRef, WorkOrder
from bridge.flows.ports.journal_entry import RecordedEntry
from bridge.flows.ports.outbox_entry import OutboxReport
from bridge.flows.ports.refused_request import RefusedRequest
from bridge.flows.ports.webhook_delivery import Attempt, DeliveryReport
from bridge.mef.enums import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedEvent:
    """An event that Buyers' listeners were told of, or would have been had there been one."""

    event_id: str
    event_type: EventType
    event_time: datetime
    resource_id: str
    buyer: BuyerId
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedCommand:
    """A command with what came of it: `settled_at` and `result` (plain JSON) are given once it is settled."""

    command: Command
    settled_at: datetime | None
    result: Mapping[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedDelivery:
    """A delivery with all attempts at it, oldest first."""

    report: DeliveryReport
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTrace:
    """All that is on record of one job, each kind in its order. What retention has deleted is missing."""

    job: JobRef
    work_orders: tuple[WorkOrder, ...]
    appointments: tuple[Appointment, ...]
    messages: tuple[RecordedEntry, ...]
    commands: tuple[TracedCommand, ...]
    sent: tuple[OutboxReport, ...]
    events: tuple[AnnouncedEvent, ...]
    deliveries: tuple[TracedDelivery, ...]
    refused: tuple[RefusedRequest, ...] = ()

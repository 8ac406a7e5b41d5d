"""What the use cases need from the outside, as protocols. Adapters live in `store/` and `wfm/`."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, NamedTuple, NewType, Protocol, TypeVar

from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    Command,
    CommandId,
    CommandState,
    Job,
    JobRef,
    MessageId,
    Notification,
    OfferedSlot,
    Outcome,
    Transition,
    WorkOrder,
    WorkOrderId,
)
from bridge.flows.partitioning import UNDIVIDED, Partitioning
from bridge.mef.enums import Api, AppointmentStatus, EventType, Irp, WorkOrderState
from bridge.mef.models import TimePeriod

T = TypeVar("T")

SubscriptionId = NewType("SubscriptionId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class WfmMessage:
    """A message of the WFM as it came off the bus: raw bytes, never decoded before it reaches the pack.

    Among its headers are AMQP's properties that say how the body is written, `CONTENT_TYPE` and `CONTENT_ENCODING`.
    """

    pack: str
    body: bytes
    routing_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    correlation_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One WFM message and what became of it. `message` is None where the message had no readable identity.

    `explanation` is plain JSON: how the pack read the message, or why it could not. `due_at` is given while it is held
    for a superseding message, or behind one that is: until then.
    """

    message: MessageId | None
    job: JobRef | None
    raw: WfmMessage
    outcome: Outcome
    reason: str = ""
    rule: str | None = None
    pack_version: str = ""
    transitions: tuple[Transition, ...] = ()
    flags: tuple[str, ...] = ()
    explanation: Mapping[str, object] = field(default_factory=dict)
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages are meant; None means any. `reason` is a part of theirs.

    `since` and `until` (excluded) bound when they came.
    """

    outcome: Outcome | None = None
    pack: str | None = None
    jobs: Collection[JobRef] | None = None
    rule: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class MessageGroup(NamedTuple):
    """How many messages of a pack came to the same, and when the first and the last of them came."""

    pack: str
    outcome: Outcome
    reason: str
    number: int
    first: datetime
    last: datetime


UNKNOWN_COMMAND: Final = "replies.unknown"
"""The `rule` in the journal of a reply to nobody knows which command; no rule of a pack has a dot."""


@dataclass(frozen=True, slots=True)
class RecordedEntry:
    """A journal entry with its number in the journal (ascending in order of arrival)."""

    number: int
    entry: JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class BusMessage:
    """A message for the WFM, rendered by a pack. `command` ties a reply to the stored command (AMQP correlation id)."""

    pack: str
    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    message_id: str
    correlation_id: str
    reply_expected: bool = False
    job: JobRef | None = None


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A stored message for the WFM on its way out; entries of one job leave in order of `number`."""

    number: int
    message: BusMessage
    attempts: int


class OutboxState(StrEnum):
    """How far a message for the WFM is on its way."""

    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxReport:
    """How far a message for the WFM is, for the operator.

    `error` is that of the newest attempt, made at `attempted_at`. `next_attempt_at` is None also for one that is behind
    another of its job: `behind` is the number of that.
    """

    number: int
    message: BusMessage
    state: OutboxState
    attempts: int
    next_attempt_at: datetime | None
    attempted_at: datetime | None
    error: str | None
    behind: int | None
    is_under_way: bool


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
class Subscription:
    """A Buyer's registered listener. `buyer_param` / `seller_param` are what the hub request carried (R9)."""

    id: SubscriptionId
    api: Api
    irp: Irp
    buyer: BuyerId
    callback: str
    query: str | None
    event_types: frozenset[EventType]
    buyer_param: str | None = None
    seller_param: str | None = None
    created_at: datetime


class DeliveryState(StrEnum):
    """How far a notification is on its way to one listener."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notification for one listener, claimed for sending at `claimed_at`. `attempts` counts those made before."""

    number: int
    event_id: str
    event_type: EventType
    event_time: datetime
    resource_id: str
    subscription: Subscription
    attempts: int
    correlation_id: str
    claimed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one POST to a listener gave: an HTTP status, or an error sentence. `elapsed` is in seconds.

    `excerpt` is how the body of the answer begins. Neither status nor error: it is under way, or was when the process
    that made it died.
    """

    at: datetime
    status: int | None
    error: str | None
    elapsed: float
    excerpt: str = ""


def is_under_way(attempt: Attempt) -> bool:
    """Tell whether an attempt has not ended, as far as is known."""
    return attempt.status is None and attempt.error is None


class Busy(NamedTuple):
    """Listeners, and Buyers with all their listeners, that are to be sent nothing more at the moment.

    `most_each` is how many any other listener may be sent.
    """

    listeners: frozenset[SubscriptionId] = frozenset()
    buyers: frozenset[BuyerId] = frozenset()
    most_each: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettlement:
    """What is to be recorded of an attempt. `next_attempt_at` is given exactly for a delivery that stays pending.

    `disable` says why the listener is to be sent nothing more. It is also sent nothing more if it has only failed since
    before `dead_since`.
    """

    number: int
    listener: SubscriptionId
    attempt: Attempt
    state: DeliveryState
    next_attempt_at: datetime | None = None
    disable: str | None = None
    dead_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries are meant; None means any. `since` and `until` (excluded) bound the time of the event."""

    state: DeliveryState | None = None
    buyer: BuyerId | None = None
    listener: SubscriptionId | None = None
    event_type: EventType | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """How far a notification is, for the operator. `callback` is None once the listener was removed.

    `last` is the newest attempt. `next_attempt_at` is None also for one that is behind another of its resource (its
    number is `behind`), or that waits for its listener to be resumed (`is_suspended`).
    """

    number: int
    listener: SubscriptionId
    is_suspended: bool
    event_id: str
    event_type: EventType
    event_time: datetime
    resource_id: str
    buyer: BuyerId
    callback: str | None
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    behind: int | None
    last: Attempt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryGroup:
    """How many deliveries of one event type there are for a listener, and the times of the first and last event."""

    buyer: BuyerId
    listener: SubscriptionId
    callback: str | None
    event_type: EventType
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerReport:
    """How a listener is, for the operator. `failing_since` is None if the last notification was taken.

    `waiting` are the deliveries that are pending for it, `waiting_since` the time of the oldest one's event.
    """

    subscription: Subscription
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None
    waiting: int
    waiting_since: datetime | None


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
class RefusedRequest:
    """A request of a Buyer that was answered with an error. `reason` is what he was told.

    What it was about is given as far as it could be told, and need not exist.
    """

    at: datetime
    requester: str
    buyer: BuyerId | None
    operation: str
    status: int
    reason: str
    work_order: WorkOrderId | None
    appointment: AppointmentId | None
    correlation_id: str


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


class Backed(NamedTuple):
    """How much is pending for a listener, and the time of the oldest event among it."""

    buyer: BuyerId
    listener: SubscriptionId
    pending: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How much of what is in the database at one moment, for whoever watches the bridge.

    `parked` counts by pack and reason, `waiting` by pack, `discarded` notifications by Buyer. `outbox` counts the
    messages for the WFM that are to be sent, `first_outbox` is the number of the oldest of them. `to_take_back` counts
    bookings that the WFM is still asked to take back.
    """

    parked: Mapping[tuple[str, str], int]
    waiting: Mapping[str, int]
    backed: Sequence[Backed]
    discarded: Mapping[BuyerId, int]
    disabled_listeners: int
    outbox: int
    first_outbox: int | None
    pending_commands: int
    to_take_back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderSearch:
    """Which WorkOrders an operator looks for; None means any.

    `before` is the one to go on behind, where they are not looked for by jobs.
    """

    jobs: Collection[JobRef] | None = None
    buyer: BuyerId | None = None
    state: WorkOrderState | None = None
    before: WorkOrderId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderHit:
    """A WorkOrder that was found. `parked` counts the messages of its job that are parked."""

    id: WorkOrderId
    job: JobRef
    buyer: BuyerId
    state: WorkOrderState
    tickets: tuple[str, ...]
    changed_at: datetime
    parked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An act of a person: who did what with which thing, when, and why (`note`).

    `outcome` is what came of it; empty where it was begun and nobody knows, since the process ended.
    """

    at: datetime
    who: str
    role: str
    act: str
    thing: str
    note: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class RecordedAct:
    """An act with its number in the audit log, ascending."""

    number: int
    entry: AuditEntry


class Watcher(Protocol):
    """Who counts what happens. Nothing of it may fail, or take time."""

    def recorded(self, entry: JournalEntry) -> None: ...
    def settled(self, command: Command, at: datetime) -> None: ...


class Memory(StrEnum):
    """What the bridge keeps for a time only."""

    JOURNAL = "journal"
    INBOX = "inbox"
    DELIVERIES = "deliveries"
    OUTBOX = "outbox"
    REFUSED = "refused requests"
    TRACES = "trace contexts"
    SLOTS = "slots"
    SESSIONS = "ended sessions"


class RequestKey(NamedTuple):
    """An `Idempotency-Key`: it is the requester's own, and counts for one operation."""

    requester: str
    operation: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An HTTP answer as it can be given again."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request with an `Idempotency-Key`, and how far it is.

    `fingerprint` tells one request from another. `effect` is the id of what it does (a command, a listener). `claim` is
    the try that works on it now, in process `instance`; None when nobody does. `answer` is given once it is done.
    """

    key: RequestKey
    fingerprint: str
    effect: str
    instance: str
    claim: str | None
    claimed_until: datetime
    expires_at: datetime
    answer: StoredAnswer | None = None


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


class Owner(NamedTuple):
    """The job that a WorkOrder stands for, and whose WorkOrder it is."""

    job: JobRef
    buyer: BuyerId


class Window(NamedTuple):
    """A period in which a WorkOrder's Buyer wants a visit."""

    work_order: WorkOrderId
    period: TimePeriod


class Transaction(Protocol):
    """One database transaction. Everything written through it commits together or not at all.

    Jobs are loaded under a row lock (or an exclusive write transaction where the database has no row locks), so two
    transactions never decide on the same job at once. Commands are added and settled for jobs that were loaded. All
    methods raise `StoreUnavailable` when the database is away.
    """

    # inbox and journal
    async def seen(self, pack: str, messages: Collection[MessageId]) -> set[MessageId]: ...
    async def record(self, entries: Sequence[JournalEntry]) -> None: ...
    async def waiting(self, jobs: Collection[JobRef]) -> Mapping[JobRef, Sequence[RecordedEntry]]: ...
    async def resolve_waiting(self, numbers: Mapping[int, JournalEntry]) -> None: ...
    async def entry(self, number: int) -> JournalEntry | None: ...
    async def take_up_parked(self, number: int, message: MessageId | None) -> bool: ...

    # jobs
    async def load_jobs(self, refs: Collection[JobRef]) -> dict[JobRef, Job]: ...
    async def owners(self, work_orders: Collection[WorkOrderId]) -> Mapping[WorkOrderId, Owner]: ...
    async def save_jobs(self, jobs: Sequence[Job]) -> None: ...

    # commands towards the WFM
    async def add_commands(self, commands: Sequence[Command]) -> None: ...
    async def command(self, command: CommandId) -> Command | None: ...
    async def settle_command(self, command: Command, result: Mapping[str, object]) -> None: ...
    async def command_result(self, command: CommandId) -> tuple[CommandState, Mapping[str, object]] | None: ...
    async def overdue_commands(self, now: datetime) -> Sequence[Command]: ...
    async def bookings_to_take_back(self, now: datetime) -> Sequence[Command]: ...

    # slot memory
    async def remember_slots(
        self, work_order: WorkOrderId, slots: Sequence[OfferedSlot], expires_at: datetime
    ) -> None: ...
    async def offered_slots(self, wanted: Collection[Window], now: datetime) -> Mapping[Window, OfferedSlot]: ...

    # requests with an Idempotency-Key; the first one stores it, and whoever comes later waits for the lock
    async def lock_request(self, first: KeyedRequest) -> KeyedRequest: ...
    async def save_request(self, request: KeyedRequest) -> None: ...
    async def forget_request(self, key: RequestKey) -> None: ...

    # effects; `seller` is whose objects are spoken of, where the bridge stands for several Sellers
    async def notify(
        self, notifications: Sequence[Notification], at: datetime, correlation_id: str, seller: str | None = None
    ) -> None: ...
    async def send(self, messages: Sequence[BusMessage]) -> None: ...


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


class Listeners(Protocol):
    """The registered listeners."""

    async def add(self, listener: Subscription) -> None: ...
    async def find(self, listener: SubscriptionId, of: Collection[BuyerId] | None = None) -> Subscription | None: ...
    async def count(self, api: Api, buyer: BuyerId) -> int: ...
    async def remove(self, listener: SubscriptionId) -> bool: ...


class Journal(Protocol):
    """The journal of WFM messages, read outside of transactions."""

    async def due_jobs(self, packs: Collection[str], now: datetime) -> Sequence[JobRef]: ...
    async def waiting_since(self) -> tuple[int, datetime | None]: ...


class Requests(Protocol):
    """The requests with an Idempotency-Key, as they are kept for a time."""

    async def forget_until(self, until: datetime) -> int: ...


@dataclass(frozen=True, slots=True)
class InForce:
    """The partitioning that a pack's processes go by; and where a change is under way, the `next` one."""

    now: Partitioning = UNDIVIDED
    next: Partitioning | None = None


class Partitionings(Protocol):
    """How the messages of each pack are divided."""

    async def of(self, pack: str) -> InForce:
        """Tell what is in force; one partition where nobody ever said."""

    async def change(self, pack: str, was: InForce, will: InForce) -> None:
        """Put something else in force. Raises `ConflictError` where it is not any more as it was."""


class BuyersStore(Protocol):
    """What the use cases of a Buyer stand on."""

    @property
    def reads(self) -> Reader: ...
    @property
    def listeners(self) -> Listeners: ...

    def shows(self, job: JobRef) -> bool: ...
    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...


class Store(BuyersStore, Protocol):
    """The durable state of the bridge, as the use cases need it; those who send have narrower needs of their own."""

    @property
    def journal(self) -> Journal: ...
    @property
    def requests(self) -> Requests: ...

    async def is_well(self) -> bool: ...


class CommandBus(Protocol):
    """Publishes to the WFM, or passes a reply on to another process of ours.

    Returns once the broker has confirmed. Raises `NotRouted` or `NotSent` if nothing went out; `ConfirmPending` if
    the message did, which is only waited for if it is published again; and else `BrokerUnavailable`: it may
    have gone out.
    """

    async def publish(self, message: BusMessage) -> None: ...
    async def pass_on(self, body: bytes, correlation_id: str, instance: str) -> None: ...


class Clock(Protocol):
    """Gives the current moment, aware, in UTC."""

    def __call__(self) -> datetime: ...

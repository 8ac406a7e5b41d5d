"""One transaction of the database: everything that is decided on is loaded and written through it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from bridge.domain.model import (
    BuyerId,
    Command,
    CommandId,
    CommandState,
    Job,
    JobRef,
    MessageId,
    Notification,
    OfferedSlot,
    WorkOrderId,
)
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import JournalEntry, RecordedEntry
from bridge.flows.ports.keyed_request import KeyedRequest, RequestKey
from bridge.mef.models import TimePeriod


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

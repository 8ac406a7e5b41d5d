"""The store: the durable state of the bridge in SQLite or PostgreSQL, behind the protocols of bridge.flows.ports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime

from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.batcher import Batcher
from bridge.domain.model import Appointment, AppointmentId, BuyerId, Command, JobRef, Outcome, WorkOrder, WorkOrderId
from bridge.flows.ports import (
    AppointmentQuery,
    Attempt,
    Clock,
    Delivery,
    DeliveryReport,
    DeliveryState,
    Memory,
    OutboxEntry,
    Page,
    RecordedEntry,
    Subscription,
    SubscriptionId,
    WorkOrderQuery,
)
from bridge.mef.enums import Api
from bridge.store import (
    commands,
    deliveries,
    journal,
    lanes,
    outbox,
    queries,
    redelivery,
    requests,
    retention,
    subscriptions,
    tables,
)
from bridge.store.engine import WRITES, open_engine, open_existing_engine
from bridge.store.migration import check_engine, upgrade_engine
from bridge.store.session import Session, begin
from bridge.store.sqlite import Synchronous
from bridge.store.transaction import SqlTransaction


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _nobody() -> None:
    """Nobody waits."""


async def open_store(
    url: str, *, new_id: Callable[[], str], clock: Clock = _utc_now, synchronous: Synchronous = "FULL"
) -> "SqlStore":
    """Open the database of a URL and bring its tables up to date.

    Takes `sqlite:///path` and `postgresql://…`, with or without the driver's name; makes the directory of a SQLite
    file. `new_id` makes event ids. `synchronous` is SQLite's: below FULL a power cut may lose commits. Raises
    `StoreUnavailable`.
    """
    return await _opened(open_engine(url, synchronous=synchronous), upgrade_engine, new_id, clock)


async def open_existing(
    url: str, *, new_id: Callable[[], str], clock: Clock = _utc_now, read_only: bool = False
) -> "SqlStore":
    """Open a database that a bridge made, beside it perhaps; its tables are left as they are.

    Raises `PermanentError` if it is not there or of another version, and `StoreUnavailable`.
    """
    return await _opened(open_existing_engine(url, read_only=read_only), check_engine, new_id, clock)


async def _opened(
    engine: AsyncEngine,
    prepare: Callable[[AsyncEngine], Awaitable[None]],
    new_id: Callable[[], str],
    clock: Clock,
) -> "SqlStore":
    try:
        await prepare(engine)
    except BaseException:
        await engine.dispose()
        raise
    return SqlStore(engine, new_id=new_id, clock=clock)


class SqlStore:
    """A `Store` of bridge.flows.ports. All methods raise `StoreUnavailable` when the database does not answer.

    `on_deliveries` and `on_outbox` are called after a commit that made something due, so that the senders of this
    process wake at once; those of other processes find it when they look next.
    """

    def __init__(self, engine: AsyncEngine, *, new_id: Callable[[], str], clock: Clock) -> None:
        self._engine = engine
        self._writing_engine = engine.execution_options(**{WRITES: True})
        # SQLite has one writer at a time: waiting here is fair and costs nothing, waiting in the driver is neither.
        self._turn = asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        self._new_id = new_id
        self._clock = clock
        self._deliveries = Batcher(self._settle_deliveries)
        self._outbox = Batcher(self._settle_outbox)
        self.on_deliveries: Callable[[], None] = _nobody
        self.on_outbox: Callable[[], None] = _nobody

    async def close(self) -> None:
        """Finish what is being settled, and close all connections."""
        await self._deliveries.finish()
        await self._outbox.finish()
        await self._engine.dispose()

    async def ping(self) -> None:
        """Ask the database whether it is there; raises `StoreUnavailable` if not."""
        async with begin(self._engine) as session:
            await session.rows(select(true()))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        """Open a transaction: commits at the end of the block, rolls back if the block raises."""
        async with self._writing() as session:
            transaction = SqlTransaction(session, self._new_id, self._clock)
            yield transaction
            await transaction.flush()
        if transaction.announced:
            self.on_deliveries()
        if transaction.queued:
            self.on_outbox()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Session]:
        async with self._turn, begin(self._writing_engine) as session:
            yield session

    def shows(self, job: JobRef) -> bool:
        """Tell that the objects of every job are to be seen."""
        return True

    # reads for the Buyer's side

    async def work_order(self, work_order: WorkOrderId) -> WorkOrder | None:
        """Read a WorkOrder."""
        async with begin(self._engine) as session:
            return await queries.work_order(session, work_order)

    async def record(self, job: JobRef) -> Mapping[str, object]:
        """Read what the WFM told of a job, by field, without a lock; nothing of an unknown one."""
        async with begin(self._engine) as session:
            return await queries.record(session, job)

    async def appointment(self, appointment: AppointmentId) -> Appointment | None:
        """Read an Appointment."""
        async with begin(self._engine) as session:
            return await queries.appointment(session, appointment)

    async def work_orders(self, query: WorkOrderQuery) -> Page[WorkOrder]:
        """Read a page of WorkOrders, oldest first."""
        async with begin(self._engine) as session:
            return await queries.list_work_orders(session, query)

    async def appointments(self, query: AppointmentQuery) -> Page[Appointment]:
        """Read a page of Appointments, oldest first."""
        async with begin(self._engine) as session:
            return await queries.list_appointments(session, query)

    async def packs_in_use(self) -> frozenset[str]:
        """Name the packs that have jobs; also those of pending commands, which belong to jobs."""
        async with begin(self._engine) as session:
            return await queries.packs_in_use(session)

    # listeners

    async def add_subscription(self, subscription: Subscription) -> None:
        """Register a listener."""
        async with self._writing() as session:
            await subscriptions.add(session, subscription)

    async def subscription(self, subscription: SubscriptionId) -> Subscription | None:
        """Read a listener's registration."""
        async with begin(self._engine) as session:
            return await subscriptions.find(session, subscription)

    async def count_subscriptions(self, api: Api, buyer: BuyerId) -> int:
        """Count the listeners of a Buyer with one API."""
        async with begin(self._engine) as session:
            return await subscriptions.count(session, api, buyer)

    async def remove_subscription(self, subscription: SubscriptionId) -> bool:
        """Remove a listener; what was on its way to it is kept as discarded. Tells whether there was one."""
        async with self._writing() as session:
            return await subscriptions.remove(session, subscription)

    # requests with an Idempotency-Key

    async def forget_requests(self, until: datetime) -> int:
        """Delete those that expire until then; return how many there were."""
        async with self._writing() as session:
            return await requests.forget_until(session, until)

    # what is kept for a time only

    async def forget(self, what: Memory, until: datetime, limit: int) -> int:
        """Delete at most `limit` of what is done with and older than `until`; return how many there were."""
        async with self._writing() as session:
            return await retention.forget(session, what, until, limit)

    async def waiting_since(self) -> tuple[int, datetime | None]:
        """Count the messages that wait for a job, and tell when the oldest of them came."""
        async with begin(self._engine) as session:
            return await journal.waiting_since(session)

    # what is held for a partner

    async def due_jobs(self, packs: Collection[str], now: datetime) -> Sequence[JobRef]:
        """Tell which jobs of these packs have messages that were held until now, the longest due first."""
        async with begin(self._engine) as session:
            return await journal.due_jobs(session, packs, now)

    # deliveries

    async def claim_deliveries(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[Delivery]:
        """Lease at most `limit` due deliveries: the first of each listener and resource, fairly among listeners."""
        async with self._writing() as session:
            return await deliveries.claim(session, now, lease_until, limit)

    async def settle_delivery(
        self, delivery: int, attempt: Attempt, state: DeliveryState, next_attempt_at: datetime | None
    ) -> None:
        """Record an attempt and end the lease. A delivery that was discarded meanwhile stays so.

        Raises ValueError unless `next_attempt_at` is given exactly for a pending one.
        """
        await self._deliveries.submit(deliveries.settlement(delivery, attempt, state, next_attempt_at))

    async def _settle_deliveries(self, settlements: Sequence[deliveries.Settlement]) -> Sequence[None]:
        async with self._writing() as session:
            another = await deliveries.settle(session, settlements)
        if another:
            self.on_deliveries()
        return [None] * len(settlements)

    async def next_delivery_at(self) -> datetime | None:
        """Tell the earliest moment at which a delivery may be claimed; None when nothing is pending."""
        async with begin(self._engine) as session:
            return await lanes.next_at(session, tables.deliveries)

    # outbox

    async def claim_outbox(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[OutboxEntry]:
        """Lease at most `limit` messages that are due: the first of each job, and all that belong to no job."""
        async with self._writing() as session:
            return await outbox.claim(session, now, lease_until, limit)

    async def settle_outbox(self, number: int, sent: bool, error: str | None, next_attempt_at: datetime | None) -> None:
        """Note that a message was sent, is to be tried again at `next_attempt_at`, or (neither) was given up."""
        await self._outbox.submit(outbox.settlement(number, sent, error, next_attempt_at, self._clock()))

    async def _settle_outbox(self, settlements: Sequence[lanes.Settlement]) -> Sequence[None]:
        async with self._writing() as session:
            another = await outbox.settle(session, settlements)
        if another:
            self.on_outbox()
        return [None] * len(settlements)

    async def next_outbox_at(self) -> datetime | None:
        """Tell the earliest moment at which a message may be claimed; None when nothing is pending."""
        async with begin(self._engine) as session:
            return await lanes.next_at(session, tables.outbox)

    # the operator's view

    async def journal(self, outcome: Outcome | None = None, limit: int = 100) -> Sequence[RecordedEntry]:
        """Read the newest journal entries, newest first."""
        async with begin(self._engine) as session:
            return await journal.latest(session, outcome, limit)

    async def entry(self, number: int) -> RecordedEntry | None:
        """Read a journal entry."""
        async with begin(self._engine) as session:
            return await journal.find(session, number)

    async def commands_since(self, pack: str, moment: datetime) -> Sequence[Command]:
        """Read what Buyers asked the WFM of a pack from a moment on, oldest first."""
        async with begin(self._engine) as session:
            return await commands.since(session, pack, moment)

    async def deliveries(self, state: DeliveryState | None = None, limit: int = 100) -> Sequence[DeliveryReport]:
        """Read the newest deliveries, newest first."""
        async with begin(self._engine) as session:
            return await redelivery.reports(session, state, limit)

    async def retry_deliveries(self, numbers: Collection[int], now: datetime) -> set[int]:
        """Send given-up notifications again, with the same event ids; return the numbers of those that can be."""
        async with self._writing() as session:
            jobs = await redelivery.jobs(session, numbers)
            await SqlTransaction(session, self._new_id, self._clock).load_jobs(jobs)
            again = await redelivery.retry(session, numbers, now)
        self.on_deliveries()
        return again

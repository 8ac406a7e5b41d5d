"""The flows on a real SQLite store and the real ACME pack, with a clock to turn, counted ids and a bus to listen to."""

import asyncio
import inspect
import itertools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import orjson

from bridge.domain.model import Appointment, AppointmentId, BuyerId, JobRef, WorkOrder
from bridge.errors import BridgeError, StoreUnavailable
from bridge.flows.appointments import Appointments
from bridge.flows.commands import Commands
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.flows.ports.stores import Store
from bridge.flows.ports.transaction import Transaction
from bridge.flows.subscriptions import Subscriptions
from bridge.flows.time_slots import TimeSlots
from bridge.flows.work import Workshop
from bridge.mapping.pack import Pack
from bridge.mef.enums import Api, Irp
from bridge.mef.models import AppointmentUpdate, EventSubscriptionInput, TimePeriod
from bridge.store import SqlStore
from bridge.store.engine import open_engine
from tests.integration.flows import acme
from tests.support import PATIENCE_S, eventually

BUYER = BuyerId("acme-buyer")
BUYERS = frozenset({BUYER})

ALL = 100_000
EVER = datetime(1970, 1, 1, tzinfo=UTC)

# Compiling statements is most of what a test would wait for; the cache of an engine ends with it.
COMPILED: dict[Any, Any] = {}

Answer = Callable[[BusMessage], bytes | Awaitable[None] | None]
T = TypeVar("T")


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Turn the clock on."""
        self.now += timedelta(**by)


class FakeBus:
    """Records what is published and passed on; fails with `failure`, else answers by routing key as a WFM would.

    It is `unconfirmed` where RabbitMQ may have taken the command, and did not say so.
    """

    def __init__(self) -> None:
        self.sent: list[BusMessage] = []
        self.passed_on: list[tuple[bytes, str, str]] = []
        self.failure: BridgeError | None = None
        self.unconfirmed: BridgeError | None = None
        self.answers: dict[str, Answer] = {}
        self.deliver: Callable[[BusMessage, bytes], None] = lambda _message, _body: None

    async def publish(self, message: BusMessage) -> None:
        """Take a command."""
        self.sent.append(message)
        if self.failure is not None:
            raise self.failure
        answer = self.answers.get(message.routing_key)
        body = answer(message) if answer is not None else None
        if inspect.isawaitable(body):
            await body
        elif body is not None:
            self.deliver(message, body)
        if self.unconfirmed is not None:
            raise self.unconfirmed

    async def pass_on(self, body: bytes, correlation_id: str, instance: str) -> None:
        """Take a reply for another process."""
        self.passed_on.append((body, correlation_id, instance))
        if self.failure is not None:
            raise self.failure

    def of(self, routing_key: str) -> list[BusMessage]:
        """All commands published with this routing key."""
        return [message for message in self.sent if message.routing_key == routing_key]

    async def next(self, routing_key: str, number: int = 1) -> BusMessage:
        """Wait for the n-th command with this routing key."""
        found: list[BusMessage] = await eventually(
            lambda: sent if len(sent := self.of(routing_key)) >= number else None, every_s=0.001
        )
        return found[number - 1]


class FlakyStore:
    """A store whose transactions fail: `at_start` times before they begin, `at_commit` times just before they end."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.at_start = 0
        self.at_commit = 0
        self.begun = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction, or fail."""
        self.begun += 1
        if self.at_start:
            self.at_start -= 1
            raise StoreUnavailable
        async with self._store.transaction() as tx:
            yield tx
            if self.at_commit:
                self.at_commit -= 1
                raise StoreUnavailable


class World:
    """One bridge without its outside. `timeout_s` is what the WFM is given to answer a command, `search_s` a search.

    Only where the WFM answers nothing may one be short: else a busy machine would decide what a test finds. So would a
    sweep that comes by when it pleases and begins a transaction: a world `sweeps` by itself only if it is asked to.
    """

    def __init__(
        self,
        database: Path,
        pack: Pack,
        clock: Clock,
        ids: Callable[[], str],
        timeout_s: float = PATIENCE_S,
        instance: str = "here",
        search_s: float = PATIENCE_S,
        *,
        sweeps: bool = False,
    ) -> None:
        self.clock = clock
        self._sweeps = sweeps
        self.timeout_s = timeout_s
        self.bus = FakeBus()
        self.bus.deliver = self._deliver
        self.bus.answers = {
            "cmd.search": lambda _: acme.slots(acme.MORNING_SLOT, acme.AFTERNOON_SLOT, acme.MONDAY_SLOT),
            "cmd.book": lambda _: acme.done(VISIT_NO="V-0001"),
            "cmd.move": lambda _: acme.done(VISIT_NO="V-0001"),
            "cmd.cancel": lambda _: acme.done(),
        }
        self._database = database
        engine = open_engine(f"sqlite:///{database}", synchronous="NORMAL").execution_options(compiled_cache=COMPILED)
        self.sql_store = SqlStore(engine, new_id=ids, clock=clock)
        self.store: Any = FlakyStore(self.sql_store)
        self._packs = {pack.name: pack}
        timeout = timedelta(seconds=timeout_s)
        store: Store = self.store
        self.workshop = workshop = Workshop(store, self._packs, clock, ids)
        self.commands = Commands(store, self.bus, workshop, instance=instance)
        self.job_updates = JobUpdates(store, workshop)
        self.time_slots = TimeSlots(
            store,
            workshop,
            self.commands,
            timeout=timedelta(seconds=search_s),
            memory=timedelta(minutes=30),
            max_periods=20,
        )
        self.appointments = Appointments(store, workshop, self.commands, self.time_slots, timeout=timeout)
        self.subscriptions = Subscriptions(store.listeners, clock, ids, max_listeners=20)
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        """Run the loops for the block, then close the database."""
        loops = [asyncio.create_task(self.job_updates.run())]
        loops += [asyncio.create_task(self.commands.run())] if self._sweeps else []
        try:
            yield self
        finally:
            for task in (*loops, *self._tasks):
                task.cancel()
            await asyncio.gather(*loops, *self._tasks, return_exceptions=True)
            await self.commands._batcher.stop()
            await self.sql_store.close()

    def use(self, pack: Pack) -> None:
        """Speak to the WFM through another pack of that name from now on."""
        self._packs[pack.name] = pack

    # the WFM

    async def hear(self, *messages: WfmMessage) -> None:
        """Let messages arrive together, in this order, and wait until all are safe."""
        await asyncio.gather(*(self.job_updates.handle(message) for message in messages))

    async def reply(self, message: BusMessage, body: bytes) -> None:
        """Let the answer to a command arrive, and wait until it is safe."""
        raw = WfmMessage(pack="", body=body, correlation_id=message.correlation_id, received_at=self.clock())
        await self.commands.handle_reply(raw)

    async def answer(
        self, body: bytes, correlation_id: str = "", pack: str = acme.PACK, headers: Mapping[str, str] | None = None
    ) -> None:
        """Let an answer arrive at a pack's own queue, or with "" at the one of all packs."""
        raw = WfmMessage(
            pack=pack, body=body, correlation_id=correlation_id, headers=headers or {}, received_at=self.clock()
        )
        await self.commands.handle_reply(raw)

    async def take_over(self, other: "World") -> None:
        """Let arrive at the queue of all packs what another process has passed on."""
        for body, correlation_id, _ in other.bus.passed_on:
            await self.answer(body, correlation_id, pack="")
        other.bus.passed_on.clear()

    def silence(self, *routing_keys: str) -> None:
        """Let the WFM not answer these commands: their time is up at once, whatever the machine is busy with."""

        self.bus.answers |= dict.fromkeys(routing_keys, self._let_time_pass)

    def meanwhile(self, routing_key: str, happens: Callable[[BusMessage], Awaitable[None]]) -> None:
        """Let something happen while the WFM has this command, and does not answer it until its time is up."""

        async def happen(message: BusMessage) -> None:
            await happens(message)
            self._let_time_pass(message)

        self.bus.answers[routing_key] = happen

    def _let_time_pass(self, _: BusMessage) -> None:
        self.clock.advance(seconds=self.timeout_s)

    def _deliver(self, message: BusMessage, body: bytes) -> None:
        task = asyncio.create_task(self.reply(message, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # the Buyer

    async def open_work_order(self, job: str = "J-1", **changes: Any) -> WorkOrder:
        """Let the WFM create a job that needs a visit, and find its WorkOrder."""
        await self.hear(acme.event("NEW", 1, job, **changes))
        return await self.work_order_of(job)

    async def work_order_of(self, job: str = "J-1") -> WorkOrder:
        """Read the WorkOrder of a job."""
        ref = JobRef(next(iter(self._packs)), job)
        async with self.sql_store.transaction() as tx:
            found = (await tx.load_jobs([ref]))[ref].work_order
        assert isinstance(found, WorkOrder)
        return found

    async def book(self, order: WorkOrder, window: TimePeriod = acme.MORNING, **changes: Any) -> Appointment:
        """Book a visit."""
        return await self.appointments.book(BUYERS, acme.booking(order.id, window, **changes), "corr-buyer")

    async def move(self, appointment: Appointment) -> Appointment:
        """Move a visit to the afternoon."""
        change = AppointmentUpdate(valid_for=acme.AFTERNOON)
        return await self.appointments.patch(BUYERS, appointment.id, change, frozenset({"validFor"}), "corr-buyer")

    async def begin(self, routing_key: str, wish: Coroutine[Any, Any, T]) -> tuple[asyncio.Task[T], BusMessage]:
        """Begin what takes a command that the WFM does not answer by itself; give the task, and the command sent."""
        self.bus.answers[routing_key] = lambda _: None
        task = asyncio.create_task(wish)
        return task, await self.bus.next(routing_key)

    async def booked(self, job: str = "J-1") -> Appointment:
        """Open a WorkOrder and book its morning, echo of the WFM included; forget what was sent for it."""
        appointment = await self.book(await self.open_work_order(job))
        await self.hear(acme.event("SCHD", 2, job, **acme.IN_MORNING))
        self.bus.sent.clear()
        return await self.appointment(appointment)

    async def appointment(self, appointment: Appointment) -> Appointment:
        """Read an Appointment as it is now."""
        found = await self.store.reads.appointment(AppointmentId(appointment.id))
        assert isinstance(found, Appointment)
        return found

    async def listen(self) -> None:
        """Register the Buyer with both APIs."""
        for api in Api:
            request = EventSubscriptionInput(callback="https://buyer.test")
            await self.subscriptions.register(api, Irp.SONATA, BUYER, request, None, None)

    # what is committed

    async def outcomes(self) -> list[str]:
        """What became of the messages, in order of arrival."""
        return [one.entry.outcome.value for one in reversed(await self.sql_store.journal.latest(limit=ALL))]

    async def command_states(self, kind: str = "book") -> list[str]:
        """The states of the stored commands of a kind, oldest first."""
        found = [one for pack in self._packs for one in await self.sql_store.commands.since(pack, EVER)]
        return [one.state.value for one in found if one.kind == kind]

    async def outbox(self, routing_key: str) -> list[dict[str, Any]]:
        """The bodies of the stored messages for the WFM with this routing key, in order."""
        found = [one.message for one in reversed(await self.sql_store.outbox.reports(limit=ALL))]
        return [orjson.loads(one.body) for one in found if one.routing_key == routing_key]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Do something to the database that the store has no words for, past it."""
        connection = sqlite3.connect(self._database)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def notified(self) -> list[str]:
        """The types of all notifications, in order, which the store does not tell of those of one moment."""
        return [name for (name,) in self.rows("SELECT event_type FROM notifications ORDER BY event_time, rowid")]


Worlds = Callable[..., Any]


@asynccontextmanager
async def worlds(database: Path, acme_pack: Pack) -> AsyncIterator[Worlds]:
    """Give a factory of worlds that share a database, a clock and ids."""
    clock, numbers = Clock(acme.NOW), itertools.count(1)
    async with AsyncExitStack() as stack:

        async def make(
            timeout_s: float = PATIENCE_S,
            pack: Pack = acme_pack,
            instance: str = "here",
            search_s: float = PATIENCE_S,
            *,
            sweeps: bool = False,
        ) -> World:
            world = World(
                database, pack, clock, lambda: f"id-{next(numbers):04d}", timeout_s, instance, search_s, sweeps=sweeps
            )
            return await stack.enter_async_context(world.running())

        yield make

"""A laboratory: the bridge as a process, its WFM and its Buyer in the test's process, and a look into its database."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel
from faststream.rabbit import RabbitBroker

from bridge.app.process import new_id
from bridge.domain.model import Command
from bridge.flows.partitioning import JOB, Partitioning
from bridge.flows.ports.journal_entry import RecordedEntry
from bridge.flows.ports.webhook_delivery import Attempt
from bridge.mef.enums import Irp
from bridge.mef.models import Appointment, TimePeriod
from bridge.simulator.answers import Answers
from bridge.simulator.buyer import BuyerError, SimulatedBuyer
from bridge.simulator.wfm import AS_AMQP_HAS_IT, COMMANDS_EXCHANGE, COMMANDS_QUEUE, EVENTS_EXCHANGE, SimulatedWfm
from bridge.store import SqlStore, open_store
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology
from tests.support import NEVER_S, PATIENCE_S, eventually
from tests.system import crashing_bridge as crash
from tests.system import patient_bridge
from tests.system.processes import BridgeProcess

PACK = "acme-wfm"
API_KEY = "acme-buyer-key"

CREATED = "workOrderCreateEvent"
STATE = "workOrderStateChangeEvent"
REQUIRED = "workOrderAppointmentRequiredEvent"
STATUS = "appointmentStatusChangeEvent"
ATTRIBUTE = "appointmentAttributeValueChangeEvent"

Hop = tuple[str, str | None, str]
"""Resource, from, to."""


@dataclass
class Laboratory:
    """All parts. `variables` are BRIDGE_* ones of the bridge, without the prefix, over those that every test needs.

    `answers` says how the WFM answers; the pack in `variables` must know.
    """

    rabbitmq_url: str
    database_url: str
    directory: Path
    variables: dict[str, str] = field(default_factory=dict)
    answers: Answers = AS_AMQP_HAS_IT
    divided_by: str = JOB
    namespace: str = field(default_factory=lambda: f"test-{uuid4().hex[:12]}.")
    bridge: BridgeProcess = field(init=False)
    wfm: SimulatedWfm = field(init=False)
    buyer: SimulatedBuyer = field(init=False)
    channel: AbstractChannel = field(init=False)
    _stack: AsyncExitStack = field(init=False)
    _store: SqlStore | None = None

    def __post_init__(self) -> None:
        self.topology = Topology(namespace=self.namespace, instance=self.namespace + "bridge")
        self.bridge = BridgeProcess(self.directory / "bridge.log", self._environ())

    def _environ(self) -> dict[str, str]:
        chosen = {
            "INSTANCE": self.topology.instance,
            "MODE": "development",
            "BROKER_URL": self.rabbitmq_url,
            "BROKER_NAMESPACE": self.namespace,
            "DATABASE_URL": self.database_url,
            "DELIVERY_ALLOW_PRIVATE_CALLBACKS": "true",
            "DELIVERY_SCHEDULE_SECONDS": ",".join(["0", "0.2", *["0.5"] * 60]),
            "DELIVERY_TIMEOUT_SECONDS": "60",
            "COMMANDS_TIMEOUT_SECONDS": str(NEVER_S),
            **self.variables,
        }
        return {f"BRIDGE_{name}": value for name, value in chosen.items()}

    # the parts

    async def set_up(self, stack: AsyncExitStack) -> None:
        """Start the WFM and the Buyer's listener; the bridge is the test's to start."""
        self._stack = stack
        connection = await stack.enter_async_context(await aio_pika.connect(self.rabbitmq_url))
        self.channel = await connection.channel()
        stack.push_async_callback(self._remove_names)
        link = RabbitLink(self.rabbitmq_url, name="simulated WFM")
        await link.start()
        stack.push_async_callback(link.stop)
        self.wfm = self.make_wfm(link.broker)
        await self.wfm.start()
        stack.push_async_callback(self.wfm.stop)
        self.buyer = await stack.enter_async_context(self.make_buyer())
        stack.callback(self.bridge.kill)

    def make_wfm(self, broker: RabbitBroker) -> SimulatedWfm:
        """Make the WFM; another laboratory may have another one."""
        return SimulatedWfm(broker, self.namespace, answers=self.answers)

    def make_buyer(self) -> SimulatedBuyer:
        """Make the Buyer; another laboratory may have another one."""
        return SimulatedBuyer(self.bridge.url, API_KEY, Irp.SONATA)

    async def _remove_names(self) -> None:
        for queue in self.queues:
            await self.channel.queue_delete(queue)
        await self.channel.queue_delete(self.namespace + COMMANDS_QUEUE)
        for queue in self.topology.partitions(PACK, self.partitioning):
            await self.channel.exchange_delete(queue.name)
        await self.channel.exchange_delete(self.topology.hash_exchange(PACK, self.partitioning))
        for exchange in (
            *self.topology.exchanges,
            self.namespace + EVENTS_EXCHANGE,
            self.namespace + COMMANDS_EXCHANGE,
        ):
            await self.channel.exchange_delete(exchange)

    @property
    def partitioning(self) -> Partitioning:
        """How the bridge divides messages."""
        return Partitioning(int(self.variables.get("WFM_PARTITIONS", "1")), self.divided_by)

    @property
    def queues(self) -> tuple[str, ...]:
        """The bridge's own queues."""
        own = (self.topology.inbound_queue(PACK).name, self.topology.reply_queue.name, self.topology.dead_letter)
        own += tuple(queue.name for queue in self.topology.partitions(PACK, self.partitioning))
        return own if self.answers.queue is None else (*own, self.namespace + self.answers.queue)

    # what one can look at

    async def store(self) -> SqlStore:
        """The bridge's database, which must have been made by the bridge before."""
        if self._store is None:
            self._store = await open_store(self.database_url, new_id=new_id)
            self._stack.push_async_callback(self._store.close)
        return self._store

    async def journal(self, limit: int = 1000) -> list[RecordedEntry]:
        """What the bridge has recorded, oldest first."""
        entries = await (await self.store()).journal.latest(limit=limit)
        return sorted(entries, key=lambda recorded: recorded.number)

    async def hops(self, job: str) -> list[Hop]:
        """The job's state changes in their order."""
        entries = [recorded.entry for recorded in await self.journal()]
        mine = [entry for entry in entries if entry.job is not None and entry.job.key == job]
        return [(t.resource, t.source, t.target) for entry in mine for t in entry.transitions]

    async def attempts(self) -> list[Attempt]:
        """All attempts at notifications."""
        backlog = (await self.store()).backlog
        return [each for report in await backlog.reports() for each in await backlog.attempts(report.number)]

    async def overdue(self) -> list[Command]:
        """The commands that the bridge, once it runs, holds for abandoned."""
        async with (await self.store()).transaction() as tx:
            return list(await tx.overdue_commands(datetime.now(UTC) - timedelta(seconds=2)))

    async def settled(self) -> bool:
        """Tell whether nothing is on its way to the Buyer or to the WFM any more."""
        store = await self.store()
        return await store.deliveries.next_at() is None and await store.outbox.next_at() is None

    async def until_settled(self) -> None:
        await eventually(self.settled)

    async def waiting_in(self, queue: str) -> int:
        """How many messages a queue holds that nobody was given."""
        declared = await self.channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0

    async def stop_and_find_nothing_left(self) -> None:
        """End the bridge politely; then no message may be left in any queue of its own, acked or not."""
        await self.until_settled()
        await eventually(lambda: self.wfm.idle)
        await eventually(self._all_taken)
        assert await self.bridge.stop() == 0
        assert {queue: await self.waiting_in(queue) for queue in self.queues} == dict.fromkeys(self.queues, 0)

    async def _all_taken(self) -> bool:
        return not any([await self.waiting_in(queue) for queue in self.queues])

    async def until_heard(self, job: str) -> None:
        """Wait until the bridge has recorded every event of the WFM about the job."""

        async def heard() -> bool:
            bodies = [recorded.entry.raw.body for recorded in await self.journal()]
            return (
                sum(f'"JOB_NO":"{job}","JOB_VER"'.encode() in body for body in bodies) == self.wfm.acme.job(job).version
            )

        await eventually(heard)

    # what the Buyer and the WFM do

    async def new_job(self) -> tuple[str, str]:
        """Let the WFM open a job that needs a visit; give the job's number and the WorkOrder the Buyer was told of."""
        since = len(self.buyer.received)
        job = await self.wfm.create_job()
        told = await self.buyer.wait_for(lambda each: each.event.event_type == CREATED, PATIENCE_S, since)
        await self.buyer.wait_for(lambda each: each.event.event_type == REQUIRED, PATIENCE_S, since)
        return job, told.event.event.id

    async def windows(self, work_order: str) -> list[TimePeriod]:
        """Let the Buyer search time slots; again, if the WFM is given less time than it takes on a busy machine."""
        now = datetime.now(UTC)
        period = TimePeriod(start_date_time=now, end_date_time=now + timedelta(days=10))

        async def search() -> list[TimePeriod] | None:
            try:
                return [slot.valid_for for slot in (await self.buyer.search(work_order, period)).available_time_slot]
            except BuyerError as error:
                if error.status != HTTPStatus.GATEWAY_TIMEOUT:
                    raise
                return None

        found: list[TimePeriod] = await eventually(search)
        return found

    @asynccontextmanager
    async def unanswered(self, job: str, command: str, *, silent: bool) -> AsyncIterator[None]:
        """In the block the WFM does not answer the next such command.

        It is late: it begins with it after the block. Or it is silent: it carries the command out, and never says so.
        """
        if silent:
            self.wfm.silent_next(command)
            yield
            return
        async with self.wfm._turns[job]:
            yield

    async def until_commanded(self, command: str) -> None:
        """Wait until the WFM has the command."""
        await eventually(lambda: command in [each["CMD"] for each in self.wfm.commands])

    # the bridge that dies at a point, and the one whose commands expire when the test says so

    async def start_dying(self, point: Callable[[str], None], delivery_timeout_s: float = NEVER_S) -> None:
        """Start the bridge, ready, so that it dies at a point of crashing_bridge. Else none of its leases ever ends."""
        await self.bridge.start_ready(*crash.command(point), BRIDGE_DELIVERY_TIMEOUT_SECONDS=str(delivery_timeout_s))

    async def start_patient(self) -> None:
        """Start the bridge, ready, so that no command's time is up by itself (see patient_bridge)."""
        await self.bridge.start_ready("-m", patient_bridge.__name__, str(self._time_is_up))

    @contextmanager
    def time_is_up(self) -> Iterator[None]:
        """In the block, the WFM's time for commands is up."""
        self._time_is_up.touch()
        yield
        self._time_is_up.unlink()

    @property
    def _time_is_up(self) -> Path:
        return self.directory / "time-is-up"

    async def booked(self) -> tuple[str, Appointment, list[TimePeriod]]:
        """A job with a visit that the Buyer booked, and the windows he was offered."""
        job, work_order = await self.new_job()
        windows = await self.windows(work_order)
        appointment = await self.buyer.book(work_order, windows[0])
        await self.until_settled()
        return job, appointment, windows

    async def planned(self) -> tuple[str, tuple[datetime, datetime]]:
        """A job with a visit agreed by phone, and its window; the Buyer registers, and hears everything of it."""
        await self.buyer.register()
        job, work_order = await self.new_job()
        window = (await self.windows(work_order))[0]
        agreed = (window.start_date_time, window.end_date_time)
        await self.wfm.schedule(job, agreed)
        await eventually(lambda: len(self.buyer.received) == 4)
        await self.until_settled()
        return job, agreed

    def told(self) -> dict[str, list[str]]:
        """What the Buyer was told about each resource, in order, repetitions (the same eventId) left out."""
        told: dict[str, list[str]] = defaultdict(list)
        seen: set[str] = set()
        for received in self.buyer.received:
            if received.event.event_id not in seen:
                seen.add(received.event.event_id)
                told[received.event.event.id].append(received.event.event_type)
        return dict(told)

    def repeated(self) -> list[str]:
        """The types of the notifications that came again."""
        ids = [received.event.event_id for received in self.buyer.received]
        return [received.event.event_type for n, received in enumerate(self.buyer.received) if ids[n] in ids[:n]]

    async def parties_agree(self, job: str) -> str:
        """Whether WFM and Buyer believe the same of the job's visit, and what: `confirmed` or `nothing`; else fail."""
        visit = self.wfm.active_visit(job)
        planned = [TimePeriod(start_date_time=visit.window.start, end_date_time=visit.window.end)] if visit else []
        confirmed = [found for found in await self.buyer.appointments() if found.status == "confirmed"]
        assert [found.valid_for for found in confirmed] == planned
        assert await self.settled()
        (work_order,) = await self.buyer.work_orders()
        assert (work_order.state, work_order.appointment_required) == (("planned", False) if visit else ("open", True))
        return "confirmed" if visit else "nothing"


@asynccontextmanager
async def laboratory(
    rabbitmq_url: str, database_url: str, directory: Path, answers: Answers = AS_AMQP_HAS_IT, **variables: str
) -> AsyncIterator[Laboratory]:
    """Set up a laboratory and take it down, whatever became of it."""
    made = Laboratory(rabbitmq_url, database_url, directory, variables, answers)
    async with AsyncExitStack() as stack:
        stack.callback(lambda: print(made.bridge.said))  # noqa: T201 - pytest shows it beside a failure
        await made.set_up(stack)
        yield made

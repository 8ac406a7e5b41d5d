"""Sets the stage: a broker, the simulated WFM, the bridge and a simulated Buyer, and watches what passes between them.

The three parts share nothing but the bus and HTTP. Only the watching looks inside: the timeline takes the bridge's
state changes from its journal.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import ClientSession
from pydantic import SecretStr
from rich.console import Console

from bridge import box
from bridge.app.running import RunningBridge, running
from bridge.demo.playground import Playground
from bridge.demo.timeline import Entry, Timeline
from bridge.domain.model import Outcome, Transition
from bridge.flows.ports.journal_entry import RecordedEntry
from bridge.mef.enums import Irp
from bridge.settings import (
    AdminSettings,
    BrokerSettings,
    DatabaseSettings,
    DeliverySettings,
    HttpSettings,
    Mode,
    QueueType,
    Settings,
)
from bridge.simulator.buyer import BuyerError, Received, SimulatedBuyer
from bridge.simulator.wfm import COMMANDS_EXCHANGE, COMMANDS_QUEUE, EVENTS_EXCHANGE, SimulatedWfm
from bridge.wfm.link import IN_MEMORY_URL, RabbitLink
from bridge.wfm.topology import Topology

T = TypeVar("T")

INSTANCE = "demo"
PACK = "acme-wfm"
API_KEY = "acme-buyer-key"
READY_SECONDS = 30.0
READY_POLL_SECONDS = 0.05
REPLY_DELAY_SECONDS = 0.02
"""How long the simulated WFM thinks about a command."""

_REQUEST = "request"
_ASKED_BY_BUYER = ("FINDSLOT", "BOOKVIS", "MOVEVIS", "CANVIS")
_SHOWN = ("JOB_NO", "JOB_VER", "STAT", "RSN", "VISIT_NO", "WIN_FROM", "CMD", "SLOT_ID", "FROM", "STATUS", "RC", "TXT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the parts listen; 0 takes a free port. Without one for it there is no console."""

    bridge: int = 0
    buyer: int = 0
    admin: int | None = None


class Stage:
    """The parts, and what is seen of them."""

    def __init__(self, console: Console, wfm: SimulatedWfm, bridge: RunningBridge, buyer: SimulatedBuyer) -> None:
        self.console = console
        self.wfm = wfm
        self.bridge = bridge
        self.buyer = buyer
        self.timeline = Timeline(console, now())
        self._seen_entries = 0
        self._causes: dict[str, datetime] = {}
        wfm.observers.append(self._on_bus)
        buyer.observers.append(self._on_webhook)

    async def request(self, what: str, call: Awaitable[T]) -> T:
        """Let the Buyer ask something, and note how long the answer took."""
        begun = now()
        self._causes[_REQUEST] = begun
        try:
            answer = await call
        except BuyerError as error:
            self.timeline.add(Entry(begun, "request", f"{what} → {error.status}", _since(begun)))
            raise
        self.timeline.add(Entry(begun, "request", what, _since(begun)))
        return answer

    async def journal(self) -> list[RecordedEntry]:
        """Return what the bridge has recorded since the last call, oldest first, and put it on the timeline."""
        recorded = [r for r in await self.bridge.store.journal.latest(limit=200) if r.number > self._seen_entries]
        fresh = sorted(recorded, key=lambda each: each.number)
        if fresh:
            self._seen_entries = fresh[-1].number
        for each in fresh:
            self._show(each)
        return fresh

    def _show(self, recorded: RecordedEntry) -> None:
        """Show what became of a message; the latency is from its arrival until the commit could be seen."""
        entry = recorded.entry
        latency = _since(entry.raw.received_at)
        for hop in entry.transitions:
            self.timeline.add(Entry(entry.raw.received_at, "state", _hop(hop), latency))
        if entry.outcome is Outcome.PARKED:
            self.timeline.add(Entry(entry.raw.received_at, "parked", f"parked: {entry.reason}", latency))

    def _on_bus(self, direction: str, routing_key: str, body: dict[str, Any], at: datetime) -> None:
        shown = " ".join(f"{key}={body[key]}" for key in _SHOWN if body.get(key))
        slots = f" {len(body['SLOTS'])} slots" if "SLOTS" in body else ""
        name = routing_key if direction != "reply" else "reply"
        cause = self._cause(direction, body, at)
        latency = None if cause is None else (at - cause).total_seconds()
        self.timeline.add(Entry(at, direction, f"{name}  {shown}{slots}", latency))

    def _cause(self, direction: str, body: dict[str, Any], at: datetime) -> datetime | None:
        """Say when what caused a bus message was said: the Buyer's request, the command, or the job's last news."""
        job = f"job {body.get('JOB_NO')}"
        command = f"command {body.get('REF')}"
        if direction == "reply":
            return self._causes.pop(command, None)
        if direction == "event":
            cause, self._causes[job] = self._causes.pop(f"asked of {job}", None), at
            return cause
        self._causes[command] = at
        if body.get("CMD") in _ASKED_BY_BUYER:
            self._causes[f"asked of {job}"] = at
            return self._causes.get(_REQUEST)
        return self._causes.get(job)

    def _on_webhook(self, received: Received) -> None:
        event = received.event
        text = f"{event.event_type}  {event.event.id[:8]}…"
        self.timeline.add(Entry(received.at, "webhook", text, (received.at - event.event_time).total_seconds()))


def now() -> datetime:
    """The demo's clock."""
    return datetime.now(UTC)


def _since(begun: datetime) -> float:
    return (now() - begun).total_seconds()


def _hop(hop: Transition) -> str:
    name = "WorkOrder" if hop.resource == "workOrder" else "Appointment"
    return f"{name} {hop.id[:8]}…  {hop.source or 'new'} → {hop.target}"


@asynccontextmanager
async def set_up(
    console: Console, broker_url: str | None, ports: Ports, place: Playground | None = None
) -> AsyncIterator[Stage]:
    """Start the parts in the order WFM, bridge, Buyer; stop them in reverse. No URL means the in-memory broker.

    Without a place, the database is in a directory that is gone afterwards.
    """
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mef-bridge-demo-")))
        namespace = f"demo-{directory.name[-8:]}."
        link = await _link(broker_url, namespace, stack)
        wfm = SimulatedWfm(link.broker, namespace, reply_delay=REPLY_DELAY_SECONDS)
        await wfm.start()
        stack.push_async_callback(wfm.stop)
        settings = _settings(broker_url, namespace, directory if place is None else place.directory, ports)
        if place is not None:
            place.keep(settings)
        shared = link if link.in_memory else None
        bridge = await stack.enter_async_context(running(settings, shared))
        await _until_ready(bridge.url)
        buyer = SimulatedBuyer(bridge.url, API_KEY, Irp.SONATA, port=ports.buyer)
        await stack.enter_async_context(buyer)
        await buyer.register()
        yield Stage(console, wfm, bridge, buyer)


async def _until_ready(url: str) -> None:
    """Wait until the bridge's queue is bound: what the WFM says before that, nobody keeps."""
    async with ClientSession() as session, asyncio.timeout(READY_SECONDS):
        while True:
            async with session.get(f"{url}/health/ready") as response:
                if response.status == HTTPStatus.OK:
                    return
            await asyncio.sleep(READY_POLL_SECONDS)


async def _link(broker_url: str | None, namespace: str, stack: AsyncExitStack) -> RabbitLink:
    """Connect the WFM. It has a connection of its own, except in memory, where there is only one broker object."""
    link = RabbitLink(broker_url or IN_MEMORY_URL, name="simulated WFM")
    await link.start()
    stack.push_async_callback(link.stop)
    if not link.in_memory:
        stack.push_async_callback(_strike, link, namespace)
    return link


async def _strike(link: RabbitLink, namespace: str) -> None:
    """Leave nothing behind on a RabbitMQ that is not ours."""
    topology = Topology(namespace=namespace, instance=INSTANCE)
    queues = (topology.inbound_queue(PACK).name, topology.reply_queue.name, topology.dead_letter)
    async with link.scratch_channel() as channel:
        for queue in (*queues, namespace + COMMANDS_QUEUE):
            await channel.queue_delete(queue)
        for exchange in (*topology.exchanges, namespace + EVENTS_EXCHANGE, namespace + COMMANDS_EXCHANGE):
            await channel.exchange_delete(exchange)


def _settings(broker_url: str | None, namespace: str, directory: Path, ports: Ports) -> Settings:
    """The defaults, but for what a demo must have. Built without the environment, which is for real bridges."""
    url = broker_url or "amqp://in-memory/"
    return Settings.model_construct(
        instance=INSTANCE,
        mode=Mode.DEVELOPMENT,
        packs=(box.found(Path(PACK)),),
        buyers=box.BUYERS,
        http=HttpSettings(port=ports.bridge),
        admin=AdminSettings(enabled=ports.admin is not None, port=ports.admin or 0),
        broker=BrokerSettings(url=SecretStr(url), namespace=namespace, queue_type=QueueType.CLASSIC),
        database=DatabaseSettings(url=SecretStr(f"sqlite:///{directory / 'demo.sqlite3'}")),
        delivery=DeliverySettings(allow_private_callbacks=True),
    )

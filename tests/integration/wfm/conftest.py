"""A real RabbitMQ under names of the test's own, and a wire to it that can be cut or held."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractRobustConnection
from yarl import URL

from bridge.app.inbound_builder import InboundBuilder
from bridge.app.parts import Parts
from bridge.flows.partitioning import Partitioning
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack
from bridge.settings import Settings
from bridge.store import SqlStore
from bridge.wfm.balance import Balance
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.inbound import Inbound
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import OwnReplies, Topology
from tests.integration.flows.acme import PACK
from tests.integration.wfm.divided import Agreed, Process, Start
from tests.support import PATIENCE_S
from tests.system.processes import REPOSITORY


@dataclass
class Wire:
    """A TCP forwarder between one client and RabbitMQ: `cut()` breaks it, as networks do; `mend()` lets it in again.

    `hold()` keeps back what RabbitMQ says, its confirms above all, until `release()`.
    """

    target: URL
    url: str = ""
    open: bool = True
    refused: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _never_held: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._heard.set()
        self._never_held.set()

    def cut(self) -> None:
        self.open = False
        for writer in tuple(self.writers):
            writer.transport.abort()

    def mend(self) -> None:
        self.open = True

    def hold(self) -> None:
        self._heard.clear()

    def release(self) -> None:
        self._heard.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            self.refused += 1
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(self.target.host, self.target.port)
        self.writers |= {writer, far_writer}
        await asyncio.gather(
            self._pump(reader, far_writer, self._never_held), self._pump(far_reader, writer, self._heard)
        )
        self.writers -= {writer, far_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await passes.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
async def wire(rabbitmq_url: str) -> AsyncIterator[Wire]:
    wire = Wire(URL(rabbitmq_url))
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire.url = str(wire.target.with_host("127.0.0.1").with_port(port))
    yield wire
    server.close()
    wire.release()
    wire.cut()


@pytest.fixture
async def rabbit(rabbitmq_url: str) -> AsyncIterator[AbstractRobustConnection]:
    """The test's own way into RabbitMQ, past the code under test."""
    connection = await aio_pika.connect_robust(rabbitmq_url, timeout=PATIENCE_S)
    yield connection
    await connection.close()


@pytest.fixture
async def channel(rabbit: AbstractRobustConnection) -> AbstractChannel:
    return await rabbit.channel()


@pytest.fixture
async def topology(rabbit: AbstractRobustConnection) -> AsyncIterator[Topology]:
    """Names of this test's own; what was made under them is removed afterwards."""
    topology = Topology(namespace=f"test-{uuid4().hex[:12]}.", delivery_limit=3)
    yield topology
    channel = await rabbit.channel()
    ours = (topology.inbound_queue("acme").name, topology.reply_queue.name, topology.dead_letter)
    for queue in (*ours, topology.earlier_inbound_queue("acme"), topology.exchange_name("acme.wfm.commands")):
        await channel.queue_delete(queue)
    for exchange in (*topology.exchanges, *map(topology.exchange_name, ("acme.wfm.events", "acme.wfm.commands"))):
        await channel.exchange_delete(exchange)


MakeLink = Callable[..., Awaitable[RabbitLink]]


@pytest.fixture
async def make_link(rabbitmq_url: str, rabbit: AbstractRobustConnection) -> AsyncIterator[MakeLink]:
    """Makes started links that are stopped at the end of the test."""
    links: list[RabbitLink] = []

    async def make(url: str = rabbitmq_url) -> RabbitLink:
        link = RabbitLink(url, name="mef-bridge test")
        await link.start()
        links.append(link)
        return link

    yield make
    for link in links:
        await link.stop()


@pytest.fixture
async def link(make_link: MakeLink) -> RabbitLink:
    return await make_link()


MakeBus = Callable[..., Awaitable[RabbitCommandBus]]


@pytest.fixture
async def make_bus(topology: Topology) -> AsyncIterator[MakeBus]:
    """Makes started command buses that are stopped at the end of the test."""
    buses: list[RabbitCommandBus] = []

    async def make(
        link: RabbitLink, topology: Topology = topology, own: Sequence[OwnReplies] = (), timeout_s: float = PATIENCE_S
    ) -> RabbitCommandBus:
        bus = RabbitCommandBus(link, topology, own, timeout_s=timeout_s)
        await bus.start()
        buses.append(bus)
        return bus

    yield make
    for bus in buses:
        await bus.stop()


@pytest.fixture
async def bus(make_bus: MakeBus, link: RabbitLink) -> RabbitCommandBus:
    return await make_bus(link)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(REPOSITORY / "mappings" / PACK)


@pytest.fixture
def agreed() -> Agreed:
    return Agreed()


@pytest.fixture
def living() -> set[str]:
    return set()


@pytest.fixture
async def start(
    make_link: MakeLink, topology: Topology, agreed: Agreed, living: set[str], pack: Pack, channel: AbstractChannel
) -> AsyncIterator[Start]:
    """Starts processes; each handles a message in a moment, if it is open."""
    started: list[Process] = []
    used: set[Partitioning] = set()

    async def start(
        name: str, count: int = 4, link: RabbitLink | None = None, *, opened: bool = True, pack: Pack = pack
    ) -> Process:
        process = Process(name, cast("Inbound", None), cast("Balance", None))

        async def handle(message: WfmMessage) -> None:
            await process.open.wait()
            await asyncio.sleep(0)
            agreed.take(name, message)

        store = cast("SqlStore", SimpleNamespace(partitionings=agreed))
        settings = Settings.model_validate({"wfm": {"partitions": count}, "broker": {"prefetch": 10}})
        parts = Parts(settings, {PACK: pack}, store, link or await make_link(), topology)

        async def never(*_: object) -> None:
            raise AssertionError("nothing is given up here")

        process.inbound = InboundBuilder(parts, handle, never).build(pack)
        process.balance = Balance(name, process.inbound.partitions, lambda: living)
        if opened:
            process.open.set()
        started.append(process)
        used.add(Partitioning.of(pack.inbound, count))
        living.add(name)
        await process.inbound.start()
        return process

    yield start
    for process in started:
        await process.inbound.stop(0.1)
    for partitioning in used:
        for queue in topology.partitions(PACK, partitioning):
            await channel.queue_delete(queue.name)
            await channel.exchange_delete(queue.name)
        await channel.exchange_delete(topology.hash_exchange(PACK, partitioning))
    await channel.queue_delete(topology.inbound_queue(PACK).name)


@pytest.fixture
async def wfm(channel: AbstractChannel, topology: Topology) -> AbstractExchange:
    name = topology.exchange_name("acme.wfm.events")
    return await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)

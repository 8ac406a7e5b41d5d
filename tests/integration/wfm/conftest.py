"""A real RabbitMQ under names of the test's own, and a wire to it that can be cut or held."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractRobustConnection
from yarl import URL

from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import OwnReplies, Topology
from tests.support import PATIENCE_S


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

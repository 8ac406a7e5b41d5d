"""What collects a pack's messages: what is bound to the WFM's exchange, by the pack's binding keys.

That is the inbound queue; or, where RabbitMQ is to divide the messages among partitions, an exchange of ours that
hashes what names the job (type `x-consistent-hash`, of a plugin), and leads each message to one of them. Exchanges are
bound to each other, so the WFM's may be of any type, and a message is written into one queue only.

To which partition a hash leads depends on the order in which they were bound. RabbitMQ forgets that order when it is
restarted, and binds them again in any other: then a job's next message would go to another partition than those before
it. So what is bound to the exchange are no queues, but for each partition an exchange that does not outlive RabbitMQ
(not durable). The one that hashes does; with nothing bound to it, all that comes goes to its alternate exchange, and so
to a queue of its own, the *rest*. So a division is never another one than it was: it is there, or it is gone, and what
the rest has came after what the partitions have. It is only made when nothing leads to the exchange; who finds it gone,
or something in the rest, makes it anew as one partitioning follows another (`succession.py`).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from aiormq.abc import AbstractChannel
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionCommandInvalid,
)
from faststream.rabbit import RabbitQueue

from bridge.errors import PermanentError
from bridge.flows.partitioning import Partitioning
from bridge.wfm.connection import CandidConnection
from bridge.wfm.link import Channels, RabbitLink
from bridge.wfm.topology import Topology, declare, declare_partition, exchanges_of_ours
from bridge.wfm.trouble import GONE

TYPE: Final = "x-consistent-hash"
WEIGHT: Final = "1"
"""The binding key of each partition: one of weight 2 would get twice as many jobs."""
NO_PLUGIN: Final = (
    "RabbitMQ cannot divide messages by a header or the routing key (inbound.partition_by of a pack): on each of its "
    "nodes, rabbitmq-plugins enable rabbitmq_consistent_hash_exchange; or set wfm.partitions to 1"
)


class Collector(Protocol):
    """Something of ours that is bound to the WFM's exchange. `what` says what it is."""

    what: str
    name: str

    async def declare(self) -> None:
        """Make it and all behind it; harmless where that is there. Raises as `topology.declare`."""

    async def bind(self, channel: AbstractChannel, exchange: str, key: str) -> None:
        """Bind it to an exchange; harmless where it is."""

    async def release(self, channels: Channels, exchange: str, keys: Sequence[str]) -> None:
        """See that the exchange leads nothing to it any more."""


class QueueCollector:
    """The inbound queue."""

    what: str = "the inbound queue"

    def __init__(self, link: RabbitLink, topology: Topology, queue: RabbitQueue) -> None:
        self._link = link
        self._topology = topology
        self._queue = queue
        self.name: str = queue.name

    async def declare(self) -> None:
        """Make it."""
        await declare(self._link, self._topology, self._queue)

    async def bind(self, channel: AbstractChannel, exchange: str, key: str) -> None:
        """Bind it."""
        await channel.queue_bind(self.name, exchange, key)

    async def release(self, channels: Channels, exchange: str, keys: Sequence[str]) -> None:
        """Unbind it."""
        for key in keys:
            with suppress(ChannelNotFoundEntity):  # one of both is not there
                async with channels() as channel:
                    await channel.queue_unbind(self.name, exchange, key)


class HashExchange:
    """The exchange that divides a pack's messages among the partitions of a `partitioning` by a hash."""

    what: str = "the exchange that divides"

    def __init__(self, link: RabbitLink, topology: Topology, pack: str, partitioning: Partitioning) -> None:
        self._link = link
        self._topology = topology
        self._queues = topology.partitions(pack, partitioning)
        self._rest = topology.rest(pack, partitioning)
        self._header = partitioning.header
        self._is_possible = False
        self.name: str = topology.hash_exchange(pack, partitioning)

    def forget(self) -> None:
        """Ask RabbitMQ anew for exchanges of this type: it was restarted, perhaps without the plugin."""
        self._is_possible = False

    async def demand(self) -> None:
        """Raise `PermanentError` where RabbitMQ has no exchanges of this type."""
        if not self._is_possible:
            await demand_hashing(self._link, self._topology)
            self._is_possible = True

    async def declare(self) -> None:
        """Make it with the rest behind it; what it divides among is left as it is."""
        await self.demand()
        await declare_partition(self._link, self._topology, self._rest)
        arguments = {"alternate-exchange": self._rest.name}
        if self._header is not None:
            arguments["hash-header"] = self._header
        async with exchanges_of_ours(self._link) as channel:
            await channel.exchange_declare(self.name, exchange_type=TYPE, durable=True, arguments=dict(arguments))

    async def divide(self, channels: Channels) -> None:
        """Make the partitions, and bind them; nothing may lead to it."""
        async with channels() as channel:
            await channel.exchange_delete(self.name)
        await self.declare()
        for queue in self._queues:
            await declare(self._link, self._topology, queue)
            async with channels() as channel:
                await channel.exchange_delete(queue.name)
                await channel.exchange_declare(
                    queue.name, exchange_type="fanout", arguments={"alternate-exchange": self._rest.name}
                )
                await channel.queue_bind(queue.name, queue.name)
        async with channels() as channel:
            for queue in self._queues:
                await channel.exchange_bind(queue.name, self.name, routing_key=WEIGHT)

    async def is_whole(self, channels: Channels) -> bool:
        """Tell whether it divides as it did, and nothing has come to the rest."""
        try:
            async with channels() as channel:
                for name in (self.name, *(queue.name for queue in self._queues)):
                    await channel.exchange_declare(name, passive=True)
                return not (await channel.queue_declare(self._rest.name, passive=True)).message_count
        except ChannelNotFoundEntity:
            return False

    async def bind(self, channel: AbstractChannel, exchange: str, key: str) -> None:
        """Bind it."""
        await channel.exchange_bind(self.name, exchange, routing_key=key)

    async def release(self, channels: Channels, exchange: str, keys: Sequence[str]) -> None:
        """Delete it: so nothing else leads there either. What it has led to its queues stays in them."""
        del exchange, keys
        async with channels() as channel:
            await channel.exchange_delete(self.name)


async def demand_hashing(link: RabbitLink, topology: Topology) -> None:
    """Raise `PermanentError` where RabbitMQ has no exchanges that hash, for lack of a plugin.

    It is found out on a connection of its own: RabbitMQ closes the one on which such an exchange is declared.
    """
    connection = CandidConnection(link.url_for("hash probe"))
    try:
        async with asyncio.timeout(link.connect_timeout_s):
            await connection.connect()
            channel = await connection.channel(publisher_confirms=False)
            await channel.exchange_declare(topology.hash_probe, exchange_type=TYPE, auto_delete=True)
            await channel.exchange_delete(topology.hash_probe)
    except (ConnectionCommandInvalid, ChannelPreconditionFailed) as unknown:
        raise PermanentError(NO_PLUGIN) from unknown
    except ChannelAccessRefused as refused:
        raise link.not_allowed(refused) from refused
    finally:
        with suppress(*GONE):
            await connection.close()

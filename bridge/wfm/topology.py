"""What exists in RabbitMQ for the bridge: our queues, which we declare, and the WFM's exchanges, which we only bind to.

Every name is prefixed with the namespace, so that several bridges (or tests) can share one RabbitMQ.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from aiormq.abc import AbstractChannel
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)
from faststream.rabbit import ExchangeType, QueueType, RabbitExchange, RabbitQueue

from bridge.errors import PermanentError
from bridge.flows.partitioning import Partitioning
from bridge.wfm.link import Channels, RabbitLink

LONGEST_SHORT_STRING: Final = 255
"""Bytes of a name, or of a correlation id, in AMQP."""

REMADE_AFTER_S: Final = 0.5
"""So long after it was missed a partition is made again."""

DELIVERY_LIMIT: Final = 10_000
"""Deliveries of one message before a quorum queue gives it to the dead-letter queue.

A lost connection counts as a delivery of all that was unacknowledged, so a small number would take good messages away
after some restarts (RabbitMQ 4 has 20 where nothing is said, and 3.10 knows no -1). What can't be understood is
parked by the bridge; this only ends the circle of a message that crashes it each time.
"""


@dataclass(frozen=True, slots=True)
class OwnReplies:
    """Where replies to one pack's commands come to, if not to the reply queue of all packs.

    `queue` is the fixed one that the WFM replies to; None where it replies to whatever a command names.
    """

    pack: str
    queue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Names and properties of everything the bridge uses in RabbitMQ.

    `instance` names this process among its replicas: each has its own reply queue, kept over restarts.
    Only queues of type quorum count deliveries; classic is for where those can't be had. `declare_exchanges` makes the
    WFM's exchanges (topic, durable) where there is no WFM to do so, in a lab.
    """

    namespace: str = ""
    instance: str = "main"
    queue_type: QueueType = QueueType.QUORUM
    delivery_limit: int = DELIVERY_LIMIT
    declare_exchanges: bool = False

    def exchange_name(self, name: str) -> str:
        """The name in RabbitMQ of an exchange that a pack mentions."""
        return f"{self.namespace}{name}"

    def wfm_exchange(self, name: str) -> RabbitExchange:
        """An exchange of the WFM to publish on. A reconnect does not restore it, or its absence would stop all else."""
        return RabbitExchange(self.exchange_name(name), ExchangeType.TOPIC, robust=False)

    def inbound_queue(self, pack: str) -> RabbitQueue:
        """The queue that collects a pack's messages, and gives them to one process at a time, or they lose their order.

        What a queue is like cannot be changed: so its name has a number, for when it is to be like something else.
        """
        return self._queue(_inbound_queue(pack), single_active_consumer=True)

    def partition(self, pack: str, number: int, of: Partitioning) -> RabbitQueue:
        """One of the queues that a pack's messages are divided among by their job.

        Where the partitioner divides, an exchange of ours (fanout) has its name, and leads to it: so messages keep
        their routing keys.
        """
        return self._queue(f"{_partitions(pack, of)}.{number}-of-{of.count}", single_active_consumer=True)

    def partitions(self, pack: str, of: Partitioning) -> list[RabbitQueue]:
        """All of them; none where the inbound queue is not divided."""
        return [self.partition(pack, number, of) for number in range(of.count)] if of.count > 1 else []

    def rest(self, pack: str, of: Partitioning) -> RabbitQueue:
        """The queue of what an exchange that divides by a hash cannot lead to a partition. It has an exchange, too."""
        return self._queue(f"{_partitions(pack, of)}.rest-of-{of.count}", single_active_consumer=True)

    def queues_of(self, pack: str, of: Partitioning) -> list[RabbitQueue]:
        """All queues that a partitioning has beside the inbound queue."""
        return [*self.partitions(pack, of), *([self.rest(pack, of)] if of.is_hashed else [])]

    def hash_exchange(self, pack: str, of: Partitioning) -> str:
        """The name of the exchange of ours that divides by a hash."""
        return f"{self.namespace}{_partitions(pack, of)}.of-{of.count}"

    @property
    def hash_probe(self) -> str:
        """The name of an exchange that is there for a moment, to find out whether RabbitMQ can divide by a hash."""
        return f"{self.namespace}mef-bridge.hash-probe.{self.instance}"

    def earlier_inbound_queue(self, pack: str) -> str:
        """The name of the one that the bridge had before, and which gave to all at once."""
        return f"{self.namespace}mef-bridge.{pack}.inbound"

    @property
    def reply_queue(self) -> RabbitQueue:
        """The queue that replies to our commands come to."""
        return self._queue(_reply_queue(self.instance))

    def reply_queue_of(self, own: OwnReplies) -> RabbitQueue:
        """The queue that replies to one pack's commands come to, as it is where we declare it."""
        if own.queue is not None:
            return self._queue(own.queue)
        return self._queue(f"mef-bridge.{self.instance}.{own.pack}.replies")

    def reply_queue_at(self, instance: str) -> str:
        """The name of another process's reply queue."""
        return f"{self.namespace}{_reply_queue(instance)}"

    @property
    def instance_mark(self) -> str:
        """The name of the queue that is there as long as a process runs as this instance."""
        return f"{self.namespace}mef-bridge.{self.instance}.running"

    @property
    def canaries(self) -> str:
        """The name of the exchange that leads nowhere: what is published there only shows that RabbitMQ takes it."""
        return f"{self.namespace}mef-bridge.canaries"

    @property
    def dead_letter(self) -> str:
        """The name of both the exchange and the queue for messages that were delivered too often."""
        return f"{self.namespace}mef-bridge.dead-letter"

    @property
    def exchanges(self) -> tuple[str, ...]:
        """The names of our own exchanges."""
        return (self.dead_letter, self.canaries)

    def _queue(self, name: str, *, single_active_consumer: bool = False) -> RabbitQueue:
        """Raises `PermanentError` if the name is too long for AMQP."""
        full_name = f"{self.namespace}{name}"
        if len(full_name.encode()) > LONGEST_SHORT_STRING:
            raise PermanentError(
                f"the queue name {full_name!r} is longer than the {LONGEST_SHORT_STRING} bytes that RabbitMQ takes"
            )
        arguments: dict[str, str | int] = {"x-dead-letter-exchange": self.dead_letter}
        if single_active_consumer:
            arguments["x-single-active-consumer"] = True
        if self.queue_type is QueueType.QUORUM:
            arguments["x-delivery-limit"] = self.delivery_limit
        return RabbitQueue(full_name, self.queue_type, durable=True, arguments=arguments)  # type: ignore[call-overload, no-any-return]


def short_string(text: str) -> str:
    """Cut a text to what AMQP takes: with escapes in it (`frames.py`) it may be longer than it came."""
    return text.encode()[:LONGEST_SHORT_STRING].decode(errors="ignore")


def _inbound_queue(pack: str) -> str:
    return f"mef-bridge.{pack}.inbound.v2"


def _partitions(pack: str, of: Partitioning) -> str:
    """Begin the name of partitions: those by a hash have others than those by the job, where a job's are others too."""
    if not of.is_hashed:
        return _inbound_queue(pack)
    return f"{_inbound_queue(pack)}.by-{blake2b(of.by.encode(), digest_size=4).hexdigest()}"


def _reply_queue(instance: str) -> str:
    return f"mef-bridge.{instance}.replies"


class Counts(NamedTuple):
    """What RabbitMQ says of a queue: those who consume it, and the messages that nobody was given."""

    consumers: int
    messages: int


async def asked(channels: Channels, queue: str) -> Counts | None:
    """Ask RabbitMQ for a queue; None where there is no such one."""
    try:
        async with channels() as channel:
            declared = await channel.queue_declare(queue, passive=True)
    except ChannelNotFoundEntity:
        return None
    return Counts(declared.consumer_count or 0, declared.message_count or 0)


async def declare(link: RabbitLink, topology: Topology, queue: RabbitQueue) -> None:
    """Declare a queue of ours and the dead-letter pair behind it; harmless when they exist.

    Raises `PermanentError` where one exists with other properties: only the operator may delete it. Raises `NotAllowed`
    where we have no right to.
    """
    if link.in_memory:
        return
    async with link.scratch_channel() as channel:
        try:
            await _declare_dead_letter(channel, topology)
            await channel.queue_declare(queue.name, durable=True, arguments=queue.arguments)
        except ChannelAccessRefused as refused:
            raise link.not_allowed(refused) from refused
        except ChannelPreconditionFailed as refused:
            raise PermanentError(
                f"a queue or exchange of ours exists in RabbitMQ with other properties ({refused}); "
                f"set the queue type and delivery limit to what it has, or drain and delete it"
            ) from refused


async def declare_partition(link: RabbitLink, topology: Topology, queue: RabbitQueue) -> None:
    """Declare a partition, and the exchange that leads to it. Raises as `declare`.

    One that somebody has deleted is not made again at once. RabbitMQ would have its consumers go on with the new queue
    on the channels that they have, take its messages for those that it has given them before, and hold them back. A
    moment later it has told them that there is no such queue any more, and they come again on other channels.
    """
    if await _was_deleted(link, queue.name):
        await asyncio.sleep(REMADE_AFTER_S)
    await declare(link, topology, queue)
    async with exchanges_of_ours(link) as channel:
        await channel.exchange_declare(queue.name, exchange_type="fanout", durable=True)
        await channel.queue_bind(queue.name, queue.name)


@asynccontextmanager
async def exchanges_of_ours(link: RabbitLink) -> AsyncIterator[AbstractChannel]:
    """Give a channel to make exchanges of ours on. Raises as `declare` what RabbitMQ refuses."""
    try:
        async with link.scratch_channel() as channel:
            yield channel
    except ChannelAccessRefused as refused:
        raise link.not_allowed(refused) from refused
    except ChannelPreconditionFailed as refused:
        raise PermanentError(f"an exchange of ours exists in RabbitMQ with other properties ({refused})") from refused


async def _was_deleted(link: RabbitLink, partition: str) -> bool:
    """Tell whether a partition is missing whose exchange is there."""
    if await asked(link.scratch_channel, partition) is not None:
        return False
    try:
        async with link.scratch_channel() as channel:
            await channel.exchange_declare(partition, passive=True)
    except ChannelNotFoundEntity:
        return False
    return True


async def declare_missing(link: RabbitLink, topology: Topology, queue: RabbitQueue) -> None:
    """Declare a queue as ours unless it is there, whatever it is like.

    Raises `PermanentError` where RabbitMQ bars us from it.
    """
    try:
        found = await asked(link.scratch_channel, queue.name)
    except (ChannelLockedResource, ChannelAccessRefused) as barred:
        raise PermanentError(f"RabbitMQ does not let the bridge use the queue {queue.name!r}: {barred}") from barred
    if found is None:
        await declare(link, topology, queue)


async def _declare_dead_letter(channel: AbstractChannel, topology: Topology) -> None:
    name = topology.dead_letter
    await channel.exchange_declare(name, exchange_type="fanout", durable=True)
    await channel.queue_declare(name, durable=True, arguments={"x-queue-type": topology.queue_type.value})
    await channel.queue_bind(name, name)

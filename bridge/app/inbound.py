"""Puts together what takes the messages of one pack: its inbound queue, and its partitions if it has some."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from faststream.rabbit import RabbitQueue

from bridge.app.parts import Parts
from bridge.app.process import new_id, now
from bridge.flows.partitions import copies
from bridge.flows.ports import WfmMessage
from bridge.mapping.pack import Pack
from bridge.wfm.consumer import InboundConsumer, InboundReader
from bridge.wfm.inbound import Inbound, Partitioning
from bridge.wfm.intake import GiveUp, Take
from bridge.wfm.partitions import Drain, PartitionConsumer, Partitioner
from bridge.wfm.relay import Relay
from bridge.wfm.topology import declare_partition


@dataclass(frozen=True, slots=True)
class InboundBuilder:
    """Builds what takes in messages: `handle` takes one, `give_up` one that can be neither applied nor parked."""

    parts: Parts
    handle: Callable[[WfmMessage], Awaitable[None]]
    give_up: GiveUp

    def build(self, pack: Pack) -> Inbound:
        """Build it; nothing is started."""
        parts, count = self.parts, self.parts.settings.wfm.partitions
        if parts.link.in_memory:  # there are no queues, nor other processes
            return Inbound(parts.link, self._queue(pack))
        partition = partial(self._partition, pack.name)
        partitioning = Partitioning(
            parts.link,
            parts.topology,
            parts.store.partitionings,
            Drain(parts.link, partition),
            pack=pack.name,
            count=count,
        )
        if count == 1:
            return Inbound(parts.link, self._queue(pack), partitioning)
        queues = parts.topology.partitions(pack.name, count)
        partitioner = self._partitioner(pack, queues)
        return Inbound(
            parts.link,
            self._queue(pack, partitioner.take),
            partitioning,
            partitions=[partition(queue) for queue in queues],
            partitioner=partitioner,
        )

    def _queue(self, pack: Pack, take: Take | None = None) -> InboundConsumer:
        return InboundConsumer(
            self.parts.link,
            self.parts.topology,
            pack.name,
            self.handle,
            exchange=pack.inbound.exchange,
            bindings=pack.inbound.bindings,
            clock=now,
            new_id=new_id,
            prefetch=self.parts.settings.broker.prefetch,
            give_up=self.give_up,
            take=take,
        )

    def _partition(self, pack: str, queue: RabbitQueue) -> PartitionConsumer:
        return PartitionConsumer(
            self.parts.link,
            self.parts.topology,
            queue,
            self.handle,
            InboundReader(pack, now, new_id, believes_parts=True),
            prefetch=self.parts.settings.broker.prefetch,
            give_up=self.give_up,
        )

    def _partitioner(self, pack: Pack, queues: list[RabbitQueue]) -> Partitioner:
        link, packs, name = self.parts.link, self.parts.packs, pack.name

        async def declare() -> None:
            for queue in queues:
                await declare_partition(link, self.parts.topology, queue)

        def copies_of(body: bytes, routing_key: str, headers: Mapping[str, str]) -> Mapping[int, str | None]:
            return copies(packs[name].read_all(body, routing_key, headers), len(queues))

        relay = Relay(link.url_for("partitioning"), declare, connect_timeout_s=link.connect_timeout_s)
        return Partitioner(relay, [queue.name for queue in queues], copies_of)

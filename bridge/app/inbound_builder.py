"""Puts together what takes the messages of one pack: its inbound queue, and its partitions if it has some."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from faststream.rabbit import RabbitQueue

from bridge.app.parts import Parts
from bridge.app.process import new_id, now
from bridge.flows.partition_routing import FIXED, copies
from bridge.flows.partitioning import Partitioning
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.mapping.pack import Pack
from bridge.wfm.consumer import InboundConsumer, InboundReader, always
from bridge.wfm.inbound import Inbound
from bridge.wfm.intake import GiveUp, Take
from bridge.wfm.partitions import Copies, Drain, Gate, PartitionConsumer, Partitioner
from bridge.wfm.relay import Relay
from bridge.wfm.succession import Succession
from bridge.wfm.topology import declare, declare_partition


@dataclass(frozen=True, slots=True)
class InboundBuilder:
    """Builds what takes in messages: `handle` takes one, `give_up` one that can be neither applied nor parked."""

    parts: Parts
    handle: Callable[[WfmMessage], Awaitable[None]]
    give_up: GiveUp

    def build(self, pack: Pack) -> Inbound:
        """Build it; nothing is started."""
        parts, partitioning = self.parts, Partitioning.of(pack.inbound, self.parts.settings.wfm.partitions)
        if parts.link.in_memory:  # there are no queues, nor other processes
            return Inbound(parts.link, self._queue(pack))
        succession = Succession(
            parts.link,
            parts.topology,
            parts.store.partitionings,
            Drain(partial(self._drained, pack.name)),
            pack=pack.name,
            partitioning=partitioning,
            exchange=parts.topology.exchange_name(pack.inbound.exchange),
            keys=pack.inbound.bindings,
        )
        if partitioning.count == 1:
            return Inbound(parts.link, self._queue(pack, succession), succession)
        queues = parts.topology.partitions(pack.name, partitioning)
        if partitioning.is_hashed:
            partitioner = self._relaying(succession.collector.declare, [succession.collector.name], _to_the_exchange)
        else:
            partitioner = self._partitioner(pack, queues)
        gate = Gate() if partitioning.is_hashed else None
        return Inbound(
            parts.link,
            self._queue(pack, succession, partitioner.take),
            succession,
            partitions=[self._partition(pack.name, queue, partitioning, gate) for queue in queues],
            partitioner=partitioner,
            gate=gate,
        )

    def _queue(self, pack: Pack, succession: Succession | None = None, take: Take | None = None) -> InboundConsumer:
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
            collector=succession.collector if succession is not None else None,
            may_bind=succession.may_bind if succession is not None else always,
        )

    def _partition(
        self, pack: str, queue: RabbitQueue, partitioning: Partitioning, gate: Gate | None
    ) -> PartitionConsumer:
        as_it_is = partial(declare, self.parts.link, self.parts.topology, queue)
        return PartitionConsumer(
            self.parts.link,
            queue,
            as_it_is if partitioning.is_hashed else self._declaring(queue),
            self.handle,
            InboundReader(pack, now, new_id, believes_parts=not partitioning.is_hashed),
            prefetch=self.parts.settings.broker.prefetch,
            give_up=self.give_up,
            header=partitioning.header,
            gate=gate,
        )

    def _drained(self, pack: str, queue: RabbitQueue, *, passed_on: bool) -> PartitionConsumer:
        """What takes the rest of a queue. Only what our partitioner has passed on says which parts it is for."""
        return PartitionConsumer(
            self.parts.link,
            queue,
            self._declaring(queue),
            self.handle,
            InboundReader(pack, now, new_id, believes_parts=passed_on),
            prefetch=self.parts.settings.broker.prefetch,
            give_up=self.give_up,
        )

    def _partitioner(self, pack: Pack, queues: list[RabbitQueue]) -> Partitioner:
        packs, name = self.parts.packs, pack.name

        async def declare() -> None:
            for queue in queues:
                await self._declaring(queue)()

        def copies_of(body: bytes, routing_key: str, headers: Mapping[str, str]) -> Mapping[int, str | None]:
            return copies(packs[name].read_all(body, routing_key, headers), len(queues))

        return self._relaying(declare, [queue.name for queue in queues], copies_of)

    def _relaying(
        self, declare: Callable[[], Awaitable[None]], exchanges: Sequence[str], copies_of: Copies
    ) -> Partitioner:
        link = self.parts.link
        relay = Relay(link.url_for("partitioning"), declare, connect_timeout_s=link.connect_timeout_s)
        return Partitioner(relay, exchanges, copies_of)

    def _declaring(self, queue: RabbitQueue) -> Callable[[], Awaitable[None]]:
        return partial(declare_partition, self.parts.link, self.parts.topology, queue)


def _to_the_exchange(body: bytes, routing_key: str, headers: Mapping[str, str]) -> Mapping[int, str | None]:
    """Of what still comes into the inbound queue, by a binding that is not ours, the exchange gets one copy."""
    del body, routing_key, headers
    return {FIXED: None}

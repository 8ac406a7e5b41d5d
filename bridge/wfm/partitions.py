"""A pack's partitions in RabbitMQ: what fills them, and what takes from them.

The *partitioner* takes the inbound queue, reads of each message only whom it is about, and passes it on to the
partition of its job. There is one at a time: the inbound queue has a single active consumer. A partition has one, too;
whose it is says `balance.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, cast

import structlog
from aio_pika import IncomingMessage
from faststream.rabbit import RabbitQueue
from pamqp.commands import Basic

from bridge.batcher import Batcher
from bridge.errors import BrokerUnavailable, NotAllowed
from bridge.flows.partition_routing import FIXED, PARTS
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.wfm.consumer import InboundReader, read_headers
from bridge.wfm.intake import GiveUp, Intake, about
from bridge.wfm.link import Channels, RabbitLink
from bridge.wfm.relay import Passed, Relay
from bridge.wfm.standing import Standing
from bridge.wfm.topology import asked
from bridge.wfm.trouble import GONE

Copies = Callable[[bytes, str, Mapping[str, str]], Mapping[int, str | None]]
"""Says which partitions get a copy of a message (body, routing key, headers), and what its header `PARTS` is to say."""

PATIENCE_S: Final = 5.0
"""Between two steps back from a partition; twice as long each time where nobody else takes it."""
LONGEST_PATIENCE_S: Final = 60.0
STEP_BACK_S: Final = 60.0
"""So long calls in flight have to end before a partition is passed on."""
LOOK_EVERY_S: Final = 0.1
"""How often to see whether a partition is empty, where it must be."""
CHECK_EVERY_S: Final = 30.0
"""How often to see whether RabbitMQ still knows that we consume: somebody may have deleted the queue."""

_log = structlog.stdlib.get_logger(__name__)


class Partitioner:
    """Passes messages on to the partitions of a pack, in their order. `exchanges` are those of the partitions."""

    def __init__(self, relay: Relay, exchanges: Sequence[str], copies: Copies) -> None:
        self._relay = relay
        self._exchanges = exchanges
        self._copies = copies
        self._batcher: Batcher[IncomingMessage, None] = Batcher(self._pass_on)

    async def prepare(self) -> None:
        """Make the partitions. Raises `PermanentError` where one exists with other properties."""
        await self._relay.prepare()

    def take(self, message: IncomingMessage) -> Awaitable[None]:
        """Take one message; done once RabbitMQ has it in each partition that gets a copy."""
        return self._batcher.submit(message)

    async def stop(self) -> None:
        """Pass on no more."""
        await self._batcher.stop()
        await self._relay.stop()

    async def _pass_on(self, messages: Sequence[IncomingMessage]) -> Sequence[None]:
        await self._relay.pass_on([copy for message in messages for copy in self._passed(message)])
        return [None] * len(messages)

    def _passed(self, message: IncomingMessage) -> list[Passed]:
        try:
            copies = self._copies(message.body, message.routing_key or "", read_headers(message))
        except Exception:  # noqa: BLE001 - a pack must not raise; where one does, whoever handles the message parks it
            _log.exception("whom a message is about could not be read; it goes to the fixed partition")
            copies = {FIXED: None}
        return [
            Passed(self._exchanges[number], message.routing_key or "", message.body, with_parts(message, parts))
            for number, parts in copies.items()
        ]


def with_parts(message: IncomingMessage, parts: str | None) -> Basic.Properties:
    """Give a message's properties, with the header that says which parts a copy is for, or (None) without."""
    headers = {name: value for name, value in message.headers.items() if name != PARTS}
    properties = message.properties
    properties.headers = headers | ({PARTS: parts} if parts is not None else {})
    return properties


class Gate:
    """Holds messages back while it is closed, and lets them on in their order.

    The library consumes again as soon as a lost connection is back. But meanwhile others may have begun to fill a
    partition of the same name with what must not be handled yet; so it is found out first whether we may.
    """

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._held: dict[asyncio.Task[object], None] = {}
        self._drops = False
        self.closings = 0
        """How often it was closed."""

    @property
    def is_open(self) -> bool:
        """May what comes be handled at once?"""
        return self._open.is_set() and not self._held

    def close(self) -> None:
        """Hold back what comes."""
        self.closings += 1
        self._drops = False
        self._open.clear()

    def drop(self) -> None:
        """Take nothing any more, if it is closed; what is held, and what comes, is left to RabbitMQ."""
        if not self._open.is_set():
            self._drops = True
            for each in self._held:
                each.cancel()

    def open(self, closings: int) -> None:
        """Let go, if it was not closed again since it had been closed so often."""
        if closings == self.closings:
            self._open.set()

    async def hold(self, let_go: Callable[[], Awaitable[None]]) -> None:
        """Call it when all that came before has been let go."""
        if self._drops:
            raise asyncio.CancelledError
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._held[task] = None
        try:
            await self._open.wait()
            done = let_go()
        finally:
            del self._held[task]
        await done


class PartitionConsumer:
    """Hands the messages of one partition to `handle`, while RabbitMQ gives them to us.

    `declare` makes it where somebody has deleted it. `header` is what its messages are divided by, if that is one. All
    that comes passes the `gate`, where there is one.
    """

    def __init__(
        self,
        link: RabbitLink,
        queue: RabbitQueue,
        declare: Callable[[], Awaitable[None]],
        handle: Callable[[WfmMessage], Awaitable[None]],
        read: InboundReader,
        *,
        prefetch: int,
        give_up: GiveUp | None = None,
        header: str | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.name: Final = queue.name
        self._declare = declare
        self._header = header
        self._gate = gate
        self._handle = handle
        self._read = read
        self._intake = Intake(link, [(queue, None)], self._take, prefetch=prefetch, give_up=give_up)
        self._standing = Standing(link, queue.name)
        self._given = False
        self._wanted = False
        self._patience = PATIENCE_S
        self._stepped_back_at = self._checked_at = float("-inf")

    @property
    def stands_by(self) -> bool:
        """Is another process given its messages, as far as is known?"""
        return self._standing.stands_by

    @property
    def is_idle(self) -> bool:
        """Is no message in flight?"""
        return self._intake.is_idle

    async def start(self) -> None:
        """Consume it, behind all who do already. Raises `NotAllowed`."""
        self._wanted, self._checked_at = True, _now()
        await self._standing.look()
        await self._intake.start()

    async def stop(self, deadline_s: float) -> None:
        """Consume it no longer; what is in flight has so long to end."""
        self._wanted = False
        await self._intake.stop(deadline_s)

    async def look(self, *, is_ours: bool) -> None:
        """Step back from it if it is not ours, and we are given its messages all the same."""
        given, self._given = self._given, False
        if not self._wanted:
            return
        try:
            if is_ours or not given:
                self._patience = PATIENCE_S if is_ours else self._patience
                await self._keep()
            elif _now() - self._stepped_back_at >= self._patience:
                await self._step_back()
        except (*GONE, BrokerUnavailable, NotAllowed, TimeoutError) as trouble:  # at the next look, perhaps
            _log.debug("a partition is not consumed now", queue=self.name, reason=str(trouble))

    async def _keep(self) -> None:
        """See that it is consumed."""
        if not self._intake.is_started or _now() - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = _now()
            await self._declare()
            await self._intake.resume()

    async def _step_back(self) -> None:
        again_soon = _now() - self._stepped_back_at < 4 * self._patience
        self._patience = min(2 * self._patience, LONGEST_PATIENCE_S) if again_soon else PATIENCE_S
        _log.info("a partition is passed on to the process that it is allotted to", queue=self.name)
        await self._intake.stop(STEP_BACK_S)
        self._stepped_back_at = _now()
        if self._wanted:
            await self._standing.look()
            await self._intake.start()

    def _take(self, message: IncomingMessage) -> Awaitable[None]:
        self._given = True
        self._standing.given()
        if self._header is not None and self._header not in message.headers:
            _log.warning(
                "a message lacks the header that names its job; its order among those that have it is not kept",
                header=self._header,
                **about(message),
            )
            self._header = None  # said once
        if self._gate is not None and not self._gate.is_open:
            return self._gate.hold(lambda: self._handle(self._read(message)))
        return self._handle(self._read(message))


class Drain:
    """Takes what is left in queues by which nobody divides any more."""

    def __init__(self, take: Callable[..., PartitionConsumer]) -> None:
        self._take = take

    async def seal(self, channels: Channels, queues: Sequence[RabbitQueue]) -> None:
        """See that no partitioner can pass anything on to them any more."""
        for queue in queues:
            async with channels() as channel:
                await channel.exchange_delete(queue.name)

    async def drain(self, channels: Channels, queues: Sequence[RabbitQueue], *, passed_on: bool) -> None:
        """Take all that is in them; `passed_on` says that a partitioner has filled them.

        Raises what says that RabbitMQ is away.
        """
        there = [queue for queue in queues if await asked(channels, queue.name) is not None]
        consumers = [self._take(queue, passed_on=passed_on) for queue in there]
        try:
            for consumer in consumers:
                await consumer.start()
            while not all([await self._is_empty(channels, consumer) for consumer in consumers]):
                pass
        finally:
            for consumer in consumers:
                await consumer.stop(STEP_BACK_S)

    async def remove(self, channels: Channels, queues: Sequence[RabbitQueue]) -> None:
        """Delete them, and the exchanges of their names."""
        for queue in queues:
            async with channels() as channel:
                await channel.queue_delete(queue.name)
                await channel.exchange_delete(queue.name)

    async def _is_empty(self, channels: Channels, consumer: PartitionConsumer) -> bool:
        empty = await _has_none(channels, consumer.name) and consumer.is_idle
        await asyncio.sleep(LOOK_EVERY_S)  # what RabbitMQ has sent, and we have not received yet, is seen now
        return empty and consumer.is_idle and await _has_none(channels, consumer.name)


async def _has_none(channels: Channels, queue: str) -> bool:
    counts = await asked(channels, queue)
    return counts is None or counts.messages == 0


def _now() -> float:
    return asyncio.get_running_loop().time()

"""Takes messages off one queue and settles each exactly once: acked after `take` is done, requeued after it failed.

Messages reach `take` in the order of the queue: nothing between the socket and `take` waits or hops to a thread, so up
to `prefetch` are open at once and began in order. What ends is acked in that order too, as many as have ended in one
frame (`Acks`). When the connection goes, what was not acked is delivered again; `take` must bear that.

FastStream declares the queue. Its way of one message costs more than to translate one, so consumption begins below it,
at aio-pika; only in memory, where there are no queues, messages come through a FastStream subscriber.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, cast

import structlog
from aio_pika import IncomingMessage
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from aiormq.exceptions import AMQPError, ChannelAccessRefused, ChannelInvalidStateError
from faststream import AckPolicy
from faststream.rabbit import RabbitExchange, RabbitMessage, RabbitQueue

from bridge.errors import NotKept
from bridge.loops import is_cancelled
from bridge.wfm.frames import UNREADABLE
from bridge.wfm.link import RabbitLink
from bridge.wfm.trouble import GONE

REQUEUE_PAUSE_S: Final = 1.0
"""A requeued message comes straight back; without a pause a failing handler would spin."""
STEP_TIMEOUT_S: Final = 2.0
RESUME_TIMEOUT_S: Final = 10.0

Take = Callable[[IncomingMessage], Awaitable[None]]
"""What is called in the order of the queue. Where it returns a future, no task is made for the message."""
GiveUp = Callable[[IncomingMessage, str, str], Awaitable[None]]
"""Puts a message, taken from the queue that is named, where it is kept for a person, with the reason."""
Source = tuple[RabbitQueue, RabbitExchange | None]

_log = structlog.stdlib.get_logger(__name__)


class Intake:
    """Consumption of one queue. `sources` has one entry, or in memory (which has no queues) one for each binding."""

    def __init__(
        self,
        link: RabbitLink,
        sources: Sequence[Source],
        take: Take,
        *,
        prefetch: int,
        give_up: GiveUp | None = None,
        requeue_pause_s: float = REQUEUE_PAUSE_S,
    ) -> None:
        self._link = link
        self._sources = sources
        self._take = take
        self._prefetch = prefetch
        self._give_up = give_up
        self._requeue_pause_s = requeue_pause_s
        self._acks = self._new_acks()
        self._queue: AbstractQueue | None = None
        self._is_started = False
        self._is_stopping = False

    def _new_acks(self) -> "Acks":
        return Acks(self._requeue_pause_s, self._give_up)

    @property
    def is_started(self) -> bool:
        """Was it told to consume, and not yet to stop?"""
        return self._is_started

    @property
    def is_idle(self) -> bool:
        """Is no call open?"""
        return self._acks.idle.is_set()

    async def start(self) -> None:
        """Begin to consume; raises `NotAllowed` if we have no right to."""
        self._acks, self._is_stopping = self._new_acks(), False
        if self._link.in_memory:
            for source in self._sources:
                await self._subscribe(*source)
        else:
            self._queue = await self._consume()
        self._is_started = True

    async def resume(self) -> None:
        """Consume again where RabbitMQ has stopped giving us messages: a queue that was deleted, or is not restored by
        itself. Raises `TimeoutError` if that takes too long.
        """
        async with asyncio.timeout(RESUME_TIMEOUT_S):
            if self._queue is None:
                await self.start()
            elif not await self._is_consumed(self._queue):
                stopped = self._queue
                self._queue = await self._consume()
                await _briefly(stopped.channel.close())

    async def stop(self, deadline_s: float) -> None:
        """Take no more and let open calls end, for at most `deadline_s`. The rest returns to the queue.

        We stay the queue's consumer until then: the next one would be given what follows on what is not safe yet.
        """
        self._is_started, self._is_stopping = False, True
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._acks.idle.wait()
        self._acks.stop()
        if self._queue is not None and self._link.connected:
            await _briefly(self._queue.channel.close())
        self._queue = None

    async def _consume(self) -> AbstractQueue:
        """Consume on a channel of its own: RabbitMQ gives nothing of a queue that was made again to a channel that
        consumed the one before.
        """
        source, _ = self._sources[0]
        channel = await self._link.channel(self._prefetch)
        try:
            queue = await channel.declare_queue(
                source.name,
                durable=source.durable,
                passive=not source.declare,
                arguments=source.arguments,
                timeout=source.timeout,
                robust=source.robust,
            )
            await queue.consume(self._on_delivery, consumer_tag=source.name)
        except ChannelAccessRefused as refused:
            await _briefly(channel.close())
            raise self._link.not_allowed(refused) from refused
        except BaseException:
            await _briefly(channel.close())
            raise
        return queue

    async def _is_consumed(self, queue: AbstractQueue) -> bool:
        """Ask both sides: where a queue is deleted and made again at once, RabbitMQ may forget to say so."""
        if not await _tags(queue):
            return False
        async with self._link.scratch_channel() as channel:
            declared = await channel.queue_declare(queue.name, passive=True)
            return bool(declared.consumer_count)

    async def _on_delivery(self, message: AbstractIncomingMessage) -> None:
        if self._is_stopping:
            return  # it returns to the queue with the channel
        message = cast("IncomingMessage", message)
        if (unreadable := message.headers.get(UNREADABLE)) is not None:
            _log.warning(
                "what stands beside a message's body cannot be read; it is taken without",
                **about(message),
                unreadable=unreadable,
            )
        self._acks.add(message, self._taken(message))

    def _taken(self, message: IncomingMessage) -> Awaitable[None]:
        try:
            return self._take(message)
        except Exception as failed:  # noqa: BLE001 - whatever it is, it must be settled like the others
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_exception(failed)
            return done

    async def _subscribe(self, queue: RabbitQueue, exchange: RabbitExchange | None) -> None:
        subscriber = self._link.broker.subscriber(
            queue, exchange, ack_policy=AckPolicy.ACK, no_reply=True, decoder=_undecoded
        )

        async def take(message: Any) -> None:
            try:
                await self._take(message.raw_message)
            except Exception:  # noqa: BLE001 - the outermost frame of a message, which has no queue to go back to
                _log.exception("a message could not be handled", queue=queue.name)

        subscriber(take)
        await subscriber.start()


class Open(NamedTuple):
    """A message, and what is done when it is safe."""

    message: IncomingMessage
    done: asyncio.Future[None]
    channel: object


class Acks:
    """Acks messages in the order in which they came, as many as are done with one frame, and requeues what failed.

    One that fails goes back after a pause, or is given up where it cannot be kept; only then those behind it are acked.
    """

    def __init__(self, requeue_pause_s: float, give_up: GiveUp | None) -> None:
        self._requeue_pause_s = requeue_pause_s
        self._give_up = give_up
        self._open: deque[Open] = deque()
        self._settling: asyncio.Task[None] | None = None
        self.idle = asyncio.Event()
        self.idle.set()

    def add(self, message: IncomingMessage, taken: Awaitable[None]) -> None:
        """A message came, and is safe when `taken` is done."""
        self.idle.clear()
        done = asyncio.ensure_future(taken)
        self._open.append(Open(message, done, _channel_of(message)))
        done.add_done_callback(self._on_done)

    def stop(self) -> None:
        """Settle nothing any more."""
        for each in self._open:
            each.done.cancel()
        if self._settling is not None:
            self._settling.cancel()

    def _on_done(self, _: object) -> None:
        if self._settling is None and self._open and self._open[0].done.done():
            self._settling = asyncio.create_task(self._settle(), name="acks")

    async def _settle(self) -> None:
        """Settle what is done, from the front. One at a time does this: RabbitMQ takes no ack behind a later one."""
        while self._open and self._open[0].done.done():
            try:
                await self._settle_front(self._open.popleft())
            except Exception:  # noqa: BLE001 - whatever it is, it must not keep those behind it from being settled
                _log.exception("a message could not be settled; it will come again")
        self._settling = None
        if not self._open:
            self.idle.set()

    async def _settle_front(self, first: Open) -> None:
        if first.done.cancelled():
            return
        if (failed := first.done.exception()) is not None:
            await self._end(first.message, failed)
            return
        last = first
        while self._open and self._goes_with(last, self._open[0]):
            last = self._open.popleft()
        await _settled(last.message.ack(multiple=last is not first))

    def _goes_with(self, one: Open, following: Open) -> bool:
        """Tell whether one frame may ack both: both are done well, and came by the same channel."""
        done = following.done
        well = done.done() and not done.cancelled() and done.exception() is None
        return well and following.channel is one.channel and one.channel is not None

    async def _end(self, message: IncomingMessage, failed: BaseException) -> None:
        try:
            if not isinstance(failed, NotKept) or self._give_up is None:
                raise failed
            await self._give_up(message, message.consumer_tag or "", str(failed))
        except Exception:  # noqa: BLE001 - the outermost frame of a message
            _log.exception("a message could not be handled; it goes back to the queue", **about(message))
            await asyncio.sleep(self._requeue_pause_s)
            await _settled(message.nack(requeue=True))
        else:
            what = "a message could be neither applied nor parked; it is in the dead-letter queue"
            _log.error(what, reason=str(failed), **about(message))
            await _settled(message.ack())


def about(message: IncomingMessage) -> dict[str, str | None]:
    """Say in the log which message it is."""
    return {
        "queue": message.consumer_tag,  # as we have called it
        "message_id": message.message_id,
        "correlation_id": message.correlation_id,
        "routing_key": message.routing_key,
    }


async def _tags(queue: AbstractQueue) -> list[str]:
    """The tags under which RabbitMQ gives us messages now; it takes them away from a queue that is deleted.

    A channel that was closed, and that the library could not open again, gives none, whatever it remembers.
    """
    try:
        channel = await queue.channel.get_underlay_channel()
    except ChannelInvalidStateError:
        return []
    return [] if channel.is_closed else list(cast("Any", channel).consumers)


async def _briefly(step: Awaitable[None]) -> None:
    """A step of stopping, which a lost connection must not hold up."""
    with suppress(TimeoutError, AMQPError, ChannelInvalidStateError):
        async with asyncio.timeout(STEP_TIMEOUT_S):
            await step


def _channel_of(message: IncomingMessage) -> object:
    """The channel that a message came by; None where it is lost already, and whoever asks for it is told off."""
    with suppress(ChannelInvalidStateError):
        return message.channel
    return None


async def _settled(settlement: Awaitable[None]) -> None:
    lost = "the channel was lost before a message was settled; it will come again"
    try:
        await settlement
    except GONE as reason:
        _log.info(lost, reason=str(reason))
    except asyncio.CancelledError:  # the library may cancel what waits for a lost connection
        if is_cancelled():
            raise
        _log.info(lost, reason="given up by the connection")


async def _undecoded(message: RabbitMessage) -> RabbitMessage:
    """FastStream would decode by content type; the pack does that, and the handler wants the whole message."""
    return message

"""The connection on which the bridge publishes, and does nothing else.

An alarm in RabbitMQ (memory, disk) blocks each connection that publishes: from then on nothing on it is read, be it an
ack, and what was written stays in the socket and is carried out after the alarm. Nobody can withdraw it. So nothing
else goes through this connection, and nothing is written to it while RabbitMQ blocks it.

RabbitMQ tells a connection of an alarm only once it publishes. So before a message is written, RabbitMQ must have taken
another one a moment ago: a message, or else a canary, which is for nobody. A message that is written in the same moment
as an alarm begins may still be caught; it goes out when the alarm is over, and once: it is known here by its id, and
published again it is only waited for again, as is every message that RabbitMQ takes its time to confirm.
"""

import asyncio
import struct
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, cast
from uuid import uuid4

import structlog
from aiormq.channel import Channel
from aiormq.exceptions import (
    AMQPError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    PublishError,
)
from pamqp.commands import Basic
from yarl import URL

from bridge.errors import BrokerUnavailable, ConfirmPending, NotRouted, NotSent
from bridge.wfm.connection import CandidConnection
from bridge.wfm.properties import going_on
from bridge.wfm.trouble import GONE, explained

RECONNECT_INTERVAL_S: Final = 1.0
"""RabbitMQ restarts take seconds; trying more often only fills the log."""
STOP_TIMEOUT_S: Final = 2.0
FRESH_S: Final = 0.05
"""So long after it took a message RabbitMQ is trusted to take another one. An alarm that begins within it is noticed by
its own message, or by a canary of the next."""
LOOK_EVERY_S: Final = 1.0
"""How often a canary is sent where nothing else is: readiness is to know of an alarm."""

REMEMBERED: Final = 10_000
"""Messages that were confirmed late, and not asked for again yet, of which that is remembered."""

_CANARY_BODY: Final = b"mef-bridge asks whether RabbitMQ takes messages"
"""It must not be empty: of an empty message RabbitMQ would take the whole before it blocks, and confirm it."""

_log = structlog.stdlib.get_logger(__name__)


Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message as it is published; `id` is AMQP's message id. One that only goes on has what it `came` with."""

    exchange: str
    routing_key: str
    body: bytes
    id: str = field(default_factory=lambda: uuid4().hex)
    correlation_id: str
    reply_to: str | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    came: Basic.Properties | None = None

    @property
    def key(self) -> Key:
        """What tells it from all others: the id may be one that a WFM has given to several."""
        return (self.id, self.exchange, hash(self.body))

    @property
    def properties(self) -> Basic.Properties:
        """They keep it on disk, for as long as it takes."""
        if self.came is not None:
            headers = {**(self.came.headers or {}), **self.headers}
            return going_on(self.came, self.id, keep=self.headers, headers=headers, expiration=None)
        return Basic.Properties(
            content_type=self.content_type,
            headers=dict(self.headers),
            delivery_mode=2,
            correlation_id=self.correlation_id,
            reply_to=self.reply_to,
            message_id=self.id,
        )


@dataclass(slots=True)
class _Sending:
    """A message on its way, until it is confirmed or its channel is gone. `channel` is None until it has one."""

    id: str
    key: Key
    channel: Channel | None = None
    withdrawn: bool = False
    is_late: bool = False
    task: asyncio.Task[None] = field(init=False)

    def withdraw(self) -> None:
        """Take it back, if it has not been written yet."""
        if self.channel is None or self.id not in self.channel.message_id_delivery_tag:
            self.withdrawn = True
            self.task.cancel()


class Publisher:
    """Publishes with confirms, many messages at once. `canaries` is an exchange of ours that leads nowhere.

    `timeout_s` bounds the wait for RabbitMQ's confirm. `on_open` is called whenever RabbitMQ takes messages again.
    """

    def __init__(
        self,
        url: URL,
        canaries: str,
        *,
        timeout_s: float,
        connect_timeout_s: float,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = url
        self._canaries = canaries
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._on_open = on_open
        self._keeper: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._connection: CandidConnection | None = None
        self._trouble = "there is no connection yet"
        self._lost = False
        self._blocked: str | None = None
        self._is_silent = False
        self._channel: Channel | None = None
        self._opened = asyncio.Event()
        self._canary: asyncio.Task[bool] | None = None
        self._proven_at = float("-inf")
        self._sending: dict[Key, _Sending] = {}
        self._late: OrderedDict[Key, _Sending] = OrderedDict()
        self._known: set[str] = set()
        self._trials: dict[str, asyncio.Lock] = {}

    @property
    def problem(self) -> str | None:
        """Why nothing can be published at this moment; None as far as is known."""
        if self._connection is None or not self._connection.is_opened:
            return f"RabbitMQ takes no messages: {self._trouble}"
        if self._blocked is not None:
            return f"RabbitMQ takes no messages: it is {self._blocked}"
        return f"RabbitMQ has not answered for {self._timeout_s:g} s" if self._is_silent else None

    async def start(self) -> None:
        """Connect, and keep connected; returns once the first attempt has ended, however it did."""
        self._keeper = asyncio.create_task(self._keep(), name="publisher")
        await self._tried.wait()

    async def stop(self) -> None:
        """Close the connection. What is not confirmed by then may have gone out."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        for sending in tuple(self._sending.values()):
            sending.task.cancel()

    # the connection

    async def _keep(self) -> None:
        while True:
            try:
                await self._serve()
            except Exception as failed:  # noqa: BLE001 - of every kind: if this loop ended, nothing would be sent any more
                self._trouble = explained(self._url, failed)
            if self._connection is not None:
                _log.warning("the connection to publish on is lost; trying to get it back", reason=self._trouble)
                self._connection, self._lost = None, True
            self._tried.set()
            await asyncio.sleep(RECONNECT_INTERVAL_S)

    async def _serve(self) -> None:
        """Connect, and serve until the connection is lost."""
        connection = CandidConnection(self._url, self._take_note)
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await connection.connect()
            self._blocked, self._is_silent = None, False
            self._known.clear()
            while connection.is_opened:
                async with asyncio.timeout(self._connect_timeout_s):
                    channel = await self._open(connection)
                self._connection, self._channel = connection, channel
                await self._look_after(channel)
        finally:
            self._opened.clear()
            await asyncio.wait([asyncio.create_task(connection.close())], timeout=STOP_TIMEOUT_S)

    async def _open(self, connection: CandidConnection) -> Channel:
        """Open a channel to publish on, after a canary has somewhere to go."""
        async with _channel(connection, publisher_confirms=False) as scratch:
            await scratch.exchange_declare(self._canaries, exchange_type="fanout", durable=True)
        return cast("Channel", await connection.channel(publisher_confirms=True, on_return_raises=True))

    async def _look_after(self, channel: Channel) -> None:
        """Let messages in, and send a canary from time to time, until the channel is closed."""
        if self._lost:
            _log.info("the connection to publish on is back")
            self._lost = False
        closing = channel.closing
        self._opened.set()
        self._on_open()
        while not closing.done():
            with suppress(NotSent):
                await self._prove(channel)
            self._tried.set()
            await asyncio.wait([closing], timeout=LOOK_EVERY_S)
        self._opened.clear()
        closed = None if closing.cancelled() else closing.exception()
        if isinstance(closed, ChannelAccessRefused) and f"'{self._canaries}'" in str(closed):
            raise closed  # or it would be opened again and again
        self._trouble = explained(self._url, closed) if closed is not None else "it was closed"

    def _take_note(self, reason: str | None) -> None:
        """RabbitMQ has blocked the connection, or (None) does so no longer."""
        before, self._blocked = self._blocked, reason
        if reason is None:
            _log.info("RabbitMQ takes messages again")
            self._on_open()
            return
        if before is None:
            _log.warning("RabbitMQ takes no messages; commands of Buyers are refused until it does", reason=reason)
        self._proven_at = float("-inf")
        if self._canary is not None:
            self._canary.cancel()
        for sending in self._sending.values():
            sending.withdraw()

    # does RabbitMQ take messages?

    async def _prove(self, channel: Channel) -> None:
        """Return if RabbitMQ took a message just now, or a canary. Raises `NotSent` if not."""
        if (problem := self.problem) is not None:
            raise NotSent(f"{problem}; nothing was sent")
        if asyncio.get_running_loop().time() - self._proven_at <= FRESH_S:
            return
        if self._canary is None or self._canary.done():
            self._canary = asyncio.create_task(self._send_canary(channel), name="canary")
        canary = self._canary
        await asyncio.wait([canary], timeout=self._timeout_s)
        self._is_silent = not canary.done()
        if not canary.done() or canary.cancelled() or not canary.result():
            raise NotSent(f"{self.problem or 'the channel was closed'}; nothing was sent")

    async def _send_canary(self, channel: Channel) -> bool:
        begun = asyncio.get_running_loop().time()
        try:
            await channel.basic_publish(_CANARY_BODY, exchange=self._canaries)
        except GONE:
            return False
        self._take_as_proof(begun)
        return True

    def _take_as_proof(self, begun: float) -> None:
        """RabbitMQ has taken what was written then, or a little later."""
        self._proven_at, self._is_silent = max(self._proven_at, begun), False

    # publishing

    async def publish(self, message: Outgoing) -> None:
        """Return once RabbitMQ has the message in a queue.

        Raises `NotRouted` (nothing is bound for it, there is no such exchange, we have no right to it, or no AMQP
        message can be made of it), `NotSent`, `ConfirmPending` (published again, it is waited for again), or else
        `BrokerUnavailable`: the connection was lost, or RabbitMQ refused, and the message may have gone out.
        """
        sending = self._sending.get(message.key) or self._late.pop(message.key, None) or await self._begin(message)
        await asyncio.wait([sending.task], timeout=self._timeout_s)
        if not sending.task.done():
            sending.is_late = True
            raise ConfirmPending
        if sending.withdrawn:
            raise NotSent(f"{self.problem or 'RabbitMQ took no messages'}; nothing was sent")
        if sending.task.cancelled():  # as the library does where a connection is closed in good order
            raise BrokerUnavailable("the connection was closed before RabbitMQ confirmed the message")
        sending.task.result()

    async def _begin(self, message: Outgoing) -> _Sending:
        await self._prove(await self._common_channel())
        if (begun := self._sending.get(message.key)) is not None:
            return begun
        sending = self._sending[message.key] = _Sending(message.id, message.key)
        sending.task = asyncio.create_task(self._send(message, sending), name="publish")
        sending.task.add_done_callback(lambda _: self._end(sending))
        return sending

    def _end(self, sending: _Sending) -> None:
        """Forget it; what came of one that is late is kept for who asks for it again, if anybody does."""
        del self._sending[sending.key]
        if not sending.task.cancelled():
            sending.task.exception()  # seen, though nobody may
        if sending.is_late:
            self._late[sending.key] = sending
            while len(self._late) > REMEMBERED:
                self._late.popitem(last=False)

    async def _common_channel(self) -> Channel:
        """Raises `NotSent` where there is none, nor soon."""
        if self.problem is None and (self._channel is None or self._channel.is_closed):
            with suppress(TimeoutError):
                self._opened.clear()
                async with asyncio.timeout(self._timeout_s):
                    await self._opened.wait()
        if self._channel is None or self._channel.is_closed:
            raise NotSent(f"{self.problem or 'there is no channel to publish on'}; nothing was sent")
        return self._channel

    async def _send(self, message: Outgoing, sending: _Sending) -> None:
        begun = asyncio.get_running_loop().time()
        try:
            async with self._channel_for(message.exchange) as channel:
                sending.channel = channel
                await _publish(channel, message)
        except PublishError as returned:
            self._known.add(message.exchange)
            raise NotRouted(f"no queue takes {message.routing_key!r} from exchange {message.exchange!r}") from returned
        except (ChannelNotFoundEntity, ChannelAccessRefused) as refused:
            raise self._refused(message.exchange, refused) from refused
        except RuntimeError as closed:  # the library's, before it writes anything on what is closed
            raise NotSent("the channel was closed; nothing was sent") from closed
        except (NotRouted, NotSent):
            raise
        except Exception as lost:  # the library ends what is on its way by exceptions of every kind
            raise BrokerUnavailable(f"RabbitMQ did not confirm the message: {lost!r}") from lost
        self._known.add(message.exchange)
        self._take_as_proof(begun)

    @asynccontextmanager
    async def _channel_for(self, exchange: str) -> AsyncIterator[Channel]:
        """The common channel; for an exchange that has not taken a message yet, one for this message alone.

        If there is no such exchange, or we have no right to it, RabbitMQ closes the channel under all that is on it.
        """
        if exchange not in self._known:
            async with self._trials.setdefault(exchange, asyncio.Lock()):
                connection = self._connection
                if exchange not in self._known and connection is not None:
                    async with _channel(connection, publisher_confirms=True) as own:
                        yield own
                    return
        yield await self._common_channel()

    def _refused(self, exchange: str, refused: AMQPError) -> NotRouted | BrokerUnavailable:
        """Whose fault it is that RabbitMQ has closed the channel: of an exchange's own messages, or of others."""
        if f"exchange '{exchange or 'amq.default'}'" not in str(refused):
            return BrokerUnavailable(f"RabbitMQ closed the channel: {refused}")
        self._known.discard(exchange)
        if isinstance(refused, ChannelNotFoundEntity):
            return NotRouted(f"the exchange {exchange!r} does not exist")
        return NotRouted(f"RabbitMQ gives no right to write to exchange {exchange!r}: {refused}")


async def _publish(channel: Channel, message: Outgoing) -> None:
    try:
        await channel.basic_publish(
            message.body,
            exchange=message.exchange,
            routing_key=message.routing_key,
            properties=message.properties,
            mandatory=True,
        )
    except (ValueError, TypeError, struct.error) as wrong:
        raise NotRouted(f"no AMQP message can be made of it: {wrong}") from wrong


@asynccontextmanager
async def _channel(connection: CandidConnection, *, publisher_confirms: bool) -> AsyncIterator[Channel]:
    """A channel of its own for one operation that RabbitMQ may refuse."""
    channel = await connection.channel(publisher_confirms=publisher_confirms, on_return_raises=publisher_confirms)
    try:
        yield cast("Channel", channel)
    finally:
        with suppress(*GONE):
            await channel.close()

"""The link to RabbitMQ: one FastStream broker, whether it is connected now, and channels to try things on.

It comes back by itself after a loss and waits for a RabbitMQ that is not there yet. The address `memory://` gives
FastStream's in-memory broker: everything in one process, no confirms, no redelivery; to show the bridge, not to run it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Final

import structlog
from aio_pika.abc import AbstractConnection, AbstractRobustChannel, AbstractRobustConnection
from aio_pika.robust_connection import RobustConnection
from aiormq.abc import AbstractChannel
from aiormq.abc import AbstractConnection as PlainConnection
from aiormq.exceptions import AMQPChannelError, ChannelAccessRefused
from faststream.rabbit import Channel, RabbitBroker
from faststream.rabbit.testing import TestRabbitBroker
from yarl import URL

from bridge.backoff import Backoff
from bridge.errors import NotAllowed, NotSent, PermanentError
from bridge.wfm.connection import connection_url
from bridge.wfm.frames import read_leniently
from bridge.wfm.trouble import explained, trouble

IN_MEMORY_URL: Final = "memory://"

CONNECT_TIMEOUT_S: Final = 5.0
RETRIES: Final = Backoff(first=0.5, longest=15.0)
STOP_TIMEOUT_S: Final = 2.0
RECONNECT_INTERVAL_S: Final = 1.0
"""RabbitMQ restarts take seconds; trying more often only fills the log."""
LOCKED_OUT_INTERVAL_S: Final = 15.0
"""The same while RabbitMQ refuses the user or the password."""
FIND_OUT_EVERY_S: Final = 5.0
"""How soon, and how often, to find out why a lost connection does not come back."""

Channels = Callable[[], AbstractAsyncContextManager[AbstractChannel]]
"""Opens a channel for one operation that RabbitMQ may refuse, since it closes a channel with every refusal."""

_log = structlog.stdlib.get_logger(__name__)


class RabbitLink:
    """The connection to RabbitMQ on which the bridge consumes and declares; in memory, all others share it.

    Commands go out on one of their own (`publisher.py`). `name` is what RabbitMQ's own tools show for the connection.
    `connected` is for a health check.
    """

    def __init__(self, url: str, *, name: str = "mef-bridge", connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        read_leniently()
        self.in_memory: Final = url == IN_MEMORY_URL
        self._plain_url = url
        self._name = name
        self._url = connection_url(url, name)
        self.connect_timeout_s: Final = connect_timeout_s
        self.broker: Final = self._build_broker()
        self._fake = TestRabbitBroker(self.broker, connect_only=False) if self.in_memory else None
        self._connection: AbstractRobustConnection | None = None
        self._started = False
        self._lost = False
        self._trouble: str | None = None
        self._finding_out: asyncio.Task[None] | None = None
        self.hindrance: str | None = None
        """What keeps the bridge from what it needs in RabbitMQ though it is connected, such as a right."""
        self._listeners: list[Callable[[], None]] = []
        self._mourners: list[Callable[[], None]] = []

    def _build_broker(self) -> RabbitBroker:
        return RabbitBroker(
            None if self.in_memory else self._url,
            # Unroutable commands must raise, not come back as a value that a caller may overlook.
            default_channel=Channel(on_return_raises=True),
            timeout=self.connect_timeout_s,
            fail_fast=False,
            reconnect_interval=RECONNECT_INTERVAL_S,
            # Consumers wait for their own handlers, with their own deadline.
            graceful_timeout=None,
            on_close=[self._on_close],
            on_reconnected=[self._on_reconnected],
            logger=None,
            apply_types=False,
        )

    @property
    def connected(self) -> bool:
        """Is there a working connection at this moment?"""
        return self._started and (self._connection is None or self._connection.connected.is_set())

    @property
    def problem(self) -> str | None:
        """Why RabbitMQ cannot be used at this moment, in one line; None if it can."""
        return self.hindrance if self.connected else self._trouble or "there is no connection to RabbitMQ"

    def not_allowed(self, refused: ChannelAccessRefused) -> NotAllowed:
        """Say what RabbitMQ refuses us for lack of a right."""
        return NotAllowed(explained(self._url, refused))

    def url_for(self, duty: str) -> URL:
        """Where to connect for something else, with a name that says for what."""
        return connection_url(self._plain_url, f"{self._name} ({duty})")

    def on_reconnect(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the connection is back after a loss."""
        self._listeners.append(listener)

    def on_lost(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the connection is lost, before anything of it comes back."""
        self._mourners.append(listener)

    async def start(self) -> None:
        """Connect; waits until RabbitMQ answers, however long that takes.

        Raises `PermanentError` if it refuses the user or the password: waiting would not make them right. All else may
        be mended there while we wait: a virtual host made, a right given, a certificate renewed.
        """
        if self._fake is None:
            await self._wait_for_rabbitmq()
            self._connection = await self.broker.connect()
            await self.broker.start()
        else:
            await self._fake.__aenter__()
        self._started = True

    async def _wait_for_rabbitmq(self) -> None:
        """Connect for a moment first: the robust connection would hide why it was refused, and try for ever."""
        for wait in RETRIES.waits():
            before, self._trouble = self._trouble, await trouble(self._url, self.connect_timeout_s)
            if self._trouble is None:
                return
            if self._trouble != before:
                _log.warning("RabbitMQ cannot be used; trying again", problem=self._trouble, again_in_s=wait)
            await asyncio.sleep(wait)

    async def _find_out(self) -> None:
        """While the connection is lost, find out why it does not come back. The library tries for itself."""
        while True:
            await asyncio.sleep(FIND_OUT_EVERY_S)
            if self.connected:
                return
            try:
                found = await trouble(self._url, self.connect_timeout_s)
            except PermanentError as refused:  # the password was changed, perhaps: do not have the user locked out
                found = str(refused)
                self._pause(LOCKED_OUT_INTERVAL_S)
            if found is not None:
                self._tell(found)

    def _tell(self, problem: str) -> None:
        """Keep for readiness why RabbitMQ cannot be used, and log it once."""
        if problem != self._trouble:
            _log.warning("RabbitMQ cannot be used; trying again", problem=problem)
        self._trouble = problem

    def _pause(self, seconds: float) -> None:
        """Let the library wait so long between two attempts to connect."""
        if isinstance(self._connection, RobustConnection):
            self._connection.reconnect_interval = seconds

    async def stop(self) -> None:
        """Close the connection. Stop the consumers first: what they have not settled returns to the queue."""
        self._started = False
        if self._finding_out is not None:
            self._finding_out.cancel()
        if self._fake is not None:
            await self._fake.__aexit__()
        elif self._connection is not None:
            # FastStream would wait for a lost connection to come back before it lets go of it.
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self.broker.stop()
            await self._connection.close()

    async def channel(self, prefetch: int) -> AbstractRobustChannel:
        """A channel to consume on, which comes back by itself; raises `NotSent` while the connection is lost."""
        if self._connection is None or not self.connected:
            raise NotSent
        channel = await self._connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=prefetch)
        return channel

    @asynccontextmanager
    async def scratch_channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel for one operation that RabbitMQ may refuse, since it closes a channel with every refusal.

        Raises `NotSent` while the connection is lost.
        """
        async with self.of_this_connection()() as channel:
            yield channel

    def of_this_connection(self) -> Channels:
        """Give channels of the connection that there is now: once that is lost, they raise `NotSent`, though the link
        may have another one. So what is done on them is done while all that RabbitMQ keeps for the connection is ours.

        Raises `NotSent` while the connection is lost.
        """
        transport = self._connection.transport if self._connection is not None else None
        if transport is None or not self.connected:
            raise NotSent
        return partial(_scratch_channel, transport.connection)

    def _on_close(self, _connection: AbstractConnection | None, reason: BaseException | None) -> None:
        if self._lost and isinstance(reason, AMQPChannelError):  # it was back, but something on it cannot be made again
            self._tell(explained(self._url, reason))
        elif self._started and not self._lost:
            _log.warning("the connection to RabbitMQ is lost; trying to get it back", reason=str(reason))
            self._trouble = explained(self._url, reason) if reason is not None else None
            self._finding_out = asyncio.create_task(self._find_out(), name="RabbitMQ")
        self._lost = True
        for listener in self._mourners:
            listener()

    def _on_reconnected(self, _connection: AbstractRobustConnection | None) -> None:
        _log.info("the connection to RabbitMQ is back")
        self._lost, self._trouble = False, None
        self._pause(RECONNECT_INTERVAL_S)
        for listener in self._listeners:
            listener()


@asynccontextmanager
async def _scratch_channel(connection: PlainConnection) -> AsyncIterator[AbstractChannel]:
    if connection.is_closed:
        raise NotSent
    channel = await connection.channel(publisher_confirms=False)
    try:
        yield channel
    finally:
        if not channel.is_closed:
            await channel.close()

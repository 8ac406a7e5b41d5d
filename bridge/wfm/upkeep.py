"""Sees to what others may take away in RabbitMQ: at the start, after a reconnect, and from time to time.

That is how our queues are bound to the WFM's exchange, and how a reply queue of the WFM is consumed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity
from faststream.rabbit import RabbitQueue

from bridge.backoff import Backoff
from bridge.errors import BridgeError, StoreUnavailable
from bridge.loops import Bell
from bridge.wfm.collectors import Collector
from bridge.wfm.intake import Intake
from bridge.wfm.link import Channels, RabbitLink
from bridge.wfm.topology import Topology, declare_missing
from bridge.wfm.trouble import GONE

RETRIES = Backoff(first=0.25, longest=15.0)
LOOK_EVERY_S = 30.0

_log = structlog.stdlib.get_logger(__name__)


class Upkeep:
    """`problem` puts it right and says what keeps it from that, None if nothing. `what` is told in the log."""

    def __init__(self, what: str, problem: Callable[[], Awaitable[str | None]], **about: object) -> None:
        self._what = what
        self._problem = problem
        self._about = about
        self._right = asyncio.Event()
        self._trouble: str | None = None
        self._bell = Bell()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def right(self) -> bool:
        """Was all right when last looked at?"""
        return self._right.is_set()

    @property
    def problem(self) -> str | None:
        """What kept it from being right when last looked at; None if nothing did."""
        return None if self.right else f"{self._what}: {self._trouble or 'not yet'}"

    async def wait(self) -> None:
        """Return once all is right."""
        await self._right.wait()

    def begin(self, link: RabbitLink) -> None:
        """Keep it right in the background, and look at once after each reconnect."""
        link.on_reconnect(self._bell.ring)
        self._keeper = asyncio.create_task(self.keep(), name=self._what)

    async def end(self) -> None:
        """Keep it no longer."""
        if self._keeper is not None:
            await end(self._keeper)

    async def keep(self) -> None:
        """Keep it right, for ever."""
        while True:
            await self._until_right()
            await self._bell.rest(LOOK_EVERY_S)

    async def _until_right(self) -> None:
        for wait in RETRIES.waits():
            self._trouble = await self._look()
            if self._trouble is None:
                break
            self._right.clear()
            _log.warning(f"{self._what}: not yet; trying again", problem=self._trouble, again_in_s=wait, **self._about)
            await asyncio.sleep(wait)
        if not self.right:
            _log.info(f"{self._what}: done", **self._about)
        self._right.set()

    async def _look(self) -> str | None:
        try:
            return await self._problem()
        except Exception as failed:  # noqa: BLE001 - if this task ended, nobody would see to it any more
            _log.exception(f"{self._what}: crashed", **self._about)
            return repr(failed)


async def end(task: asyncio.Task[None]) -> None:
    """End a task. A connection lost at the same moment makes the AMQP library swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.2)


async def bind(
    channels: Channels, topology: Topology, collector: Collector, exchange: str, keys: Sequence[str]
) -> None:
    """Bind what collects messages to the WFM's exchange, by all keys; in a lab, make that first."""
    async with channels() as channel:
        if topology.declare_exchanges:
            await channel.exchange_declare(exchange, exchange_type="topic", durable=True)
        for key in keys:
            await collector.bind(channel, exchange, key)


class Bindings:
    """Keeps what collects messages bound to the WFM's exchange, which belongs to the WFM and may not be there yet.

    The bindings are asserted again and again, since a queue or an exchange that somebody deleted comes back without
    them, and messages would be lost in silence. But whoever binds what is not in force any more would have messages
    come to two places: `may_bind` is asked before, and what it says holds as long as the connection does.
    """

    def __init__(
        self,
        link: RabbitLink,
        topology: Topology,
        collector: Collector,
        exchange: str,
        bindings: Sequence[str],
        may_bind: Callable[[], Awaitable[bool]],
    ) -> None:
        self._link = link
        self._topology = topology
        self._collector = collector
        self._exchange = topology.exchange_name(exchange)
        self._keys = bindings
        self._may_bind = may_bind
        self.upkeep = Upkeep(
            f"bind {collector.what}", self._problem, queue=collector.name, exchange=self._exchange, keys=self._keys
        )

    async def _problem(self) -> str | None:
        try:
            return await self._bind()
        except StoreUnavailable as away:  # whether we may bind is not known now; what was bound is so still
            return None if self.upkeep.right else str(away)
        except ChannelNotFoundEntity:
            return f"exchange {self._exchange!r} does not exist yet; the WFM makes it"
        except ChannelAccessRefused as refused:
            return str(self._link.not_allowed(refused))
        except (*GONE, BridgeError, TimeoutError) as failed:
            return str(failed) or repr(failed)

    async def _bind(self) -> str | None:
        channels = self._link.of_this_connection()
        if not await self._may_bind():
            return "another partitioning is in force now"
        await self._collector.declare()
        await bind(channels, self._topology, self._collector, self._exchange, self._keys)
        return None


class FixedQueue:
    """Keeps a fixed reply queue consumed. It may be the WFM's: gone with a restart of RabbitMQ, deleted, made anew.

    The connection does not restore it by itself: while such a queue is missing, all the rest would wait for it.
    """

    def __init__(self, link: RabbitLink, topology: Topology, queue: RabbitQueue, intake: Intake) -> None:
        self._link = link
        self._topology = topology
        self._queue = queue
        self._intake = intake
        self.upkeep = Upkeep("consume the fixed reply queue", self._problem, queue=queue.name)

    @staticmethod
    def as_it_is(queue: RabbitQueue) -> RabbitQueue:
        """The queue as it is consumed: whatever its properties are."""
        return RabbitQueue(queue.name, declare=False, robust=False)

    async def declare(self) -> None:
        """Declare the queue where it is missing. Raises `PermanentError` if barred."""
        await declare_missing(self._link, self._topology, self._queue)

    async def _problem(self) -> str | None:
        try:
            await self.declare()
            await self._intake.resume()
        except (*GONE, BridgeError) as failed:
            return str(failed)
        return None

"""Sees to something in RabbitMQ that others may take away: at the start, after a reconnect, and from time to time."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bridge.backoff import Backoff
from bridge.loops import Bell
from bridge.wfm.link import RabbitLink

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
        self._bell = Bell()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def right(self) -> bool:
        """Was all right when last looked at?"""
        return self._right.is_set()

    async def wait(self) -> None:
        """Return once all is right."""
        await self._right.wait()

    def begin(self, link: RabbitLink) -> None:
        """Keep it right in the background, and look at once after each reconnect."""
        link.on_reconnect(self._bell.ring)
        self._keeper = asyncio.create_task(self.keep(), name=self._what)

    async def end(self) -> None:
        """Keep it no longer. A connection lost at the same moment makes the AMQP library swallow a cancellation."""
        while self._keeper is not None and not self._keeper.done():
            self._keeper.cancel()
            await asyncio.wait([self._keeper], timeout=0.2)

    async def keep(self) -> None:
        """Keep it right, for ever."""
        while True:
            await self._until_right()
            await self._bell.rest(LOOK_EVERY_S)

    async def _until_right(self) -> None:
        for wait in RETRIES.waits():
            if (problem := await self._look()) is None:
                break
            self._right.clear()
            _log.warning(f"{self._what}: not yet; trying again", problem=problem, again_in_s=wait, **self._about)
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

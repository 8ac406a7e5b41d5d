"""Whether this process is the one that is given the messages of a queue, or stands by.

A queue with a single active consumer gives to one of those who consume it, so that its messages stay in order, and to
the next one when that goes. RabbitMQ does not tell a consumer which one it is, nor how many there are. But one that
comes when there is another one stands by, until it is given a message, or finds that it is the only one left.
"""

import structlog

from bridge.errors import BridgeError
from bridge.wfm.link import RabbitLink
from bridge.wfm.trouble import GONE

_log = structlog.stdlib.get_logger(__name__)


class Standing:
    """Our standing at a queue."""

    def __init__(self, link: RabbitLink, queue: str) -> None:
        self._link = link
        self._queue = queue
        self.stands_by = False

    async def look(self) -> None:
        """Find out, before we consume it, whether somebody else does."""
        if await self._consumers():
            self.stands_by = True
            _log.info("another process is given these messages; this one stands by", queue=self._queue)

    async def look_again(self) -> None:
        """Find out, while we consume it, whether we are the only one left: no message may come for hours."""
        if not self.stands_by:
            return
        try:
            consumers = await self._consumers()
        except (*GONE, BridgeError, TimeoutError) as failed:  # at the next look, perhaps
            _log.debug("whether another process is given these messages is not known", reason=str(failed))
            return
        if consumers == 1:
            self.given()

    async def _consumers(self) -> int:
        async with self._link.scratch_channel() as channel:
            return (await channel.queue_declare(self._queue, passive=True)).consumer_count or 0

    def given(self) -> None:
        """Note that a message has come, or would."""
        if self.stands_by:
            self.stands_by = False
            _log.info("this process is given these messages now", queue=self._queue)

"""Whether this process is the one that is given the messages of a queue, or stands by.

A queue with a single active consumer gives to one of those who consume it, so that its messages stay in order, and to
the next one when that goes. RabbitMQ does not tell a consumer which one it is, nor how many there are. But one that
comes when there is another one stands by, until it is given a message.
"""

import structlog

from bridge.wfm.link import RabbitLink

_log = structlog.stdlib.get_logger(__name__)


class Standing:
    """Our standing at a queue."""

    def __init__(self, link: RabbitLink, queue: str) -> None:
        self._link = link
        self._queue = queue
        self.stands_by = False

    async def look(self) -> None:
        """Find out, before we consume it, whether somebody else does."""
        async with self._link.scratch_channel() as channel:
            others = (await channel.queue_declare(self._queue, passive=True)).consumer_count
        if others:
            self.stands_by = True
            _log.info("another process is given these messages; this one stands by", queue=self._queue)

    def given(self) -> None:
        """Note that a message has come."""
        if self.stands_by:
            self.stands_by = False
            _log.info("this process is given these messages now", queue=self._queue)

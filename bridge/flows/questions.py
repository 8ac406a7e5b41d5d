"""Questions to the WFM that change nothing (searches): answered or forgotten, and never stored.

Where the WFM answers to a fixed queue, several processes share it, and an answer may come to one that did not ask. So
the correlation id of the question names the one that did, and the answer is passed on to that process's reply queue.
"""

import asyncio

import structlog

from bridge.domain.model import CommandId
from bridge.errors import BrokerUnavailable, NotRouted
from bridge.flows.errors import WfmTimeout, WfmUnavailable
from bridge.flows.ports import BusMessage, CommandBus
from bridge.flows.waiters import Waiters
from bridge.mapping.pack import Pack

_ASKED_BY = "@"

log = structlog.get_logger(__name__)


class Questions:
    """The questions of this process, which its replicas know as `instance`."""

    def __init__(self, bus: CommandBus, instance: str) -> None:
        self._bus = bus
        self._instance = instance
        self._waiters: Waiters[bytes] = Waiters()

    def correlation_id(self, pack: Pack, command: CommandId) -> str:
        """Say what the answer to a question is to be known by."""
        shared = pack.replies is not None and pack.replies.queue is not None
        return f"{command}{_ASKED_BY}{self._instance}" if shared else command

    async def ask(self, message: BusMessage, timeout_seconds: float) -> bytes:
        """Publish a question and return the raw reply; raises `WfmTimeout` or `WfmUnavailable`."""
        with self._waiters.expect(message.correlation_id) as answered:
            try:
                await self._bus.publish(message)
            except (NotRouted, BrokerUnavailable) as error:
                raise WfmUnavailable from error
            try:
                async with asyncio.timeout(timeout_seconds):
                    return await answered
            except TimeoutError as error:
                raise WfmTimeout from error

    async def answer(self, correlation_id: str, body: bytes) -> bool:
        """Give an answer to whoever asked, here or in another process; tell whether it is one to a question.

        Nothing depends on it: if it cannot be passed on, the search ends by its time-out, and the Buyer may ask again.
        """
        if self._waiters.resolve(correlation_id, body):
            return True
        _, marked, instance = correlation_id.rpartition(_ASKED_BY)
        if not marked or instance == self._instance:
            return False
        try:
            await self._bus.pass_on(body, correlation_id, instance)
        except (NotRouted, BrokerUnavailable) as error:
            log.warning("reply.not_passed_on", correlation_id=correlation_id, instance=instance, problem=str(error))
        return True

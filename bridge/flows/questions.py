"""Questions to the WFM that change nothing (searches): answered or forgotten, and never stored."""

import asyncio

from bridge.errors import BrokerUnavailable, NotRouted
from bridge.flows.errors import WfmTimeout, WfmUnavailable
from bridge.flows.ports import BusMessage, CommandBus
from bridge.flows.waiters import Waiters


class Questions:
    """The questions of this process."""

    def __init__(self, bus: CommandBus) -> None:
        self._bus = bus
        self._waiters: Waiters[bytes] = Waiters()

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

    def answer(self, correlation_id: str, body: bytes) -> bool:
        """Give the reply to whoever waits for it; tell whether somebody does."""
        return self._waiters.resolve(correlation_id, body)

"""Who in this process awaits which reply. Waiting is only for the impatient: what counts is in the store."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import structlog

from bridge.errors import BrokerUnavailable, NotRouted, NotSent
from bridge.flows.ports import BusMessage, CommandBus
from bridge.flows.refusals import WfmTimeout, WfmUnavailable

log = structlog.get_logger(__name__)

Reply = TypeVar("Reply")


class PendingReplies(Generic[Reply]):
    """Futures by what a reply is known by."""

    def __init__(self) -> None:
        self._futures: dict[str, asyncio.Future[Reply]] = {}

    @contextmanager
    def expect(self, known_by: str) -> Iterator[asyncio.Future[Reply]]:
        """Register interest before the question is sent, and drop it afterwards."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._futures[known_by] = future
        try:
            yield future
        finally:
            del self._futures[known_by]

    def awaits(self, known_by: str) -> bool:
        """Tell whether somebody awaits this reply and has none yet."""
        future = self._futures.get(known_by)
        return future is not None and not future.done()

    def resolve(self, known_by: str, reply: Reply) -> bool:
        """Give the reply to whoever awaits it; tell whether somebody did."""
        future = self._futures.get(known_by)
        if future is None or future.done():
            return False
        future.set_result(reply)
        return True


async def ask(bus: CommandBus, pending: PendingReplies[bytes], message: BusMessage, timeout_s: float) -> bytes:
    """Ask the WFM what changes nothing, such as a search: it is answered or forgotten, and never stored.

    Returns the raw reply; raises `WfmTimeout` or `WfmUnavailable`.
    """
    with pending.expect(message.correlation_id) as reply:
        try:
            async with asyncio.timeout(timeout_s):
                await publish(bus, message)
                return await reply
        except TimeoutError as error:
            raise WfmTimeout from error


async def publish(bus: CommandBus, message: BusMessage) -> None:
    """Publish what is to be replied to; raises `WfmUnavailable` if it did not go out.

    Where it may have gone out, its reply will say so, or none will come.
    """
    try:
        await bus.publish(message)
    except (NotRouted, NotSent) as error:
        raise WfmUnavailable from error
    except BrokerUnavailable as error:
        log.warning("command.unconfirmed", correlation_id=message.correlation_id, problem=str(error))

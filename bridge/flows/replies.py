"""The WFM's replies, and what each is known by: the id of the command, with what else must be known when it comes.

Processes may share a fixed reply queue, and a reply then come to another one than the one that waits for it: so there
the name of that one stands behind the id. And the reply to a cancellation that takes a late booking back is known by
the booking. Who in this process awaits which reply stands here, too: waiting is only for the impatient, what counts is
in the store.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Generic, NamedTuple, TypeVar

import structlog

from bridge.domain.model import CommandId
from bridge.errors import BrokerUnavailable, NotRouted, NotSent
from bridge.flows.ports.command_bus import BusMessage, CommandBus
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.flows.refusals import WfmTimeout, WfmUnavailable
from bridge.mapping.pack import Pack, Unreadable

log = structlog.get_logger(__name__)

Reply = TypeVar("Reply")

ASKED_BY: Final = "@"
COMPENSATION: Final = ":compensation"
"""Ends what the reply to a cancellation that takes a booking back is known by; before it stands the booking."""
NO_COMMAND: Final = CommandId("")


class KnownBy(NamedTuple):
    """What a reply is known by, in its parts.

    `command` is the one it is to, or the booking that is taken back. `asker` is the process that waits, where it is
    named.
    """

    command: CommandId
    is_compensation: bool
    asker: str | None


def known_by(correlation_id: str) -> KnownBy:
    """Take apart what a reply is known by."""
    command, _, asker = correlation_id.partition(ASKED_BY)
    booking = command.removesuffix(COMPENSATION)
    return KnownBy(CommandId(booking), booking != command, asker or None)


def correlation_of(pack: Pack, command: CommandId, instance: str) -> str:
    """Give what the reply to a command of this process is to be known by."""
    return f"{command}{ASKED_BY}{instance}" if _shares_queue(pack) else command


@dataclass(frozen=True, slots=True)
class WfmReply:
    """A message from a reply queue. Its `pack` is given where the queue is one pack's own.

    `problem` says why nobody knows which command it is to. `asker` is the process that waits for it, where another one
    than this shares the queue with it.
    """

    raw: WfmMessage
    problem: Unreadable | None = None
    command: CommandId = NO_COMMAND
    is_compensation: bool = False
    was_passed_on: bool = False
    asker: str | None = None

    @property
    def correlation_id(self) -> str:
        """What it is known by."""
        return self.raw.correlation_id


def correlated(raw: WfmMessage, packs: Mapping[str, Pack], instance: str) -> WfmReply:
    """Find out which command a reply is to: some packs say where in the body that stands. `instance` is this process.

    It was passed on where another process of ours has taken it off a fixed queue, and done all but telling us.
    """
    pack = packs.get(raw.pack)
    found = pack.correlation_of(raw.body, raw.correlation_id, raw.headers) if pack is not None else raw.correlation_id
    if isinstance(found, Unreadable):
        return WfmReply(raw, problem=found)
    if not found:
        return WfmReply(raw, problem=Unreadable("it has no correlation_id", {}))
    known = known_by(found)
    return WfmReply(
        replace(raw, correlation_id=found),
        command=known.command,
        is_compensation=known.is_compensation,
        was_passed_on=not raw.pack and known.asker is not None,
        asker=known.asker if pack is not None and _shares_queue(pack) and known.asker != instance else None,
    )


def _shares_queue(pack: Pack) -> bool:
    """Tell whether all processes take the pack's replies off one and the same queue."""
    return pack.replies is not None and pack.replies.queue is not None


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

    def resolve(self, known_by: str, reply: Reply) -> None:
        """Give the reply to whoever awaits it, if somebody does."""
        if self.awaits(known_by):
            self._futures[known_by].set_result(reply)


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

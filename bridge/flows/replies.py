"""The WFM's replies, and what each is known by: the id of the command, with what else must be known when it comes.

Processes may share a fixed reply queue, and a reply then come to another one than the one that waits for it: so there
the name of that one stands behind the id. And the reply to a cancellation that takes a late booking back is known by
the booking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from bridge.domain.model import CommandId
from bridge.flows.ports import WfmMessage
from bridge.mapping.formats.bodies import Body
from bridge.mapping.pack import Pack, Unreadable

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
    shares_queue = pack.replies is not None and pack.replies.queue is not None
    return f"{command}{ASKED_BY}{instance}" if shares_queue else command


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


def plain_body(raw: WfmMessage) -> bytes:
    """Give the body for whoever has no headers, which may say how it is written."""
    return Body(raw.body, raw.headers).in_utf8()


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
    shares_queue = pack is not None and pack.replies is not None and pack.replies.queue is not None
    return WfmReply(
        replace(raw, correlation_id=found),
        command=known.command,
        is_compensation=known.is_compensation,
        was_passed_on=not raw.pack and known.asker is not None,
        asker=known.asker if shares_queue and known.asker != instance else None,
    )

"""The WFM's replies, and what each is known by: the id of the command, with what else must be known when it comes.

Processes may share a fixed reply queue, and a reply then come to another one than the one that waits for it: so there
the name of that one stands behind the id. And the reply to a cancellation that takes a late booking back is known by
the booking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bridge.domain.model import CommandId
from bridge.flows.ports import WfmMessage
from bridge.mapping.pack import Pack, Unreadable

_ASKED_BY = "@"
_COMPENSATION = ":compensation"


@dataclass(frozen=True, slots=True)
class WfmReply:
    """A message from a reply queue: `correlation_id` says which command it replies to.

    `raw.pack` is given where the queue is one pack's own. `problem` says why nobody knows which command it is to.
    """

    correlation_id: str
    raw: WfmMessage
    problem: Unreadable | None = None

    @property
    def command(self) -> CommandId:
        """The command that it is a reply to, or the booking that is taken back."""
        return command_of(self.correlation_id)

    @property
    def was_passed_on(self) -> bool:
        """Did another process of ours take it off a fixed queue, and do all that is to be done but telling us?"""
        return not self.raw.pack and asked_by(self.correlation_id) is not None


def correlated(reply: WfmReply, packs: Mapping[str, Pack]) -> WfmReply:
    """Find out which command a reply is to: some packs say where in the body that stands."""
    pack = packs.get(reply.raw.pack)
    found = pack.correlation_of(reply.raw.body, reply.correlation_id) if pack is not None else reply.correlation_id
    if isinstance(found, Unreadable):
        return replace(reply, problem=found)
    if not found:
        return replace(reply, problem=Unreadable("it has no correlation_id", {}))
    return replace(reply, correlation_id=found, raw=replace(reply.raw, correlation_id=found))


def shares_queue(pack: Pack) -> bool:
    """Tell whether the replies of a pack come to a fixed queue, from which any of our processes may take them."""
    return pack.replies is not None and pack.replies.queue is not None


def correlation_of(pack: Pack, command: CommandId, instance: str) -> str:
    """Give what the reply to a command of this process is to be known by."""
    return f"{command}{_ASKED_BY}{instance}" if shares_queue(pack) else command


def correlation_of_compensation(booking: CommandId) -> str:
    """Give what the reply to a cancellation that takes a booking back is to be known by."""
    return booking + _COMPENSATION


def is_compensation(correlation_id: str) -> bool:
    """Tell whether this is the reply to a cancellation that takes a booking back."""
    return correlation_id.partition(_ASKED_BY)[0].endswith(_COMPENSATION)


def command_of(correlation_id: str) -> CommandId:
    """Give the command that is replied to, or the booking that is taken back."""
    return CommandId(correlation_id.partition(_ASKED_BY)[0].removesuffix(_COMPENSATION))


def asked_by(correlation_id: str) -> str | None:
    """Give the process that waits for the reply, where the id names it."""
    return correlation_id.partition(_ASKED_BY)[2] or None


def other_asker(reply: WfmReply, packs: Mapping[str, Pack], instance: str) -> str | None:
    """Give the process that asked, where it is another one than `instance`: such replies come to shared queues only."""
    pack = packs.get(reply.raw.pack)
    asker = asked_by(reply.correlation_id) if pack is not None and shares_queue(pack) else None
    return asker if asker != instance else None

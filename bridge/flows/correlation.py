"""What the WFM's replies are known by: the id of the command, with what else must be known when the reply comes.

Processes may share a fixed reply queue, and a reply then come to another one than the one that waits for it: so there
the name of that one stands behind the id. And the reply to a cancellation that takes a late booking back is known by
the booking.
"""

from bridge.domain.model import CommandId
from bridge.mapping.pack import Pack

_ASKED_BY = "@"
_COMPENSATION = ":compensation"


def correlation_of(pack: Pack, command: CommandId, instance: str) -> str:
    """Give what the reply to a command of this process is to be known by."""
    shared = pack.replies is not None and pack.replies.queue is not None
    return f"{command}{_ASKED_BY}{instance}" if shared else command


def correlation_of_compensation(booking: CommandId) -> str:
    """Give what the reply to a cancellation that takes a booking back is to be known by."""
    return booking + _COMPENSATION


def is_compensation(correlation_id: str) -> bool:
    """Tell whether this is the reply to a cancellation that takes a booking back."""
    return correlation_id.partition(_ASKED_BY)[0].endswith(_COMPENSATION)


def command_of(correlation_id: str) -> CommandId:
    """Give the command that is answered, or the booking that is taken back."""
    return CommandId(correlation_id.partition(_ASKED_BY)[0].removesuffix(_COMPENSATION))


def asked_by(correlation_id: str) -> str | None:
    """Give the process that waits for the reply, where the id names it."""
    return correlation_id.partition(_ASKED_BY)[2] or None

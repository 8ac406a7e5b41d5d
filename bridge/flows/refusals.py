"""What a use case may answer besides its result. The Buyer's side turns each into one HTTP status."""

from bridge.domain.model import CommandKind, Problem
from bridge.errors import BridgeError


class NotFound(BridgeError):
    """There is no such object, or it is another Buyer's."""


class Rejected(BridgeError):
    """The request breaks rules of the standard, or the WFM refused it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.reason for problem in problems) or None)
        self.problems = problems


class InvalidSubscription(BridgeError):
    """The listener cannot be registered as asked."""


class NotReplayable(BridgeError):
    """This journal entry cannot be applied anew."""


class WfmTimeout(BridgeError):
    """The workforce-management system did not answer in time; nothing was done."""


class WfmUndecided(WfmTimeout):
    """The workforce-management system did not answer in time; the outcome is not known yet: read it again."""


def timed_out(kind: CommandKind) -> WfmTimeout:
    """Say what silence means: a booking is taken back, a late reschedule or cancellation is adopted."""
    return WfmUndecided() if kind in (CommandKind.RESCHEDULE, CommandKind.CANCEL) else WfmTimeout()


class WfmUnavailable(BridgeError):
    """The workforce-management system cannot be reached now; nothing was done."""


class KeyReused(BridgeError):
    """This Idempotency-Key was used for another request already; send this request with a key of its own."""


class StillUnderWay(BridgeError):
    """The first request with this Idempotency-Key is still under way; ask again with the same key."""

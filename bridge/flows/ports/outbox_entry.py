"""A stored message for the WFM, and how far it is on its way."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bridge.flows.ports.command_bus import BusMessage


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A stored message for the WFM on its way out; entries of one job leave in order of `number`."""

    number: int
    message: BusMessage
    attempts: int


class OutboxState(StrEnum):
    """How far a message for the WFM is on its way."""

    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxReport:
    """How far a message for the WFM is, for the operator.

    `error` is that of the newest attempt, made at `attempted_at`. `next_attempt_at` is None also for one that is behind
    another of its job: `behind` is the number of that.
    """

    number: int
    message: BusMessage
    state: OutboxState
    attempts: int
    next_attempt_at: datetime | None
    attempted_at: datetime | None
    error: str | None
    behind: int | None
    is_under_way: bool

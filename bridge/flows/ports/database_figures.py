"""How much of what is in the database, for whoever watches the bridge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import SubscriptionId


class Backed(NamedTuple):
    """How much is pending for a listener, and the time of the oldest event among it."""

    buyer: BuyerId
    listener: SubscriptionId
    pending: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How much of what is in the database at one moment, for whoever watches the bridge.

    `parked` counts by pack and reason, `waiting` by pack, `discarded` notifications by Buyer. `outbox` counts the
    messages for the WFM that are to be sent, `first_outbox` is the number of the oldest of them. `to_take_back` counts
    bookings that the WFM is still asked to take back.
    """

    parked: Mapping[tuple[str, str], int]
    waiting: Mapping[str, int]
    backed: Sequence[Backed]
    discarded: Mapping[BuyerId, int]
    disabled_listeners: int
    outbox: int
    first_outbox: int | None
    pending_commands: int
    to_take_back: int

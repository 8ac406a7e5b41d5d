"""How the bridge was in the last minutes, for the charts: counted as it happens, sampled every few seconds.

Of this process alone; what is in the database is the same for all.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.admin.metrics import Observed
from bridge.domain.model import Command, CommandState
from bridge.flows.ports.journal_entry import JournalEntry

EVERY_S: Final = 5.0
KEPT: Final = 120  # samples: ten minutes


@dataclass(frozen=True, slots=True)
class Sample:
    """How it was at one moment.

    `messages` and `deliveries` are those of each second since the sample before; `round_trip` is the mean of the WFM's
    replies since then, in seconds, None where there were none. `lag` is None while RabbitMQ does not say.
    """

    at: datetime
    messages: float
    deliveries: float
    round_trip: float | None
    lag: int | None
    parked: int
    undelivered: float


class Pulse:
    """A Watcher of bridge.flows.ports that takes samples."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._messages = 0
        self._delivered = 0
        self._trips: list[float] = []
        self.now: Observed | None = None

    @property
    def samples(self) -> Sequence[Sample]:
        """What was seen, oldest first."""
        return tuple(self._samples)

    def recorded(self, entry: JournalEntry) -> None:
        """Count a message."""
        del entry
        self._messages += 1

    def settled(self, command: Command, at: datetime) -> None:
        """Note how long the WFM took."""
        if command.state in (CommandState.ACCEPTED, CommandState.REFUSED):
            self._trips.append((at - command.created_at).total_seconds())

    def attempted(self, buyer: str, result: str) -> None:
        """Count a delivery."""
        del buyer
        self._delivered += result == "delivered"

    async def look(self, observe: Callable[[], Awaitable[Observed]]) -> None:
        """Take a sample; do so every `EVERY_S`."""
        seen = await observe()
        self.now = seen
        last = self._samples[-1].at if self._samples else None
        elapsed = EVERY_S if last is None else max((seen.now - last).total_seconds(), 0.001)
        messages, delivered, trips = self._messages, self._delivered, self._trips
        self._messages, self._delivered, self._trips = 0, 0, []
        self._samples.append(
            Sample(
                at=seen.now,
                messages=messages / elapsed,
                deliveries=delivered / elapsed,
                round_trip=sum(trips) / len(trips) if trips else None,
                lag=_lag(seen),
                parked=sum(seen.figures.parked.values()) if seen.figures is not None else 0,
                undelivered=_undelivered(seen),
            )
        )


def _lag(seen: Observed) -> int | None:
    depths = [depth for depth in seen.depths.values() if depth is not None]
    return sum(depths) if depths else None


def _undelivered(seen: Observed) -> float:
    backed = seen.figures.backed if seen.figures is not None else ()
    return max(((seen.now - each.since).total_seconds() for each in backed), default=0.0)

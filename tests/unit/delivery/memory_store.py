"""The three methods of the store that the worker needs, in memory, with the rules of order, lease and fairness."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bridge.delivery.worker import Choose
from bridge.errors import StoreUnavailable
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.ports.webhook_delivery import Attempt, Busy, Delivery, DeliverySettlement, DeliveryState

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Row:
    """A delivery as stored."""

    delivery: Delivery
    state: DeliveryState = DeliveryState.PENDING
    due: datetime = LONG_AGO
    lease_until: datetime = LONG_AGO
    begun: int = 0
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def ordering_key(self) -> tuple[str, str]:
        return self.delivery.subscription.id, self.delivery.resource_id


class MemoryStore:
    """`failures` makes the next so many calls of a method fail as if the database was away."""

    def __init__(self, *deliveries: Delivery) -> None:
        self.rows: dict[int, Row] = {}
        self.failures: Counter[str] = Counter()
        self.leases: list[timedelta] = []
        self.looks = 0
        self.claims = 0
        self.settlements: list[DeliverySettlement] = []
        self.disabled: dict[SubscriptionId, str] = {}
        self.on_due: Callable[[], None] = lambda: None
        self.given_back: list[int] = []
        self.add(*deliveries)

    def add(self, *deliveries: Delivery) -> None:
        self.rows |= {each.number: Row(each) for each in deliveries}

    def states(self) -> list[str]:
        return [row.state.value for row in self.rows.values()]

    def _call(self, method: str) -> None:
        if self.failures[method] > 0:
            self.failures[method] -= 1
            raise StoreUnavailable

    def _heads(self) -> list[Row]:
        heads: dict[tuple[str, str], Row] = {}
        for _, row in sorted(self.rows.items()):
            if row.state is DeliveryState.PENDING:
                heads.setdefault(row.ordering_key, row)
        return list(heads.values())

    def _is_sent(self, row: Row, busy: Busy) -> bool:
        to = row.delivery.subscription
        return to.id not in self.disabled and to.id not in busy.listeners and to.buyer not in busy.buyers

    async def claim(
        self, now: datetime, lease_until: datetime, limit: int, busy: Busy, choose: Choose
    ) -> Sequence[Delivery]:
        self._call("claim")
        self.claims += 1
        flying = Counter(row.delivery.subscription.id for row in self.rows.values() if row.lease_until > now)
        turns = []
        for row in self._heads():
            if row.due <= now and row.lease_until <= now and self._is_sent(row, busy):
                flying[row.delivery.subscription.id] += 1
                turns.append((flying[row.delivery.subscription.id], row))
        due = [row for _, row in sorted(turns, key=lambda turn: turn[0])[:limit]]
        chosen = choose([replace(row.delivery, attempts=row.begun, claimed_at=now) for row in due])
        for each in chosen:
            row = self.rows[each.number]
            row.lease_until, row.begun = lease_until, row.begun + 1
            self.leases.append(lease_until - now)
        return chosen

    async def settle(self, settlement: DeliverySettlement) -> str | None:
        self._call("settle")
        assert (settlement.next_attempt_at is not None) == (settlement.state is DeliveryState.PENDING)
        self.settlements.append(settlement)
        row = self.rows[settlement.number]
        row.attempts.append(settlement.attempt)
        row.state, row.due, row.lease_until = settlement.state, settlement.next_attempt_at or row.due, LONG_AGO
        if settlement.disable is not None:
            self.disabled[settlement.listener] = settlement.disable
        if any(other.ordering_key == row.ordering_key for other in self._heads()):
            self.on_due()
        return settlement.disable

    async def give_back(self, numbers: Sequence[int], now: datetime) -> None:
        self._call("give_back")
        self.given_back += numbers
        for number in numbers:
            row = self.rows[number]
            row.due, row.lease_until, row.begun = now, LONG_AGO, row.begun - 1

    async def next_at(self, busy: Busy) -> datetime | None:
        self._call("next")
        self.looks += 1
        return min((max(row.due, row.lease_until) for row in self._heads() if self._is_sent(row, busy)), default=None)

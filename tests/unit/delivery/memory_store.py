"""The three methods of the store that the worker needs, in memory, with the rules of order, lease and fairness."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bridge.errors import StoreUnavailable
from bridge.flows.ports import Attempt, Delivery, DeliveryState

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Row:
    """A delivery as stored."""

    delivery: Delivery
    state: DeliveryState = DeliveryState.PENDING
    due: datetime = LONG_AGO
    lease_until: datetime = LONG_AGO
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

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[Delivery]:
        self._call("claim")
        flying = Counter(row.delivery.subscription.id for row in self.rows.values() if row.lease_until > now)
        turns = []
        for row in self._heads():
            if row.due <= now and row.lease_until <= now:
                flying[row.delivery.subscription.id] += 1
                turns.append((flying[row.delivery.subscription.id], row))
        claimed = [row for _, row in sorted(turns, key=lambda turn: turn[0])[:limit]]
        for row in claimed:
            row.lease_until = lease_until
            self.leases.append(lease_until - now)
        return [replace(row.delivery, attempts=len(row.attempts)) for row in claimed]

    async def settle(
        self, number: int, attempt: Attempt, state: DeliveryState, next_attempt_at: datetime | None
    ) -> None:
        self._call("settle")
        assert (next_attempt_at is not None) == (state is DeliveryState.PENDING)
        row = self.rows[number]
        row.attempts.append(attempt)
        row.state, row.due, row.lease_until = state, next_attempt_at or row.due, LONG_AGO

    async def next_at(self) -> datetime | None:
        self._call("next")
        self.looks += 1
        return min((max(row.due, row.lease_until) for row in self._heads()), default=None)

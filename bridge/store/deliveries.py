"""Notifications on their way to listeners: claimed fairly, recorded when they begin, and settled as many as are done.

Order is kept among those of one resource to one listener. What a claim takes is begun at once: so the claim counts the
attempt and its moment, and one whose process dies is on record, too.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BindParameter,
    FromClause,
    Integer,
    Select,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
    update,
)

from bridge.batcher import Batcher
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Attempt, Busy, Delivery, DeliverySettlement
from bridge.mef.enums import EventType
from bridge.store import listeners, ordering
from bridge.store.columns import Row
from bridge.store.listeners import subscription
from bridge.store.notifications import HandOver, NobodyTakes, Taker
from bridge.store.session import KEYS, Bulk, Database, Session
from bridge.store.tables import attempts, deliveries, notifications, subscriptions

LOST: Final = "the outcome was not recorded in time: the bridge stopped, or the database was away"
"""What became of an attempt whose lease ended, mostly because its process died."""

NOBODY: Final = Busy()

_NOW = bindparam("now", type_=deliveries.c.next_attempt_at.type)
_LIMIT = bindparam("limit", type_=Integer)
_MOST_EACH = bindparam("most_each", type_=Integer)
_BUSY_LISTENERS: BindParameter[Any] = bindparam("busy_listeners", expanding=True)
_BUSY_BUYERS: BindParameter[Any] = bindparam("busy_buyers", expanding=True)

_AS_SENT = (
    deliveries.c.number,
    deliveries.c.event_id,
    deliveries.c.subscription_id,
    deliveries.c.ordering_key,
    deliveries.c.attempts,
    deliveries.c.begun_at,
    deliveries.c.lease_until,
    deliveries.c.claimed_by,
    notifications.c.event_type,
    notifications.c.event_time,
    notifications.c.resource_id,
    notifications.c.correlation_id,
)

_RECORD = Bulk(attempts, without=("number",))
_LISTENERS = select(subscriptions).where(subscriptions.c.id.in_(KEYS))
# What is suspended meanwhile stays so, and what is claimed by somebody else stays his.
_GIVE_BACK = (
    update(deliveries)
    .where(
        deliveries.c.number.in_(KEYS),
        ordering.is_pending(deliveries),
        deliveries.c.next_attempt_at.is_not(None),
        deliveries.c.lease_until.is_not(None),
        deliveries.c.claimed_by.is_not_distinct_from(ordering.ME),
    )
    .values(
        attempts=deliveries.c.attempts - 1,
        next_attempt_at=bindparam("at", type_=deliveries.c.next_attempt_at.type),
        lease_until=None,
        claimed_by=None,
    )
)

MOST_LISTENERS: Final = 1_000
"""Listeners that are remembered as they were registered, which never changes."""


class Deliveries:
    """The deliveries as their sender sees them. `on_due` is called after a commit that made something due.

    What a commit makes due is handed to the `taker`, where that has room for it; `claimer` is by whom it is claimed.
    """

    def __init__(self, database: Database, clock: Clock, claimer: str | None = None) -> None:
        self._database = database
        self._clock = clock
        self.claimer = claimer
        self._settling = Batcher(self._settle)
        self._listeners: dict[str, Subscription] = {}
        self.on_due: Callable[[], None] = ordering.nobody
        self.taker: Taker = NobodyTakes()

    async def finish(self) -> None:
        """Return once all that is being settled is safe."""
        await self._settling.finish()

    async def claim(
        self,
        now: datetime,
        lease_until: datetime,
        limit: int,
        busy: Busy = NOBODY,
        choose: Callable[[Sequence[Delivery]], Sequence[Delivery]] = tuple,
    ) -> Sequence[Delivery]:
        """Lease due deliveries, in the order to send them: the first of each listener and resource.

        At most `limit` are offered to `choose`, which gives back those to take; nothing of who is `busy` or disabled.
        An attempt at each is on record from here on. What we had claimed before and is not taken now, we may have in
        hand still: it stays ours.
        """
        most_each = min(limit, busy.most_each)
        asked = {"now": now, "limit": limit, "most_each": most_each, "me": self.claimer, **_asked(busy)}
        async with self._database.write() as session:
            due = await session.rows(_due(lateral=session.is_postgres), asked)
            known = await self._known(session, {row["subscription_id"] for row in due})
            offered = [(row, known.get(row["subscription_id"])) for row in due]
            chosen = choose([_delivery(row, to, now) for row, to in offered if to is not None])
            numbers = [each.number for each in chosen]
            await _begin(session, {row["number"]: row for row in due}, numbers, now, lease_until, self.claimer)
            ours = {row["number"] for row in due if row["claimed_by"] and row["claimed_by"] == self.claimer}
            in_hand = sorted(ours.difference(numbers))
            await ordering.lease(session, deliveries, in_hand, lease_until, self.claimer)
            return chosen

    async def _known(self, session: Session, wanted: Collection[str]) -> Mapping[str, Subscription]:
        """Give the registrations of listeners; one that was removed this very moment is left out."""
        unknown = [each for each in wanted if each not in self._listeners]
        if unknown:
            if len(self._listeners) + len(unknown) > MOST_LISTENERS:
                self._listeners.clear()
                unknown = list(wanted)
            found = await session.rows_in(_LISTENERS, sorted(unknown))
            self._listeners |= {row["id"]: subscription(row) for row in found}
        return self._listeners

    async def give_back(self, numbers: Sequence[int], now: datetime) -> None:
        """Let what was claimed and not begun be due again, as if it had not been claimed."""
        async with self._database.write(brief=True) as session:
            await session.run(_GIVE_BACK, {"keys": sorted(numbers), "at": now, "me": self.claimer})

    async def settle(self, settlement: DeliverySettlement) -> str | None:
        """Record an attempt and end the lease. A delivery that was discarded meanwhile stays so.

        Gives the reason where the listener was disabled by it. Raises ValueError unless `next_attempt_at` is given
        exactly for a pending one.
        """
        _following(settlement)
        return await self._settling.submit(settlement)

    async def _settle(self, settlements: Sequence[DeliverySettlement]) -> Sequence[str | None]:
        handing = HandOver(self.taker, self.claimer)
        try:
            async with self._database.write(brief=True) as session:
                verdict = await listeners.judge(session, settlements)
                await _RECORD.run(session, [_attempt_row(each.number, each.attempt) for each in settlements])
                ended = await ordering.settle(session, deliveries, list(map(_following, settlements)), counted=True)
                if ended:
                    await self._go_on(session, ended, verdict.disabled, handing)
        except BaseException:
            handing.undo()
            raise
        handing.finish()
        if verdict.disabled:
            async with self._database.write() as session:
                await listeners.suspend(session, verdict.disabled)
        if handing.left_some:
            self.on_due()
        return _reasons(settlements, verdict.newly)

    async def _go_on(
        self, session: Session, keys: Sequence[str], disabled: Collection[SubscriptionId], handing: HandOver
    ) -> None:
        """Hand over what is next where there is room for it, and make the rest due."""
        found = await session.rows(_next(postgres=session.is_postgres), {"keys": keys})
        if not found:
            return
        now = self._clock()
        known = await self._known(session, {row["subscription_id"] for row in found})
        for row in found:
            to = known.get(row["subscription_id"])
            if to is None or to.id in disabled or row["lease_until"] is not None:  # sent again, and under way
                handing.left_some = True
            elif handing.reserve(to):
                handing.claimed.append(_delivery(row, to, now))
        numbers = [each.number for each in handing.claimed]
        rows = {row["number"]: row for row in found}
        await _begin(session, rows, numbers, now, now + handing.taker.lease, self.claimer)
        left = sorted({row["ordering_key"] for row in found} - {rows[number]["ordering_key"] for number in numbers})
        await ordering.promote(session, deliveries, left, now)

    async def next_at(self, busy: Busy = NOBODY) -> datetime | None:
        """Tell the earliest moment at which a delivery may be claimed; None when nothing is to be sent."""
        async with self._database.read() as session:
            found = await session.row(_earliest(), {"now": self._clock(), "me": self.claimer, **_asked(busy)})
        return found["due"] if found else None


async def _begin(
    session: Session,
    due: Mapping[int, Row],
    numbers: Sequence[int],
    now: datetime,
    lease_until: datetime,
    claimer: str | None,
) -> None:
    """Count an attempt at each. Those that were leased before have one that nobody ended: it is recorded now."""
    if not numbers:
        return
    lost = [due[number] for number in numbers if due[number]["lease_until"] is not None]
    await _RECORD.run(
        session,
        [
            _attempt_row(row["number"], Attempt(at=row["begun_at"] or now, status=None, error=LOST, elapsed=0.0))
            for row in lost
        ],
    )
    begun = {"keys": numbers, "at": now, "until": lease_until, "me": claimer}
    await session.run(_begun(postgres=session.is_postgres), begun)


@cache
def _begun(*, postgres: bool) -> Update:
    until = bindparam("until", type_=deliveries.c.lease_until.type)
    begun = update(deliveries).where(ordering.among(deliveries.c.number, postgres=postgres))
    return begun.values(
        attempts=deliveries.c.attempts + 1,
        begun_at=bindparam("at", type_=deliveries.c.begun_at.type),
        next_attempt_at=until,
        lease_until=until,
        claimed_by=ordering.ME,
    )


def _asked(busy: Busy) -> dict[str, list[str]]:
    return {"busy_listeners": _padded(busy.listeners), "busy_buyers": _padded(busy.buyers)}


def _padded(names: Collection[str]) -> list[str]:
    """Fill up with empty names to a power of two: PostgreSQL plans a statement anew for each length of a list."""
    return [*names, *[""] * ((1 << max(len(names) - 1, 0).bit_length()) - len(names))]


def _following(settlement: DeliverySettlement) -> ordering.Settlement:
    return ordering.Settlement(settlement.number, settlement.state.value, settlement.next_attempt_at)


def _attempt_row(number: int, attempt: Attempt) -> dict[str, object]:
    return {
        "delivery": number,
        "at": attempt.at,
        "status": attempt.status,
        "error": attempt.error,
        "elapsed": attempt.elapsed,
        "excerpt": attempt.excerpt or None,
    }


def _reasons(settlements: Sequence[DeliverySettlement], newly: Mapping[SubscriptionId, str]) -> Sequence[str | None]:
    """Give each reason to the first settlement of its listener."""
    left = dict(newly)
    return [left.pop(settlement.listener, None) for settlement in settlements]


@cache
def _due(*, lateral: bool) -> Select[Any]:
    """Choose what to send next.

    Among listeners, the one with the fewest deliveries in flight comes first: a dead listener that keeps its senders
    waiting may fill what is idle, and never takes another's turn.
    """
    turns = _turns(lateral=lateral)
    return (
        select(*_AS_SENT)
        .join(turns, turns.c.number == deliveries.c.number)
        .join(notifications, notifications.c.event_id == deliveries.c.event_id)
        # Said again, because PostgreSQL checks only this level once more when it has got the row's lock.
        .where(deliveries.c.next_attempt_at <= _NOW, ordering.is_free(deliveries))
        .order_by(turns.c.turn, turns.c.next_attempt_at, deliveries.c.number)
        .limit(_LIMIT)
        .with_for_update(of=deliveries, skip_locked=True)
    )


@cache
def _next(*, postgres: bool) -> Select[Any]:
    """Find what is next of each key; who asks has ended what was before it, and locked it."""
    return (
        select(*_AS_SENT)
        .join(notifications, notifications.c.event_id == deliveries.c.event_id)
        .where(deliveries.c.number.in_(ordering.following(deliveries, postgres=postgres)))
        .order_by(deliveries.c.number)
    )


def _may_be_sent(listener: FromClause) -> Any:
    """Say that a listener is neither disabled nor busy."""
    return and_(
        listener.c.disabled_at.is_(None),
        listener.c.id.not_in(_BUSY_LISTENERS),
        listener.c.buyer.not_in(_BUSY_BUYERS),
    )


def _turns(*, lateral: bool) -> CTE:
    """Number what is due for each listener (at most `most_each`), after what it has in flight: its turns."""
    listener = subscriptions.alias("listener")
    first = deliveries.alias("first")
    flying = deliveries.alias("flying")
    in_flight = select(func.count()).where(flying.c.subscription_id == listener.c.id, flying.c.lease_until > _NOW)
    due = (
        select(first.c.number, first.c.next_attempt_at)
        .where(first.c.subscription_id == listener.c.id, first.c.next_attempt_at <= _NOW, ordering.is_free(first))
        .order_by(first.c.next_attempt_at, first.c.number)
        .limit(_MOST_EACH)
        .correlate(listener)
    )
    found, joined = _for_each(listener, due) if lateral else _for_each_in(listener, due)
    position = func.row_number().over(partition_by=listener.c.id, order_by=(found.c.next_attempt_at, found.c.number))
    turn = (position + in_flight.scalar_subquery()).label("turn")
    chosen = select(found.c.number, found.c.next_attempt_at, turn).select_from(joined)
    return chosen.where(_may_be_sent(listener)).cte("turns")


def _for_each(listener: FromClause, due: Select[int, datetime]) -> tuple[FromClause, FromClause]:
    """Run a limited query for each listener, as PostgreSQL says it."""
    found = due.lateral("due")
    return found, listener.join(found, true())


def _for_each_in(listener: FromClause, due: Select[int, datetime]) -> tuple[FromClause, FromClause]:
    """Run a limited query for each listener, as SQLite says it, which has no LATERAL."""
    found = deliveries.alias("due")
    return found, listener.join(found, and_(found.c.number.in_(due.with_only_columns(due.selected_columns.number))))


@cache
def _earliest() -> Select[Any]:
    """Ask for each listener, so that a busy one with much that is due costs no more than one with nothing."""
    listener = subscriptions.alias("listener")
    due = deliveries.c.next_attempt_at
    first = select(func.min(due)).where(
        deliveries.c.subscription_id == listener.c.id,
        due.is_not(None),
        or_(due > _NOW, ordering.is_free(deliveries)),
    )
    of_each = select(first.scalar_subquery().label("due")).where(_may_be_sent(listener)).subquery()
    return select(func.min(of_each.c.due).label("due"))


def _delivery(row: Row, to: Subscription, now: datetime) -> Delivery:
    """Read a row of `deliveries` joined with its `notifications` row, claimed now."""
    return Delivery(
        number=row["number"],
        event_id=row["event_id"],
        event_type=EventType(row["event_type"]),
        event_time=row["event_time"],
        resource_id=row["resource_id"],
        subscription=to,
        attempts=row["attempts"],
        correlation_id=row["correlation_id"],
        claimed_at=now,
    )


def attempt(row: Row) -> Attempt:
    """Read a row of `attempts`."""
    return Attempt(
        at=row["at"],
        status=row["status"],
        error=row["error"],
        elapsed=row["elapsed"],
        excerpt=row["excerpt"] or "",
    )

"""Registered listeners (R60-R63), and how they are: one that is gone, or has failed for days, is disabled.

What is announced to a disabled listener is kept, in its order, and sent once it is enabled again: its deliveries stay
pending, and none of them has a moment at which it is due.

Whoever locks a listener and deliveries locks the listener first.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, select, update

from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import ListenerReport, Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import DeliverySettlement, DeliveryState
from bridge.mef.enums import Api, EventType, Irp
from bridge.store import ordering
from bridge.store.columns import Row
from bridge.store.session import KEYS, Database, Session
from bridge.store.tables import deliveries, notifications, subscriptions

_ADD = subscriptions.insert()
_FIND = select(subscriptions).where(subscriptions.c.id == bindparam("wanted"))
_FIND_OF = _FIND.where(subscriptions.c.buyer.in_(bindparam("buyers", expanding=True)))
_COUNT = select(func.count().label("number")).where(
    subscriptions.c.buyer == bindparam("of"), subscriptions.c.api == bindparam("with")
)
_REMOVE = subscriptions.delete().where(subscriptions.c.id == bindparam("wanted"))
_PENDING = select(deliveries.c.number).where(
    deliveries.c.subscription_id == bindparam("wanted"), ordering.is_pending(deliveries)
)
# In the order in which everybody locks deliveries.
_LOCK_PENDING = _PENDING.order_by(deliveries.c.number).with_for_update()
_DISCARD = (
    update(deliveries)
    .where(deliveries.c.number.in_(_PENDING))
    .values(state=DeliveryState.DISCARDED.value, next_attempt_at=None, lease_until=None, claimed_by=None)
)

# How they are
_HEALTH = select(subscriptions.c.id, subscriptions.c.failing_since, subscriptions.c.disabled_at).where(
    subscriptions.c.id.in_(KEYS)
)
# This waits for transactions that are announcing something to it (`notifications`), and has the others wait.
_LOCK = select(subscriptions.c.id).where(subscriptions.c.id.in_(KEYS)).order_by(subscriptions.c.id).with_for_update()
_STILL_DISABLED = (
    select(subscriptions.c.id)
    .where(subscriptions.c.id.in_(KEYS), subscriptions.c.disabled_at.is_not(None))
    .order_by(subscriptions.c.id)
    .with_for_update(read=True)
)
_SINCE = bindparam("since", type_=subscriptions.c.failing_since.type)
_RECOVERED = update(subscriptions).where(subscriptions.c.id.in_(KEYS)).values(failing_since=None)
_FAILING = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("wanted"), subscriptions.c.failing_since.is_(None))
    .values(failing_since=_SINCE)
)
_DISABLE = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("wanted"), subscriptions.c.disabled_at.is_(None))
    .values(
        disabled_at=bindparam("at", type_=subscriptions.c.disabled_at.type),
        disabled_because=bindparam("because", type_=subscriptions.c.disabled_because.type),
    )
)
_ENABLE = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("wanted"))
    .values(failing_since=None, disabled_at=None, disabled_because=None)
)
_DUE = (
    select(deliveries.c.number)
    .where(deliveries.c.subscription_id.in_(KEYS), deliveries.c.next_attempt_at.is_not(None))
    .order_by(deliveries.c.number)
    .with_for_update()
)
# An attempt under way keeps its lease, by which it is known should nobody end it.
_SUSPEND = update(deliveries).where(deliveries.c.number.in_(KEYS)).values(next_attempt_at=None)
_AFRESH = update(deliveries).where(deliveries.c.number.in_(_PENDING)).values(attempts=0)
_FIRST = _PENDING.with_only_columns(func.min(deliveries.c.number)).group_by(deliveries.c.ordering_key)
_RESUME = (
    update(deliveries)
    .where(deliveries.c.number.in_(_FIRST))
    .values(next_attempt_at=bindparam("at", type_=deliveries.c.next_attempt_at.type))
)
_WAITING = (
    select(
        deliveries.c.subscription_id.label("listener"),
        func.count().label("waiting"),
        func.min(notifications.c.event_time).label("since"),
    )
    .join(notifications, notifications.c.event_id == deliveries.c.event_id)
    .where(ordering.is_pending(deliveries))
    .group_by(deliveries.c.subscription_id)
    .subquery()
)
_REPORTS = (
    select(subscriptions, _WAITING.c.waiting, _WAITING.c.since)
    .outerjoin(_WAITING, _WAITING.c.listener == subscriptions.c.id)
    .order_by(subscriptions.c.buyer, subscriptions.c.created_at, subscriptions.c.id)
)
DISABLED = select(func.count().label("number")).where(subscriptions.c.disabled_at.is_not(None))

ONLY_FAILURES: Final = "it has only failed since {:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What some settlements mean for their listeners: those that are disabled, and why those that were not before."""

    disabled: frozenset[SubscriptionId]
    newly: Mapping[SubscriptionId, str]


class Listeners:
    """The listeners of all Buyers. `on_due` is called after a commit that made something due."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_due: Callable[[], None] = ordering.nobody

    async def add(self, listener: Subscription) -> None:
        """Register a listener."""
        async with self._database.write() as session:
            await session.run(_ADD, subscription_row(listener))

    async def find(self, listener: SubscriptionId, of: Collection[BuyerId] | None = None) -> Subscription | None:
        """Read a listener's registration, if it is one of these Buyers': another's is not even fetched."""
        async with self._database.read() as session:
            if of is None:
                row = await session.row(_FIND, {"wanted": listener})
            else:
                row = await session.row(_FIND_OF, {"wanted": listener, "buyers": tuple(of)})
        return None if row is None else subscription(row)

    async def count(self, api: Api, buyer: BuyerId) -> int:
        """Count the listeners of a Buyer with one API."""
        async with self._database.read() as session:
            (row,) = await session.rows(_COUNT, {"of": buyer, "with": api.value})
        return int(row["number"])

    async def reports(self, *, only_disabled: bool = False) -> Sequence[ListenerReport]:
        """Read how all of them are, Buyer by Buyer."""
        query = _REPORTS.where(subscriptions.c.disabled_at.is_not(None)) if only_disabled else _REPORTS
        async with self._database.read() as session:
            return [_report(row) for row in await session.rows(query)]

    async def report(self, listener: SubscriptionId) -> ListenerReport | None:
        """Read how one is."""
        async with self._database.read() as session:
            row = await session.row(_REPORTS.where(subscriptions.c.id == listener))
        return None if row is None else _report(row)

    async def count_disabled(self) -> int:
        """Count those that are disabled."""
        async with self._database.read() as session:
            (row,) = await session.rows(DISABLED)
        return int(row["number"])

    async def disable(self, listener: SubscriptionId, because: str, now: datetime) -> bool:
        """Send it nothing more, and keep what it is told; tells whether it was enabled before."""
        async with self._database.write() as session:
            await session.rows(_LOCK, {"keys": [listener]})
            if not await session.run(_DISABLE, {"wanted": listener, "at": now, "because": because}):
                return False
            await suspend(session, [listener])
            return True

    async def enable(self, listener: SubscriptionId, now: datetime) -> int | None:
        """Send it what waits, with all attempts before it; tells how much that is, None if it does not exist."""
        wanted = {"wanted": listener}
        async with self._database.write() as session:
            if not await session.rows(_LOCK, {"keys": [listener]}):
                return None
            waiting = await session.rows(_LOCK_PENDING, wanted)
            await session.run(_ENABLE, wanted)
            await session.run(_AFRESH, wanted)
            await session.run(_RESUME, {**wanted, "at": now})
        if waiting:
            self.on_due()
        return len(waiting)

    async def remove(self, listener: SubscriptionId) -> bool:
        """Remove a listener; what was on its way to it is kept as discarded. Tells whether there was one."""
        async with self._database.write() as session:
            return await _remove(session, {"wanted": listener})


async def _remove(session: Session, listener: dict[str, str]) -> bool:
    """Remove it first: that waits for transactions that are announcing something to it (`notifications`)."""
    if not await session.run(_REMOVE, listener):
        return False
    await session.rows(_LOCK_PENDING, listener)
    await session.run(_DISCARD, listener)
    return True


async def judge(session: Session, settlements: Sequence[DeliverySettlement]) -> Verdict:
    """Record who failed and who recovered, and disable who is gone or has failed for too long."""
    by_listener: dict[SubscriptionId, list[DeliverySettlement]] = {}
    for settlement in settlements:
        by_listener.setdefault(settlement.listener, []).append(settlement)
    found = await session.rows_in(_HEALTH, sorted(by_listener))
    changes = [change for row in found if (change := _change(row, by_listener[row["id"]])) is not None]
    await _apply(session, changes)
    newly = {change.listener: change.disable for change in changes if change.disable is not None}
    return Verdict(frozenset(newly) | {row["id"] for row in found if row["disabled_at"] is not None}, newly)


@dataclass(frozen=True, slots=True)
class _Change:
    """What becomes of a listener: it recovered, or fails since a moment, or is disabled at a moment for a reason."""

    listener: SubscriptionId
    recovered: bool
    failing_since: datetime | None
    at: datetime
    disable: str | None


def _change(row: Row, settlements: Sequence[DeliverySettlement]) -> _Change | None:
    """Say what becomes of a listener by what was sent to it at about the same time; one success is enough."""
    failed = [each for each in settlements if each.state is not DeliveryState.DELIVERED]
    recovered = len(failed) < len(settlements)
    since = None if recovered else row["failing_since"] or min(each.attempt.at for each in failed)
    disable = _why_disabled(failed, since) if row["disabled_at"] is None else None
    if since == row["failing_since"] and disable is None:
        return None
    return _Change(row["id"], recovered, since, settlements[-1].attempt.at, disable)


def _why_disabled(failed: Sequence[DeliverySettlement], since: datetime | None) -> str | None:
    for each in failed:
        if each.disable is not None:
            return each.disable
        if since is not None and each.dead_since is not None and since < each.dead_since:
            return ONLY_FAILURES.format(since)
    return None


async def _apply(session: Session, changes: Sequence[_Change]) -> None:
    if not changes:
        return
    await session.rows_in(_LOCK, sorted(change.listener for change in changes))
    if recovered := [change.listener for change in changes if change.recovered]:
        await session.run(_RECOVERED, {"keys": recovered})
    failing = [change for change in changes if change.failing_since is not None]
    await session.run(_FAILING, [{"wanted": each.listener, "since": each.failing_since} for each in failing])
    disabled = [change for change in changes if change.disable is not None]
    await session.run(
        _DISABLE, [{"wanted": each.listener, "at": each.at, "because": each.disable} for each in disabled]
    )


async def suspend(session: Session, listeners: Collection[SubscriptionId]) -> None:
    """Let nothing be due of those that are disabled: what is pending waits until they are enabled.

    Whoever enables one meanwhile waits for us, or was first; then it is left alone.
    """
    disabled = await session.rows_in(_STILL_DISABLED, sorted(listeners))
    due = await session.rows_in(_DUE, [row["id"] for row in disabled])
    if due:
        await session.run(_SUSPEND, {"keys": [row["number"] for row in due]})


def subscription_row(value: Subscription) -> dict[str, object]:
    """Make the row of `subscriptions`."""
    return {
        "id": value.id,
        "api": value.api.value,
        "irp": value.irp.value,
        "buyer": value.buyer,
        "callback": value.callback,
        "query": value.query,
        "event_types": sorted(value.event_types),
        "buyer_param": value.buyer_param,
        "seller_param": value.seller_param,
        "created_at": value.created_at,
    }


def subscription(row: Row) -> Subscription:
    """Read a row of `subscriptions`."""
    return Subscription(
        id=SubscriptionId(row["id"]),
        api=Api(row["api"]),
        irp=Irp(row["irp"]),
        buyer=BuyerId(row["buyer"]),
        callback=row["callback"],
        query=row["query"],
        event_types=frozenset(map(EventType, row["event_types"])),
        buyer_param=row["buyer_param"],
        seller_param=row["seller_param"],
        created_at=row["created_at"],
    )


def _report(row: Row) -> ListenerReport:
    return ListenerReport(
        subscription=subscription(row),
        failing_since=row["failing_since"],
        disabled_at=row["disabled_at"],
        disabled_because=row["disabled_because"],
        waiting=row["waiting"] or 0,
        waiting_since=row["since"],
    )

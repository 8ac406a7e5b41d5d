"""Registered listeners (R60-R63)."""

from sqlalchemy import bindparam, func, select, update

from bridge.domain.model import BuyerId
from bridge.flows.ports import DeliveryState, Subscription, SubscriptionId
from bridge.mef.enums import Api, EventType, Irp
from bridge.store import ordering
from bridge.store.columns import Row
from bridge.store.session import Database, Session
from bridge.store.tables import deliveries, subscriptions

_ADD = subscriptions.insert()
_FIND = select(subscriptions).where(subscriptions.c.id == bindparam("wanted"))
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


class Listeners:
    """The listeners of all Buyers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, listener: Subscription) -> None:
        """Register a listener."""
        async with self._database.write() as session:
            await session.run(_ADD, subscription_row(listener))

    async def find(self, listener: SubscriptionId) -> Subscription | None:
        """Read a listener's registration."""
        async with self._database.read() as session:
            row = await session.row(_FIND, {"wanted": listener})
        return None if row is None else subscription(row)

    async def count(self, api: Api, buyer: BuyerId) -> int:
        """Count the listeners of a Buyer with one API."""
        async with self._database.read() as session:
            (row,) = await session.rows(_COUNT, {"of": buyer, "with": api.value})
        return int(row["number"])

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

"""How much of what is in the database: numbers for whoever watches the bridge. Each is found by an index."""

from sqlalchemy import func, literal_column, select

from bridge.domain.model import BuyerId
from bridge.flows.ports.database_figures import Backed, Figures
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.ports.webhook_delivery import DeliveryState
from bridge.store import ordering
from bridge.store.commands import IS_PENDING
from bridge.store.journal import IS_PARKED, IS_WAITING
from bridge.store.listeners import DISABLED
from bridge.store.session import KEYS, Database, Session
from bridge.store.tables import commands, deliveries, journal, notifications, outbox

# The very words of the partial index: SQLite compares text.
_IS_DISCARDED = deliveries.c.state == literal_column(f"'{DeliveryState.DISCARDED.value}'")

_COUNT = func.count().label("count")
_PARKED = select(journal.c.pack, journal.c.reason, _COUNT).where(IS_PARKED).group_by(journal.c.pack, journal.c.reason)
_WAITING = select(journal.c.pack, _COUNT).where(IS_WAITING).group_by(journal.c.pack)
_PENDING = (
    select(deliveries.c.subscription_id, _COUNT, func.min(deliveries.c.number).label("first"))
    .where(ordering.is_pending(deliveries))
    .group_by(deliveries.c.subscription_id)
)
_FIRST = (
    select(deliveries.c.subscription_id, notifications.c.buyer, notifications.c.event_time)
    .join(notifications, notifications.c.event_id == deliveries.c.event_id)
    .where(deliveries.c.number.in_(KEYS))
    .order_by(notifications.c.buyer, deliveries.c.subscription_id)
)
_DISCARDED = (
    select(notifications.c.buyer, _COUNT)
    .select_from(deliveries)
    .join(notifications, notifications.c.event_id == deliveries.c.event_id)
    .where(_IS_DISCARDED)
    .group_by(notifications.c.buyer)
)
_OUTBOX = select(_COUNT, func.min(outbox.c.number).label("first")).where(ordering.is_pending(outbox))
_ASKED = select(_COUNT).select_from(commands).where(IS_PENDING)
_TO_TAKE_BACK = select(_COUNT).select_from(commands).where(commands.c.try_again_at.is_not(None))


class Counts:
    """What is counted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Figures:
        """Count all of it, one thing after another."""
        async with self._database.read() as session:
            (sent,) = await session.rows(_OUTBOX)
            return Figures(
                parked={(row["pack"], row["reason"]): row["count"] for row in await session.rows(_PARKED)},
                waiting={row["pack"]: row["count"] for row in await session.rows(_WAITING)},
                backed=await _backed(session),
                discarded={BuyerId(row["buyer"]): row["count"] for row in await session.rows(_DISCARDED)},
                disabled_listeners=(await session.rows(DISABLED))[0]["number"],
                outbox=sent["count"],
                first_outbox=sent["first"],
                pending_commands=(await session.rows(_ASKED))[0]["count"],
                to_take_back=(await session.rows(_TO_TAKE_BACK))[0]["count"],
            )


async def _backed(session: Session) -> list[Backed]:
    found = {row["subscription_id"]: row for row in await session.rows(_PENDING)}
    firsts = await session.rows_in(_FIRST, sorted(row["first"] for row in found.values()))
    return [
        Backed(
            BuyerId(row["buyer"]),
            SubscriptionId(row["subscription_id"]),
            found[row["subscription_id"]]["count"],
            row["event_time"],
        )
        for row in firsts
    ]

"""WorkOrders of all Buyers, as an operator looks for them: what changed last comes first.

Without a Buyer and without jobs the table is looked through: with a million of them that takes about a second.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, func, select

from bridge.domain.model import BuyerId, JobRef, WorkOrderId
from bridge.flows.ports import WorkOrderHit, WorkOrderSearch
from bridge.mef.enums import WorkOrderState
from bridge.store.journal import IS_PARKED
from bridge.store.session import KEYS, Database, is_of, is_one_of
from bridge.store.tables import journal, work_order_entities, work_orders

_FOUND = select(
    work_orders.c.id,
    work_orders.c.pack,
    work_orders.c.job_key,
    work_orders.c.buyer,
    work_orders.c.state,
    work_orders.c.changed_at,
).order_by(work_orders.c.changed_at.desc(), work_orders.c.id)
_ENTITIES = select(work_order_entities.c.work_order_id, work_order_entities.c.entity_id).where(
    work_order_entities.c.work_order_id.in_(KEYS)
)
_PARKED = (
    select(journal.c.pack, journal.c.job_key, func.count().label("count"))
    .where(is_one_of(journal.c.pack, journal.c.job_key), IS_PARKED)
    .group_by(journal.c.pack, journal.c.job_key)
)


class Search:
    """The search."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def work_orders(self, wanted: WorkOrderSearch, limit: int) -> Sequence[WorkOrderHit]:
        """Find WorkOrders, at most so many, what changed last first."""
        async with self._database.read() as session:
            rows = await session.rows(_FOUND.where(*_conditions(wanted)).limit(limit))
            entities: defaultdict[str, list[str]] = defaultdict(list)
            for row in await session.rows_in(_ENTITIES, [row["id"] for row in rows]):
                entities[row["work_order_id"]].append(row["entity_id"])
            jobs = {JobRef(row["pack"], row["job_key"]) for row in rows}
            parked = Counter({job: of[0]["count"] for job, of in (await session.rows_of(_PARKED, jobs)).items()})
        return [
            WorkOrderHit(
                id=WorkOrderId(row["id"]),
                job=(job := JobRef(row["pack"], row["job_key"])),
                buyer=BuyerId(row["buyer"]),
                state=WorkOrderState(row["state"]),
                tickets=tuple(sorted(entities[row["id"]])),
                changed_at=row["changed_at"],
                parked=parked[job],
            )
            for row in rows
        ]


def _conditions(wanted: WorkOrderSearch) -> Iterator[ColumnElement[bool]]:
    columns = work_orders.c
    if wanted.jobs is not None:
        yield is_of(wanted.jobs, columns.pack, columns.job_key)
    if wanted.buyer is not None:
        yield columns.buyer == wanted.buyer
    if wanted.state is not None:
        yield columns.state == wanted.state.value

"""WorkOrders of all Buyers, as an operator looks for them: the newest first, by the indexes of the Buyers' lists."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import ColumnElement, bindparam, func, select

from bridge.domain.model import BuyerId, JobRef, WorkOrderId
from bridge.flows.ports.work_order_search import WorkOrderHit, WorkOrderSearch
from bridge.mef.enums import WorkOrderState
from bridge.store.journal import IS_PARKED
from bridge.store.newest import Values, newest
from bridge.store.session import KEYS, Database, Found, Session, is_of, is_one_of
from bridge.store.tables import journal, work_order_entities, work_orders

_COLUMNS = (
    work_orders.c.id,
    work_orders.c.pack,
    work_orders.c.job_key,
    work_orders.c.buyer,
    work_orders.c.state,
    work_orders.c.changed_at,
)
_OF_JOBS = select(*_COLUMNS).order_by(work_orders.c.created_at.desc(), work_orders.c.id.desc())
_CREATED = select(work_orders.c.created_at, work_orders.c.id).where(work_orders.c.id == bindparam("wanted"))
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
        """Find WorkOrders, at most so many, the newest first; none behind a WorkOrder that is not there."""
        async with self._database.read() as session:
            rows = await _found(session, wanted, limit)
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


async def _found(session: Session, wanted: WorkOrderSearch, limit: int) -> Sequence[Found]:
    if wanted.jobs is not None:
        return await session.rows(_OF_JOBS.where(*_conditions(wanted, wanted.jobs)).limit(limit))
    before = None
    if wanted.before is not None:
        key = await session.row(_CREATED, {"wanted": wanted.before})
        if key is None:
            return ()
        before = key["created_at"], key["id"]
    groups: dict[str, Values] = {"buyer": wanted.buyer}
    if wanted.state is not None:
        groups["state"] = wanted.state.value
    query = newest(work_orders, groups, limit, lateral=session.is_postgres, before=before)
    return await session.rows(query.with_only_columns(*_COLUMNS))


def _conditions(wanted: WorkOrderSearch, jobs: Collection[JobRef]) -> Iterator[ColumnElement[bool]]:
    columns = work_orders.c
    yield is_of(jobs, columns.pack, columns.job_key)
    if wanted.buyer is not None:
        yield columns.buyer == wanted.buyer
    if wanted.state is not None:
        yield columns.state == wanted.state.value

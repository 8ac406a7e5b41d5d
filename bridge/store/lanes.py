"""Lanes: what keeps the order of deliveries and of outgoing messages, and lets everything else run in parallel.

Rows of one lane leave one by one, in order of their number. Only the first pending row of a lane carries a
`next_attempt_at`; settling it for good hands that on to the next. A claim is a lease: it moves the `next_attempt_at` to
the lease's end, so that the row comes up again by itself if the claimer dies.

Who appends to a lane holds the lock of its job, so appends to one lane come one after another. The lock on the lane's
last pending row keeps an append and a settlement from missing each other: only settling that row leaves a lane empty,
and it must then wait for the append, and promote what was appended.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Update, bindparam, func, literal_column, select, update

from bridge.store.session import KEYS, Session

PENDING = "pending"

# "Due since ever", for rows that wait for no particular moment.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


async def append(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows in their order; `next_attempt_at` counts for those that come to be the first of their lane."""
    taken = await _occupied(session, table, {row["lane"] for row in rows} - {None})
    for row in rows:
        if row["lane"] in taken:
            row["next_attempt_at"] = None
        elif row["lane"] is not None:
            taken.add(row["lane"])
    await session.run(table.insert(), rows)


async def _occupied(session: Session, table: Table, lanes: Iterable[str]) -> set[str]:
    """Tell which lanes have a pending row, and keep their last ones from being settled until we commit."""
    return {row["lane"] for row in await session.rows_in(_last_rows(table), sorted(lanes))}


@cache
def _last_rows(table: Table) -> Select[Any]:
    last = select(func.max(table.c.number)).where(is_pending(table), table.c.lane.in_(KEYS)).group_by(table.c.lane)
    found = select(table.c.lane).where(is_pending(table), table.c.number.in_(last))
    return found.order_by(table.c.number).with_for_update(read=True)


async def lease(session: Session, table: Table, numbers: Sequence[int], until: datetime) -> None:
    """Claim rows until `until`."""
    await session.run(_leased(table), [{"claimed": number, "until": until} for number in numbers])


@cache
def _leased(table: Table) -> Update:
    until = bindparam("until", type_=table.c.lease_until.type)
    claimed = update(table).where(table.c.number == bindparam("claimed"))
    return claimed.values(next_attempt_at=until, lease_until=until)


async def settle(
    session: Session,
    table: Table,
    number: int,
    state: str,
    next_attempt_at: datetime | None,
    *,
    next_due: datetime,
    **columns: Any,
) -> bool:
    """Count an attempt and end its lease; tells whether another row became due. What is not pending only counts.

    `next_attempt_at` is when to try again, and None unless `state` is pending; `next_due` is when the row behind this
    one is due. Raises ValueError where the two don't agree.
    """
    if (state == PENDING) != (next_attempt_at is not None):
        raise ValueError(f"{state!r} with next attempt {next_attempt_at}: exactly what is pending is tried again")
    counted = update(table).where(table.c.number == number).values(attempts=table.c.attempts + 1, **columns)
    moved = counted.where(is_pending(table)).values(state=state, next_attempt_at=next_attempt_at, lease_until=None)
    settled = await session.row(moved.returning(table.c.lane))
    if settled is None:
        await session.run(counted)
        return False
    if state == PENDING or settled["lane"] is None:
        return False
    return await session.run(_promoted(table), {"ended": settled["lane"], "due": next_due}) > 0


@cache
def _promoted(table: Table) -> Update:
    """Make the next pending row of a lane its first one."""
    following = select(func.min(table.c.number)).where(is_pending(table), table.c.lane == bindparam("ended"))
    due = bindparam("due", type_=table.c.next_attempt_at.type)
    return update(table).where(table.c.number == following.scalar_subquery()).values(next_attempt_at=due)


def is_pending(table: Table) -> ColumnElement[bool]:
    """Say it in the very words of the partial indexes: SQLite compares text."""
    return table.c.state == literal_column(f"'{PENDING}'")


async def next_at(session: Session, table: Table) -> datetime | None:
    """Tell the earliest moment at which a row is due, or its lease ends."""
    found = await session.row(_earliest(table))
    return found["next_attempt_at"] if found else None


@cache
def _earliest(table: Table) -> Select[Any]:
    due = table.c.next_attempt_at
    return select(due).where(due.is_not(None)).order_by(due).limit(1)

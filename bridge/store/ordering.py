"""Ordering keys: what keeps the order of deliveries and of outgoing messages, and lets everything else run in parallel.

Rows of one ordering key leave one by one, in order of their number. Only the first pending row of a key carries a
`next_attempt_at`; settling it for good hands that on to the next. A claim is a lease: it moves the `next_attempt_at` to
the lease's end, so that the row comes up again by itself if the claimer dies. As long as the claimer lives
(`processes.py`) nobody else claims it, lease or no lease: it may have been sent, and the database been away since.

Who appends to a key holds the lock of its job, so appends to one key come one after another. The lock on the key's last
pending row keeps an append and a settlement from missing each other: only settling that row leaves a key without any,
and it must then wait for the append, and promote what was appended.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Table,
    Update,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    not_,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from bridge.domain.model import JobRef
from bridge.store.columns import Plain
from bridge.store.session import KEYS, Session
from bridge.store.tables import processes

PENDING = "pending"

# Stands for the process that claims.
ME = bindparam("me", type_=Plain())

# "Due since ever", for rows that wait for no particular moment.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


def among(column: ColumnElement[Any], *, postgres: bool) -> ColumnElement[bool]:
    """Ask for `KEYS`. As one array, because PostgreSQL would plan a list anew for each length that it has."""
    if not postgres:
        return column.in_(KEYS)
    return column == any_(bindparam("keys", type_=ARRAY(column.type, dimensions=1)))


def nobody() -> None:
    """Stand for who waits for something to become due, until there is somebody."""


def of_job(job: JobRef) -> str:
    """Make the ordering key of a job's messages; the length keeps two names from running together."""
    return f"{len(job.pack)}:{job.pack}:{job.key}"


async def line_up(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Take `next_attempt_at` from those rows that will not be the first of their key. Insert them before the commit.

    A row without a key waits for no other.
    """
    keys = {row["ordering_key"] for row in rows} - {None}
    # The last pending row of each key is kept from being settled until we commit.
    last = _last_rows(table, postgres=session.is_postgres)
    taken = {row["ordering_key"] for row in await session.rows_in(last, sorted(keys))}
    for row in rows:
        if row["ordering_key"] in taken:
            row["next_attempt_at"] = None
        elif row["ordering_key"] is not None:
            taken.add(row["ordering_key"])


@cache
def _last_rows(table: Table, *, postgres: bool) -> Select[Any]:
    key = table.c.ordering_key
    last = select(func.max(table.c.number)).where(is_pending(table), among(key, postgres=postgres)).group_by(key)
    found = select(key).where(is_pending(table), table.c.number.in_(last))
    return found.order_by(table.c.number).with_for_update(read=True)


async def lease(session: Session, table: Table, numbers: Sequence[int], until: datetime, claimer: str | None) -> None:
    """Claim rows for a process until `until`."""
    if numbers:
        await session.run(
            _leased(table, postgres=session.is_postgres), {"keys": numbers, "until": until, "me": claimer}
        )


@cache
def _leased(table: Table, *, postgres: bool) -> Update:
    until = bindparam("until", type_=table.c.lease_until.type)
    leased = update(table).where(among(table.c.number, postgres=postgres))
    return leased.values(next_attempt_at=until, lease_until=until, claimed_by=ME)


def is_free(table: FromClause) -> ColumnElement[bool]:
    """Ask for rows that nobody has claimed but perhaps ourselves (`ME`), or who did lives no more."""
    claimer = table.c.claimed_by
    return or_(claimer.is_(None), claimer == ME, claimer.not_in(select(processes.c.id)))


async def release(session: Session, table: Table, claimer: str, now: datetime) -> bool:
    """Make due at once what a process has claimed that lives no more; tells whether there was anything.

    Its lease ends now, instead of having been none: a delivery's tells of an attempt that nobody will end.
    """
    return await session.run(_released(table), {"claimer": claimer, "due": now}) > 0


@cache
def _released(table: Table) -> Update:
    due = bindparam("due", type_=table.c.next_attempt_at.type)
    of_claimer = update(table).where(is_pending(table), table.c.claimed_by == bindparam("claimer"))
    return of_claimer.values(next_attempt_at=due, lease_until=due, claimed_by=None)


async def hold(session: Session, table: Table, number: int, until: datetime) -> None:
    """Claim for longer a row that is claimed; one that was settled meanwhile stays so."""
    await session.run(_held(table), {"keys": [number], "until": until})


@cache
def _held(table: Table) -> Update:
    until = bindparam("until", type_=table.c.lease_until.type)
    claimed = update(table).where(table.c.number.in_(KEYS), is_pending(table), table.c.next_attempt_at.is_not(None))
    return claimed.values(next_attempt_at=until, lease_until=until)


async def bring_forward(
    session: Session, table: Table, numbers: Collection[int], now: datetime, *, afresh: bool
) -> set[int]:
    """Make due at once what waits for its next attempt; returns the numbers of those.

    `afresh` gives them all attempts again. What is behind another, under way or not pending is left as it is.
    """
    waiting = await session.rows_in(_later(table), sorted(numbers), now=now)
    found = [row["number"] for row in waiting]
    if found:
        await session.run(_forward(table, afresh=afresh), {"keys": found, "now": now})
    return set(found)


@cache
def _later(table: Table) -> Select[Any]:
    due = table.c.next_attempt_at
    waits = select(table.c.number).where(
        table.c.number.in_(KEYS),
        is_pending(table),
        table.c.lease_until.is_(None),
        due > bindparam("now", type_=due.type),
    )
    return waits.order_by(table.c.number).with_for_update()


@cache
def _forward(table: Table, *, afresh: bool) -> Update:
    due = bindparam("now", type_=table.c.next_attempt_at.type)
    forward = update(table).where(table.c.number.in_(KEYS)).values(next_attempt_at=due)
    return forward.values(attempts=0) if afresh else forward


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an attempt ended. `next_attempt_at` is when to try again.

    `columns` are what the table keeps of the attempt besides. Raises ValueError unless `next_attempt_at` is given
    exactly for a pending one.
    """

    number: int
    state: str
    next_attempt_at: datetime | None
    columns: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would block those behind it, or send again what has left."""
        if (self.state == PENDING) != (self.next_attempt_at is not None):
            raise ValueError(
                f"{self.state!r} with next attempt {self.next_attempt_at}: exactly what is pending is tried again"
            )


async def settle(
    session: Session, table: Table, settlements: Sequence[Settlement], *, counted: bool = False
) -> Sequence[str]:
    """Count attempts and end their leases, in a fixed number of statements; gives the keys that are to be promoted.

    What is not pending only counts. `counted` says that the attempts were counted when they began.
    """
    pending = await _lock(session, table, [settlement.number for settlement in settlements])
    last: dict[int, tuple[Any, ...]] = {}
    ended_before: dict[int, tuple[Any, ...]] = {}
    ended: set[str] = set()
    for settlement in settlements:
        kept = tuple(settlement.columns.values())
        if settlement.number not in pending:
            ended_before[settlement.number] = kept
            continue
        if settlement.state != PENDING and (key := pending.pop(settlement.number)) is not None:
            ended.add(key)
        last[settlement.number] = (settlement.state, settlement.next_attempt_at, *kept)
    names, step = tuple(settlements[0].columns), 0 if counted else 1
    await _change_alike(session, _moved(table, names, step, postgres=session.is_postgres), (*_MOVED, *names), last)
    if names or step:
        recorded = _recorded(table, names, step, postgres=session.is_postgres)
        await _change_alike(session, recorded, names, ended_before)
    return sorted(ended)


async def promote(session: Session, table: Table, keys: Sequence[str], due: datetime) -> bool:
    """Make the next row of each key due; tells whether there was any. Who settles holds the locks of these rows."""
    if not keys:
        return False
    return await session.run(_promoted(table, postgres=session.is_postgres), {"keys": keys, "due": due}) > 0


async def _change_alike(
    session: Session, statement: Update, names: Sequence[str], rows: Mapping[int, tuple[Any, ...]]
) -> None:
    """Change rows, those that get the same values together: mostly all of them have been sent."""
    alike: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for number, values in rows.items():
        alike[values].append(number)
    for values, numbers in alike.items():
        await session.run(statement, {"keys": numbers, **dict(zip(names, values, strict=True))})


async def _lock(session: Session, table: Table, numbers: Collection[int]) -> dict[int, str | None]:
    """Lock rows and those behind them, which will be promoted; return the key of each of the first that is pending.

    All are locked in the order of their numbers, as who appends does: else two could wait for each other.
    """
    wanted = set(numbers)
    found = await session.rows(_pending(table, postgres=session.is_postgres), {"keys": sorted(wanted)})
    return {row["number"]: row["ordering_key"] for row in found if row["number"] in wanted}


@cache
def _pending(table: Table, *, postgres: bool) -> Select[Any]:
    """Find what is pending of some rows; PostgreSQL locks these and the first ones behind them."""
    wanted = among(table.c.number, postgres=postgres)
    if postgres:
        key = table.c.ordering_key
        ours = _array(select(key).where(wanted), key)
        behind = (
            select(func.min(table.c.number)).where(is_pending(table), key == any_(ours), not_(wanted)).group_by(key)
        )
        keys = bindparam("keys", type_=ARRAY(table.c.number.type, dimensions=1))
        wanted = table.c.number == any_(_array(union_all(select(func.unnest(keys)), behind), table.c.number))
    found = select(table.c.number, table.c.ordering_key).where(is_pending(table), wanted)
    return found.order_by(table.c.number).with_for_update()


def _array(found: Select[Any] | CompoundSelect[Any], of: ColumnElement[Any]) -> ColumnElement[Any]:
    """Have PostgreSQL run a query once, and look its results up by an index; joined, it ran again for each row."""
    return func.array(found.scalar_subquery(), type_=ARRAY(of.type, dimensions=1))


@cache
def _recorded(table: Table, columns: tuple[str, ...], step: int, *, postgres: bool) -> Update:
    kept = {name: bindparam(name, type_=table.c[name].type) for name in columns}
    settled = update(table).where(among(table.c.number, postgres=postgres))
    return settled.values(attempts=table.c.attempts + step, **kept)


_MOVED = ("state", "next_attempt_at")


@cache
def _moved(table: Table, columns: tuple[str, ...], step: int, *, postgres: bool) -> Update:
    given = {name: bindparam(name, type_=table.c[name].type) for name in _MOVED}
    return _recorded(table, columns, step, postgres=postgres).values(**given, lease_until=None, claimed_by=None)


@cache
def _promoted(table: Table, *, postgres: bool) -> Update:
    """Make the next pending row of each key its first one."""
    due = bindparam("due", type_=table.c.next_attempt_at.type)
    return update(table).where(table.c.number.in_(following(table, postgres=postgres))).values(next_attempt_at=due)


def following(table: Table, *, postgres: bool) -> Select[Any]:
    """Find the numbers of the first pending rows of keys (`KEYS`)."""
    key = table.c.ordering_key
    return select(func.min(table.c.number)).where(is_pending(table), among(key, postgres=postgres)).group_by(key)


def behind(table: Table) -> ColumnElement[int | None]:
    """Give the number of the first row of its key for one that is behind it; none where nothing of the key is due."""
    first = table.alias("first_of_key")
    found = select(first.c.number).where(
        first.c.ordering_key == table.c.ordering_key, first.c.next_attempt_at.is_not(None)
    )
    is_behind = is_pending(table) & table.c.next_attempt_at.is_(None)
    return case((is_behind, found.correlate(table).scalar_subquery())).label("behind")


def is_pending(table: Table) -> ColumnElement[bool]:
    """Say it in the very words of the partial indexes: SQLite compares text."""
    return table.c.state == literal_column(f"'{PENDING}'")


async def next_at(session: Session, table: Table, now: datetime, claimer: str | None) -> datetime | None:
    """Tell the earliest moment at which a row is due, or its lease ends."""
    found = await session.row(_earliest(table), {"now": now, "me": claimer})
    return found["next_attempt_at"] if found else None


@cache
def _earliest(table: Table) -> Select[Any]:
    due = table.c.next_attempt_at
    to_come = or_(due > bindparam("now", type_=due.type), is_free(table))
    return select(due).where(due.is_not(None), to_come).order_by(due).limit(1)

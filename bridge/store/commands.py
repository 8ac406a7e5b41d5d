"""Commands towards the WFM, and the windows it offered. What changed of a known command is written by `jobs`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import Insert

from bridge.domain.model import (
    AppointmentId,
    BuyerId,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    JobRef,
    OfferedSlot,
    WorkOrderId,
)
from bridge.flows.operator import CommandFilter
from bridge.flows.ports.job_trace import TracedCommand
from bridge.flows.ports.transaction import Window
from bridge.mef.models import TimePeriod
from bridge.store.columns import Row
from bridge.store.newest import Values, newest
from bridge.store.ordering import AT_ONCE
from bridge.store.session import KEYS, Bulk, Database, Session, is_of, is_one_of, overwriting, upsert
from bridge.store.tables import commands, offered_slots

# For so long after its deadline the WFM may still speak of a command that came to nothing.
SPOKEN_OF_FOR = timedelta(days=7)
CAME_TO_NOTHING: Final = (CommandState.EXPIRED, CommandState.COMPENSATED)

_COLUMN = commands.c
_OLDEST_FIRST = select(commands).order_by(_COLUMN.created_at, _COLUMN.id)
_NEWEST = select(commands).order_by(_COLUMN.created_at.desc(), _COLUMN.id.desc())
_MOMENT = bindparam("moment", type_=_COLUMN.created_at.type)
# The very words of the partial index: SQLite compares text.
IS_PENDING = _COLUMN.state == literal_column(f"'{CommandState.PENDING.value}'")

# By the partial index of each: SQLite finds neither where they are asked for at once, nor one by its predicate alone.
_IN_FLIGHT = union_all(
    select(_COLUMN.id).where(IS_PENDING, _COLUMN.expires_at >= literal(AT_ONCE, type_=_COLUMN.expires_at.type)),
    select(_COLUMN.id).where(_COLUMN.try_again_at.is_not(None)),
)

ANY: Final = CommandFilter()

ADD = Bulk(commands)
_FIND = select(commands).where(_COLUMN.id == bindparam("wanted"))
_SINCE = _OLDEST_FIRST.where(_COLUMN.pack == bindparam("of"), _COLUMN.created_at >= _MOMENT)
_OF_JOB = _OLDEST_FIRST.where(_COLUMN.pack == bindparam("of"), _COLUMN.job_key == bindparam("key"))
_OVERDUE = select(commands).where(IS_PENDING, _COLUMN.expires_at <= _MOMENT).order_by(_COLUMN.expires_at, _COLUMN.id)
_TO_TAKE_BACK = (
    select(commands)
    .where(_COLUMN.try_again_at.is_not(None), _COLUMN.try_again_at <= _MOMENT)
    .order_by(_COLUMN.try_again_at, _COLUMN.id)
)
_OFFERED = select(offered_slots).where(
    offered_slots.c.work_order_id.in_(KEYS),
    offered_slots.c.window_from.in_(bindparam("starts", expanding=True)),
    offered_slots.c.expires_at > bindparam("now", type_=offered_slots.c.expires_at.type),
)
_REMEMBER_SLOTS = upsert(offered_slots)


def _outstanding() -> Select[Any]:
    """Choose those of jobs that a message of the WFM may still be the answer to, oldest first."""
    came_to_nothing = _COLUMN.state.in_([state.value for state in CAME_TO_NOTHING])
    booking = and_(_COLUMN.kind == CommandKind.BOOK.value, _COLUMN.state == CommandState.EXPIRED.value)
    relevant = or_(
        _COLUMN.state == CommandState.PENDING.value,
        booking,  # however late it is announced, it must be taken back
        _COLUMN.try_again_at.is_not(None),  # its visit may still stand in the WFM
        and_(came_to_nothing, _COLUMN.expires_at > bindparam("spoken_of_since")),
        and_(_COLUMN.state == CommandState.ACCEPTED.value, _COLUMN.echo_until > bindparam("now")),
    )
    return _OLDEST_FIRST.where(is_one_of(_COLUMN.pack, _COLUMN.job_key), relevant)


def _overwriting(statement: Insert) -> Insert:
    """A job loaded before a command was settled still calls it pending, but settled is final."""
    new = statement.excluded
    state = case((new.state == literal_column(f"'{CommandState.PENDING.value}'"), _COLUMN.state), else_=new.state)
    settled_at = func.coalesce(_COLUMN.settled_at, new.settled_at)
    return overwriting(statement, state=state, answer=func.coalesce(new.answer, _COLUMN.answer), settled_at=settled_at)


OUTSTANDING = _outstanding()
SAVE = Bulk(commands, _overwriting)


class Settled(NamedTuple):
    """What came of a command (plain JSON), and when."""

    result: Mapping[str, object] | None
    at: datetime | None


NOT_SETTLED: Final = Settled(None, None)


class Commands:
    """The commands as they are read outside of units of work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(self, pack: str, moment: datetime) -> Sequence[Command]:
        """Read what Buyers asked the WFM of a pack from a moment on, oldest first."""
        async with self._database.read() as session:
            return await _read(session, _SINCE, {"of": pack, "moment": moment})

    async def of_job(self, job: JobRef) -> Sequence[Command]:
        """Read all that Buyers asked about a job, oldest first."""
        async with self._database.read() as session:
            return await _read(session, _OF_JOB, {"of": job.pack, "key": job.key})

    async def reports(self, wanted: CommandFilter = ANY, limit: int = 100) -> Sequence[TracedCommand]:
        """Read the newest commands with what came of them, newest first."""
        async with self._database.read() as session:
            rows = await session.rows(_reports(wanted, limit, lateral=session.is_postgres))
        return [traced(row) for row in rows]

    async def report(self, id_: CommandId) -> TracedCommand | None:
        """Read one command with what came of it."""
        async with self._database.read() as session:
            row = await session.row(_FIND, {"wanted": id_})
        return None if row is None else traced(row)


def _reports(wanted: CommandFilter, limit: int, *, lateral: bool) -> Select[Any]:
    if wanted.in_flight or wanted.jobs is not None:  # which are few
        return _NEWEST.where(*_conditions(wanted)).limit(limit)
    groups: dict[str, Values] = {
        "buyer": wanted.buyer,
        "state": [each.value for each in CommandState] if wanted.state is None else wanted.state.value,
        "kind": [each.value for each in CommandKind] if wanted.kind is None else wanted.kind.value,
    }
    return newest(commands, groups, limit, lateral=lateral)


def _conditions(wanted: CommandFilter) -> Iterator[ColumnElement[bool]]:
    equal = {
        _COLUMN.state: wanted.state and wanted.state.value,
        _COLUMN.kind: wanted.kind and wanted.kind.value,
        _COLUMN.buyer: wanted.buyer,
    }
    yield from (column == value for column, value in equal.items() if value is not None)
    if wanted.in_flight:
        yield _COLUMN.id.in_(_IN_FLIGHT)
    if wanted.jobs is not None:
        yield is_of(wanted.jobs, _COLUMN.pack, _COLUMN.job_key)


async def _read(session: Session, statement: Select[Any], parameters: Mapping[str, object]) -> Sequence[Command]:
    return [command(row) for row in await session.rows(statement, parameters)]


# Within a unit of work


def is_outstanding(value: Command, now: datetime) -> bool:
    """Tell whether `OUTSTANDING` has a command: as time passes commands leave it, and none comes in."""
    if value.is_pending or value.try_again_at is not None:
        return True
    if value.state is CommandState.ACCEPTED:
        return value.echo_until is not None and value.echo_until > now
    if value.state is CommandState.EXPIRED and value.kind is CommandKind.BOOK:
        return True
    return value.state in CAME_TO_NOTHING and value.expires_at > now - SPOKEN_OF_FOR


async def find(session: Session, id_: CommandId) -> Command | None:
    """Read a command."""
    row = await session.row(_FIND, {"wanted": id_})
    return None if row is None else command(row)


async def result(session: Session, id_: CommandId) -> tuple[CommandState, Mapping[str, object]] | None:
    """Read how a command was settled; None while it is pending, or unknown."""
    row = await session.row(_FIND, {"wanted": id_})
    if row is None or row["state"] == CommandState.PENDING.value:
        return None
    return CommandState(row["state"]), row["answer"] or {}


async def overdue(session: Session, now: datetime) -> Sequence[Command]:
    """Read the pending commands whose time is up, the longest overdue first."""
    return await _read(session, _OVERDUE, {"moment": now})


async def to_take_back(session: Session, now: datetime) -> Sequence[Command]:
    """Read the bookings that are to be taken back in the WFM once more, the longest due first."""
    return await _read(session, _TO_TAKE_BACK, {"moment": now})


async def remember_slots(
    session: Session, work_order: WorkOrderId, slots: Sequence[OfferedSlot], expires_at: datetime
) -> None:
    """Keep the tokens of offered windows; a window offered again has its newest token."""
    await session.run(_REMEMBER_SLOTS, [slot_row(work_order, slot, expires_at) for slot in slots])


async def offered(session: Session, wanted: Collection[Window], now: datetime) -> dict[Window, OfferedSlot]:
    """Find the offers of exactly these windows that have not expired."""
    starts = sorted({window.period.start_date_time for window in wanted})
    orders = sorted({window.work_order for window in wanted})
    offers: dict[Window, OfferedSlot] = {}
    for row in await session.rows_in(_OFFERED, orders, starts=starts, now=now):
        found = slot(row)
        offers[Window(row["work_order_id"], found.window)] = found
    return {window: offers[window] for window in wanted if window in offers}


# Rows


def command_row(value: Command, settled: Settled = NOT_SETTLED) -> dict[str, object]:
    """Make the row of `commands`; `settled` is given with a command that is settled now."""
    window = value.window
    return {
        "id": value.id,
        "kind": value.kind.value,
        "pack": value.job.pack,
        "job_key": value.job.key,
        "work_order_id": value.work_order,
        "buyer": value.buyer,
        "state": value.state.value,
        "appointment_id": value.appointment,
        "window_from": window.start_date_time if window else None,
        "window_to": window.end_date_time if window else None,
        "request": value.request,
        "visit": value.visit,
        "created_at": value.created_at,
        "expires_at": value.expires_at,
        "correlation_id": value.correlation_id,
        "answer": settled.result,
        "settled_at": settled.at,
        "tries": value.tries,
        "try_again_at": value.try_again_at,
        "echo_until": value.echo_until,
    }


def command(row: Row) -> Command:
    """Read a row of `commands`."""
    start, end = row["window_from"], row["window_to"]
    appointment_id = row["appointment_id"]
    return Command(
        id=CommandId(row["id"]),
        kind=CommandKind(row["kind"]),
        job=JobRef(row["pack"], row["job_key"]),
        work_order=WorkOrderId(row["work_order_id"]),
        buyer=BuyerId(row["buyer"]),
        state=CommandState(row["state"]),
        appointment=None if appointment_id is None else AppointmentId(appointment_id),
        window=None if start is None else TimePeriod(start_date_time=start, end_date_time=end),
        request=row["request"],
        visit=row["visit"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        correlation_id=row["correlation_id"],
        tries=row["tries"],
        try_again_at=row["try_again_at"],
        echo_until=row["echo_until"],
    )


def traced(row: Row) -> TracedCommand:
    """Read a row of `commands` with what came of it."""
    return TracedCommand(command=command(row), settled_at=row["settled_at"], result=row["answer"])


def slot_row(work_order: WorkOrderId, value: OfferedSlot, expires_at: datetime) -> dict[str, object]:
    """Make the row of `offered_slots`."""
    return {
        "work_order_id": work_order,
        "window_from": value.window.start_date_time,
        "window_to": value.window.end_date_time,
        "token": value.token,
        "expires_at": expires_at,
    }


def slot(row: Row) -> OfferedSlot:
    """Read a row of `offered_slots`."""
    window = TimePeriod(start_date_time=row["window_from"], end_date_time=row["window_to"])
    return OfferedSlot(window, row["token"])

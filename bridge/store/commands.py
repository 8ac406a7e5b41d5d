"""Commands towards the WFM, and the windows it offered. Only new commands are written here, others by the job book."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, literal_column, select

from bridge.domain.model import Command, CommandId, CommandState, OfferedSlot, WorkOrderId
from bridge.flows.ports import Window
from bridge.store import rows
from bridge.store.session import KEYS, Session
from bridge.store.tables import commands, offered_slots

_ADD = commands.insert()
_FIND = select(commands).where(commands.c.id == bindparam("wanted"))
_OFFERED = select(offered_slots).where(
    offered_slots.c.work_order_id.in_(KEYS),
    offered_slots.c.window_from.in_(bindparam("starts", expanding=True)),
    offered_slots.c.expires_at > bindparam("now", type_=offered_slots.c.expires_at.type),
)


async def add(session: Session, new: Sequence[Command]) -> None:
    """Insert new commands; a second booking under way for one WorkOrder is a `ConflictError`."""
    await session.run(_ADD, list(map(rows.command_row, new)))


async def find(session: Session, command: CommandId) -> Command | None:
    """Read a command."""
    row = await session.row(_FIND, {"wanted": command})
    return None if row is None else rows.command(row)


async def answer(session: Session, command: CommandId) -> tuple[CommandState, Mapping[str, object]] | None:
    """Read how a command was settled; None while it is pending, or unknown."""
    row = await session.row(select(commands.c.state, commands.c.answer).where(commands.c.id == command))
    if row is None or row["state"] == CommandState.PENDING.value:
        return None
    return CommandState(row["state"]), {} if row["answer"] is None else rows.plain(row["answer"])


async def since(session: Session, pack: str, moment: datetime) -> Sequence[Command]:
    """Read the commands of a pack from a moment on, oldest first."""
    query = select(commands).where(commands.c.pack == pack, commands.c.created_at >= moment)
    return [rows.command(row) for row in await session.rows(query.order_by(commands.c.created_at, commands.c.id))]


async def overdue(session: Session, now: datetime) -> Sequence[Command]:
    """Read the pending commands whose time is up, the longest overdue first."""
    # The very words of the partial index: SQLite compares text.
    pending = commands.c.state == literal_column(f"'{CommandState.PENDING.value}'")
    query = select(commands).where(pending, commands.c.expires_at <= now)
    return [rows.command(row) for row in await session.rows(query.order_by(commands.c.expires_at, commands.c.id))]


async def to_take_back(session: Session, now: datetime) -> Sequence[Command]:
    """Read the bookings that are to be taken back in the WFM once more, the longest due first."""
    query = select(commands).where(commands.c.try_again_at.is_not(None), commands.c.try_again_at <= now)
    return [rows.command(row) for row in await session.rows(query.order_by(commands.c.try_again_at, commands.c.id))]


async def remember_slots(
    session: Session, work_order: WorkOrderId, slots: Sequence[OfferedSlot], expires_at: datetime
) -> None:
    """Keep the tokens of offered windows; a window offered again has its newest token."""
    await session.upsert(offered_slots, [rows.slot_row(work_order, slot, expires_at) for slot in slots])


async def offered(session: Session, wanted: Collection[Window], now: datetime) -> dict[Window, OfferedSlot]:
    """Find the offers of exactly these windows that have not expired."""
    starts = sorted({window.period.start_date_time for window in wanted})
    orders = {window.work_order for window in wanted}
    found = await session.rows_in(_OFFERED, sorted(orders), starts=starts, now=now)
    slots = [(row["work_order_id"], rows.slot(row)) for row in found]
    offers = {Window(order, slot.window): slot for order, slot in slots}
    return {window: offers[window] for window in wanted if window in offers}

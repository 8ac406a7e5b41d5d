"""Commands towards the WFM, and the windows it offered. Only new commands are written here, others by the job book."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import literal_column, select

from bridge.domain.model import Command, CommandId, CommandState, OfferedSlot, WorkOrderId
from bridge.mef.models import TimePeriod
from bridge.store import rows
from bridge.store.session import Session
from bridge.store.tables import commands, offered_slots


async def add(session: Session, command: Command) -> None:
    """Insert a new command; a second booking under way for one WorkOrder is a `ConflictError`."""
    await session.run(commands.insert().values(rows.command_row(command)))


async def find(session: Session, command: CommandId) -> Command | None:
    """Read a command."""
    row = await session.row(select(commands).where(commands.c.id == command))
    return None if row is None else rows.command(row)


async def answer(session: Session, command: CommandId) -> tuple[CommandState, Mapping[str, object]] | None:
    """Read how a command was settled; None while it is pending, or unknown."""
    row = await session.row(select(commands.c.state, commands.c.answer).where(commands.c.id == command))
    if row is None or row["state"] == CommandState.PENDING.value:
        return None
    return CommandState(row["state"]), {} if row["answer"] is None else rows.plain(row["answer"])


async def overdue(session: Session, now: datetime) -> Sequence[Command]:
    """Read the pending commands whose time is up, the longest overdue first."""
    # The very words of the partial index: SQLite compares text.
    pending = commands.c.state == literal_column(f"'{CommandState.PENDING.value}'")
    query = select(commands).where(pending, commands.c.expires_at <= now)
    return [rows.command(row) for row in await session.rows(query.order_by(commands.c.expires_at, commands.c.id))]


async def remember_slots(
    session: Session, work_order: WorkOrderId, slots: Sequence[OfferedSlot], expires_at: datetime
) -> None:
    """Keep the tokens of offered windows; a window offered again has its newest token."""
    await session.upsert(offered_slots, [rows.slot_row(work_order, slot, expires_at) for slot in slots])


async def offered_slot(
    session: Session, work_order: WorkOrderId, window: TimePeriod, now: datetime
) -> OfferedSlot | None:
    """Find the offer of exactly this window, if it has not expired."""
    query = select(offered_slots).where(
        offered_slots.c.work_order_id == work_order,
        offered_slots.c.window_from == window.start_date_time,
        offered_slots.c.window_to == window.end_date_time,
        offered_slots.c.expires_at > now,
    )
    row = await session.row(query)
    return None if row is None else rows.slot(row)

"""The journal of WFM messages, and the inbox by which a redelivery is recognised.

A parked message came to nothing, so it has no key in the inbox: sent again, it is taken anew, and its parked entry is
superseded by the new one.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Integer, bindparam, delete, func, literal_column, null, select, union_all, update

from bridge.domain.model import JobRef, MessageId, Outcome
from bridge.flows.ports import JournalEntry, RecordedEntry
from bridge.store import rows
from bridge.store.refs import is_one_of, rows_of
from bridge.store.session import KEYS, Session
from bridge.store.tables import inbox, journal

# The very words of the partial indexes: SQLite compares text.
IS_WAITING = journal.c.outcome == literal_column(f"'{Outcome.WAITING.value}'")
_IS_PARKED = journal.c.outcome == literal_column(f"'{Outcome.PARKED.value}'")
_BEFORE = union_all(
    select(inbox.c.message_id, null().cast(Integer).label("number")).where(
        inbox.c.pack == bindparam("pack"), inbox.c.message_id.in_(KEYS)
    ),
    select(journal.c.message_id, journal.c.number).where(
        journal.c.pack == bindparam("pack"), _IS_PARKED, journal.c.message_id.in_(KEYS)
    ),
)
_PARKED = select(journal).where(journal.c.number == bindparam("wanted"), _IS_PARKED).with_for_update()
_FIND = select(journal).where(journal.c.number == bindparam("wanted"))
_RECORD = journal.insert()
_RECORD_ONE = journal.insert().returning(journal.c.number)
_FORGET_KEY = delete(inbox).where(inbox.c.pack == bindparam("key_pack"), inbox.c.message_id == bindparam("key_message"))
_SUPERSEDE = (
    update(journal)
    .where(journal.c.number.in_(KEYS), _IS_PARKED)
    .values(outcome=Outcome.SUPERSEDED.value, reason=bindparam("by", type_=journal.c.reason.type) + journal.c.reason)
)
_WAITING = select(journal).where(is_one_of(journal.c.pack, journal.c.job_key), IS_WAITING).order_by(journal.c.number)
_WAITING_SINCE = (
    select(
        func.count().label("waiting"), func.min(journal.c.received_at, type_=journal.c.received_at.type).label("oldest")
    )
    .where(IS_WAITING)
    .where(journal.c.due_at.is_(None))  # what is held ends by itself
)
_DUE = (
    select(journal.c.pack, journal.c.job_key)
    .where(journal.c.due_at.is_not(None), journal.c.due_at <= bindparam("now", type_=journal.c.due_at.type))
    .where(journal.c.pack.in_(KEYS))
    .group_by(journal.c.pack, journal.c.job_key)
    .order_by(func.min(journal.c.due_at))
)
_RESOLVE = update(journal).where(journal.c.number == bindparam("resolved"))


Parked = dict[tuple[str, MessageId | None], list[int]]
"""The numbers of parked entries, by the pack and id of the message that is taken anew."""


async def before(session: Session, pack: str, messages: Collection[MessageId]) -> tuple[set[MessageId], Parked]:
    """Tell which messages were recorded before and are done with, and where others are parked."""
    seen: set[MessageId] = set()
    parked: Parked = {}
    for row in await session.rows_in(_BEFORE, messages, pack=pack):
        if row["number"] is None:
            seen.add(row["message_id"])
        else:
            parked.setdefault((pack, row["message_id"]), []).append(row["number"])
    return seen, parked


async def parked(session: Session, number: int) -> RecordedEntry | None:
    """Lock and read an entry that is parked; None if it is not, or not any more."""
    row = await session.row(_PARKED, {"wanted": number})
    return None if row is None else rows.recorded(row)


async def find(session: Session, number: int) -> RecordedEntry | None:
    """Read an entry."""
    row = await session.row(_FIND, {"wanted": number})
    return None if row is None else rows.recorded(row)


async def record(session: Session, entries: Sequence[JournalEntry], parked: Parked) -> None:
    """Write entries in their order, and the key of each message that has one and is not parked.

    An entry supersedes those in `parked` of its message, which are taken out.
    """
    if any(_key(entry) in parked for entry in entries):
        for entry in entries:
            await _record_one(session, entry, parked.pop(_key(entry), []))
    else:
        await session.run(_RECORD, list(map(rows.journal_row, entries)))
    await session.insert_new(inbox, [_inbox_row(entry) for entry in entries if _is_done(entry)])


async def _record_one(session: Session, entry: JournalEntry, superseded: Sequence[int]) -> None:
    row = await session.row(_RECORD_ONE, rows.journal_row(entry))
    if row is not None and superseded:
        by = f"superseded by entry {row['number']}; was: "
        await session.rows_in(_SUPERSEDE.returning(journal.c.number), superseded, by=by)


def _key(entry: JournalEntry) -> tuple[str, MessageId | None]:
    return entry.raw.pack, entry.message


def _is_done(entry: JournalEntry) -> bool:
    return entry.message is not None and entry.outcome is not Outcome.PARKED


def _inbox_row(entry: JournalEntry) -> dict[str, object]:
    return {"pack": entry.raw.pack, "message_id": entry.message, "received_at": entry.raw.received_at}


async def waiting(session: Session, jobs: Collection[JobRef]) -> dict[JobRef, list[RecordedEntry]]:
    """Read what waits for the jobs, in order of arrival; a job that nothing waits for is left out."""
    found: defaultdict[JobRef, list[RecordedEntry]] = defaultdict(list)
    for job, row in await rows_of(session, _WAITING, jobs):
        found[job].append(rows.recorded(row))
    return dict(found)


async def resolve(session: Session, numbers: Mapping[int, JournalEntry]) -> None:
    """Overwrite what became of the numbered entries; the messages themselves stay as they came."""
    if not numbers:
        return
    changes = [{"resolved": number, **rows.verdict(entry)} for number, entry in numbers.items()]
    await session.run(_RESOLVE, changes)
    given_up = [entry for entry in numbers.values() if entry.outcome is Outcome.PARKED]
    await session.run(_FORGET_KEY, [{"key_pack": e.raw.pack, "key_message": e.message} for e in given_up])


async def due_jobs(session: Session, packs: Collection[str], now: datetime) -> Sequence[JobRef]:
    """Read which jobs have messages that were held until now, the longest due first."""
    return [JobRef(row["pack"], row["job_key"]) for row in await session.rows_in(_DUE, sorted(packs), now=now)]


async def waiting_since(session: Session) -> tuple[int, datetime | None]:
    """Count what waits, and tell when the oldest of it came."""
    (row,) = await session.rows(_WAITING_SINCE)
    return row["waiting"], row["oldest"]


async def latest(session: Session, outcome: Outcome | None, limit: int) -> Sequence[RecordedEntry]:
    """Read the newest entries, newest first."""
    query = select(journal).order_by(journal.c.number.desc()).limit(limit)
    if outcome is not None:
        query = query.where(journal.c.outcome == outcome.value)
    return [rows.recorded(row) for row in await session.rows(query)]

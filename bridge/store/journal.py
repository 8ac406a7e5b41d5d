"""The journal of WFM messages, and the inbox by which a redelivery is recognised."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, literal_column, select, update

from bridge.domain.model import JobRef, MessageId, Outcome
from bridge.flows.ports import JournalEntry, RecordedEntry
from bridge.store import rows
from bridge.store.session import KEYS, Session
from bridge.store.tables import inbox, journal

_SEEN = select(inbox.c.message_id).where(inbox.c.pack == bindparam("pack"), inbox.c.message_id.in_(KEYS))
_RECORD = journal.insert()
_WAITING = (
    select(journal)
    .where(journal.c.pack.in_(bindparam("packs", expanding=True)), journal.c.job_key.in_(KEYS))
    # The very words of the partial index: SQLite compares text.
    .where(journal.c.outcome == literal_column(f"'{Outcome.WAITING.value}'"))
    .order_by(journal.c.number)
)
_RESOLVE = update(journal).where(journal.c.number == bindparam("resolved"))


async def seen(session: Session, pack: str, messages: Collection[MessageId]) -> set[MessageId]:
    """Tell which messages were recorded before, whatever became of them."""
    return {row["message_id"] for row in await session.rows_in(_SEEN, messages, pack=pack)}


async def record(session: Session, entries: Sequence[JournalEntry]) -> None:
    """Write entries in their order, and the key of each message that has one."""
    keys = [
        {"pack": entry.raw.pack, "message_id": entry.message, "received_at": entry.raw.received_at}
        for entry in entries
        if entry.message is not None
    ]
    await session.run(_RECORD, list(map(rows.journal_row, entries)))
    await session.insert_new(inbox, keys)


async def waiting(session: Session, jobs: Collection[JobRef]) -> dict[JobRef, list[RecordedEntry]]:
    """Read what waits for the jobs, in order of arrival; a job that nothing waits for is left out."""
    found: defaultdict[JobRef, list[RecordedEntry]] = defaultdict(list)
    packs = sorted({job.pack for job in jobs})
    for row in await session.rows_in(_WAITING, sorted({job.key for job in jobs}), packs=packs):
        found[JobRef(row["pack"], row["job_key"])].append(rows.recorded(row))
    return {job: found[job] for job in jobs if job in found}


async def resolve(session: Session, numbers: Mapping[int, JournalEntry]) -> None:
    """Overwrite what became of the numbered entries; the messages themselves stay as they came."""
    if not numbers:
        return
    changes = [{"resolved": number, **rows.verdict(entry)} for number, entry in numbers.items()]
    await session.run(_RESOLVE, changes)


async def latest(session: Session, outcome: Outcome | None, limit: int) -> Sequence[RecordedEntry]:
    """Read the newest entries, newest first."""
    query = select(journal).order_by(journal.c.number.desc()).limit(limit)
    if outcome is not None:
        query = query.where(journal.c.outcome == outcome.value)
    return [rows.recorded(row) for row in await session.rows(query)]

"""The journal of WFM messages, and the inbox by which a redelivery is recognised.

A parked message came to nothing, so it has no key in the inbox: sent again, it is taken anew, and its parked entry is
superseded by the new one.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import (
    ColumnElement,
    Integer,
    bindparam,
    delete,
    func,
    literal_column,
    null,
    select,
    text,
    union_all,
    update,
)

from bridge.domain.model import JobRef, MessageId, Outcome, Transition
from bridge.errors import BridgeError
from bridge.flows.ports.journal_entry import JournalEntry, MessageFilter, MessageGroup, RecordedEntry, WfmMessage
from bridge.store.columns import Row, escape
from bridge.store.session import KEYS, Bulk, Database, Session, is_of, is_one_of, passing_over
from bridge.store.tables import BALLAST_BYTES, inbox, journal, metadata

# The very words of the partial indexes: SQLite compares text.
IS_WAITING = journal.c.outcome == literal_column(f"'{Outcome.WAITING.value}'")
IS_PARKED = journal.c.outcome == literal_column(f"'{Outcome.PARKED.value}'")
_BEFORE = union_all(
    select(inbox.c.message_id, null().cast(Integer).label("number")).where(
        inbox.c.pack == bindparam("pack"), inbox.c.message_id.in_(KEYS)
    ),
    select(journal.c.message_id, journal.c.number).where(
        journal.c.pack == bindparam("pack"), IS_PARKED, journal.c.message_id.in_(KEYS)
    ),
)
_FIND = select(journal).where(journal.c.number == bindparam("wanted"))
_PARKED = _FIND.where(IS_PARKED).with_for_update()
_RECORD = Bulk(journal, without=("number",))
_RECORD_ONE = journal.insert().returning(journal.c.number)
_REMEMBER = Bulk(inbox, passing_over)
_FORGET_KEY = delete(inbox).where(inbox.c.pack == bindparam("key_pack"), inbox.c.message_id == bindparam("key_message"))
_SUPERSEDE = (
    update(journal)
    .where(journal.c.number.in_(KEYS), IS_PARKED)
    .values(outcome=Outcome.SUPERSEDED.value, reason=bindparam("by", type_=journal.c.reason.type) + journal.c.reason)
    .returning(journal.c.number)
)
_DISCARD = (
    update(journal)
    .where(journal.c.number == bindparam("wanted"), IS_PARKED)
    .values(outcome=Outcome.IGNORED.value, reason=bindparam("note", type_=journal.c.reason.type) + journal.c.reason)
)
_OF_GROUP = (journal.c.pack, journal.c.outcome, journal.c.reason)
_COUNT = func.count().label("count")
_GROUPS = (
    select(
        *_OF_GROUP,
        _COUNT,
        func.min(journal.c.received_at, type_=journal.c.received_at.type).label("first"),
        func.max(journal.c.received_at, type_=journal.c.received_at.type).label("last"),
    )
    .group_by(*_OF_GROUP)
    .order_by(_COUNT.desc(), *_OF_GROUP)
)
_RULES = (
    select(journal.c.rule, _COUNT, func.max(journal.c.received_at, type_=journal.c.received_at.type).label("last"))
    .where(
        journal.c.pack == bindparam("of_pack"),
        journal.c.received_at >= bindparam("since", type_=journal.c.received_at.type),
        journal.c.rule.is_not(None),
    )
    .group_by(journal.c.rule)
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
_LOCK_NOTHING = text(f"LOCK TABLE {', '.join(metadata.tables)} IN ROW EXCLUSIVE MODE")
"""Waits as any change does for whoever has locked a whole table, and is in nobody's way."""
_TAKE_BACK = delete(journal).where(journal.c.number == bindparam("taken_back"))
_LATEST = select(journal).order_by(journal.c.number.desc())


class Journal:
    """The journal as it is read outside of units of work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_well(self) -> bool:
        """Tell whether the database takes at this moment what any message changes: an entry, which is taken back."""
        self._database.health.asked()
        body, at = os.urandom(BALLAST_BYTES), datetime.fromtimestamp(0, UTC)
        trial = WfmMessage(pack="", body=body, correlation_id="", received_at=at)
        row = journal_row(JournalEntry(message=None, job=None, raw=trial, outcome=Outcome.IGNORED))
        try:
            async with self._database.write(probe=True) as session:
                if session.is_postgres:
                    await session.run(_LOCK_NOTHING)
                (tried,) = await session.rows(_RECORD_ONE, row)
                await session.run(_TAKE_BACK, {"taken_back": tried["number"]})
        except BridgeError:
            return False
        return True

    async def latest(self, outcome: Outcome | None = None, limit: int = 100) -> Sequence[RecordedEntry]:
        """Read the newest entries, newest first."""
        return await self.chosen(MessageFilter(outcome=outcome), limit)

    async def chosen(self, wanted: MessageFilter, limit: int) -> Sequence[RecordedEntry]:
        """Read the newest of these entries, newest first."""
        query = _LATEST.where(*_conditions(wanted)).limit(limit)
        async with self._database.read() as session:
            return [recorded(row) for row in await session.rows(query)]

    async def groups(self, wanted: MessageFilter) -> Sequence[MessageGroup]:
        """Count these entries by what became of them and why, most first."""
        query = _GROUPS.where(*_conditions(wanted))
        async with self._database.read() as session:
            rows = await session.rows(query)
        return [
            MessageGroup(row["pack"], Outcome(row["outcome"]), row["reason"], row["count"], row["first"], row["last"])
            for row in rows
        ]

    async def rules(self, pack: str, since: datetime) -> Sequence[tuple[str, int, datetime]]:
        """Count what came to a pack since then by the rule that held, and tell when each held last."""
        async with self._database.read() as session:
            rows = await session.rows(_RULES, {"of_pack": pack, "since": since})
        return [(row["rule"], row["count"], row["last"]) for row in rows]

    async def discard(self, number: int, note: str) -> bool:
        """Let a parked entry be ignored, for a reason that a person gives; tells whether it was parked.

        Its message is no longer known: sent again, it is taken anew.
        """
        async with self._database.write() as session:
            return await session.run(_DISCARD, {"wanted": number, "note": f"discarded: {note}; was: "}) > 0

    async def find(self, number: int) -> RecordedEntry | None:
        """Read an entry."""
        async with self._database.read() as session:
            return await find(session, number)

    async def due_jobs(self, packs: Collection[str], now: datetime) -> Sequence[JobRef]:
        """Tell which jobs of these packs have messages that were held until now, the longest due first."""
        async with self._database.read() as session:
            return [JobRef(row["pack"], row["job_key"]) for row in await session.rows_in(_DUE, sorted(packs), now=now)]

    async def waiting_since(self) -> tuple[int, datetime | None]:
        """Count the messages that wait for a job, and tell when the oldest of them came."""
        async with self._database.read() as session:
            (row,) = await session.rows(_WAITING_SINCE)
        return row["waiting"], row["oldest"]


def _conditions(wanted: MessageFilter) -> Iterator[ColumnElement[bool]]:
    columns = journal.c
    if wanted.outcome is not None:
        yield columns.outcome == wanted.outcome.value
    if wanted.pack is not None:
        yield columns.pack == wanted.pack
    if wanted.jobs is not None:
        yield is_of(wanted.jobs, columns.pack, columns.job_key)
    if wanted.rule is not None:
        yield columns.rule == wanted.rule
    if wanted.reason is not None:
        yield columns.reason.contains(escape(wanted.reason), autoescape=True)
    if wanted.since is not None:
        yield columns.received_at >= wanted.since
    if wanted.until is not None:
        yield columns.received_at < wanted.until


# Within a unit of work


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


async def is_parked(session: Session, number: int) -> str | None:
    """Lock an entry that is parked, and name its pack; None if it is not parked, or not any more."""
    row = await session.row(_PARKED, {"wanted": number})
    return None if row is None else row["pack"]


async def find(session: Session, number: int) -> RecordedEntry | None:
    """Read an entry."""
    row = await session.row(_FIND, {"wanted": number})
    return None if row is None else recorded(row)


async def record(session: Session, entries: Sequence[JournalEntry], parked: Parked) -> None:
    """Write entries in their order, and the key of each message that has one and is not parked.

    An entry supersedes those in `parked` of its message, which are taken out.
    """
    if parked and any((entry.raw.pack, entry.message) in parked for entry in entries):
        for entry in entries:
            await _record_one(session, entry, parked.pop((entry.raw.pack, entry.message), []))
    else:
        await _RECORD.run(session, [journal_row(entry) for entry in entries])
    done = [entry for entry in entries if entry.message is not None and entry.outcome is not Outcome.PARKED]
    await _REMEMBER.run(
        session,
        [{"pack": e.raw.pack, "message_id": e.message, "received_at": e.raw.received_at} for e in done],
    )


async def _record_one(session: Session, entry: JournalEntry, superseded: Sequence[int]) -> None:
    row = await session.row(_RECORD_ONE, journal_row(entry))
    if row is not None and superseded:
        await session.rows_in(_SUPERSEDE, superseded, by=f"superseded by entry {row['number']}; was: ")


async def waiting(session: Session, jobs: Collection[JobRef]) -> dict[JobRef, list[RecordedEntry]]:
    """Read what waits for the jobs, in order of arrival; a job that nothing waits for is left out."""
    found = await session.rows_of(_WAITING, jobs)
    return {job: [recorded(row) for row in rows] for job, rows in found.items()}


async def resolve(session: Session, numbers: Mapping[int, JournalEntry]) -> None:
    """Overwrite what became of the numbered entries; the messages themselves stay as they came."""
    await session.run(_RESOLVE, [{"resolved": number, **_became(entry)} for number, entry in numbers.items()])
    given_up = [entry for entry in numbers.values() if entry.outcome is Outcome.PARKED]
    await session.run(_FORGET_KEY, [{"key_pack": e.raw.pack, "key_message": e.message} for e in given_up])


# Rows


def journal_row(entry: JournalEntry) -> dict[str, object]:
    """Make the row of `journal`, without its number. A job belongs to the pack that its message came by."""
    raw = entry.raw
    return {
        "pack": raw.pack,
        "message_id": entry.message,
        "job_key": None if entry.job is None else entry.job.key,
        "body": raw.body,
        "routing_key": raw.routing_key,
        "headers": raw.headers,
        "correlation_id": raw.correlation_id,
        "received_at": raw.received_at,
        **_became(entry),
    }


def _became(entry: JournalEntry) -> dict[str, object]:
    return {
        "outcome": entry.outcome.value,
        "reason": entry.reason,
        "rule": entry.rule,
        "pack_version": entry.pack_version,
        "transitions": [
            {"resource": hop.resource, "id": hop.id, "source": hop.source, "target": hop.target}
            for hop in entry.transitions
        ],
        "flags": entry.flags,
        "explanation": entry.explanation,
        "due_at": entry.due_at,
    }


def recorded(row: Row) -> RecordedEntry:
    """Read a row of `journal`."""
    raw = WfmMessage(
        pack=row["pack"],
        body=row["body"],
        routing_key=row["routing_key"],
        headers=row["headers"],
        correlation_id=row["correlation_id"],
        received_at=row["received_at"],
    )
    entry = JournalEntry(
        message=None if row["message_id"] is None else MessageId(row["message_id"]),
        job=None if row["job_key"] is None else JobRef(row["pack"], row["job_key"]),
        raw=raw,
        outcome=Outcome(row["outcome"]),
        reason=row["reason"],
        rule=row["rule"],
        pack_version=row["pack_version"],
        transitions=tuple(Transition(**hop) for hop in row["transitions"]),
        flags=tuple(row["flags"]),
        explanation=row["explanation"],
        due_at=row["due_at"],
    )
    return RecordedEntry(row["number"], entry)

"""WFM → Buyer: takes messages off the bus, lets the pack translate and the domain decide, commits all of it at once.

For a batch of messages one transaction holds the inbox keys, the journal, the new states, the notifications and the
commands that follow. Only then may the messages be acked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from bridge.batcher import Batcher
from bridge.domain.model import JobRef, MessageId, Outcome
from bridge.errors import TransientError
from bridge.flows.applier import Applier, Jobs
from bridge.flows.errors import NotReplayable
from bridge.flows.patience import Patient
from bridge.flows.ports import UNKNOWN_COMMAND, JournalEntry, Store, Transaction, WfmMessage
from bridge.flows.verdicts import noted, without_job
from bridge.loops import every
from bridge.mapping.pack import Read, Reading

log = structlog.get_logger(__name__)

DUE_SECONDS = 0.5
"""How often messages are looked for whose partner has not come in time."""


@dataclass(slots=True)
class _Batch:
    """What one transaction writes. `touched` are the jobs a message was applied to; `recorded` counts `entries`.

    `replayed` is the number of the entry that is applied anew, if one is.
    """

    applier: Applier
    jobs: Jobs
    seen: set[tuple[str, MessageId]]
    touched: set[JobRef] = field(default_factory=set)
    entries: list[JournalEntry] = field(default_factory=list)
    recorded: int = 0
    replayed: int | None = None


class JobUpdates:
    """The use case."""

    def __init__(self, store: Store, applier: Applier) -> None:
        self._store = store
        self._applier = applier
        self._batcher = Batcher(Patient(self._commit, self._park))

    async def handle(self, message: WfmMessage) -> None:
        """Take one message; return when it and all that follows from it is safe. Queues at its first step."""
        await self._batcher.submit(message)

    async def run(self) -> None:
        """Apply what is held for a partner in its time, until cancelled; then what `handle` has queued is left."""
        try:
            await every(DUE_SECONDS, self.apply_due, "held")
        finally:
            await self._batcher.stop()

    async def apply_due(self) -> int:
        """Apply what was held for a partner that has not come; return how many jobs there were.

        A job that the bridge fails on is left for the next time, and so is one whose pack is not loaded.
        """
        applier = self._applier.pinned()
        due = await self._store.journal.due_jobs(applier.packs, applier.now())
        for ref in due:
            try:
                await self._apply_due(applier, ref)
            except TransientError:
                raise
            except Exception:  # outermost: whatever one job does, the others must be looked after
                log.exception("held.crashed", pack=ref.pack, job=ref.key)
        return len(due)

    async def _apply_due(self, applier: Applier, ref: JobRef) -> None:
        async with self._store.transaction() as tx:
            jobs = await tx.load_jobs([ref])
            await applier.apply_due(tx, jobs, ref)

    async def _commit(self, messages: Sequence[WfmMessage]) -> Sequence[None]:
        applier = self._applier.pinned()
        parts = [(message, reading) for message in messages for reading in applier.read(message)]
        async with self._store.transaction() as tx:
            batch = await _load(tx, applier, [reading for _, reading in parts if isinstance(reading, Reading)])
            await self._apply(tx, batch, parts)
        return [None] * len(messages)

    async def _apply(self, tx: Transaction, batch: _Batch, parts: Iterable[tuple[WfmMessage, Read]]) -> None:
        for message, reading in parts:
            await self._take(tx, batch, message, reading)
        await tx.save_jobs([batch.jobs[ref] for ref in batch.touched])
        await _record(tx, batch)

    async def replay(self, number: int) -> Sequence[JournalEntry]:
        """Apply a parked message anew, by the present packs; return what became of its parts.

        Its entry is then superseded. Raises `NotReplayable`, also where it would only be parked again.
        """
        applier = self._applier.pinned()
        async with self._store.transaction() as tx:
            parked = await self._parked(tx, number)
            parts = applier.read(parked.raw) if parked.message is None else [applier.read_again(parked)]
            batch = await _load(tx, applier, [part for part in parts if isinstance(part, Reading)])
            batch.replayed = number
            fresh = [part for part in parts if not (isinstance(part, Reading) and _key(part) in batch.seen)]
            if not await tx.take_up_parked(number, _message(fresh[0]) if fresh else None):
                raise NotReplayable(f"entry {number} was taken up by somebody else just now")
            if not fresh:
                await tx.resolve_waiting({number: _taken_since(parked)})
            await self._apply(tx, batch, [(parked.raw, part) for part in fresh])
            if fresh and all(entry.outcome is Outcome.PARKED for entry in batch.entries):
                raise NotReplayable(f"entry {number} would be parked again: {batch.entries[0].reason}")
            return batch.entries

    async def _parked(self, tx: Transaction, number: int) -> JournalEntry:
        entry = await tx.entry(number)
        if entry is None:
            raise NotReplayable(f"there is no entry {number}")
        if entry.outcome is not Outcome.PARKED:
            raise NotReplayable(f"entry {number} is {entry.outcome}, not parked")
        if not entry.raw.pack or entry.rule == UNKNOWN_COMMAND or (entry.message is None) != (entry.job is None):
            raise NotReplayable(f"entry {number} is a reply to a command, and its time is over")
        if entry.raw.pack not in self._applier.packs:
            raise NotReplayable(f"entry {number} is of pack {entry.raw.pack}, which this bridge does not run")
        return entry

    async def _take(self, tx: Transaction, batch: _Batch, message: WfmMessage, reading: Read) -> None:
        if not isinstance(reading, Reading):
            entry = JournalEntry(message=None, job=None, raw=message, outcome=Outcome.PARKED)
            batch.entries.append(without_job(entry, reading))
            return
        key = _key(reading)
        if key in batch.seen:
            log.debug("message.duplicate", message_id=reading.message)
            return
        batch.seen.add(key)
        batch.touched.add(reading.job)
        known = batch.jobs[reading.job].work_order is not None
        batch.entries.append(await self._apply_one(tx, batch, message, reading))
        if not known and batch.jobs[reading.job].work_order is not None:
            await self._take_up_waiting(tx, batch, reading.job)

    async def _apply_one(self, tx: Transaction, batch: _Batch, message: WfmMessage, reading: Reading) -> JournalEntry:
        if not batch.jobs[reading.job].holds:
            return await batch.applier.apply(tx, batch.jobs, message, reading)
        await _record(tx, batch)  # what is held came perhaps in this very batch
        return await batch.applier.apply_in_line(tx, batch.jobs, message, reading, batch.replayed)

    async def _take_up_waiting(self, tx: Transaction, batch: _Batch, ref: JobRef) -> None:
        """The job has come: what waited for it, perhaps earlier in this very batch, can be applied."""
        if any(entry.job == ref and entry.outcome is Outcome.WAITING for entry in batch.entries[batch.recorded :]):
            await _record(tx, batch)
        await batch.applier.apply_waiting(tx, batch.jobs, [ref])

    async def _park(self, message: WfmMessage, error: Exception) -> None:
        """Keep a message that broke the bridge itself, so that neither it nor the queue behind it is lost."""
        reason = f"the bridge failed on this message: {type(error).__name__}: {error}"
        entry = JournalEntry(message=None, job=None, raw=message, outcome=Outcome.PARKED, reason=reason)
        async with self._store.transaction() as tx:
            await tx.record([noted(entry)])


async def _load(tx: Transaction, applier: Applier, readings: Sequence[Reading]) -> _Batch:
    jobs = await tx.load_jobs({reading.job for reading in readings})
    seen: set[tuple[str, MessageId]] = set()
    for pack in {reading.job.pack for reading in readings}:
        known = await tx.seen(pack, {reading.message for reading in readings if reading.job.pack == pack})
        seen |= {(pack, message) for message in known}
    return _Batch(applier=applier, jobs=jobs, seen=seen)


def _key(reading: Reading) -> tuple[str, MessageId]:
    return reading.job.pack, reading.message


def _message(part: Read) -> MessageId | None:
    return part.message if isinstance(part, Reading) else None


async def _record(tx: Transaction, batch: _Batch) -> None:
    await tx.record(batch.entries[batch.recorded :])
    batch.recorded = len(batch.entries)


def _taken_since(parked: JournalEntry) -> JournalEntry:
    return replace(parked, outcome=Outcome.SUPERSEDED, reason=f"the message was taken since; was: {parked.reason}")

"""WFM → Buyer: takes messages off the bus, lets the pack translate and the domain decide, commits all of it at once.

For a batch of messages one transaction holds the inbox keys, the journal, the new states, the notifications and the
commands that follow. Only then may the messages be acked. An update for a job that is not known yet is kept as
`waiting` and is applied by itself when the job arrives.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from bridge.domain.decide import decide
from bridge.domain.model import (
    AppointmentId,
    Decision,
    Ids,
    Job,
    JobRef,
    JobUpdate,
    MessageId,
    Outcome,
    WorkOrderId,
)
from bridge.flows.effects import messages_for
from bridge.flows.group_commit import GroupCommit
from bridge.flows.ports import Clock, JournalEntry, RecordedEntry, Store, Transaction, WfmMessage
from bridge.mapping.pack import Ignored, Pack, Reading, Translated, Unreadable

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Batch:
    """What one transaction is about to write."""

    jobs: dict[JobRef, Job]
    before: dict[JobRef, Job]
    seen: set[tuple[str, MessageId]]
    entries: list[JournalEntry] = field(default_factory=list)


class JobUpdates:
    """The use case. `run` must be running for `handle` to return."""

    def __init__(self, store: Store, packs: Mapping[str, Pack], clock: Clock, new_id: Callable[[], str]) -> None:
        self._store = store
        self._packs = packs
        self._clock = clock
        self._new_id = new_id
        self._group = GroupCommit(self._commit, self._park)

    async def handle(self, message: WfmMessage) -> None:
        """Take one message; return when it and all that follows from it is safe. Queues at its first step."""
        await self._group.submit(message)

    async def run(self) -> None:
        """Commit what `handle` has queued, until cancelled."""
        await self._group.run()

    async def _commit(self, messages: Sequence[WfmMessage]) -> None:
        readings = [self._packs[m.pack].read(m.body, m.routing_key, m.headers) for m in messages]
        async with self._store.transaction() as tx:
            batch = await self._load(tx, [r for r in readings if isinstance(r, Reading)])
            for message, reading in zip(messages, readings, strict=True):
                await self._take(tx, batch, message, reading)
            await self._flush(tx, batch)

    async def _load(self, tx: Transaction, readings: Sequence[Reading]) -> _Batch:
        jobs = await tx.load_jobs({reading.job for reading in readings})
        seen: set[tuple[str, MessageId]] = set()
        for pack in {reading.job.pack for reading in readings}:
            known = await tx.seen(pack, {r.message for r in readings if r.job.pack == pack})
            seen |= {(pack, message) for message in known}
        return _Batch(jobs=jobs, before=dict(jobs), seen=seen)

    async def _take(self, tx: Transaction, batch: _Batch, message: WfmMessage, reading: Reading | Unreadable) -> None:
        if isinstance(reading, Unreadable):
            batch.entries.append(_unreadable(message, reading))
            return
        key = (reading.job.pack, reading.message)
        if key in batch.seen:
            log.debug("message.duplicate", message_id=reading.message)
            return
        batch.seen.add(key)
        known = batch.jobs[reading.job].work_order is not None
        batch.entries.append(await self._apply(tx, batch, message, reading))
        if not known and batch.jobs[reading.job].work_order is not None:
            await self._apply_waiting(tx, batch, reading.job)

    async def _apply(self, tx: Transaction, batch: _Batch, message: WfmMessage, reading: Reading) -> JournalEntry:
        pack = self._packs[message.pack]
        job = batch.jobs[reading.job]
        translation = pack.translate(reading, job)
        entry = JournalEntry(
            message=reading.message,
            job=reading.job,
            raw=message,
            outcome=Outcome.PARKED,
            pack_version=pack.version,
            explanation=translation.explanation,
        )
        if isinstance(translation, Ignored):
            return replace(entry, outcome=Outcome.IGNORED, reason=translation.reason, rule=translation.rule)
        if not isinstance(translation, Translated):
            return _parked(replace(entry, reason=translation.reason, rule=translation.rule))
        return await self._decide(tx, batch, entry, translation.update)

    async def _decide(self, tx: Transaction, batch: _Batch, entry: JournalEntry, update: JobUpdate) -> JournalEntry:
        decision = decide(batch.jobs[update.job], update, self._ids(), self._clock())
        await self._carry_out(tx, batch, entry.raw, decision)
        entry = replace(
            entry,
            outcome=decision.outcome,
            reason=decision.reason,
            rule=update.rule,
            transitions=decision.transitions,
            flags=update.flags,
        )
        return _parked(entry) if decision.outcome is Outcome.PARKED else entry

    async def _carry_out(self, tx: Transaction, batch: _Batch, message: WfmMessage, decision: Decision) -> None:
        batch.jobs[decision.job.ref] = decision.job
        if decision.ended is not None:
            await tx.save_jobs([decision.ended])
        if decision.notifications:
            await tx.notify(decision.notifications, self._clock(), message.correlation_id)
        if decision.effects:
            pack = self._packs[message.pack]
            await tx.send(messages_for(pack, decision.job, decision.effects, self._new_id, self._clock()))

    async def _apply_waiting(self, tx: Transaction, batch: _Batch, ref: JobRef) -> None:
        """Apply what has waited for the job, in order of its version where it has one, else of arrival."""
        await tx.record(batch.entries)
        batch.entries.clear()
        pack = self._packs[ref.pack]
        waiting = [
            (r, pack.read(r.entry.raw.body, r.entry.raw.routing_key, r.entry.raw.headers))
            for r in await tx.waiting(ref)
        ]
        resolved: dict[int, JournalEntry] = {}
        for recorded, reading in sorted(waiting, key=_by_version):
            if isinstance(reading, Reading):
                resolved[recorded.number] = await self._apply(tx, batch, recorded.entry.raw, reading)
        await tx.resolve_waiting(resolved)

    async def _flush(self, tx: Transaction, batch: _Batch) -> None:
        changed = [job for ref, job in batch.jobs.items() if job is not batch.before[ref]]
        await tx.save_jobs(changed)
        await tx.save_commands([c for job in changed for c in job.commands if c not in batch.before[job.ref].commands])
        await tx.record(batch.entries)

    async def _park(self, message: WfmMessage, error: Exception) -> None:
        """Keep a message that broke the bridge itself, so that neither it nor the queue behind it is lost."""
        reason = f"the bridge failed on this message: {type(error).__name__}: {error}"
        async with self._store.transaction() as tx:
            await tx.record(
                [_parked(JournalEntry(message=None, job=None, raw=message, outcome=Outcome.PARKED, reason=reason))]
            )

    def _ids(self) -> Ids:
        return Ids(WorkOrderId(self._new_id()), AppointmentId(self._new_id()))


def _unreadable(message: WfmMessage, reading: Unreadable) -> JournalEntry:
    entry = JournalEntry(
        message=None,
        job=None,
        raw=message,
        outcome=Outcome.PARKED,
        reason=reading.reason,
        explanation=reading.explanation,
    )
    return _parked(entry)


def _parked(entry: JournalEntry) -> JournalEntry:
    log.warning(
        "message.parked",
        pack=entry.raw.pack,
        message_id=entry.message,
        job=entry.job.key if entry.job else None,
        reason=entry.reason,
        correlation_id=entry.raw.correlation_id,
    )
    return entry


def _by_version(pair: tuple[RecordedEntry, Reading | Unreadable]) -> tuple[tuple[int, ...], int]:
    recorded, reading = pair
    versions = tuple(reading.versions.values()) if isinstance(reading, Reading) else ()
    return (versions, recorded.number)

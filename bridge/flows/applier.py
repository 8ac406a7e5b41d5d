"""Applies one WFM message to its job in a transaction: translate, decide, write what follows, say what became of it.

Messages that must wait (for a job that is not known yet, or for the reply to a Buyer's command that they only echo)
stay in the journal as `waiting`; `apply_waiting` takes them up again once what they waited for has come.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

import structlog

from bridge.domain.decide import decide, learned
from bridge.domain.model import (
    AppointmentId,
    Decision,
    Ids,
    Job,
    JobRef,
    JobUpdate,
    Outcome,
    WorkOrderId,
)
from bridge.domain.order import in_order
from bridge.flows.effects import messages_for
from bridge.flows.line import Line
from bridge.flows.ports import Clock, JournalEntry, RecordedEntry, Transaction, WfmMessage
from bridge.flows.verdicts import crashed, noted, survived, without_job
from bridge.mapping.pack import Awaits, Ignored, Pack, Read, Reading, Translated
from bridge.mapping.partners import translate_as_partner

log = structlog.get_logger(__name__)

NO_SELLERS: Mapping[str, str] = MappingProxyType({})

Jobs = dict[JobRef, Job]
"""The jobs of a transaction, loaded and locked; decisions replace them."""


class Applier:
    """The step that all ways in have in common. `sellers` names the Seller of each pack, if there are several."""

    def __init__(
        self,
        packs: Mapping[str, Pack],
        clock: Clock,
        new_id: Callable[[], str],
        sellers: Mapping[str, str] = NO_SELLERS,
    ) -> None:
        self._packs = packs
        self._clock = clock
        self._new_id = new_id
        self._sellers = sellers

    def pinned(self) -> "Applier":
        """The same step with the packs as they are now: a batch ends with the packs it began with."""
        return Applier(dict(self._packs), self._clock, self._new_id, self._sellers)

    @property
    def packs(self) -> frozenset[str]:
        """The names of the packs whose messages can be read."""
        return frozenset(self._packs)

    def now(self) -> datetime:
        """Give the current moment."""
        return self._clock()

    def read(self, message: WfmMessage) -> Sequence[Read]:
        """Read who a message, or each of its parts, is about."""
        return self._packs[message.pack].read_all(message.body, message.routing_key, message.headers)

    def read_again(self, entry: JournalEntry) -> Read:
        """Read the part of a message that a journal entry is about."""
        parts = self.read(entry.raw)
        same = (part for part in parts if isinstance(part, Reading) and part.message == entry.message)
        return next(same, parts[0])

    async def apply(
        self, tx: Transaction, jobs: Jobs, message: WfmMessage, reading: Reading, superseded: Sequence[Reading] = ()
    ) -> JournalEntry:
        """Apply a message to its job in `jobs`, as if those that it supersedes had never come.

        Returns the journal entry for it, not yet recorded.
        """
        pack = self._packs[message.pack]
        translation = translate_as_partner(pack, reading, jobs[reading.job], superseded)
        entry = JournalEntry(
            message=reading.message,
            job=reading.job,
            raw=message,
            outcome=Outcome.PARKED,
            pack_version=pack.version,
            explanation=translation.explanation,
        )
        if isinstance(translation, Translated):
            return await self._decide(tx, jobs, entry, translation.update)
        entry = replace(entry, reason=translation.reason, rule=translation.rule)
        if isinstance(translation, Ignored):
            if translation.record is not None:
                jobs[reading.job] = learned(
                    jobs[reading.job], reading.versions, translation.record, translation.field_versions
                )
            return replace(entry, outcome=Outcome.IGNORED)
        return replace(entry, outcome=Outcome.WAITING) if isinstance(translation, Awaits) else noted(entry)

    async def apply_in_line(
        self, tx: Transaction, jobs: Jobs, message: WfmMessage, reading: Reading, number: int | None
    ) -> JournalEntry:
        """Apply a message to a job of which others are held, once what is due is applied.

        `number` is that of an earlier entry for it. Returns the journal entry for it, not yet recorded.
        """
        now = self._clock()
        line = await self._line_of(tx, jobs, reading.job)
        await line.take_due(now)
        return await line.arrive(message, reading, now, number)

    async def apply_due(self, tx: Transaction, jobs: Jobs, ref: JobRef) -> Line:
        """Apply what was held of a job for a partner that has not come by now; give the line of the rest.

        Saves the job.
        """
        line = await self._line_of(tx, jobs, ref)
        await line.take_due(self._clock())
        await tx.save_jobs([jobs[ref]])
        return line

    async def apply_waiting(self, tx: Transaction, jobs: Jobs, refs: Collection[JobRef]) -> None:
        """Apply what waits for these jobs, by version where it has one, else as it arrived. Saves the jobs."""
        applier, now = self.pinned(), self._clock()
        for ref, waits in (await tx.waiting(refs)).items():
            line = await applier.line(tx, jobs, ref, waits)
            ready = await applier.read_all(tx, [recorded for recorded in waits if recorded.entry.due_at is None])
            for recorded, reading in in_order(ready, lambda pair: pair[1].versions):
                number, entry = recorded.number, recorded.entry
                became = await survived(entry, line.arrive(entry.raw, reading, now, number))
                await tx.resolve_waiting({number: became})  # at once: the next one may supersede it
        await tx.save_jobs([jobs[ref] for ref in refs])

    async def _line_of(self, tx: Transaction, jobs: Jobs, ref: JobRef) -> Line:
        return await self.line(tx, jobs, ref, (await tx.waiting([ref])).get(ref, ()))

    async def line(self, tx: Transaction, jobs: Jobs, ref: JobRef, waits: Sequence[RecordedEntry]) -> Line:
        """Give the line of a job: those of its waiting messages that are held."""
        held = await self.read_all(tx, [recorded for recorded in waits if recorded.entry.due_at is not None])
        return Line(tx, self._packs[ref.pack], jobs, held, partial(self.apply, tx, jobs))

    async def read_all(
        self, tx: Transaction, waits: Sequence[RecordedEntry]
    ) -> Sequence[tuple[RecordedEntry, Reading]]:
        """Read messages anew; what cannot be, or is of no interest any more, waits no longer."""
        readings = [(recorded, self._read_alone(recorded.entry)) for recorded in waits]
        await tx.resolve_waiting(
            {recorded.number: read for recorded, read in readings if isinstance(read, JournalEntry)}
        )
        return [(recorded, read) for recorded, read in readings if isinstance(read, Reading)]

    def _read_alone(self, entry: JournalEntry) -> Reading | JournalEntry:
        try:
            read = self.read_again(entry)
        except Exception as error:  # outermost for this message
            log.exception("message.crashed")
            return crashed(entry, error)
        return read if isinstance(read, Reading) else without_job(entry, read)

    async def _decide(self, tx: Transaction, jobs: Jobs, entry: JournalEntry, update: JobUpdate) -> JournalEntry:
        decision = decide(jobs[update.job], update, self.ids(), self._clock(), entry.raw.received_at)
        await self._carry_out(tx, jobs, entry.raw, decision)
        if decision.due_at is not None:
            jobs[update.job] = replace(jobs[update.job], holds=True)
        return noted(
            replace(
                entry,
                outcome=decision.outcome,
                reason=decision.reason,
                rule=update.rule,
                transitions=decision.transitions,
                flags=update.flags,
                due_at=decision.due_at,
            )
        )

    async def _carry_out(self, tx: Transaction, jobs: Jobs, message: WfmMessage, decision: Decision) -> None:
        pack = self._packs[message.pack]
        # First what may fail: a pack may be unable to say it, and then nothing of the decision is kept.
        cause = message.correlation_id
        messages = messages_for(pack, decision.job, decision.effects, self._new_id, self._clock(), cause)
        jobs[decision.job.ref] = decision.job
        if decision.ended is not None:
            await tx.save_jobs([decision.ended])
        await self.announce(tx, decision, message.correlation_id)
        if messages:
            await tx.send(messages)

    async def announce(self, tx: Transaction, decision: Decision, correlation_id: str) -> None:
        """Notify the Buyer's listeners of a decision."""
        seller = self._sellers.get(decision.job.ref.pack)
        await tx.notify(decision.notifications, self._clock(), correlation_id, seller)

    def ids(self) -> Ids:
        """Make the identifiers a decision may need."""
        return Ids(WorkOrderId(self._new_id()), AppointmentId(self._new_id()))

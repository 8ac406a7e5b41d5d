"""Applies one WFM message to its job in a transaction: translate, decide, write what follows, say what became of it.

Messages that must wait (for a job that is not known yet, or for the reply to a Buyer's command that they only echo)
stay in the journal as `waiting`; `apply_waiting` takes them up again once what they waited for has come.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import structlog

from bridge.domain.decide import decide, learned
from bridge.domain.model import AppointmentId, Decision, Ids, Job, JobRef, JobUpdate, Outcome, WorkOrderId
from bridge.domain.order import in_order
from bridge.errors import ConflictError, StoreDefect, TransientError
from bridge.flows.effects import messages_for
from bridge.flows.ports import Clock, JournalEntry, RecordedEntry, Transaction, WfmMessage
from bridge.mapping.pack import Awaits, Ignored, Pack, Read, Reading, Translated

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

    def knows(self, pack: str) -> bool:
        """Tell whether messages of a pack can be read."""
        return pack in self._packs

    def read(self, message: WfmMessage) -> Sequence[Read]:
        """Read who a message, or each of its parts, is about."""
        return self._packs[message.pack].read_all(message.body, message.routing_key, message.headers)

    def read_again(self, entry: JournalEntry) -> Read:
        """Read the part of a message that a journal entry is about."""
        parts = self.read(entry.raw)
        same = (part for part in parts if isinstance(part, Reading) and part.message == entry.message)
        return next(same, parts[0])

    async def apply(self, tx: Transaction, jobs: Jobs, message: WfmMessage, reading: Reading) -> JournalEntry:
        """Apply a message to its job in `jobs`; return the journal entry for it, not yet recorded."""
        pack = self._packs[message.pack]
        translation = pack.translate(reading, jobs[reading.job])
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
                jobs[reading.job] = learned(jobs[reading.job], reading.versions, translation.record, translation.told)
            return replace(entry, outcome=Outcome.IGNORED)
        return replace(entry, outcome=Outcome.WAITING) if isinstance(translation, Awaits) else noted(entry)

    async def apply_waiting(self, tx: Transaction, jobs: Jobs, refs: Collection[JobRef]) -> None:
        """Apply what waits for these jobs, by version where it has one, else as it arrived. Saves the jobs."""
        applier = self.pinned()
        resolved: dict[int, JournalEntry] = {}
        for waits in (await tx.waiting(refs)).values():
            readings = [(recorded, applier.read_alone(recorded.entry)) for recorded in waits]
            resolved |= {recorded.number: read for recorded, read in readings if isinstance(read, JournalEntry)}
            ready = [(recorded, reading) for recorded, reading in readings if isinstance(reading, Reading)]
            for recorded, reading in in_order(ready, lambda pair: pair[1].versions):
                resolved[recorded.number] = await applier.apply_alone(tx, jobs, recorded, reading)
        await tx.resolve_waiting(resolved)
        for ref in refs:
            await self.save(tx, jobs[ref])

    def read_alone(self, entry: JournalEntry) -> Read | JournalEntry:
        """Read a message, or park it if it breaks the bridge."""
        try:
            return self.read_again(entry)
        except Exception as error:  # outermost for this message
            log.exception("message.crashed")
            return crashed(entry, error)

    async def apply_alone(self, tx: Transaction, jobs: Jobs, recorded: RecordedEntry, reading: Reading) -> JournalEntry:
        """Apply a message, or park it if it breaks the bridge: what it waited for must not suffer."""
        try:
            return await self.apply(tx, jobs, recorded.entry.raw, reading)
        except (TransientError, ConflictError, StoreDefect):
            raise  # nothing of this transaction can be kept
        except Exception as error:  # outermost for this message
            log.exception("message.crashed")
            return crashed(recorded.entry, error)

    async def save(self, tx: Transaction, job: Job) -> None:
        """Store a job together with what became of its commands."""
        await tx.save_jobs([job])

    async def _decide(self, tx: Transaction, jobs: Jobs, entry: JournalEntry, update: JobUpdate) -> JournalEntry:
        decision = decide(jobs[update.job], update, self.ids(), self._clock())
        await self._carry_out(tx, jobs, entry.raw, decision)
        return noted(
            replace(
                entry,
                outcome=decision.outcome,
                reason=decision.reason,
                rule=update.rule,
                transitions=decision.transitions,
                flags=update.flags,
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


def crashed(entry: JournalEntry, error: Exception) -> JournalEntry:
    """Return a message as one that the bridge failed on."""
    reason = f"the bridge failed on this message: {type(error).__name__}: {error}"
    return noted(replace(entry, outcome=Outcome.PARKED, reason=reason))


def noted(entry: JournalEntry) -> JournalEntry:
    """Log an entry if it is parked, and return it."""
    if entry.outcome is Outcome.PARKED:
        log.warning(
            "message.parked",
            pack=entry.raw.pack,
            message_id=entry.message,
            job=entry.job.key if entry.job else None,
            reason=entry.reason,
            correlation_id=entry.raw.correlation_id,
        )
    return entry

"""A unit of work: what one transaction loads, decides and writes.

A use case opens one, loads the jobs that it is about, and lets things happen to their hold queues; nothing is awaited
between. What follows is written once, at the end: so a message that waited and was taken up in the same batch has one
entry in the journal, that of what became of it at last.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

import structlog

from bridge.domain.model import Command, CommandId, Job, JobRef, Outcome
from bridge.flows.hold_queue import LAST, Arrival, HoldQueue, Place, Step
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.journal_entry import JournalEntry, RecordedEntry, WfmMessage
from bridge.flows.ports.transaction import Transaction
from bridge.flows.ports.watcher import Watcher
from bridge.flows.refusals import WfmUnavailable
from bridge.mapping.pack import Pack, Reading

log = structlog.get_logger(__name__)


class Transactions(Protocol):
    """Where transactions are opened."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...


@dataclass(slots=True)
class Workshop:
    """What every unit of work needs. `sellers` names the Seller of each pack, if there are several.

    `watcher` is told what was committed.
    """

    store: Transactions
    packs: Mapping[str, Pack]
    clock: Clock
    new_id: Callable[[], str]
    sellers: Mapping[str, str] = field(default_factory=dict)
    watcher: Watcher | None = None


def pack_of(packs: Mapping[str, Pack], job: JobRef) -> Pack:
    """Give the pack through which a job's WFM is spoken to; raises `WfmUnavailable` where it is not loaded."""
    try:
        return packs[job.pack]
    except KeyError:
        log.warning("pack.missing", pack=job.pack, job=job.key)
        raise WfmUnavailable from None


class Work:
    """One unit of work. Jobs are touched within `transaction` only, after `load`; `now` is the moment of that.

    `packs` are a snapshot: a batch ends with the packs that it began with.
    """

    def __init__(self, workshop: Workshop, *, is_replay: bool = False) -> None:
        """What a replay leaves parked was parked before: nobody is to be alarmed of it anew."""
        self._workshop = workshop
        self._is_replay = is_replay
        self.packs = dict(workshop.packs)
        self.now = workshop.clock()
        self._loaded: dict[JobRef, Job] = {}
        self._stored: Mapping[JobRef, Sequence[RecordedEntry]] = {}
        self._queues: dict[JobRef, HoldQueue] = {}
        self._numbers = count(1)
        self._steps: list[Step] = []
        self._recorded: dict[Place, JournalEntry] = {}
        self._commands: list[Command] = []
        self._parked: list[JournalEntry] = []
        self._written: Mapping[Place, JournalEntry] = {}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open the transaction; at its end all is written, or nothing.

        What happened is logged once it has: a commit may fail, and be tried again many times.
        """
        async with self._workshop.store.transaction() as tx:
            yield tx
            await self._write(tx)
        for step in self._steps:
            if step.error is not None:
                log.error("message.crashed", exc_info=step.error)
            if step.entry is not None:
                self._say(step.entry)
        for entry in self._parked:
            self._say(entry)
        if self._workshop.watcher is not None:
            self._tell(self._workshop.watcher)

    def _say(self, entry: JournalEntry) -> None:
        """Say what became of a message, if it came to something or is to be looked at."""
        raw, job = entry.raw, entry.job.key if entry.job else None
        about = {"pack": raw.pack, "message_id": entry.message, "job": job, "correlation_id": raw.correlation_id}
        if entry.outcome is Outcome.PARKED:
            (log.info if self._is_replay else log.warning)("message.parked", **about, reason=entry.reason)
        elif entry.outcome is Outcome.APPLIED:
            hops = [f"{hop.resource} {hop.id} {hop.source or 'new'} -> {hop.target}" for hop in entry.transitions]
            log.info("message.applied", **about, rule=entry.rule, hops=hops)

    def _tell(self, watcher: Watcher) -> None:
        for entry in self._written.values():
            watcher.recorded(entry)
        for step in self._steps:
            if step.settlement is not None:
                watcher.settled(step.settlement.command, self.now)

    async def load(self, tx: Transaction, jobs: Collection[JobRef], *, settling: bool = False) -> None:
        """Lock and load jobs, with what waits for them as far as it may be taken up: all, where commands settle."""
        self._loaded = await tx.load_jobs(jobs)
        self.now = self._workshop.clock()
        wanted = [ref for ref, job in self._loaded.items() if settling or job.holds or job.work_order is None]
        if wanted:
            self._stored = await tx.waiting(wanted)

    def job(self, ref: JobRef) -> Job:
        """Give a job as it is now."""
        return self._queues[ref].job if ref in self._queues else self._loaded[ref]

    def queue(self, ref: JobRef) -> HoldQueue:
        """Give the hold queue of a job, to which things may happen; raises `WfmUnavailable` without its pack."""
        if ref not in self._queues:
            stored = {Place(one.number): one.entry for one in self._stored.get(ref, ())}
            pack, new_id = pack_of(self.packs, ref), self._workshop.new_id
            self._queues[ref] = HoldQueue(pack, self._loaded[ref], new_id, self._steps, stored)
        return self._queues[ref]

    def arrive(self, message: WfmMessage, reading: Reading, replayed: int | None = None) -> None:
        """A message came; `replayed` is the number of the parked entry of one that is applied anew."""
        place = Place(LAST if replayed is None else replayed, next(self._numbers))
        self.queue(reading.job).arrive(Arrival(place, message, reading), self.now)

    def add(self, command: Command) -> None:
        """A command is to be sent."""
        queue = self.queue(command.job)
        queue.job = queue.job.with_command(command)
        self._commands.append(command)

    def record(self, entry: JournalEntry) -> None:
        """Something else is to be in the journal."""
        self._recorded[Place(LAST, next(self._numbers))] = entry

    def park(self, entry: JournalEntry) -> None:
        """A message that came to nothing is to be in the journal, and to be told of once it is there."""
        self.record(entry)
        self._parked.append(entry)

    def has_settled(self, command: CommandId) -> bool:
        """Tell whether a command was settled by this very unit of work."""
        return any(step.settlement is not None and step.settlement.command.id == command for step in self._steps)

    def entries(self) -> Mapping[Place, JournalEntry]:
        """Give what became of each message, the new ones as they came."""
        became = {step.place: step.entry for step in self._steps if step.entry is not None} | self._recorded
        return {place: became[place] for place in sorted(became)}

    async def _write(self, tx: Transaction) -> None:
        """Write all of it; what a job was when it ended, and how a command was settled, before the job as it is now."""
        steps, queues = self._steps, self._queues
        if self._commands:
            await tx.add_commands(self._commands)
        if ended := [step.ended for step in steps if step.ended is not None]:
            await tx.save_jobs(ended)
        for step in steps:
            if step.settlement is not None:
                await tx.settle_command(step.settlement.command, step.settlement.result.stored())
        await tx.save_jobs([queue.job for ref, queue in queues.items() if queue.job is not self._loaded[ref]])
        for step in steps:
            if step.decision is not None and step.decision.notifications:
                seller = self._workshop.sellers.get(step.decision.job.ref.pack)
                await tx.notify(step.decision.notifications, self.now, step.cause, seller)
        if messages := [message for step in steps for message in step.messages]:
            await tx.send(messages)
        self._written = entries = self.entries()
        await tx.record([entry for place, entry in entries.items() if place.new])
        if resolved := {place.number: entry for place, entry in entries.items() if not place.new}:
            await tx.resolve_waiting(resolved)

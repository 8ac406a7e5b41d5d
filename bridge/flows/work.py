"""A unit of work: what one transaction loads, decides and writes.

A use case opens one, loads the jobs that it is about, and lets things happen to them; nothing is awaited between. What
follows is written once, at the end: so a message that waited and was taken up in the same batch has one entry in the
journal, that of what became of it at last.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Protocol

import structlog

from bridge.domain.model import (
    Accepted,
    Command,
    CommandId,
    CommandState,
    Decision,
    Job,
    JobRef,
    Notification,
    Outcome,
    Refused,
)
from bridge.domain.settlement import Settlement
from bridge.flows.errors import WfmUnavailable
from bridge.flows.hold_queue import LAST, Arrival, HoldQueue, Place, Settled, Step
from bridge.flows.ports import BusMessage, Clock, JournalEntry, RecordedEntry, Transaction, WfmMessage
from bridge.mapping.pack import Pack, Read, Reading

log = structlog.get_logger(__name__)


class Transactions(Protocol):
    """Where transactions are opened."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...


class Workshop:
    """Begins units of work. `sellers` names the Seller of each pack, if there are several."""

    def __init__(
        self,
        store: Transactions,
        packs: Mapping[str, Pack],
        clock: Clock,
        new_id: Callable[[], str],
        sellers: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self.packs = packs
        self.clock = clock
        self.new_id = new_id
        self._sellers = sellers or {}

    def pack(self, job: JobRef) -> Pack:
        """Give the pack through which a job's WFM is spoken to; raises `WfmUnavailable` where it is not loaded."""
        return _pack(self.packs, job)

    def begin(self) -> "Work":
        """Begin a unit of work with the packs as they are now: it ends with those it began with."""
        return Work(self._store, dict(self.packs), self.clock, self.new_id, self._sellers)


class Work:
    """One unit of work. Jobs are touched within `transaction` only, after `load`; `now` is the moment of that."""

    def __init__(
        self,
        store: Transactions,
        packs: Mapping[str, Pack],
        clock: Clock,
        new_id: Callable[[], str],
        sellers: Mapping[str, str],
    ) -> None:
        self._store = store
        self._packs = packs
        self._clock = clock
        self._new_id = new_id
        self._sellers = sellers
        self._numbers = count(1)
        self.now = clock()
        self._loaded: dict[JobRef, Job] = {}
        self._stored: Mapping[JobRef, Sequence[RecordedEntry]] = {}
        self._queues: dict[JobRef, HoldQueue] = {}
        self._ended: list[Job] = []
        self._became: dict[Place, JournalEntry] = {}
        self._results: dict[CommandId, tuple[Command, Mapping[str, object]]] = {}
        self._commands: list[Command] = []
        self._announcements: list[tuple[Sequence[Notification], str, str | None]] = []
        self._messages: list[BusMessage] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open the transaction; at its end all is written, or nothing."""
        async with self._store.transaction() as tx:
            yield tx
            await self._write(tx)

    def read(self, message: WfmMessage) -> Sequence[Read]:
        """Read who a message, or each of its parts, is about."""
        return self._packs[message.pack].read_all(message.body, message.routing_key, message.headers)

    async def load(self, tx: Transaction, jobs: Collection[JobRef], *, settling: bool = False) -> None:
        """Lock and load jobs, with what waits for them as far as it may be taken up: all of it where they `settle`."""
        self._loaded = await tx.load_jobs(jobs)
        self.now = self._clock()
        wanted = [ref for ref, job in self._loaded.items() if settling or job.holds or job.work_order is None]
        if wanted:
            self._stored = await tx.waiting(wanted)

    def pack(self, job: JobRef) -> Pack:
        """Give the pack of a job; raises `WfmUnavailable` where it is not loaded."""
        return _pack(self._packs, job)

    def has_pack(self, job: JobRef) -> bool:
        """Tell whether the pack of a job is loaded."""
        return job.pack in self._packs

    def job(self, ref: JobRef) -> Job:
        """Give a job as it is now."""
        return self._queues[ref].job if ref in self._queues else self._loaded[ref]

    @property
    def entries(self) -> list[JournalEntry]:
        """What is new in the journal, in order of arrival."""
        new = sorted((place.new, place) for place in self._became if place.new)
        return [self._became[place] for _, place in new]

    # what happens to jobs

    def arrive(self, message: WfmMessage, reading: Reading, replayed: int | None = None) -> None:
        """A message came; `replayed` is the number of the parked entry of one that is applied anew."""
        place = Place(LAST if replayed is None else replayed, next(self._numbers))
        self._take(self._queue(reading.job).arrive(Arrival(place, message, reading), self.now))

    def let_due(self, ref: JobRef) -> None:
        """What was held of a job until now is held no longer."""
        self._take(self._queue(ref).let_due(self.now))

    def settle(self, command: Command, reply: Accepted | Refused) -> Settlement:
        """The WFM replied to a command."""
        return self._conclude(self._queue(command.job).settle(command, reply, self.now))

    def expire(self, command: Command) -> Settlement:
        """The WFM did not reply to a command in time."""
        return self._conclude(self._queue(command.job).expire(command, self.now))

    def withdraw(self, command: Command) -> None:
        """A command never left."""
        self._results[command.id] = replace(command, state=CommandState.FAILED), {}
        self._take(self._queue(command.job).withdraw(command, self.now))

    def has_settled(self, command: CommandId) -> bool:
        """Tell whether a command was settled by this very unit of work."""
        return command in self._results

    def adopt(self, decision: Decision, cause: str) -> None:
        """Something else was decided about a job; `cause` is the correlation id of what led to it."""
        messages = self._queue(decision.job.ref).adopt(decision, self.now, cause)
        self._carry_out(decision, messages, cause)

    def add(self, command: Command) -> None:
        """A command is to be sent."""
        queue = self._queue(command.job)
        queue.job = queue.job.with_command(command)
        self._commands.append(command)

    def record(self, entry: JournalEntry) -> None:
        """Something else is to be in the journal."""
        self._became[Place(LAST, next(self._numbers))] = entry

    def _queue(self, ref: JobRef) -> HoldQueue:
        if ref not in self._queues:
            stored = self._stored.get(ref, ())
            self._queues[ref] = HoldQueue(self.pack(ref), self._loaded[ref], self._new_id, stored)
        return self._queues[ref]

    def _conclude(self, settled: Settled) -> Settlement:
        settlement = settled.settlement
        command, cause = settlement.command, settlement.command.correlation_id
        self._take(settled.before)
        self._carry_out(settlement.decision, settled.messages, cause)
        self._results[command.id] = command, settlement.result.stored()
        self._take(settled.after)
        return settlement

    def _take(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self._became[step.place] = logged(step.entry)
            if step.error is not None:
                log.error("message.crashed", exc_info=step.error)
            if step.decision is not None:
                self._carry_out(step.decision, step.messages, step.entry.raw.correlation_id)

    def _carry_out(self, decision: Decision, messages: Sequence[BusMessage], cause: str) -> None:
        if decision.ended is not None:
            self._ended.append(decision.ended)
        if decision.notifications:
            seller = self._sellers.get(decision.job.ref.pack)
            self._announcements.append((decision.notifications, cause, seller))
        self._messages += messages

    # what is written

    async def _write(self, tx: Transaction) -> None:
        """Write all of it; what a job was when it ended, and how a command was settled, before the job as it is now."""
        if self._commands:
            await tx.add_commands(self._commands)
        await tx.save_jobs(self._ended)
        for command, result in self._results.values():
            await tx.settle_command(command, result)
        await tx.save_jobs([queue.job for ref, queue in self._queues.items() if queue.job is not self._loaded[ref]])
        await self._write_journal(tx)
        for notifications, cause, seller in self._announcements:
            await tx.notify(notifications, self.now, cause, seller)
        await tx.send(self._messages)

    async def _write_journal(self, tx: Transaction) -> None:
        await tx.record(self.entries)
        resolved = {place.number: entry for place, entry in self._became.items() if not place.new}
        if resolved:
            await tx.resolve_waiting(resolved)


def _pack(packs: Mapping[str, Pack], job: JobRef) -> Pack:
    try:
        return packs[job.pack]
    except KeyError:
        log.warning("pack.missing", pack=job.pack, job=job.key)
        raise WfmUnavailable from None


def logged(entry: JournalEntry) -> JournalEntry:
    """Log the entry of a message if it is parked, and return it."""
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

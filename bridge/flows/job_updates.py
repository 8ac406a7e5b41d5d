"""WFM → Buyer: takes messages off the bus, lets the pack translate and the domain decide, commits all of it at once.

For a batch of messages one transaction holds the inbox keys, the journal, the new states, the notifications and the
commands that follow. Only then may the messages be acked.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import replace

import structlog

from bridge.batcher import Batcher, Patient
from bridge.domain.model import JobRef, Outcome
from bridge.errors import concerns_all
from bridge.flows.hold_queue import crashed, read_again, unattributed
from bridge.flows.partition_routing import PARTS, own_parts
from bridge.flows.ports.journal_entry import UNKNOWN_COMMAND, JournalEntry, WfmMessage
from bridge.flows.ports.stores import Store
from bridge.flows.ports.transaction import Transaction
from bridge.flows.refusals import NotReplayable
from bridge.flows.work import Work, Workshop
from bridge.loops import every
from bridge.mapping.pack import Read, Reading

log = structlog.get_logger(__name__)

DUE_SECONDS = 0.5
"""How often messages are looked for that were held and whose time is up."""

Part = tuple[WfmMessage, Read]
"""A message, and what one part of it says."""


class _Previewed(Exception):
    """Rolls back what was only tried."""

    def __init__(self, became: Sequence[JournalEntry]) -> None:
        super().__init__()
        self.became = became


class JobUpdates:
    """The use case."""

    def __init__(self, store: Store, workshop: Workshop) -> None:
        self._store = store
        self._workshop = workshop
        self._patient = Patient(self._commit, self._park, store.is_well)
        self._batcher = Batcher(self._patient)

    @property
    def given_up(self) -> int:
        """How many messages could be neither applied nor parked."""
        return self._patient.given_up

    def oldest_s(self) -> float:
        """Tell for how many seconds the oldest message waits to be safe."""
        return self._batcher.oldest_s()

    def handle(self, message: WfmMessage) -> Awaitable[None]:
        """Take one message at once; done when it and all that follows from it is safe.

        Raises `NotKept` where the database takes others and not even the message's being parked.
        """
        return self._batcher.submit(message)

    async def run(self) -> None:
        """Apply what is held in its time, until cancelled; then what `handle` has queued is left."""
        try:
            await every(DUE_SECONDS, self.apply_due, "held")
        finally:
            await self._batcher.stop()

    async def _commit(self, messages: Sequence[WfmMessage]) -> Sequence[None]:
        work = Work(self._workshop)
        parts: list[Part] = []
        for message in messages:
            read = work.packs[message.pack].read_all(message.body, message.routing_key, message.headers)
            if PARTS in message.headers:
                read = own_parts(read, message.headers[PARTS])
            parts += [(message, part) for part in read]
        async with work.transaction() as tx:
            await _take(tx, work, parts)
        return [None] * len(messages)

    async def _park(self, message: WfmMessage, error: Exception) -> None:
        """Keep a message that broke the bridge itself, so that neither it nor the queue behind it is lost."""
        work = Work(self._workshop)
        async with work.transaction():
            work.park(crashed(_entry(message), error))

    # what is held

    async def apply_due(self) -> int:
        """Apply what was held and whose time is up; return how many jobs there were.

        A job that the bridge fails on is left for the next time, and so is one whose pack is not loaded.
        """
        due = await self._store.journal.due_jobs(frozenset(self._workshop.packs), self._workshop.clock())
        for ref in due:
            try:
                await self._apply_due(ref)
            except Exception as error:  # outermost: whatever one job does, the others must be looked after
                if concerns_all(error):
                    raise
                log.exception("held.crashed", pack=ref.pack, job=ref.key)
        return len(due)

    async def _apply_due(self, ref: JobRef) -> None:
        work = Work(self._workshop)
        async with work.transaction() as tx:
            await work.load(tx, [ref])
            work.queue(ref).let_due(work.now)

    # what was parked

    async def preview(self, number: int) -> Sequence[JournalEntry]:
        """Tell what would become of a parked message if it were replayed; changes nothing. Raises `NotReplayable`."""
        try:
            await self.replay(number, dry_run=True)
        except _Previewed as previewed:
            return previewed.became
        raise AssertionError("a dry run ends before its commit")

    async def replay(self, number: int, *, dry_run: bool = False) -> Sequence[JournalEntry]:
        """Apply a parked message anew, by the present packs; return what became of its parts.

        Its entry is then superseded. Raises `NotReplayable`, also where it would only be parked again.
        """
        work = Work(self._workshop, is_replay=True)
        async with work.transaction() as tx:
            parked = await self._parked(tx, number)
            parts = read_again(work.packs[parked.raw.pack], parked)
            fresh = await _take(tx, work, [(parked.raw, part) for part in parts], replayed=number)
            first = fresh[0].message if fresh and isinstance(fresh[0], Reading) else None
            if not await tx.take_up_parked(number, first):
                raise NotReplayable(f"entry {number} was taken up by somebody else just now")
            if not fresh:
                await tx.resolve_waiting({number: _taken_since(parked)})
            became = [entry for place, entry in work.entries().items() if place.new]
            if fresh and all(entry.outcome is Outcome.PARKED for entry in became):
                raise NotReplayable(f"entry {number} would be parked again: {became[0].reason}")
            if dry_run:
                raise _Previewed(became)
            return became

    async def _parked(self, tx: Transaction, number: int) -> JournalEntry:
        entry = await tx.entry(number)
        if entry is None:
            raise NotReplayable(f"there is no entry {number}")
        if entry.outcome is not Outcome.PARKED:
            raise NotReplayable(f"entry {number} is {entry.outcome}, not parked")
        if not entry.raw.pack or entry.rule == UNKNOWN_COMMAND or (entry.message is None) != (entry.job is None):
            raise NotReplayable(f"entry {number} is a reply to a command, and its time is over")
        if entry.raw.pack not in self._workshop.packs:
            raise NotReplayable(f"entry {number} is of pack {entry.raw.pack}, which this bridge does not run")
        return entry


async def _take(tx: Transaction, work: Work, parts: Sequence[Part], replayed: int | None = None) -> list[Read]:
    """Lock and load the jobs that messages are about, and let these arrive one by one, each once.

    Returns the parts that were not taken before.
    """
    readings = [part for _, part in parts if isinstance(part, Reading)]
    await work.load(tx, {reading.job for reading in readings})
    seen, fresh = {}, []
    for pack in {reading.job.pack for reading in readings}:
        seen[pack] = await tx.seen(pack, {reading.message for reading in readings if reading.job.pack == pack})
    for message, part in parts:
        if not isinstance(part, Reading):
            entry = unattributed(_entry(message), part)
            (work.park if entry.outcome is Outcome.PARKED else work.record)(entry)
        elif part.message in seen[part.job.pack]:
            log.debug("message.duplicate", message_id=part.message)
            continue
        else:
            seen[part.job.pack].add(part.message)
            work.arrive(message, part, replayed)
        fresh.append(part)
    return fresh


def _entry(message: WfmMessage) -> JournalEntry:
    return JournalEntry(message=None, job=None, raw=message, outcome=Outcome.PARKED)


def _taken_since(parked: JournalEntry) -> JournalEntry:
    return replace(parked, outcome=Outcome.SUPERSEDED, reason=f"the message was taken since; was: {parked.reason}")

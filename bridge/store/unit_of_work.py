"""The unit of work behind `Transaction`: what a use case writes is gathered, and written in bulk where order allows.

A decision loads a job, changes the value and saves it, perhaps several times over in one batch. What is stored is
remembered, so that only differences are written, once, before the commit or the next read of jobs or commands. The
journal is written before it is read, and by itself: within a batch, what waits in it is asked for again and again.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from bridge.domain.echo import without_echoes
from bridge.domain.model import (
    Command,
    CommandId,
    CommandState,
    Job,
    JobRef,
    MessageId,
    Notification,
    OfferedSlot,
    WorkOrderId,
)
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import JournalEntry, RecordedEntry
from bridge.flows.ports.keyed_request import KeyedRequest, RequestKey
from bridge.flows.ports.transaction import Owner, Window
from bridge.store import commands, jobs, journal, notifications, outbox, requests
from bridge.store.jobs import JobCache, Key, Kind, Loaded
from bridge.store.notifications import Announcement, HandOver
from bridge.store.outbox import Outbox, Queued
from bridge.store.session import Session


class UnitOfWork:
    """A `Transaction` of bridge.flows.ports. A read sees what was written through the same unit of work before.

    `handing` is what it hands over to the sender of notifications, `queued`, after `flush`, what goes to the sender of
    the `outbox`, if anything does.
    """

    def __init__(
        self,
        session: Session,
        new_id: Callable[[], str],
        clock: Clock,
        cache: JobCache,
        handing: HandOver,
        sending: Outbox,
    ) -> None:
        self._session = session
        self._cache = cache
        self._new_id = new_id
        self._clock = clock
        self._stored: dict[Key, Any] = {}
        self._changed: dict[Key, Any] = {}
        self._loaded: dict[JobRef, Loaded] = {}
        self._saved: dict[JobRef, Job] = {}
        self._commanded: set[JobRef] = set()
        self._unsure: set[JobRef] = set()
        self._settled: dict[CommandId, commands.Settled] = {}
        self._entries: list[JournalEntry] = []
        self._parked: journal.Parked = {}
        self._announcements: list[Announcement] = []
        self._messages: list[BusMessage] = []
        self._outbox = sending
        self.handing = handing
        self.queued: Queued | None = None

    async def flush(self) -> None:
        """Write all that was gathered; call it before the commit.

        What is to be asked is asked first: then all is written together.
        """
        session, now = self._session, self._clock()
        announced = None
        if self._announcements:
            announced = await notifications.announce(session, self._announcements, self._new_id, self.handing, now)
        rows = await self._outbox.line_up(session, self._messages, now) if self._messages else []
        await self._write_jobs()
        await self._write_journal()
        numbers = await outbox.APPEND.run(session, rows)
        hand_over = await announced.write(session) if announced is not None else None
        await session.written()
        if hand_over is not None:
            hand_over()
        if rows:
            self.queued = outbox.queued(self._messages, rows, numbers)
        self._announcements.clear()
        self._messages.clear()

    async def _write_jobs(self) -> None:
        for ref in self._commanded:  # the head goes along: it has the revision
            if (head := self._stored.get((Kind.HEAD, ref))) is not None:
                self._changed.setdefault((Kind.HEAD, ref), head)
            elif ref not in self._loaded:
                raise ValueError(f"{ref} was not loaded, so that other processes would not hear of its command")
        if self._changed:
            await jobs.write(self._session, self._changed, self._stored, self._settled, self._loaded.keys())
        for ref in {part.ref for (kind, _), part in self._changed.items() if kind is Kind.HEAD} & self._loaded.keys():
            job, revision = self._loaded[ref]
            self._loaded[ref] = Loaded(jobs.as_read(self._saved.get(ref, job)), revision + 1)
        self._stored |= self._changed
        for written in (self._changed, self._saved, self._commanded):
            written.clear()

    def keep(self) -> None:
        """Remember the jobs as they are now; call it after the commit."""
        now = self._clock()
        asked: defaultdict[JobRef, list[Command]] = defaultdict(list)
        for (kind, _), part in self._stored.items():
            if kind is Kind.COMMAND:
                asked[part.job].append(part)
        for ref, (job, revision) in self._loaded.items():
            if revision and ref not in self._unsure:
                self._cache.keep(jobs.with_outstanding(job, asked[ref], now), revision)

    async def _write_journal(self) -> None:
        if self._entries:
            await journal.record(self._session, self._entries, self._parked)
            self._entries.clear()

    # inbox and journal

    async def seen(self, pack: str, messages: Collection[MessageId]) -> set[MessageId]:
        """Tell which messages were recorded before. Ask after `load_jobs`: its locks keep the answer true.

        A parked one does not count; what is recorded of it next supersedes its parked entry.
        """
        await self._write_journal()
        seen, parked = await journal.before(self._session, pack, messages)
        self._parked |= parked
        return seen

    async def record(self, entries: Sequence[JournalEntry]) -> None:
        """Write to the journal, and remember each message that has an identity."""
        self._entries.extend(entries)

    async def waiting(self, jobs: Collection[JobRef]) -> Mapping[JobRef, Sequence[RecordedEntry]]:
        """Read what waits for the jobs, in order of arrival; a job that nothing waits for is left out."""
        await self._write_journal()
        return await journal.waiting(self._session, jobs)

    async def resolve_waiting(self, numbers: Mapping[int, JournalEntry]) -> None:
        """Say what became of entries that waited."""
        await self._write_journal()
        await journal.resolve(self._session, numbers)

    async def entry(self, number: int) -> JournalEntry | None:
        """Read an entry of the journal."""
        await self._write_journal()
        found = await journal.find(self._session, number)
        return None if found is None else found.entry

    async def take_up_parked(self, number: int, message: MessageId | None) -> bool:
        """Lock a parked entry, which what is recorded of `message` next supersedes; tells whether it is parked still.

        Call it after `load_jobs`, as everybody locks jobs first.
        """
        pack = await journal.is_parked(self._session, number)
        if pack is not None:
            self._parked[pack, message] = [number]
        return pack is not None

    # jobs

    async def load_jobs(self, refs: Collection[JobRef]) -> dict[JobRef, Job]:
        """Lock and load jobs; one that nobody heard of comes back empty, and is locked all the same."""
        await self._write_jobs()
        now = self._clock()
        loaded = await jobs.load(self._session, refs, now, self._cache)
        self._loaded |= loaded
        for job, _ in loaded.values():
            self._stored.update(jobs.parts(job))
        return {ref: without_echoes(job, now) for ref, (job, _) in loaded.items()}

    async def owners(self, work_orders: Collection[WorkOrderId]) -> Mapping[WorkOrderId, Owner]:
        """Tell which jobs WorkOrders stand for, and whose they are; an unknown one is left out."""
        await self._write_jobs()
        return await jobs.owners(self._session, work_orders, self._cache)

    async def save_jobs(self, new: Sequence[Job]) -> None:
        """Store jobs with their WorkOrder, Appointments and commands; the last value of an object wins.

        A second open Appointment of a WorkOrder (R20) is a `ConflictError` at the next read or at the end.
        """
        for job in new:
            parts, changed = dict(jobs.parts(job)), {}
            for key, part in parts.items():
                before = self._changed.get(key, self._stored.get(key))
                if before is not part and before != part:
                    changed[key] = part
            if not changed:
                continue
            self._changed |= changed
            if job.work_order is not None:  # as above
                self._changed[Kind.HEAD, job.ref] = parts[Kind.HEAD, job.ref]
            if job.ref in self._saved:
                self._unsure.add(job.ref)
            self._saved[job.ref] = job

    # commands towards the WFM

    async def add_commands(self, new: Sequence[Command]) -> None:
        """Store new commands of jobs that were loaded.

        A second booking under way for one WorkOrder is a `ConflictError` at the next read or at the end.
        """
        await self._write_jobs()
        await commands.ADD.run(self._session, [commands.command_row(command) for command in new])
        self._commanded |= {command.job for command in new}
        self._stored.update(((Kind.COMMAND, command.id), command) for command in new)

    async def command(self, command: CommandId) -> Command | None:
        """Read a command."""
        await self._write_jobs()
        return await commands.find(self._session, command)

    async def settle_command(self, command: Command, result: Mapping[str, object]) -> None:
        """Store a command in its final state, with what came of it (plain JSON)."""
        self._changed[Kind.COMMAND, command.id] = command
        self._commanded.add(command.job)
        self._settled[command.id] = commands.Settled(result, self._clock())

    async def command_result(self, command: CommandId) -> tuple[CommandState, Mapping[str, object]] | None:
        """Read how a command was settled; None while it is pending, or unknown."""
        await self._write_jobs()
        return await commands.result(self._session, command)

    async def overdue_commands(self, now: datetime) -> Sequence[Command]:
        """Read the pending commands whose time is up, the longest overdue first."""
        await self._write_jobs()
        return await commands.overdue(self._session, now)

    async def bookings_to_take_back(self, now: datetime) -> Sequence[Command]:
        """Read the bookings whose visit may stand and is to be asked back by now, the longest due first."""
        await self._write_jobs()
        return await commands.to_take_back(self._session, now)

    # slot memory

    async def remember_slots(self, work_order: WorkOrderId, slots: Sequence[OfferedSlot], expires_at: datetime) -> None:
        """Keep the tokens of offered windows until `expires_at`."""
        await self._write_jobs()
        await commands.remember_slots(self._session, work_order, slots, expires_at)

    async def offered_slots(self, wanted: Collection[Window], now: datetime) -> Mapping[Window, OfferedSlot]:
        """Find the offers of exactly these windows that have not expired."""
        return await commands.offered(self._session, wanted, now)

    # requests with an Idempotency-Key

    async def lock_request(self, first: KeyedRequest) -> KeyedRequest:
        """Store the request if its key is new; lock and read what is stored then."""
        return await requests.lock(self._session, first)

    async def save_request(self, request: KeyedRequest) -> None:
        """Overwrite the request with this key."""
        await requests.save(self._session, request)

    async def forget_request(self, key: RequestKey) -> None:
        """Delete the request with this key."""
        await requests.forget(self._session, key)

    # effects

    async def notify(
        self, notifications: Sequence[Notification], at: datetime, correlation_id: str, seller: str | None = None
    ) -> None:
        """Announce events to all listeners that their Buyer has registered for them, in this order (R60-R63).

        A listener that was registered with another Seller is left out.
        """
        self._announcements += [
            Announcement(notification, at, correlation_id, position, seller)
            for position, notification in enumerate(notifications)
        ]

    async def send(self, messages: Sequence[BusMessage]) -> None:
        """Queue messages for the WFM, in this order."""
        self._messages.extend(messages)

"""The store: the durable state of the bridge in SQLite or PostgreSQL, behind the protocols of bridge.flows.ports."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.domain.model import JobRef
from bridge.errors import StoreUnavailable
from bridge.flows.ports.clock import Clock
from bridge.store import opening as opening_of
from bridge.store.activations import Activations
from bridge.store.audit import Audit
from bridge.store.backlog import Backlog
from bridge.store.columns import Utc
from bridge.store.commands import Commands
from bridge.store.deliveries import Deliveries
from bridge.store.ended_sessions import EndedSessions
from bridge.store.figures import Counts
from bridge.store.jobs import JobCache
from bridge.store.journal import Journal
from bridge.store.listeners import Listeners
from bridge.store.notifications import HandOver, Notifications
from bridge.store.opening import Opening
from bridge.store.outbox import Outbox
from bridge.store.partitionings import Partitionings
from bridge.store.processes import Processes
from bridge.store.reads import Reads
from bridge.store.refused_requests import RefusedRequests
from bridge.store.requests import Requests
from bridge.store.retention import Retention
from bridge.store.search import Search
from bridge.store.session import Database
from bridge.store.sqlite import Synchronous
from bridge.store.trace_contexts import TraceContexts
from bridge.store.traces import Traces
from bridge.store.unit_of_work import UnitOfWork
from bridge.store.wakes import Wakes, ring

LEAVE_TIMEOUT_S = 2.0

_TIME: Final = select(func.clock_timestamp(type_=Utc()).label("it"))


def _utc_now() -> datetime:
    return datetime.now(UTC)


def new_store(
    url: str,
    *,
    new_id: Callable[[], str],
    clock: Clock = _utc_now,
    synchronous: Synchronous = "FULL",
    named_statements: bool | None = None,
    instance: str | None = None,
) -> "SqlStore":
    """Make a store that is to be opened (`SqlStore.open`): until then, all of its methods raise `StoreUnavailable`.

    Takes `sqlite:///path` and `postgresql://…`, with or without the driver's name. `new_id` makes event ids.
    `synchronous` is SQLite's: below FULL a power cut may lose commits. `named_statements` are PostgreSQL's prepared
    statements; None has them unless a pooler is in between. A process with the name `instance` keeps what it claims for
    as long as it lives, others until their lease ends. Raises `PermanentError` for a URL that is none.
    """
    opening = opening_of.for_work(url, synchronous=synchronous, named_statements=named_statements)
    return SqlStore(None, new_id=new_id, clock=clock, opening=opening, instance=instance)


async def open_store(url: str, *, new_id: Callable[[], str], clock: Clock = _utc_now) -> "SqlStore":
    """Open the database of a URL and bring its tables up to date, as `new_store` and `SqlStore.open` do."""
    store = new_store(url, new_id=new_id, clock=clock)
    await store.open()
    return store


async def open_existing(
    url: str,
    *,
    new_id: Callable[[], str],
    clock: Clock = _utc_now,
    read_only: bool = False,
    named_statements: bool | None = None,
) -> "SqlStore":
    """Open a database that a bridge made, beside it perhaps; its tables are left as they are. What is changed wakes the
    senders of bridges that run on it.

    Raises `PermanentError` if it is not there or of another version, and `StoreUnavailable`.
    """
    opening = opening_of.beside(url, read_only=read_only, named_statements=named_statements)
    store = SqlStore(None, new_id=new_id, clock=clock, opening=opening, rings=not read_only)
    await store.open()
    return store


class SqlStore:
    """A `Store` of bridge.flows.ports: units of work, and a part for each who needs but a few things of it.

    All methods, also those of the parts, raise `StoreUnavailable` when the database does not answer. The `on_due` of
    `deliveries` and `outbox` is called after a commit that made something due, so that the senders of this process wake
    at once, and by `wakes` after one of a command beside it; those of other processes find it when they look next.
    """

    def __init__(
        self,
        engine: AsyncEngine | None,
        *,
        new_id: Callable[[], str],
        clock: Clock,
        opening: Opening | None = None,
        instance: str | None = None,
        rings: bool = False,
    ) -> None:
        """Without an engine it is not open yet; `opening` gives one. `rings` is for who sends nothing himself, and
        wakes those who do.
        """
        process = new_id() if instance is not None else None
        self._engine = engine
        self._database = Database(engine)
        if rings:
            self._database.before_commit = ring
        self._opening = opening
        self._new_id = new_id
        self._clock = clock
        self._cache = JobCache()
        self.reads = Reads(self._database)
        self.listeners = Listeners(self._database)
        self.journal = Journal(self._database)
        self.commands = Commands(self._database)
        self.refused = RefusedRequests(self._database)
        self.requests = Requests(self._database)
        self.retention = Retention(self._database)
        self.traces = Traces(self._database)
        self.trace_contexts = TraceContexts(self._database)
        self.counts = Counts(self._database)
        self.search = Search(self._database)
        self.audit = Audit(self._database)
        self.ended_sessions = EndedSessions(self._database)
        self.notifications = Notifications(self._database)
        self.deliveries = Deliveries(self._database, clock, process)
        self.backlog = Backlog(self._database, self.deliveries)
        self.outbox = Outbox(self._database, clock, process)
        self.processes = Processes(self._database, clock, process or "", instance or "")
        self.processes.on_free = self._wake_all
        self.listeners.on_due = lambda: self.deliveries.on_due()
        self.wakes = Wakes(self._database)
        self.wakes.on_ring = self._wake_all
        self.partitionings = Partitionings(self._database)
        self.activations = Activations(self._database)

    async def open(self) -> None:
        """Open the database. Raises `PermanentError` for what somebody has to mend, and `StoreUnavailable` for what may
        pass: then it can be tried again.
        """
        if self._engine is None and self._opening is not None:
            try:
                self._engine = await self._opening()
            except StoreUnavailable as trouble:
                self._database.health.failed(trouble, probe=True)
                raise
            self._database.use(self._engine)

    async def close(self) -> None:
        """Finish what is being settled, leave what is claimed to others, and close all connections."""
        await self.reads.close()
        await self.deliveries.finish()
        await self.outbox.finish()
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await self.processes.leave()
        await self._database.close()

    @property
    def problem(self) -> str | None:
        """What keeps the database from taking changes, in one line, as far as is known; None if nothing does."""
        return self._database.health.problem

    async def time(self) -> datetime | None:
        """Tell the database's time; None where it has none but this machine's."""
        if self._database.dialect.name == "sqlite":
            return None
        async with self._database.read() as session:
            row = await session.row(_TIME)
        return row["it"] if row else None

    async def is_well(self) -> bool:
        """Tell whether the database takes such changes as a message's at this moment."""
        return await self.journal.is_well()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work: commits at the end of the block, rolls back if the block raises."""
        handing = HandOver(self.deliveries.taker, self.deliveries.claimer)
        try:
            async with self._database.write(brief=True) as session:
                work = UnitOfWork(session, self._new_id, self._clock, self._cache, handing, self.outbox)
                yield work
                await work.flush()
        except BaseException:
            handing.undo()
            raise
        work.keep()
        handing.finish()
        if handing.left_some:
            self.deliveries.on_due()
        if work.queued is not None:
            self.outbox.hand_over(work.queued)

    def _wake_all(self) -> None:
        self.deliveries.on_due()
        self.outbox.on_due()

    def shows(self, job: JobRef) -> bool:
        """Tell that the objects of every job are to be seen."""
        return True

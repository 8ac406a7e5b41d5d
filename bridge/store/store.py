"""The store: the durable state of the bridge in SQLite or PostgreSQL, behind the protocols of bridge.flows.ports."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.domain.model import JobRef
from bridge.flows.ports import Clock
from bridge.store.commands import Commands
from bridge.store.deliveries import Deliveries
from bridge.store.engine import open_engine, open_existing_engine
from bridge.store.job_cache import JobCache
from bridge.store.journal import Journal
from bridge.store.listeners import Listeners
from bridge.store.migration import check_engine, upgrade_engine
from bridge.store.notifications import Notifications
from bridge.store.outbox import Outbox
from bridge.store.reads import Reads
from bridge.store.requests import Requests
from bridge.store.retention import Retention
from bridge.store.session import Database
from bridge.store.sqlite import Synchronous
from bridge.store.unit_of_work import UnitOfWork


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def open_store(
    url: str, *, new_id: Callable[[], str], clock: Clock = _utc_now, synchronous: Synchronous = "FULL"
) -> "SqlStore":
    """Open the database of a URL and bring its tables up to date.

    Takes `sqlite:///path` and `postgresql://…`, with or without the driver's name; makes the directory of a SQLite
    file. `new_id` makes event ids. `synchronous` is SQLite's: below FULL a power cut may lose commits. Raises
    `StoreUnavailable`.
    """
    return await _opened(open_engine(url, synchronous=synchronous), upgrade_engine, new_id, clock)


async def open_existing(
    url: str, *, new_id: Callable[[], str], clock: Clock = _utc_now, read_only: bool = False
) -> "SqlStore":
    """Open a database that a bridge made, beside it perhaps; its tables are left as they are.

    Raises `PermanentError` if it is not there or of another version, and `StoreUnavailable`.
    """
    return await _opened(open_existing_engine(url, read_only=read_only), check_engine, new_id, clock)


async def _opened(
    engine: AsyncEngine,
    prepare: Callable[[AsyncEngine], Awaitable[None]],
    new_id: Callable[[], str],
    clock: Clock,
) -> "SqlStore":
    try:
        await prepare(engine)
    except BaseException:
        await engine.dispose()
        raise
    return SqlStore(engine, new_id=new_id, clock=clock)


class SqlStore:
    """A `Store` of bridge.flows.ports: units of work, and a part for each who needs but a few things of it.

    All methods, also those of the parts, raise `StoreUnavailable` when the database does not answer. The `on_due` of
    `deliveries` and `outbox` is called after a commit that made something due, so that the senders of this process wake
    at once; those of other processes find it when they look next.
    """

    def __init__(self, engine: AsyncEngine, *, new_id: Callable[[], str], clock: Clock) -> None:
        self._engine = engine
        self._database = Database(engine)
        self._new_id = new_id
        self._clock = clock
        self._cache = JobCache()
        self.reads = Reads(self._database)
        self.listeners = Listeners(self._database)
        self.journal = Journal(self._database)
        self.commands = Commands(self._database)
        self.requests = Requests(self._database)
        self.retention = Retention(self._database)
        self.notifications = Notifications(self._database)
        self.deliveries = Deliveries(self._database)
        self.outbox = Outbox(self._database, clock)

    async def close(self) -> None:
        """Finish what is being settled, and close all connections."""
        await self.deliveries.finish()
        await self.outbox.finish()
        await self._engine.dispose()

    async def ping(self) -> None:
        """Ask the database whether it is there; raises `StoreUnavailable` if not."""
        async with self._database.read() as session:
            await session.rows(select(true()))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work: commits at the end of the block, rolls back if the block raises."""
        async with self._database.write() as session:
            work = UnitOfWork(session, self._new_id, self._clock, self._cache)
            yield work
            await work.flush()
        work.keep()
        if work.announced:
            self.deliveries.on_due()
        if work.queued:
            self.outbox.on_due()

    def shows(self, job: JobRef) -> bool:
        """Tell that the objects of every job are to be seen."""
        return True

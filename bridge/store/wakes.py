"""Wakes the senders of a running bridge when a command beside it has made something due.

Senders of a process are woken by its own commits. A command has none: it rings with each commit that changes something,
in the same transaction. On PostgreSQL that is a NOTIFY, for which each process listens on a connection of its own.
Behind a pooler nobody can listen; there the senders look every few seconds. In a SQLite file the ring is counted in the
number that SQLite keeps for its user (`user_version`), which costs the process next to nothing to look at.

A ring that is missed delays what it was for, and loses nothing: senders look by themselves, if less often.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import column, func, literal_column, select, table, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.errors import StoreUnavailable
from bridge.store.lender import POOLED
from bridge.store.ordering import nobody
from bridge.store.session import Database, Session
from bridge.store.trouble import ours

CHANNEL: Final = "mef_bridge_due"
LOOK_S: Final = 1.0
"""How often a SQLite file is looked at, and how soon is tried again what did not succeed."""
POOLED_S: Final = 5.0
"""How often senders look behind a pooler."""
CHECK_S: Final = 10.0
"""How often a connection that says nothing is asked whether it is there."""

_NOTIFY = select(func.pg_notify(literal_column(f"'{CHANNEL}'"), literal_column("''")).label("rung"))
_COUNT = select(table("pragma_user_version", column("user_version")).c.user_version)
_MOST: Final = 2**31 - 1  # which SQLite has room for


async def ring(session: Session) -> None:
    """Wake the senders of running bridges once this transaction is committed."""
    if session.is_postgres:
        await session.rows(_NOTIFY)
        return
    rung = await _count(session)
    await session.run(text(f"PRAGMA user_version = {(rung + 1) % _MOST}"))


async def _count(session: Session) -> int:
    row = await session.row(_COUNT)
    return 0 if row is None else int(row["user_version"])


class Wakes:
    """What a running bridge hears of rings. `on_ring` is called for each, and where one may have been missed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._count: int | None = None
        self.on_ring: Callable[[], None] = nobody

    async def hear(self) -> float:
        """Listen once; return in how many seconds to do so again."""
        with suppress(StoreUnavailable):  # which others tell of
            engine = self._database.engine
            if engine.dialect.name != "postgresql":
                return await self._look()
            if engine.get_execution_options().get(POOLED, False):
                self.on_ring()
                return POOLED_S
            await self._listen(engine)
        return LOOK_S

    async def _look(self) -> float:
        async with self._database.read() as session:
            count = await _count(session)
        if count != self._count:
            self._count = count
            self.on_ring()
        return LOOK_S

    async def _listen(self, engine: AsyncEngine) -> None:
        """Hear rings until the connection is lost; raises `StoreUnavailable` then."""
        try:
            async with engine.connect() as connection:
                try:
                    await self._heard((await connection.get_raw_connection()).driver_connection)
                finally:
                    await connection.invalidate()  # nobody else is to have one that listens
        except Exception as failure:  # noqa: BLE001 - whatever a driver raises, it is the database's
            raise ours(failure) from None

    async def _heard(self, driver: Any) -> None:
        rung = asyncio.Event()
        driver.add_termination_listener(lambda _: rung.set())
        await driver.add_listener(CHANNEL, lambda *_: rung.set())
        while True:
            self.on_ring()
            rung.clear()
            while not rung.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_S):
                        await rung.wait()
                await driver.execute("SELECT 1")  # raises where the connection is lost

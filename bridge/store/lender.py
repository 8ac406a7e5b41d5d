"""Connections of the pool, lent for a read or a transaction, and used on the driver itself.

The pool is SQLAlchemy's, so that limits and failovers are what they are for everybody. To take a connection out of it
and put it back costs as much as to read by it; so connections are kept at hand while they are used again and again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Protocol

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from bridge.store.sqlite import OneTripConnection
from bridge.store.trouble import answered, ours

UNNAMED: Final = "bridge_unnamed_statements"
"""The execution option of an engine that may leave nothing at the server beyond a transaction (there is a pooler)."""

POOLED: Final = "bridge_pooled"
"""The execution option of an engine whose connections a pooler gives to others between transactions."""

READ_ONLY: Final = "postgresql_readonly"
"""The execution option of an engine whose transactions only read."""

LENT_S: Final = 2.0
"""So long a connection is kept out of the pool at most: after a failover, the pool has others before long."""

AT_ONCE: Final = 16
"""Rows that SQLite writes at once in a brief transaction; more are worth the trip to its thread."""

Parameters = Sequence[Any]
Rows = Sequence[Sequence[Any]]


class Bound(NamedTuple):
    """A statement and its parameters, as the driver takes them."""

    sql: str
    parameters: Parameters


class CutOff(Exception):
    """A transaction was broken off while it began: the server may have begun it."""


class Driver(Protocol):
    """A connection of one database's driver, in a transaction. Raises what the driver does."""

    @property
    def is_postgres(self) -> bool:
        """Is it PostgreSQL, or else SQLite?"""

    @property
    def is_outdated(self) -> bool:
        """Has it refused what one that is made anew may take: it only lets itself be read, or a table was changed?"""

    async def begin(self) -> None:
        """Begin the transaction."""

    async def commit(self) -> None:
        """Commit it."""

    async def roll_back(self) -> None:
        """Roll it back, if there is one."""

    async def lock(self, numbers: Sequence[int]) -> None:
        """Let nobody else lock one of these numbers until the transaction ends."""

    async def fetch(self, sql: str, parameters: Parameters) -> Rows:
        """Run a statement, and give its rows."""

    async def execute(self, sql: str, parameters: Parameters) -> int:
        """Run a statement, and tell how many rows it changed."""

    async def execute_each(self, sql: str, rows: Sequence[Parameters]) -> None:
        """Run a statement for each of some rows of parameters."""


class OnPostgres:
    """asyncpg's connection. The transaction begins with its first statement: often, that is one trip less."""

    is_postgres = True

    def __init__(self, connection: Any, *, writes: bool) -> None:
        self._connection = connection
        self._writes = writes
        self._has_begun = False
        self._is_beginning = False
        self.is_outdated = False

    async def begin(self) -> None:
        """Do nothing yet."""

    async def commit(self) -> None:
        """Commit it."""
        if self._has_begun:
            await self._connection.execute("COMMIT")

    async def roll_back(self) -> None:
        """Roll it back, if there is one. Raises `CutOff` where nobody can say whether there is."""
        if self._is_beginning:
            raise CutOff
        if self._connection.is_in_transaction():
            await self._connection.execute("ROLLBACK")

    async def lock(self, numbers: Sequence[int]) -> None:
        """Let nobody else lock one of these numbers until the transaction ends."""
        wanted = ",".join(map(str, numbers))
        lock = f"SELECT pg_advisory_xact_lock(wanted) FROM unnest('{{{wanted}}}'::bigint[]) AS wanted"  # noqa: S608
        if self._has_begun:
            await self._connection.execute(lock)
        else:
            await self._begin_by(f"BEGIN; {lock}")

    async def fetch(self, sql: str, parameters: Parameters) -> Rows:
        """Run a statement, and give its rows."""
        found: Rows = await self._asked(self._connection.fetch, sql, *parameters)
        return found

    async def execute(self, sql: str, parameters: Parameters) -> int:
        """Run a statement, and tell how many rows it changed: that is how its answer ends, if it changes any."""
        *_, changed = (await self._asked(self._connection.execute, sql, *parameters)).split(" ")
        return int(changed) if changed.isdecimal() else 0

    async def execute_each(self, sql: str, rows: Sequence[Parameters]) -> None:
        """Run a statement for each of some rows of parameters."""
        await self._asked(self._connection.executemany, sql, rows)

    async def _begin_by(self, sql: str) -> None:
        """Begin the transaction by a statement. Once the server has answered, it is known whether there is one."""
        self._has_begun = self._is_beginning = True
        try:
            await self._connection.execute(sql)
        except asyncpg.PostgresError:
            self._is_beginning = False
            raise
        self._is_beginning = False

    async def _asked(self, call: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        try:
            if not self._has_begun:
                await self._begin_by("BEGIN" if self._writes else "BEGIN READ ONLY")
            return await call(*arguments)
        except asyncpg.ReadOnlySQLTransactionError:
            self.is_outdated = self._writes
            raise
        except asyncpg.InvalidCachedStatementError:
            self.is_outdated = True
            raise


class OnSqlite:
    """A connection to a SQLite file; `brief` runs what is small in the thread of the loop."""

    is_postgres = False
    is_outdated = False

    def __init__(self, connection: OneTripConnection, *, writes: bool, brief: bool) -> None:
        self._connection = connection
        self._writes = writes
        self._brief = brief

    async def begin(self) -> None:
        """Begin the transaction."""
        begin = "BEGIN IMMEDIATE" if self._writes else "BEGIN"
        await self._connection.trip(lambda connection: connection.execute(begin))

    async def commit(self) -> None:
        """Commit it."""
        await self._connection.trip(lambda connection: connection.execute("COMMIT"))

    async def roll_back(self) -> None:
        """Roll it back, if there is one."""
        await self._connection.trip(lambda connection: connection.rollback())

    async def lock(self, numbers: Sequence[int]) -> None:
        """Do nothing: who writes has the whole file."""

    async def fetch(self, sql: str, parameters: Parameters) -> Rows:
        """Run a statement, and give its rows."""
        if self._brief:
            return self._connection.at_once().execute(sql, parameters).fetchall()
        return await self._connection.trip(lambda connection: connection.execute(sql, parameters).fetchall())

    async def execute(self, sql: str, parameters: Parameters) -> int:
        """Run a statement, and tell how many rows it changed."""
        if self._brief:
            return self._connection.at_once().execute(sql, parameters).rowcount
        return await self._connection.trip(lambda connection: connection.execute(sql, parameters).rowcount)

    async def execute_each(self, sql: str, rows: Sequence[Parameters]) -> None:
        """Run a statement for each of some rows of parameters."""
        if self._brief and len(rows) <= AT_ONCE:
            self._connection.at_once().executemany(sql, rows)
        else:
            await self._connection.trip(lambda connection: connection.executemany(sql, rows))


class Lender:
    """Lends connections of an engine's pool, and keeps them at hand while they are used again and again."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._at_hand: list[_Lent] = []
        self._giving_back: asyncio.Task[None] | None = None

    async def fetch(self, *queries: Bound) -> list[Sequence[Sequence[Any]]]:
        """Run queries, one after another, and give the driver's rows of each."""
        try:
            lent = await self._take()
            try:
                found = await self._run(lent.connection.driver_connection, queries)
            except BaseException:
                await _give_back(lent)
                raise
        except Exception as failure:  # noqa: BLE001 - whatever a driver raises, it is the database's
            raise ours(failure) from None
        self._keep(lent)
        return found

    @asynccontextmanager
    async def transaction(self, *, writes: bool, brief: bool) -> AsyncIterator[Driver]:
        """Lend a connection for a transaction: commits at the end of the block, rolls back if the block raises."""
        try:
            lent = await self._take()
        except Exception as failure:  # noqa: BLE001 - whatever a driver raises, it is the database's
            raise ours(failure) from None
        writes = writes and not self._engine.get_execution_options().get(READ_ONLY, False)
        driver = _driver(lent.connection.driver_connection, writes=writes, brief=brief)
        try:
            await answered(driver.begin())
            yield driver
            await answered(driver.commit())
        except BaseException:
            # A cancelled task must still give its connection back, rolled back.
            await asyncio.shield(asyncio.create_task(self._undo(lent, driver)))
            raise
        self._keep(lent)

    async def close(self) -> None:
        """Give back what is at hand."""
        if self._giving_back is not None:
            self._giving_back.cancel()
            await asyncio.wait([self._giving_back])
        while self._at_hand:
            await _give_back(self._at_hand.pop())

    async def _take(self) -> "_Lent":
        now = asyncio.get_running_loop().time()
        while self._at_hand:
            lent = self._at_hand.pop()
            driver = lent.connection.driver_connection
            if now < lent.until and (isinstance(driver, OneTripConnection) or not driver.is_closed()):
                return lent
            await _give_back(lent)
        # The pool waits in a greenlet, where it has no connection left or makes one.
        return _Lent(await greenlet_spawn(self._engine.sync_engine.pool.connect), now + LENT_S)

    def _keep(self, lent: "_Lent") -> None:
        self._at_hand.append(lent)
        if self._giving_back is None:
            self._giving_back = asyncio.create_task(self._give_back_in_time(), name="lender")

    async def _give_back_in_time(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._at_hand:
                await asyncio.sleep(LENT_S)
                late = [lent for lent in self._at_hand if lent.until <= loop.time()]
                self._at_hand = [lent for lent in self._at_hand if lent not in late]
                for lent in late:
                    await asyncio.shield(_give_back(lent))
        finally:
            self._giving_back = None

    async def _undo(self, lent: "_Lent", driver: Driver) -> None:
        """Roll back, and give the connection back; one that cannot roll back is given up."""
        try:
            await driver.roll_back()
        except Exception as broken:  # noqa: BLE001 - of every kind: it is the connection that counts now
            await greenlet_spawn(lent.connection.invalidate, broken)
            return
        if driver.is_outdated:
            # After a failover, what we are connected to takes no changes any more; who connects anew finds what does.
            # After a change of a table, each connection would refuse once what was prepared on it before.
            await greenlet_spawn(self._engine.sync_engine.pool._invalidate, lent.connection)  # noqa: SLF001
            others, self._at_hand = self._at_hand, []
            for other in others:
                await _give_back(other)
        else:
            await _give_back(lent)

    async def _run(self, driver: Any, queries: Sequence[Bound]) -> list[Sequence[Sequence[Any]]]:
        if isinstance(driver, OneTripConnection):
            return [await driver.rows(query.sql, query.parameters) for query in queries]
        if self._engine.get_execution_options().get(UNNAMED, False):
            async with driver.transaction(readonly=True):
                return [await driver.fetch(query.sql, *query.parameters) for query in queries]
        return [await driver.fetch(query.sql, *query.parameters) for query in queries]


def _driver(connection: Any, *, writes: bool, brief: bool) -> Driver:
    if isinstance(connection, OneTripConnection):
        return OnSqlite(connection, writes=writes, brief=brief)
    return OnPostgres(connection, writes=writes)


class _Lent(NamedTuple):
    """A connection out of the pool, which it is given back to once the loop's clock shows `until`."""

    connection: Any
    until: float


async def _give_back(lent: _Lent) -> None:
    # As SQLAlchemy's own connections do: nothing was begun, so nothing is rolled back, which would be a trip.
    await greenlet_spawn(lent.connection._close_special, transaction_reset=True)  # noqa: SLF001

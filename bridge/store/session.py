"""One open database transaction, as the rest of the store sees it: statements in, rows out, our errors.

Statements are built once, when their module is read, and run with parameters: to build one costs as much as to run it.

What a driver's exception means to us is said here, once. No answer, or an answer that another try may change (a
deadlock, a lock not had in time), is `StoreUnavailable`. A constraint that two may race for is `ConflictError`; any
other broken constraint is our own `StoreDefect`. Anything else is a defect too, and passes unchanged.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any, cast

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import BindParameter, Column, ColumnElement, Connection, Executable, RowMapping, Table, and_, bindparam
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bridge.domain.model import JobRef
from bridge.errors import BridgeError, ConflictError, StoreDefect, StoreUnavailable
from bridge.store.sqlite import WRITES

# Both databases take some 32,000 parameters in a statement; a longer list of keys is asked for in parts.
MAX_KEYS = 10_000

# Stands for the list of keys in a statement for `rows_in`.
KEYS: BindParameter[Any] = bindparam("keys", expanding=True)


def is_one_of(pack: Column[str], key: Column[str]) -> ColumnElement[bool]:
    """Ask by pack and by key: to compare pairs, SQLite reads a whole table.

    It also finds a key of one pack in another, which `rows_of` leaves out.
    """
    return and_(pack.in_(bindparam("packs", expanding=True)), key.in_(KEYS))


class Session:
    """A transaction on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.is_postgres = connection.dialect.name == "postgresql"

    async def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[RowMapping]:
        """Run a query (or a change that returns rows)."""
        with translated():
            result = await self._connection.execute(statement, parameters)
            return result.mappings().all()

    async def row(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> RowMapping | None:
        """Run a query for at most one row."""
        found = await self.rows(statement, parameters)
        return found[0] if found else None

    async def rows_in(self, statement: Executable, keys: Iterable[Any], **parameters: Any) -> list[RowMapping]:
        """Run a query that asks for `KEYS`; a very long list takes several statements, and an empty one none."""
        wanted = list(keys)
        parts = [wanted[start : start + MAX_KEYS] for start in range(0, len(wanted), MAX_KEYS)]
        return [row for part in parts for row in await self.rows(statement, {"keys": part, **parameters})]

    async def rows_of(
        self, statement: Executable, jobs: Collection[JobRef], **parameters: Any
    ) -> defaultdict[JobRef, list[RowMapping]]:
        """Run a query that asks for jobs by `is_one_of`; those that have no row are left out."""
        wanted = frozenset(jobs)
        found: defaultdict[JobRef, list[RowMapping]] = defaultdict(list)
        packs = sorted({job.pack for job in wanted})
        for row in await self.rows_in(statement, sorted({job.key for job in wanted}), packs=packs, **parameters):
            job = JobRef(row["pack"], row["job_key"])
            if job in wanted:
                found[job].append(row)
        return found

    async def run(
        self, statement: Executable, parameters: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None
    ) -> int:
        """Change something, once or once for each of a list of parameters (then the number given means nothing)."""
        if parameters is not None and not parameters:
            return 0
        with translated():
            result = await self._connection.execute(statement, parameters)
            return result.rowcount

    async def run_plain(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run the driver's own SQL for each of some rows, which are bound already."""
        with translated():
            await self._connection.exec_driver_sql(sql, rows)

    async def run_sync(self, work: Callable[[Connection], None]) -> None:
        """Hand the connection to a library that knows no asyncio."""
        with translated():
            await self._connection.run_sync(work)


class Database:
    """Where sessions come from."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing_engine = engine.execution_options(**{WRITES: True})
        # SQLite has one writer at a time: waiting here is fair and costs nothing, waiting in the driver is neither.
        self._turn = asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    def read(self) -> AbstractAsyncContextManager[Session]:
        """Open a transaction that only reads."""
        return begin(self._engine)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        """Open a transaction that may write: commits at the end of the block, rolls back if the block raises."""
        async with self._turn, begin(self._writing_engine) as session:
            yield session


@asynccontextmanager
async def begin(engine: AsyncEngine) -> AsyncIterator[Session]:
    """Open a transaction: commits at the end of the block, rolls back if the block raises."""
    connection = engine.connect()
    with translated():
        await connection.start()
    try:
        with translated():
            await connection.begin()
        yield Session(connection)
        with translated():
            await connection.commit()
    finally:
        # A cancelled task must still give its connection back, rolled back.
        await asyncio.shield(asyncio.create_task(connection.close()))


def insert(table: Table) -> Insert:
    """Start an INSERT that may say ON CONFLICT: PostgreSQL's, which SQLite spells alike."""
    return Insert(table)


def upsert(table: Table) -> Insert:
    """Say: insert rows, or overwrite those with the same primary key."""
    return overwriting(insert(table))


def insert_new(table: Table) -> Insert:
    """Say: insert rows, except those whose primary key is there already."""
    return passing_over(insert(table))


def passing_over(statement: Insert) -> Insert:
    """Add: except rows whose primary key is there already."""
    return statement.on_conflict_do_nothing()


def overwriting(statement: Insert, **otherwise: Any) -> Insert:
    """Add: or overwrite those with the same primary key; `otherwise` names columns that get another value."""
    keys = [column.name for column in cast("Table", statement.table).primary_key]
    changed = {name: column for name, column in statement.excluded.items() if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed | otherwise)


# Primary result codes of SQLite (sqlite.org/rescode.html): busy, locked, read-only, I/O error, corrupt, full, cannot
# open, locking protocol, not a database.
_SQLITE_TROUBLE = frozenset({5, 6, 8, 10, 11, 13, 14, 15, 26})

# SQLSTATE classes of PostgreSQL (appendix A): connection, authorisation, transaction rollback (deadlock), no such
# database, resources, lock not available, operator intervention, system error.
_POSTGRES_TROUBLE = ("08", "28", "40", "3D", "53", "55P03", "57", "58")

# What two requests may race for, as each database names it: an open Appointment, a booking under way (R20), a command
# or a listener whose id comes from a request that is tried again.
_RACES = {
    "uq_appointments_one_open": "appointments.work_order_id",
    "uq_commands_one_booking": "commands.work_order_id",
    "pk_commands": "commands.id",
    "pk_subscriptions": "subscriptions.id",
}
_RACES_IN_SQLITE = frozenset(f"UNIQUE constraint failed: {column}" for column in _RACES.values())


@contextmanager
def translated() -> Iterator[None]:
    """Run database calls, and only those: raises our errors from the driver's."""
    try:
        yield
    except (DBAPIError, PoolTimeout, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        ours = _classify(failure)
        if ours is None:
            raise
        raise ours from failure


def _classify(failure: Exception) -> BridgeError | None:
    if isinstance(failure, IntegrityError):
        return _broken_constraint(failure)
    if isinstance(failure, PoolTimeout | OSError) or _is_trouble(failure):
        return StoreUnavailable(f"the database does not answer: {getattr(failure, 'orig', None) or failure!r}")
    return None


def _broken_constraint(failure: IntegrityError) -> BridgeError:
    kind = ConflictError if _is_race(failure.orig) else StoreDefect
    return kind(f"the database refused a change: {failure.orig}")


def _is_race(refusal: BaseException | None) -> bool:
    """SQLite names the column, never the index; the driver of PostgreSQL's own error is the cause of SQLAlchemy's."""
    name = getattr(refusal.__cause__ if refusal else None, "constraint_name", None)
    return name in _RACES or str(refusal) in _RACES_IN_SQLITE


def _is_trouble(failure: Exception) -> bool:
    if isinstance(failure, DBAPIError) and failure.connection_invalidated:
        return True
    cause = getattr(failure, "orig", failure)
    sqlite_code = getattr(cause, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return sqlite_code & 0xFF in _SQLITE_TROUBLE
    return (getattr(cause, "sqlstate", None) or "").startswith(_POSTGRES_TROUBLE)

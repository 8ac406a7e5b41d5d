"""One open database transaction, as the rest of the store sees it: statements in, rows out, our errors.

Statements are built once, when their module is read, compiled once (`statements.py`), and run with parameters by the
driver itself. What a batch of messages writes is inserted table by table, any number of rows in one statement (`Bulk`).

SQLite runs in a thread, so that nobody waits for its disk. But a trip there and back takes longer than a statement that
finds some rows by their keys, and much longer where the thread has to wait for its turn to run Python. So a `brief`
transaction goes there to begin and to commit, and runs small statements at once.

What a driver raises comes out as one of our errors, by `trouble.py`.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeVar, cast

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Dialect,
    Executable,
    Table,
    and_,
    bindparam,
    column,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import ARRAY, Insert
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.domain.model import JobRef
from bridge.errors import StoreShort, StoreUnavailable, StoreUncertain
from bridge.store.lender import Bound, Driver, Lender
from bridge.store.statements import Statement, Statements
from bridge.store.trouble import answered, ours

T = TypeVar("T")

_SQLITE = sqlite.dialect(paramstyle="qmark")

Found = Mapping[str, Any]
"""A row, by the names of its columns."""

TRUST_AFTER_S: Final = 15.0
"""So long after the work found no room, a probe is believed: work that waits tries again several times in it."""
SILENT_AFTER_S: Final = 10.0
"""So long a probe may take; a healthy one takes milliseconds."""

NOT_OPEN = "the database is not open yet"

# Stands for the list of keys in a statement for `rows_in`.
KEYS: BindParameter[Any] = bindparam("keys", expanding=True)


def is_one_of(pack: Column[str], key: Column[str]) -> ColumnElement[bool]:
    """Ask by pack and by key: to compare pairs, SQLite reads a whole table.

    It also finds a key of one pack in another, which `rows_of` leaves out.
    """
    return and_(pack.in_(bindparam("packs", expanding=True)), key.in_(KEYS))


def is_of(jobs: Collection[JobRef], pack: Column[str], key: Column[str]) -> ColumnElement[bool]:
    """Ask for what belongs to one of some jobs; of none, nothing does."""
    return or_(false(), *(and_(pack == job.pack, key == job.key) for job in jobs))


class Session:
    """A transaction on one connection. `has_changed` tells whether it has changed anything."""

    def __init__(self, driver: Driver, statements: Statements) -> None:
        self._driver = driver
        self._statements = statements
        self._later: list[_Later] = []
        self.is_postgres = driver.is_postgres
        self.has_changed = False

    async def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Found]:
        """Run a query (or a change that returns rows)."""
        await self.written()
        self.has_changed |= statement.is_dml
        try:
            ready = self._statements.of(statement, parameters or ())
            return ready.read(await self._driver.fetch(ready.sql, ready.bind(parameters)))
        except Exception as failure:  # noqa: BLE001 - whatever a driver raises, it is the database's
            raise ours(failure) from None

    async def lock(self, numbers: Sequence[int]) -> None:
        """Let nobody else lock one of these numbers until the transaction ends."""
        await self.written()
        await answered(self._driver.lock(numbers))

    async def row(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Found | None:
        """Run a query for at most one row."""
        found = await self.rows(statement, parameters)
        return found[0] if found else None

    async def rows_in(self, statement: Executable, keys: Iterable[Any], **parameters: Any) -> Sequence[Found]:
        """Run a query that asks for `KEYS`; where there are none, nothing is asked."""
        wanted = list(keys)
        return await self.rows(statement, {"keys": wanted, **parameters}) if wanted else ()

    async def rows_of(
        self, statement: Executable, jobs: Collection[JobRef], **parameters: Any
    ) -> defaultdict[JobRef, list[Found]]:
        """Run a query that asks for jobs by `is_one_of`; those that have no row are left out."""
        wanted = frozenset(jobs)
        found: defaultdict[JobRef, list[Found]] = defaultdict(list)
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
        await self.written()
        self.has_changed |= statement.is_dml
        try:
            if parameters is None or isinstance(parameters, Mapping):
                ready = self._statements.of(statement, parameters or ())
                return await self._driver.execute(ready.sql, ready.bind(parameters))
            ready = self._statements.of(statement, parameters[0])
            await self._driver.execute_each(ready.sql, [ready.bind(each) for each in parameters])
        except Exception as failure:  # noqa: BLE001 - whatever a driver raises, it is the database's
            raise ours(failure) from None
        return len(parameters)

    async def insert_later(self, statement: Any, columns: Mapping[str, Any], *, numbered: bool) -> list[int]:
        """Insert rows into one table, together with those of others, before the next other statement or the commit.

        Gives a list that has their numbers then, if they are `numbered`. For PostgreSQL, where each trip counts.
        """
        if any(each.table is statement.table for each in self._later):
            await self.written()
        self.has_changed = True
        later = _Later(statement.table, self._statements.of(statement, ()), columns, numbered, [])
        self._later.append(later)
        return later.numbers

    async def written(self) -> None:
        """Return once all that was to be inserted later is."""
        if not self._later:
            return
        later, self._later = self._later, []
        together = self._statements.together(
            [each.statement for each in later], [place for place, each in enumerate(later) if each.numbered]
        )
        try:
            bound = [value for each in later for value in each.statement.bind(each.columns)]
            for place, number in await self._driver.fetch(together.sql, bound):
                later[place].numbers.append(number)
        except Exception as failure:  # noqa: BLE001 - whatever a driver raises, it is the database's
            raise ours(failure) from None

    async def insert_plain(self, sql: str, rows: Sequence[tuple[Any, ...]], *, numbered: bool) -> list[int]:
        """Insert rows, which are bound already, by the driver's own SQL; gives their numbers, if they are `numbered`.

        For SQLite, which numbers the rows of its one writer on end.
        """
        self.has_changed = True
        await answered(self._driver.execute_each(sql, rows))
        if not numbered:
            return []
        ((last,),) = await answered(self._driver.fetch("SELECT last_insert_rowid()", ()))
        return list(range(last - len(rows) + 1, last + 1))


class _Later(NamedTuple):
    """Rows that are to be inserted, as columns; `numbers` are what the database gave them."""

    table: Any
    statement: Statement
    columns: Mapping[str, Any]
    numbered: bool
    numbers: list[int]


class Health:
    """Whether one database takes changes, told by what became of the last ones.

    One that can be read may still take no change: a standby after a failover, a full disk, a right that was taken away.
    So only writes count: those of the work, and a small one every few seconds (`processes.py`). The small one may find
    room where the work finds none; so after the work found none, it says that all is well only once that is a while
    ago. `clock` gives seconds, and never goes back; `trouble` is what to begin with.
    """

    def __init__(self, trouble: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._trouble = trouble
        self._short_at: float | None = None
        self._asked_at: float | None = None

    @property
    def problem(self) -> str | None:
        """What keeps the database from taking changes, in one line; None if nothing does."""
        if self._trouble is None and self._asked_at is not None:
            silent = self._clock() - self._asked_at
            if silent > SILENT_AFTER_S:
                return f"the database has not answered for {silent:.0f} s"
        return self._trouble

    def asked(self) -> None:
        """A probe has begun."""
        self._asked_at = self._clock()

    def failed(self, trouble: StoreUnavailable, *, probe: bool = False) -> None:
        """A change was not taken. What may be the change's own fault says nothing of the database."""
        if probe:
            self._asked_at = None
        if isinstance(trouble, StoreUncertain) and not probe:
            return
        self._trouble = str(trouble)
        if isinstance(trouble, StoreShort) and not probe:
            self._short_at = self._clock()

    def took(self, *, probe: bool = False) -> None:
        """A change was taken."""
        if probe:
            self._asked_at = None
        if probe and self._short_at is not None and self._clock() - self._short_at < TRUST_AFTER_S:
            return
        self._trouble = None
        self._short_at = None


class Database:
    """Where sessions come from. Without an engine it is not open yet.

    `before_commit`, if there is any, is done at the end of each transaction that has changed something.
    """

    def __init__(self, engine: AsyncEngine | None = None) -> None:
        self.before_commit: Callable[[Session], Awaitable[None]] | None = None
        self.health = Health(None if engine is not None else NOT_OPEN)
        self._engine: AsyncEngine | None = None
        self._lender: Lender | None = None
        self._statements: Statements | None = None
        # SQLite has one writer at a time: waiting here is fair and costs nothing, waiting in the driver is neither.
        self._turn: AbstractAsyncContextManager[Any] = nullcontext()
        if engine is not None:
            self.use(engine)

    def use(self, engine: AsyncEngine) -> None:
        """Open it: sessions come from this engine."""
        self._engine, self._lender, self._statements = engine, Lender(engine), Statements(engine.dialect)
        self.health.took()
        self._turn = asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    def read(self) -> AbstractAsyncContextManager[Session]:
        """Open a transaction that only reads."""
        return self._begin(writes=False)

    @property
    def engine(self) -> AsyncEngine:
        """Where connections come from; raises `StoreUnavailable` where it is not open yet."""
        if self._engine is None:
            raise StoreUnavailable(NOT_OPEN)
        return self._engine

    @property
    def dialect(self) -> Dialect:
        """The dialect of the database."""
        return self.engine.dialect

    async def fetch(self, query: Bound) -> Sequence[Sequence[Any]]:
        """Run a query by itself, outside of any transaction, and give the driver's rows."""
        (rows,) = await self.fetch_each([query])
        return rows

    async def fetch_each(self, queries: Sequence[Bound]) -> Sequence[Sequence[Sequence[Any]]]:
        """Run queries as `fetch` does, one after another."""
        if self._lender is None:
            raise StoreUnavailable(NOT_OPEN)
        return await self._lender.fetch(*queries)

    @asynccontextmanager
    async def write(self, *, probe: bool = False, brief: bool = False) -> AsyncIterator[Session]:
        """Open a transaction that may write: commits at the end of the block, rolls back if the block raises.

        What becomes of it counts for the database's health. `brief` says that its statements find rows by keys only.
        """
        try:
            async with self._turn, self._begin(writes=True, brief=brief) as session:
                yield session
                if session.has_changed and self.before_commit is not None:
                    await self.before_commit(session)
        except StoreUnavailable as trouble:
            self.health.failed(trouble, probe=probe)
            raise
        if session.has_changed:
            self.health.took(probe=probe)

    async def close(self) -> None:
        """Close all connections."""
        if self._lender is not None:
            await self._lender.close()
        if self._engine is not None:
            await self._engine.dispose()

    @asynccontextmanager
    async def _begin(self, *, writes: bool, brief: bool = False) -> AsyncIterator[Session]:
        if self._lender is None or self._statements is None:
            raise StoreUnavailable(NOT_OPEN)
        async with self._lender.transaction(writes=writes, brief=brief) as driver:
            session = Session(driver, self._statements)
            yield session
            await session.written()


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


def _as_it_is(statement: Insert) -> Insert:
    return statement


class Bulk:
    """An INSERT of rows into all columns of a table but those that the database fills (`without`).

    SQLAlchemy binds each value of each row by its name, and PostgreSQL's driver speaks to the server for each row. Here
    rows are turned into columns, and each is bound by its type's own processor: PostgreSQL takes them as arrays, SQLite
    row by row, but by position.

    `conflict` adds what is to be done with rows that are there; it may bring no parameters. `numbered` rows get a
    number from the database, in their order.
    """

    def __init__(
        self,
        table: Table,
        conflict: Callable[[Insert], Insert] = _as_it_is,
        *,
        without: Collection[str] = (),
        numbered: bool = False,
    ) -> None:
        self._table = table
        self._conflict = conflict
        self._numbered = numbered
        self._columns = [each for each in table.c if each.name not in without and not (numbered and each.primary_key)]

    async def run(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Insert rows, in their order, each with a value for each column.

        Gives a list that has their numbers, if they are `numbered`, after `Session.written`.
        """
        if not rows:
            return []
        columns = [[row[each.name] for row in rows] for each in self._columns]
        if session.is_postgres:
            names = [each.name for each in self._columns]
            arrays = dict(zip(names, columns, strict=True))
            return await session.insert_later(self._of_arrays, arrays, numbered=self._numbered)
        sql, processors = self._of_rows
        bound = [
            values if process is None else map(process, values)
            for process, values in zip(processors, columns, strict=True)
        ]
        return await session.insert_plain(sql, list(zip(*bound, strict=True)), numbered=self._numbered)

    @cached_property
    def _of_arrays(self) -> Any:
        arrays = [bindparam(each.name, type_=ARRAY(each.type, dimensions=1)) for each in self._columns]
        names = [column(each.name, each.type) for each in self._columns]
        new = func.unnest(*arrays).table_valued(*names, with_ordinality="arrival", name="new").render_derived()
        rows = select(*(new.c[each.name] for each in self._columns)).order_by(new.c.arrival)
        whole = self._conflict(insert(self._table).from_select([each.name for each in self._columns], rows))
        return whole.returning(self._table.c.number) if self._numbered else whole

    @cached_property
    def _of_rows(self) -> tuple[str, Sequence[Callable[[Any], Any] | None]]:
        statement = self._conflict(
            insert(self._table).values({each.name: bindparam(each.name) for each in self._columns})
        )
        processors = [each.type.dialect_impl(_SQLITE).bind_processor(_SQLITE) for each in self._columns]
        return str(statement.compile(dialect=_SQLITE)), processors

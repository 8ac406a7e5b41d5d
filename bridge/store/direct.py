"""Reads on the driver itself: statements compiled once, and run without BEGIN and COMMIT.

A statement sees one moment of the database by itself, on both databases. SQLAlchemy would bind its parameters by name,
begin a transaction, wrap each row and commit: where one row is read, that is most of the cost. Its pool stays:
connections are lent from there, so that limits and failovers are what they are for everybody.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, Dialect, Select, literal_column
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.util import greenlet_spawn

from bridge.store.columns import Convert
from bridge.store.sqlite import OneTripConnection
from bridge.store.trouble import ours

UNNAMED: Final = "bridge_unnamed_statements"
"""The execution option of an engine that may leave nothing at the server beyond a transaction (there is a pooler)."""

LENT_S: Final = 2.0
"""So long a connection is kept out of the pool at most: after a failover, the pool has others before long."""

Rows = Sequence[tuple[Any, ...]]


class Bound(NamedTuple):
    """A statement and its parameters, as the driver takes them."""

    sql: str
    parameters: Sequence[Any]


class Direct:
    """A query for the driver of one database: its text, and what makes its parameters and reads its rows."""

    def __init__(self, query: Select[Any], dialect: Dialect, order: Sequence[str] = ()) -> None:
        """`order` names the columns by which the rows are ordered."""
        compiled: Any = query.compile(dialect=dialect)
        self._query, self._dialect, self._order = query, dialect, order
        self._types: dict[str, Any] = {name: bind.type for name, bind in compiled.binds.items()}
        names: Sequence[str] = compiled.positiontup or ()
        self._sql = str(compiled)
        self._fixed: Mapping[str, Any] = compiled.params
        self._writers = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names
        ]
        columns: list[Any] = list(query.selected_columns)
        readers = [each.type.dialect_impl(dialect).result_processor(dialect, None) for each in columns]
        self._readers = [(place, read) for place, read in enumerate(readers) if read is not None]

    def bind_many(self, asked: Sequence[Mapping[str, Any]]) -> Bound:
        """Put several sets of values into one statement of PostgreSQL's. Its rows begin with the number of their set,
        from 1 on, and are those of `rows_of_many`.
        """
        sql, writers = self._many
        return Bound(sql, [[_converted(write, values[name]) for values in asked] for name, write in writers])

    def rows_of_many(self, rows: Sequence[Sequence[Any]], count: int) -> list[Rows]:
        """Give the rows of each set."""
        found: list[list[Sequence[Any]]] = [[] for _ in range(count)]
        for number, *values in rows:
            found[number - 1].append(values)
        return [self.read(each) for each in found]

    @cached_property
    def _many(self) -> tuple[str, Sequence[tuple[str, Convert | None]]]:
        """The statement with columns of a list in place of its parameters, and what writes those."""
        types = {name: self._types[name].compile(self._dialect) for name, _ in self._writers}
        inner: Any = replacement_traverse(self._query, {}, _column_for)
        arrays = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(types.values(), 1))
        names = ", ".join([*types, "number"])
        order = ", ".join(f"page.{name}" for name in self._order)
        page = str(inner.compile(dialect=self._dialect))
        sql = (
            f"SELECT asked.number, page.* FROM unnest({arrays}) WITH ORDINALITY AS asked({names}) "  # noqa: S608
            f"CROSS JOIN LATERAL ({page}) AS page ORDER BY asked.number, {order}"
        )
        return sql, list(dict(self._writers).items())

    def bind(self, values: Mapping[str, Any]) -> Bound:
        """Put values, by name, in the order of the parameters. What has no value is part of the query itself."""
        given = {**self._fixed, **values}
        return Bound(self._sql, [_converted(write, given[name]) for name, write in self._writers])

    def read(self, rows: Sequence[Sequence[Any]]) -> Rows:
        """Give the rows with values as our columns have them."""
        found = []
        for row in rows:
            values = list(row)
            for place, convert in self._readers:
                values[place] = convert(values[place])
            found.append(tuple(values))
        return found


def _column_for(element: Any, **_: Any) -> Any:
    return literal_column(f"asked.{element.key}", element.type) if isinstance(element, BindParameter) else None


def _converted(convert: Convert | None, value: Any) -> Any:
    return value if convert is None else convert(value)


class Lender:
    """Lends connections of an engine's pool, and keeps them at hand while they are used again and again.

    To take one out of the pool and put it back costs as much as to read by it.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._at_hand: list[_Lent] = []
        self._giving_back: asyncio.Task[None] | None = None

    async def fetch(self, *queries: Bound) -> list[Sequence[Sequence[Any]]]:
        """Run queries, one after another, and give the driver's rows of each.

        On SQLite all of them are one trip to the connection's thread.
        """
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
            if now < lent.until and not _is_closed(lent.connection.driver_connection):
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

    async def _run(self, driver: Any, queries: Sequence[Bound]) -> list[Sequence[Sequence[Any]]]:
        if isinstance(driver, OneTripConnection):
            return await _of_sqlite(driver, queries)
        if self._engine.get_execution_options().get(UNNAMED, False):
            async with driver.transaction(readonly=True):
                return [await driver.fetch(query.sql, *query.parameters) for query in queries]
        return [await driver.fetch(query.sql, *query.parameters) for query in queries]


class _Lent(NamedTuple):
    """A connection out of the pool, which it is given back to once the loop's clock shows `until`."""

    connection: Any
    until: float


def _is_closed(driver: Any) -> bool:
    return not isinstance(driver, OneTripConnection) and driver.is_closed()


async def _give_back(lent: _Lent) -> None:
    # As SQLAlchemy's own connections do: nothing was begun, so nothing is rolled back, which would be a trip.
    await greenlet_spawn(lent.connection._close_special, transaction_reset=True)  # noqa: SLF001


async def _of_sqlite(driver: OneTripConnection, queries: Sequence[Bound]) -> list[Sequence[Sequence[Any]]]:
    found: list[Sequence[Sequence[Any]]] = []
    await driver.trip(
        lambda connection: found.extend(connection.execute(sql, bound).fetchall() for sql, bound in queries)
    )
    return found

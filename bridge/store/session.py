"""One open database transaction, as the rest of the store sees it: statements in, rows out, our errors.

Statements are built once, and run with parameters: to build one costs as much as to run it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, cast

from sqlalchemy import BindParameter, Connection, Executable, RowMapping, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bridge.store.failures import translated

# Both databases take some 32,000 parameters in a statement; a longer list of keys is asked for in parts.
MAX_KEYS = 10_000

# Stands for the list of keys in a statement for `rows_in`.
KEYS: BindParameter[Any] = bindparam("keys", expanding=True)


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

    async def run(
        self, statement: Executable, parameters: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None
    ) -> int:
        """Change something, once or once for each of a list of parameters (then the number given means nothing)."""
        if parameters is not None and not parameters:
            return 0
        with translated():
            result = await self._connection.execute(statement, parameters)
            return result.rowcount

    async def run_sync(self, work: Callable[[Connection], None]) -> None:
        """Hand the connection to a library that knows no asyncio."""
        with translated():
            await self._connection.run_sync(work)

    async def insert_new(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, except those whose primary key is there already."""
        await self.run(_insert_new(table, postgres=self.is_postgres), rows)

    async def upsert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or overwrite those with the same primary key."""
        await self.run(_upsert(table, postgres=self.is_postgres), rows)


def insert(table: Table, *, postgres: bool) -> postgresql.Insert:
    """Start an INSERT that may say ON CONFLICT; both dialects spell it alike."""
    return postgresql.insert(table) if postgres else cast("postgresql.Insert", sqlite.insert(table))


@cache
def _insert_new(table: Table, *, postgres: bool) -> postgresql.Insert:
    return insert(table, postgres=postgres).on_conflict_do_nothing()


@cache
def _upsert(table: Table, *, postgres: bool) -> postgresql.Insert:
    statement = insert(table, postgres=postgres)
    keys = [column.name for column in table.primary_key]
    changed = {name: column for name, column in statement.excluded.items() if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


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

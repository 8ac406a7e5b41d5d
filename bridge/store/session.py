"""One open database transaction, as the rest of the store sees it: statements in, rows out, our errors."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Executable, RowMapping, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bridge.store.failures import translated

# Both databases take some 32,000 parameters in a statement; a longer list of keys is asked for in parts.
MAX_KEYS = 10_000


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

    async def row(self, statement: Executable) -> RowMapping | None:
        """Run a query for at most one row."""
        found = await self.rows(statement)
        return found[0] if found else None

    async def rows_in(
        self, query: Select[Any], key: Callable[[Sequence[Any]], ColumnElement[bool]], values: Iterable[Any]
    ) -> list[RowMapping]:
        """Run `query` where `key(values)` holds; a very long list of values takes several statements."""
        wanted = list(values)
        parts = [wanted[start : start + MAX_KEYS] for start in range(0, len(wanted), MAX_KEYS)]
        return [row for part in parts for row in await self.rows(query.where(key(part)))]

    async def run(self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> int:
        """Change something, once or once for each row; gives the number of rows changed (meaningless with `rows`)."""
        if rows is not None and not rows:
            return 0
        with translated():
            result = await self._connection.execute(statement, rows)
            return result.rowcount

    async def run_sync(self, work: Callable[[Connection], None]) -> None:
        """Hand the connection to a library that knows no asyncio."""
        with translated():
            await self._connection.run_sync(work)

    def insert(self, table: Table) -> postgresql.Insert:
        """Start an INSERT that may say ON CONFLICT; both dialects spell it alike."""
        if self.is_postgres:
            return postgresql.insert(table)
        return cast("postgresql.Insert", sqlite.insert(table))

    def upsert(self, table: Table) -> postgresql.Insert:
        """Insert rows, or overwrite those with the same primary key."""
        statement = self.insert(table)
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

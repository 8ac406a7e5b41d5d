"""A transaction about the tables themselves, through SQLAlchemy: it asks which there are, and makes or changes them.

It runs at the start and never again; what works on the rows is `session.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, Executable, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bridge.store.trouble import answered


class SchemaSession:
    """A transaction on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.is_postgres = connection.dialect.name == "postgresql"

    async def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[RowMapping]:
        """Run a query."""
        return (await answered(self._connection.execute(statement, parameters))).mappings().all()

    async def run(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> None:
        """Change something."""
        await answered(self._connection.execute(statement, parameters))

    async def run_sync(self, work: Callable[[Connection], None]) -> None:
        """Hand the connection to a library that knows no asyncio."""
        await answered(self._connection.run_sync(work))


@asynccontextmanager
async def begin(engine: AsyncEngine) -> AsyncIterator[SchemaSession]:
    """Open a transaction: commits at the end of the block, rolls back if the block raises."""
    connection = engine.connect()
    await answered(connection.start())
    try:
        await answered(connection.begin())
        yield SchemaSession(connection)
        await answered(connection.commit())
    finally:
        # A cancelled task must still give its connection back, rolled back.
        await asyncio.shield(asyncio.create_task(connection.close()))

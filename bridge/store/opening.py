"""Opens a database: looks at what is there, and makes or checks the tables. What is wrong is said in one line.

`PermanentError` is what somebody has to mend; `StoreUnavailable` is what is worth waiting for.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.errors import PermanentError, StoreUnavailable
from bridge.store import postgres, sqlite
from bridge.store.engine import BUSY_TIMEOUT_S, make_directory, open_postgres, open_sqlite, target_of
from bridge.store.migration import check_engine, upgrade_engine
from bridge.store.postgres_url import Postgres
from bridge.store.sqlite import Synchronous


class NoDatabase(PermanentError):
    """There is no database."""


Opening = Callable[[], Awaitable[AsyncEngine]]


def for_work(url: str, *, synchronous: Synchronous = "FULL", named_statements: bool | None = None) -> Opening:
    """Give the way to open a database and bring its tables up to date. Raises `PermanentError` for a wrong URL."""
    target = target_of(url)
    if isinstance(target, Postgres):
        return lambda: _opened_postgres(target, upgrade_engine, named_statements)
    return lambda: _opened_sqlite(target, synchronous)


def beside(url: str, *, read_only: bool, named_statements: bool | None = None) -> Opening:
    """Give the way to open a database that a bridge made and may be working on; its tables are left as they are."""
    target = target_of(url)

    async def check(engine: AsyncEngine) -> None:
        await check_engine(engine, read_only=read_only)

    if isinstance(target, Postgres):
        return lambda: _opened_postgres(target, check, named_statements, read_only=read_only)
    return lambda: _existing_sqlite(target, check, read_only=read_only)


async def _opened_postgres(
    server: Postgres,
    prepare: Callable[[AsyncEngine], Awaitable[None]],
    named_statements: bool | None,
    *,
    read_only: bool = False,
) -> AsyncEngine:
    facts = await postgres.look_at(server)
    named = not facts.pooled if named_statements is None else named_statements
    engine = open_postgres(server, named_statements=named, read_only=read_only, pooled=facts.pooled)
    return await _prepared(engine, prepare)


async def _opened_sqlite(file: Path, synchronous: Synchronous) -> AsyncEngine:
    make_directory(file)
    await sqlite.look_at(file, wait_s=BUSY_TIMEOUT_S)
    return await _prepared(open_sqlite(file, synchronous), upgrade_engine, file)


async def _existing_sqlite(
    file: Path, check: Callable[[AsyncEngine], Awaitable[None]], *, read_only: bool
) -> AsyncEngine:
    _demand(file)
    await sqlite.look_at(file, wait_s=BUSY_TIMEOUT_S, read_only=read_only)
    return await _prepared(open_sqlite(file, read_only=read_only), check, file)


def _demand(file: Path) -> None:
    if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises where a name is too long or may not be seen
        raise NoDatabase(f"there is no database {file.absolute()} (database.url): mef-bridge serve makes it")


async def _prepared(
    engine: AsyncEngine, prepare: Callable[[AsyncEngine], Awaitable[None]], file: Path | None = None
) -> AsyncEngine:
    try:
        await prepare(engine)
    except BaseException as failure:
        await engine.dispose()
        if file is not None and isinstance(failure, StoreUnavailable):
            raise StoreUnavailable(f"the SQLite file {file} (database.url): {failure}") from None
        raise
    return engine

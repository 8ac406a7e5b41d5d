"""Looks at a database without changing it: where it is, what tables it has, what we may do there, and its time."""

import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import text

from bridge.errors import PermanentError
from bridge.store import postgres, sqlite
from bridge.store.engine import BUSY_TIMEOUT_S, open_postgres, open_sqlite, target_of
from bridge.store.migration import CURRENT, standing_of
from bridge.store.postgres_url import Postgres
from bridge.store.rights import may_make_tables, may_use_tables
from bridge.store.schema_session import SchemaSession, begin

T = TypeVar("T")

NO_TABLES = "no tables yet: mef-bridge serve makes them"


class Examination(Protocol):
    """What can be asked of a database that answers. All raise `PermanentError` for what somebody has to mend."""

    place: str

    async def tables(self) -> str:
        """Say of which version the tables are."""

    async def rights(self) -> str:
        """Say that we may do what a bridge does there."""

    async def time(self) -> datetime | None:
        """Give its clock's time, if it has a clock of its own."""

    async def is_current(self) -> bool:
        """Tell whether its tables are those of this version."""


async def examination_of(url: str) -> Examination:
    """Connect once. Raises `PermanentError`, and `StoreUnavailable` where nobody answers."""
    target = target_of(url)
    if isinstance(target, Path):
        if not _may_be_there(target):
            return _NoFile(target)
        await sqlite.look_at(target, wait_s=BUSY_TIMEOUT_S, read_only=True)
        return _File(target)
    facts = await postgres.look_at(target)
    return _Server(target, f"PostgreSQL {facts.version} at {target.place}, {facts.encoding}")


def _may_be_there(file: Path) -> bool:
    """Look for a file; SQLite may say why nobody can look, as where its name is too long."""
    try:
        return file.exists()
    except OSError:
        return True


def _standing(revision: str | None) -> str:
    if revision is None:
        return NO_TABLES
    if revision == CURRENT:
        return f"schema {revision}, that of this mef-bridge"
    return f"schema {revision}: the next mef-bridge serve brings it to {CURRENT}; back it up before"


class _NoFile:
    """A SQLite file that is to be made."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.place = f"SQLite at {file.absolute()}, which is to be made"

    async def tables(self) -> str:
        return NO_TABLES

    async def rights(self) -> str:
        nearest = next(each for each in self._file.absolute().parents if each.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise PermanentError(
                f"the SQLite file {self._file} (database.url) cannot be made: give this user the right to write in "
                f"{nearest}, or name another file"
            )
        return f"this user may write in {nearest}"

    async def time(self) -> None:
        return None

    async def is_current(self) -> bool:
        return False


class _File:
    """A SQLite file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.place = f"SQLite at {file.absolute()}"

    async def tables(self) -> str:
        return _standing(await self._revision())

    async def rights(self) -> str:
        for path in (self._file, self._file.absolute().parent):
            if not os.access(path, os.W_OK):
                raise PermanentError(f"this user may not write {path} (database.url): give it the right to")
        return "this user may write the file and its directory"

    async def time(self) -> None:
        return None

    async def is_current(self) -> bool:
        return await _is_current(self._revision())

    async def _revision(self) -> str | None:
        engine = open_sqlite(self._file, read_only=True)
        try:
            async with begin(engine) as session:
                return await standing_of(session)
        finally:
            await engine.dispose()


class _Server:
    """A database on a PostgreSQL."""

    def __init__(self, server: Postgres, place: str) -> None:
        self._server = server
        self.place = place

    async def tables(self) -> str:
        return _standing(await self._ask(standing_of))

    async def rights(self) -> str:
        return await self._ask(_rights)

    async def time(self) -> datetime | None:
        return await self._ask(_time)

    async def is_current(self) -> bool:
        return await _is_current(self._ask(standing_of))

    async def _ask(self, question: Callable[[SchemaSession], Awaitable[T]]) -> T:
        engine = open_postgres(self._server, named_statements=False)
        try:
            async with begin(engine) as session:
                return await question(session)
        finally:
            await engine.dispose()


async def _rights(session: SchemaSession) -> str:
    (row,) = await session.rows(text("SELECT current_setting('transaction_read_only') AS it"))
    if row["it"] == "on":
        raise PermanentError(
            "the database is read-only (a standby, or default_transaction_read_only is on): name the primary in "
            "database.url, or all of them with target_session_attrs=read-write"
        )
    revision = await standing_of(session)
    if revision != CURRENT:
        await may_make_tables(session)
    if revision is not None:
        await may_use_tables(session)
    return "all that it needs" if revision == CURRENT else "enough to make the tables"


async def _time(session: SchemaSession) -> datetime | None:
    (row,) = await session.rows(text("SELECT clock_timestamp() AS it"))
    found: datetime = row["it"]
    return found


async def _is_current(revision: Awaitable[str | None]) -> bool:
    try:
        return await revision == CURRENT
    except PermanentError:
        return False

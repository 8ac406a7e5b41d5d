"""SQLite off the event loop, with one trip to the connection's thread for each statement.

The driver makes four: cursor, execute, fetch, close. A trip costs a tenth of a millisecond or more, so that a
transaction of a dozen statements would spend most of its time travelling.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import aiosqlite
from sqlalchemy import Connection

from bridge.errors import PermanentError, StoreUnavailable

T = TypeVar("T")

# How many rows the driver fetches at a time when iterating, which we never do.
_UNUSED_CHUNK = 64

# Between two tries for a lock that is held for a millisecond or so.
_PAUSE_S = 0.01

OLDEST_VERSION = (3, 35, 0)  # which has RETURNING

Synchronous = Literal["FULL", "EXTRA", "NORMAL"]

BRIEF_STEPS = 4_000
"""Instructions of SQLite's machine that a query may take in the thread of the loop: a few tenths of a millisecond."""

WRITES = "bridge_writes"
"""The execution option of an engine whose transactions write: they take SQLite's lock at once, or two might wait for
each other."""


def begin(connection: Connection) -> None:
    """Begin a transaction, which the driver would leave to the first statement that changes something."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class OneTripCursor:
    """What SQLAlchemy uses of a driver's cursor. It is spent by its first statement, whose rows it then holds."""

    def __init__(self, connection: "OneTripConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Sequence[Any] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        """Do nothing: there is nothing to open yet."""
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement and fetch all of its rows."""
        await self._connection.trip(lambda connection: self._take(connection.execute(sql, parameters)))

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each of the parameters."""
        await self._connection.trip(lambda connection: self._take(connection.executemany(sql, parameters)))

    async def fetchall(self) -> list[Any]:
        """Give the rows."""
        return self._rows

    async def close(self) -> None:
        """Do nothing: the statement is done with."""

    def _take(self, cursor: sqlite3.Cursor) -> None:
        """Keep what the statement gave; runs in the connection's thread."""
        self._rows = cursor.fetchall()
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        cursor.close()


class OneTripConnection(aiosqlite.Connection):
    """The driver's connection with such cursors."""

    def cursor(self) -> OneTripCursor:  # type: ignore[override]
        """Make a cursor, without a trip."""
        return OneTripCursor(self)

    async def trip(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the connection's thread."""
        done: T = await self._execute(lambda: work(self._conn))  # type: ignore[no-untyped-call]
        return done

    def at_once(self) -> sqlite3.Connection:
        """Give what runs statements in the caller's thread; nothing may be on its way to the other one."""
        return self._conn

    async def rows(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Run a query: a brief one in the caller's thread, since the way to the other one would cost more than it."""
        brief = self._rows_if_brief(sql, parameters)
        if brief is not None:
            return brief
        return await self.trip(lambda connection: connection.execute(sql, parameters).fetchall())

    def _rows_if_brief(self, sql: str, parameters: Sequence[Any]) -> list[Any] | None:
        self._conn.set_progress_handler(_enough, BRIEF_STEPS)
        try:
            return self._conn.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as stopped:
            if stopped.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return None
        finally:
            self._conn.set_progress_handler(None, 0)


def _enough() -> bool:
    return True


async def connect(
    database: str, *, synchronous: Synchronous, wait_s: float, read_only: bool = False, **options: Any
) -> OneTripConnection:
    """Connect, with no transactions but those that are begun in so many words; raises `sqlite3.Error`."""

    def open_file() -> sqlite3.Connection:
        return _look_into(database, wait_s, options) if read_only else _open(database, synchronous, wait_s, options)

    connection = OneTripConnection(open_file, _UNUSED_CHUNK)
    thread = connection._thread  # noqa: SLF001 - as SQLAlchemy does with the connections it makes itself
    thread.daemon = True
    try:
        await connection
    except BaseException:
        # The driver ends its thread but does not wait for it, and the loop it reports to may be gone by then.
        await asyncio.to_thread(thread.join)
        raise
    return connection


async def look_at(file: Path, *, wait_s: float, read_only: bool = False) -> None:
    """Open a file once, and take the lock of a writer; raises `PermanentError` or, where that may pass,
    `StoreUnavailable`.
    """
    if sqlite3.sqlite_version_info < OLDEST_VERSION:
        needed = ".".join(map(str, OLDEST_VERSION))
        raise PermanentError(f"this Python has SQLite {sqlite3.sqlite_version}: mef-bridge needs {needed} or newer")
    try:
        connection = await connect(str(file), synchronous="FULL", wait_s=wait_s, read_only=read_only)
        try:
            await connection.execute("SELECT count(*) FROM sqlite_master" if read_only else "BEGIN IMMEDIATE")
        finally:
            await connection.close()
    except sqlite3.Error as error:
        raise _trouble_with(file, error) from None


def _trouble_with(file: Path, error: sqlite3.Error) -> PermanentError | StoreUnavailable:
    """Say why a file cannot be used, and what to do."""
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreUnavailable(f"the SQLite file {file} (database.url) is locked by another program: end that")
        case sqlite3.SQLITE_NOTADB:
            return PermanentError(
                f"{file} (database.url) is no SQLite database: name another file, or move this one away"
            )
        case sqlite3.SQLITE_CORRUPT:
            return PermanentError(f"the SQLite file {file} (database.url) is damaged: take it back from a backup")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return PermanentError(
                f"the SQLite file {file} (database.url) cannot be written: give this user the right to write the file "
                "and its directory, and see that the disk is not mounted read-only"
            )
        case sqlite3.SQLITE_CANTOPEN:
            return PermanentError(f"the SQLite file {file} (database.url) cannot be opened: {_why_not(file)}")
        case sqlite3.SQLITE_FULL:
            return StoreUnavailable(f"the disk of the SQLite file {file} (database.url) is full: make room")
        case _:
            return StoreUnavailable(f"the SQLite file {file} (database.url) cannot be used: {error}")


def _why_not(file: Path) -> str:
    """SQLite itself does not say."""
    try:
        return _seen_of(file)
    except OSError as failure:  # such as a name that is too long, or a directory that this user may not look into
        return f"{failure.strerror}; name another file"


def _seen_of(file: Path) -> str:
    if file.is_dir():
        return "it is a directory; name a file"
    if not file.parent.is_dir():
        return f"{file.parent} is no directory; name a file in one"
    if not os.access(file if file.exists() else file.parent, os.R_OK | os.W_OK):
        return (
            "this user may not read and write it, or the disk is mounted read-only: give it the right to, for its "
            "directory too"
        )
    return f"see that files can be made in {file.parent}, and that the disk is not mounted read-only or full"


def _open(database: str, synchronous: Synchronous, wait_s: float, options: Mapping[str, Any]) -> sqlite3.Connection:
    """Open a file; runs in the connection's thread."""
    connection: sqlite3.Connection = sqlite3.connect(database, timeout=wait_s, isolation_level=None, **options)
    try:
        _use_wal(connection, wait_s)
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _look_into(database: str, wait_s: float, options: Mapping[str, Any]) -> sqlite3.Connection:
    """Open a file that is there, so that nothing can change it; runs in the connection's thread."""
    place = f"{Path(database).absolute().as_uri()}?mode=ro"
    connection: sqlite3.Connection = sqlite3.connect(
        place, timeout=wait_s, isolation_level=None, **{**options, "uri": True}
    )
    return connection


def _use_wal(connection: sqlite3.Connection, wait_s: float) -> None:
    """Switch to WAL; SQLite itself does not wait for others here, be the timeout what it may."""
    ends = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as busy:
            if busy.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= ends:
                raise
            time.sleep(_PAUSE_S)
        else:
            return

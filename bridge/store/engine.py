"""Connections: which database a URL names, and how each one is made to lose nothing.

SQLite runs in WAL mode with `synchronous=FULL`, so that a commit survives a power cut, and starts every transaction by
itself: BEGIN IMMEDIATE where the transaction will write, so that it waits for its turn at the start and never fails in
the middle.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bridge.errors import PermanentError
from bridge.store.sqlite import Synchronous, begin, connect

# How long a SQLite transaction of another process may hold us up before we say that the database does not answer.
BUSY_TIMEOUT_S = 10.0
# How long to wait for a PostgreSQL connection, and for one statement; a healthy statement takes milliseconds.
CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 60.0
POOL_SIZE = 10
MAX_OVERFLOW = 10

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
READ_ONLY: Mapping[str, str] = MappingProxyType({"default_transaction_read_only": "on"})


def database_url(url: str) -> URL:
    """Name the asynchronous driver for `sqlite://…` and `postgresql://…`; others are a `PermanentError`."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Not repeated, as the driver would do: it may hold a password.
        raise PermanentError("not a database URL: use sqlite:///path or postgresql://host/name") from None
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite_url(parsed)
        case "postgresql" | "postgres":
            return _postgres_url(parsed)
        case other:
            raise PermanentError(f"database {other!r} is not supported: use sqlite:///path or postgresql://host/name")


def _sqlite_url(url: URL) -> URL:
    if url.database in (None, "", ":memory:"):
        raise PermanentError("SQLite needs a file: sqlite:///path")
    return url.set(drivername="sqlite+aiosqlite")


def _postgres_url(url: URL) -> URL:
    """Speak asyncpg's dialect of URLs: what libpq calls `sslmode` is `ssl` there."""
    query = {("ssl" if name == "sslmode" else name): value for name, value in url.query.items()}
    return url.set(drivername="postgresql+asyncpg", query=query)


def open_engine(url: str, *, synchronous: Synchronous = "FULL") -> AsyncEngine:
    """Make an engine; connects when first used. Creates the directory of a SQLite file."""
    target = database_url(url)
    if target.get_backend_name() == "postgresql":
        return _open_postgres(target)
    Path(target.database or "").parent.mkdir(parents=True, exist_ok=True)
    return _open_sqlite(target, synchronous)


def open_existing_engine(url: str, *, read_only: bool) -> AsyncEngine:
    """Make an engine for a database that must be there; raises `PermanentError` for a SQLite file that is not."""
    target = database_url(url)
    if target.get_backend_name() == "postgresql":
        return _open_postgres(target, READ_ONLY if read_only else NO_SETTINGS)
    if not Path(target.database or "").is_file():
        raise PermanentError(f"there is no database {target.database}: mef-bridge serve makes it")
    return _open_sqlite(target, "FULL", read_only=read_only)


def _open_sqlite(url: URL, synchronous: Synchronous, *, read_only: bool = False) -> AsyncEngine:
    made = partial(connect, synchronous=synchronous, wait_s=BUSY_TIMEOUT_S, read_only=read_only)
    creator = {"async_creator_fn": made}
    engine = create_async_engine(url, pool_size=POOL_SIZE, max_overflow=MAX_OVERFLOW, connect_args=creator)
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def _open_postgres(url: URL, settings: Mapping[str, str] = NO_SETTINGS) -> AsyncEngine:
    timeouts = {"timeout": CONNECT_TIMEOUT_S, "command_timeout": COMMAND_TIMEOUT_S, "server_settings": dict(settings)}
    engine = create_async_engine(url, pool_size=POOL_SIZE, max_overflow=MAX_OVERFLOW, connect_args=timeouts)

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
        # The driver knows at once that the server hung up; a pre-ping would cost a round trip each time.
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError

    return engine

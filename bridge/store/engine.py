"""Connections: which database a URL names, and how each one is made to lose nothing.

SQLite runs in WAL mode with `synchronous=FULL`, so that a commit survives a power cut, and starts every transaction by
itself: BEGIN IMMEDIATE where the transaction will write, so that it waits for its turn at the start and never fails in
the middle.
"""

from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import ExceptionContext, event, make_url
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bridge.errors import PermanentError
from bridge.store import postgres
from bridge.store.lender import POOLED, READ_ONLY, UNNAMED
from bridge.store.postgres_url import Postgres, read_url
from bridge.store.sqlite import Synchronous, begin, connect

# How long a SQLite transaction of another process may hold us up before we say that the database does not answer.
BUSY_TIMEOUT_S = 10.0
READ_ONLY_STATE = "25006"
POOL_SIZE = 10
MAX_OVERFLOW = 10

_EITHER = "use sqlite:///path or postgresql://host/name"


def target_of(url: str) -> Postgres | Path:
    """Read the URL of a database: the file of `sqlite://…`, the server of `postgresql://…`. Raises `PermanentError`."""
    scheme = url.partition("://")[0].partition("+")[0]
    if scheme in ("postgresql", "postgres"):
        return read_url(url)
    if scheme == "sqlite":
        return _sqlite_file(url)
    if "://" not in url:  # not repeated: it may hold a password
        raise PermanentError(f"database.url: not a database URL: {_EITHER}")
    raise PermanentError(f"database.url: database {scheme!r} is not supported: {_EITHER}")


def _sqlite_file(url: str) -> Path:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise PermanentError("database.url: SQLite needs a file, and nothing else: sqlite:///path") from None
    if parsed.host or parsed.query or parsed.database in (None, "", ":memory:") or "\0" in parsed.database:
        raise PermanentError("database.url: SQLite needs a file, and nothing else: sqlite:///path")
    return Path(parsed.database or "")


def open_engine(url: str, *, synchronous: Synchronous = "FULL", named_statements: bool = True) -> AsyncEngine:
    """Make an engine; connects when first used. Creates the directory of a SQLite file."""
    target = target_of(url)
    if isinstance(target, Postgres):
        return open_postgres(target, named_statements=named_statements)
    make_directory(target)
    return open_sqlite(target, synchronous)


def make_directory(file: Path) -> None:
    """Make the directory of a SQLite file; raises `PermanentError`."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise PermanentError(
            f"database.url: the directory {file.parent} of the SQLite file cannot be made ({failure.strerror}): make it"
            " and give this user the right to write in it, or name another"
        ) from None


def open_sqlite(file: Path, synchronous: Synchronous = "FULL", *, read_only: bool = False) -> AsyncEngine:
    """Make an engine for a file."""
    made = partial(connect, synchronous=synchronous, wait_s=BUSY_TIMEOUT_S, read_only=read_only)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(file)),
        pool_size=POOL_SIZE,
        max_overflow=MAX_OVERFLOW,
        hide_parameters=True,
        connect_args={"async_creator_fn": made},
    )
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def open_postgres(
    server: Postgres, *, named_statements: bool = True, read_only: bool = False, pooled: bool = False
) -> AsyncEngine:
    """Make an engine for a server. Without named statements, nothing that we leave there outlives a transaction."""
    connecting: dict[str, Any] = {
        "async_creator_fn": partial(postgres.connect, server, cached_statements=named_statements)
    }
    if not named_statements:
        connecting |= {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
    engine = create_async_engine(
        "postgresql+asyncpg://",
        pool_size=POOL_SIZE,
        max_overflow=MAX_OVERFLOW,
        hide_parameters=True,
        connect_args=connecting,
        execution_options={UNNAMED: not named_statements, POOLED: pooled or not named_statements}
        | ({READ_ONLY: True} if read_only else {}),
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
        # The driver knows at once that the server hung up; a pre-ping would cost a round trip each time.
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError

    @event.listens_for(engine.sync_engine, "handle_error")
    def leave_the_standby(context: ExceptionContext) -> None:
        # After a failover, what we are connected to takes no changes any more; who connects anew finds what does.
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY_STATE and not read_only:
            context.is_disconnect = True

    return engine

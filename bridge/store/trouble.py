"""What a driver's exception means to us, said once, and in words of our own.

A driver quotes the values that it was given, and a value may be anybody's secret, or the very text that the database
cannot hold. So a sentence of ours has the condition by its name and code, the names of tables and columns, and the
database's own words only where these quote no values.

Nothing is lost by another try, and much by giving up too soon. So trouble may pass (`StoreUnavailable`) unless it is
proven that it will not: a broken constraint, or a value that the database refuses. What may be the fault of the change
as well as of the database is `StoreUncertain`; that of others who work on it `StoreBusy`.
"""

import re
import sqlite3
from collections.abc import Awaitable
from typing import TypeVar

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bridge.errors import (
    BridgeError,
    ConflictError,
    StoreBusy,
    StoreDefect,
    StoreShort,
    StoreUnavailable,
    StoreUncertain,
)
from bridge.store.tables import metadata

T = TypeVar("T")

# What two requests may race for, as each database names it: an open Appointment, a booking under way (R20), a command
# or a listener whose id comes from a request that is tried again.
_RACES = {
    "uq_appointments_one_open": "appointments.work_order_id",
    "uq_commands_one_booking": "commands.work_order_id",
    "pk_commands": "commands.id",
    "pk_subscriptions": "subscriptions.id",
}
_RACES_IN_SQLITE = frozenset(f"UNIQUE constraint failed: {column}" for column in _RACES.values())

# Conditions of PostgreSQL by the beginning of their SQLSTATE (appendix A), the longest that fits first.
# First, those that say where the database stands: whatever is tried meanwhile, none of it is at fault.
_STANDINGS = {
    "08": "the connection to the database is lost",
    "25006": "the database is read-only (a standby, or default_transaction_read_only is on)",
    "26": "a pooler such as PgBouncer gave a statement to another connection (set database.prepared_statements: false)",
    "28": "the database refuses the user of database.url, or its password",
    "3D": "there is no such database",
    "3F": "there is no such schema",
    "42501": "the user of database.url lacks a right",
    "42703": "the tables are not those of this mef-bridge",
    "42P01": "the tables are not those of this mef-bridge",
    "42P05": "a pooler such as PgBouncer mixes statements of several connections "
    "(set database.prepared_statements: false)",
    "53100": "the disk of the database is full",
    "53200": "the database is out of memory",
    "53300": "the database has no free connections",
    "53": "the database is short of something",
    "57P01": "the database is being shut down",
    "57P02": "the database has crashed and is recovering",
    "57P03": "the database is starting, stopping or recovering",
    "57P": "the database is not available",
    "58": "the database's machine is in trouble",
    "F0": "the database's configuration is wrong",
}
_BUSY = ("40001", "40P01", "55006", "55P03")  # races, deadlocks, locks
_SHORT = ("53100", "53200", "58030", "42501", "42703", "42P01")
_DEFECTS = ("22", "23", "54")  # values that it does not take, constraints, and what is larger than it can be
# The numbers that the database gives: none is left, none is given, or one is given twice, as after a restore or a
# switch to a logical replica, whose sequences are behind their tables. No message is at fault.
_NUMBERED = frozenset(table.name for table in metadata.sorted_tables if "number" in table.c)
_NO_MORE_NUMBERS = "2200H"
_NUMBERS = (
    "the database does not number rows of its own (a sequence that is used up, missing, or behind its table: "
    "SELECT setval(pg_get_serial_sequence('journal', 'number'), max(number)) FROM journal, and so for each table)"
)
_SAYS_NO_VALUES = ("08", "0A", "25", "26", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58", "F0", "XX")

# SQLite's primary result codes (sqlite.org/rescode.html), in the same two groups.
_SQLITE_STANDINGS = {
    3: "this user may not use the file",
    5: "another program has locked the file",
    6: "the file is locked",
    7: "this process is out of memory",
    8: "the file is read-only",
    10: "the disk fails",
    11: "the file is damaged",
    13: "the disk is full",
    14: "the file cannot be opened",
    15: "the file's locks do not work (a network drive?)",
    23: "this user may not use the file",
    26: "the file is no SQLite database",
}
_SQLITE_SHORT = (7, 10, 13)
_SQLITE_DEFECTS = frozenset({18, 19, 20, 21, 25})  # too big, constraint, mismatch, misuse, range

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def ours(failure: Exception) -> BridgeError:
    """Say what a failed database call means; an error of our own is what it is.

    Whoever calls the database raises this `from None`, for the driver's error is not to be kept.
    """
    cause = driver_error(failure)
    match cause:
        case BridgeError():
            return cause
        case asyncpg.PostgresError():
            return _of_postgres(cause)
        case sqlite3.Error():
            return _of_sqlite(cause)
        case PoolTimeout():
            return StoreUnavailable("no connection to the database became free in time")
        case TimeoutError():
            return StoreUncertain("the database did not answer in time")
        case OSError():
            return StoreUnavailable(f"the connection to the database is lost: {cause.strerror or words_for(cause)}")
        case ValueError() | TypeError() | ArithmeticError() | StatementError():
            return StoreDefect(f"the database cannot take a value: {words_for(cause)}")
        case asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return StoreUnavailable(f"the connection to the database is lost: {words_for(cause)}")
        case _:
            return StoreUncertain(f"the database failed: {words_for(cause)}")


async def answered(call: Awaitable[T]) -> T:
    """Await a call of the database, and only that: raises our errors in place of the driver's, which are not kept."""
    try:
        return await call
    except Exception as failure:  # noqa: BLE001 - whatever a driver raises, it is the database's
        raise ours(failure) from None


def driver_error(failure: BaseException) -> BaseException:
    """Find what the driver itself has raised, below what SQLAlchemy makes of it."""
    if isinstance(failure, StatementError) and failure.orig is not None:
        return (failure.orig.__cause__ or failure.orig) if isinstance(failure, DBAPIError) else failure.orig
    return failure


def words_for(failure: BaseException) -> str:
    """Give the name of a kind of failure in words: `UntranslatableCharacterError` → `untranslatable character`."""
    return _CAMEL.sub(" ", type(failure).__name__.removesuffix("Error")).lower() or "error"


def _of_postgres(error: asyncpg.PostgresError) -> BridgeError:
    state = error.sqlstate or ""
    if error.constraint_name in _RACES:
        return ConflictError()
    if _is_of_a_sequence(error, state):
        return StoreShort(f"{_NUMBERS}: {said_by_postgres(error)}")
    if state.startswith(_DEFECTS):
        return StoreDefect(f"the database refused a change: {said_by_postgres(error)}")
    standing = max((start for start in _STANDINGS if state.startswith(start)), key=len, default=None)
    if standing is not None:
        kind = StoreShort if state in _SHORT else StoreUnavailable
        return kind(f"{_STANDINGS[standing]}: {said_by_postgres(error)}")
    if state in _BUSY:
        return StoreBusy(f"another transaction is in the way: {said_by_postgres(error)}")
    return StoreUncertain(f"the database failed: {said_by_postgres(error)}")


def _is_of_a_sequence(error: asyncpg.PostgresError, state: str) -> bool:
    if state == _NO_MORE_NUMBERS:
        return True
    is_missing = state == "23502" and error.column_name == "number"
    is_taken = state == "23505" and error.constraint_name == f"pk_{error.table_name}"
    return (is_missing or is_taken) and error.table_name in _NUMBERED


def said_by_postgres(error: asyncpg.PostgresError) -> str:
    """Repeat in one line what PostgreSQL says of an error, without the values that it may quote."""
    state = error.sqlstate or ""
    says = str(error.args[0]) if error.args and state.startswith(_SAYS_NO_VALUES) else words_for(error)
    named = {"table": error.table_name, "column": error.column_name, "constraint": error.constraint_name}
    where = [f"{what} {name}" for what, name in named.items() if name]
    return ", ".join([f"{' '.join(says.split())} ({state})", *where])


def _of_sqlite(error: sqlite3.Error) -> BridgeError:
    if str(error) in _RACES_IN_SQLITE:
        return ConflictError()
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_DEFECTS or isinstance(error, sqlite3.InterfaceError):
        return StoreDefect(f"the database refused a change: {error}")
    if code in _SQLITE_STANDINGS:
        return (StoreShort if code in _SQLITE_SHORT else StoreUnavailable)(f"{_SQLITE_STANDINGS[code]}: {error}")
    return StoreUncertain(f"the database failed: {error}")

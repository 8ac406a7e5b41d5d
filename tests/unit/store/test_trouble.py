"""A driver's exception becomes one of our errors: by whether it may pass, in one line, without the values it quotes."""

import sqlite3

import asyncpg
import pytest
from sqlalchemy.exc import StatementError
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
from bridge.store.trouble import answered, ours

SECRET = "s3cret"


def postgres(sqlstate: str, message: str = "it is wrong", **named: str) -> asyncpg.PostgresError:
    """An error as PostgreSQL reports it, with a detail that quotes a row."""
    fields = {"S": "ERROR", "C": sqlstate, "M": message, "D": f"Failing row contains ({SECRET}).", **named}
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(fields)
    return error


def sqlite(code: int, message: str = "it is wrong") -> sqlite3.Error:
    """An error as SQLite's driver raises it."""
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


def kind(failure: Exception) -> type[BridgeError]:
    found = ours(failure)
    assert SECRET not in str(found)
    assert "\n" not in str(found)
    return type(found)


@pytest.mark.parametrize(
    "sqlstate",
    [
        "08003",
        "08006",
        "08P01",
        "25006",
        "28P01",
        "28000",
        "26000",
        "3D000",
        "3F000",
        "42501",
        "42703",
        "42P01",
        "42P05",
        "53000",
        "53100",
        "53200",
        "53300",
        "57P01",
        "57P02",
        "57P03",
        "57P05",
        "58030",
        "F0001",
    ],
)
def test_what_is_wrong_with_the_database_is_waited_out(sqlstate: str) -> None:
    not_all_need_it = ("42501", "42703", "42P01", "53100", "53200", "58030")
    expected = StoreShort if sqlstate in not_all_need_it else StoreUnavailable
    assert kind(postgres(sqlstate)) is expected
    assert f"({sqlstate})" in str(ours(postgres(sqlstate)))


@pytest.mark.parametrize(
    "sqlstate",
    ["0A000", "25P02", "42601", "42P07", "55000", "57014", "P0001", "XX000", "XX001", "ZZ999"],
)
def test_what_may_be_wrong_with_either_may_pass_too(sqlstate: str) -> None:
    assert kind(postgres(sqlstate, f"{SECRET if sqlstate == 'P0001' else 'it'} is wrong")) is StoreUncertain


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55006", "55P03"])
def test_whoever_is_in_the_way_is_waited_for(sqlstate: str) -> None:
    assert kind(postgres(sqlstate)) is StoreBusy
    assert "another transaction is in the way" in str(ours(postgres(sqlstate)))


@pytest.mark.parametrize("sqlstate", ["22021", "22P05", "22001", "22003", "23502", "23503", "23505", "54000"])
def test_a_value_or_a_row_that_is_refused_will_be_refused_again(sqlstate: str) -> None:
    says = "it is wrong" if sqlstate == "54000" else f"character {SECRET} is wrong"
    assert kind(postgres(sqlstate, says)) is StoreDefect


@pytest.mark.parametrize(
    ("sqlstate", "named"),
    [
        ("2200H", {}),
        ("23502", {"t": "journal", "c": "number"}),
        ("23505", {"t": "journal", "n": "pk_journal"}),
        ("23505", {"t": "deliveries", "n": "pk_deliveries"}),
    ],
)
def test_numbers_that_the_database_gives_wrongly_are_no_messages_fault(sqlstate: str, named: dict[str, str]) -> None:
    failure = postgres(sqlstate, f"nextval {SECRET}", **named)
    assert kind(failure) is StoreShort
    assert "SELECT setval(" in str(ours(failure))


@pytest.mark.parametrize(
    ("sqlstate", "named"),
    [
        ("23502", {"t": "journal", "c": "outcome"}),
        ("23502", {"t": "inbox", "c": "number"}),
        ("23505", {"t": "inbox", "n": "pk_inbox"}),
        ("23505", {"t": "journal", "n": "uq_of_somebody"}),
    ],
)
def test_other_rows_that_are_refused_are_not_taken_for_those(sqlstate: str, named: dict[str, str]) -> None:
    assert kind(postgres(sqlstate, SECRET, **named)) is StoreDefect


def test_what_is_wrong_is_named() -> None:
    broken = postgres("23502", f"null value {SECRET}", t="inbox", c="message_id")
    assert str(ours(broken)) == (
        "the database refused a change: not null violation (23502), table inbox, column message_id"
    )
    assert str(ours(postgres("25006", "cannot execute INSERT in a read-only transaction"))) == (
        "the database is read-only (a standby, or default_transaction_read_only is on): "
        "cannot execute INSERT in a read-only transaction (25006)"
    )


@pytest.mark.parametrize("name", ["uq_appointments_one_open", "uq_commands_one_booking", "pk_commands"])
def test_what_two_requests_may_race_for_is_a_conflict(name: str) -> None:
    assert kind(postgres("23505", n=name)) is ConflictError


def test_so_it_is_in_sqlite_which_names_the_column() -> None:
    race = "UNIQUE constraint failed: appointments.work_order_id"
    assert kind(sqlite(sqlite3.SQLITE_CONSTRAINT_UNIQUE, race)) is ConflictError


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_BUSY, StoreUnavailable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreUnavailable),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreUnavailable),
        (sqlite3.SQLITE_IOERR_WRITE, StoreShort),
        (sqlite3.SQLITE_FULL, StoreShort),
        (sqlite3.SQLITE_CANTOPEN, StoreUnavailable),
        (sqlite3.SQLITE_NOTADB, StoreUnavailable),
        (sqlite3.SQLITE_CORRUPT, StoreUnavailable),
        (sqlite3.SQLITE_NOMEM, StoreShort),
        (sqlite3.SQLITE_CONSTRAINT_NOTNULL, StoreDefect),
        (sqlite3.SQLITE_TOOBIG, StoreDefect),
        (sqlite3.SQLITE_MISMATCH, StoreDefect),
        (sqlite3.SQLITE_ERROR, StoreUncertain),
        (sqlite3.SQLITE_SCHEMA, StoreUncertain),
    ],
)
def test_sqlites_codes_are_told_apart_likewise(code: int, expected: type[BridgeError]) -> None:
    assert kind(sqlite(code)) is expected


def wrapped(error: Exception) -> StatementError:
    """What SQLAlchemy makes of an error of ours before it asks the driver."""
    return StatementError(f"{error} {SECRET}", f"INSERT {SECRET}", {"value": SECRET}, error)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), StoreUnavailable),
        (asyncpg.InterfaceError(f"connection is closed {SECRET}"), StoreUnavailable),
        (asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"), StoreUnavailable),
        (PoolTimeout(f"QueuePool limit {SECRET}"), StoreUnavailable),
        (TimeoutError(), StoreUncertain),
        (asyncpg.DataError(f"invalid input for query argument $1: {SECRET}"), StoreDefect),
        (wrapped(ValueError(f"naive {SECRET}")), StoreDefect),
        (OverflowError(SECRET), StoreDefect),
        (RuntimeError(SECRET), StoreUncertain),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), StoreUncertain),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_never_came_to_the_database_is_told_apart_too(failure: Exception, expected: type[BridgeError]) -> None:
    assert kind(failure) is expected


async def test_our_own_errors_pass_and_a_drivers_is_not_kept_as_the_cause() -> None:
    async def failing(error: Exception) -> None:
        raise error

    mine = StoreDefect("mine")
    with pytest.raises(StoreDefect) as passed:
        await answered(failing(mine))
    assert passed.value is mine
    with pytest.raises(StoreUncertain) as made:
        await answered(failing(RuntimeError(SECRET)))
    assert made.value.__cause__ is None
    assert made.value.__suppress_context__

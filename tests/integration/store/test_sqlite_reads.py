"""A query of SQLite that is brief needs no other thread; one that is not holds nobody up."""

import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.store.sqlite import BRIEF_STEPS, OneTripConnection, connect

pytestmark = pytest.mark.integration

NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) SELECT max(n), seen_by() "
    "FROM numbers"
)


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[OneTripConnection]:
    """One that can be asked in which thread a query runs."""
    connection = await connect(str(tmp_path / "file.sqlite3"), synchronous="NORMAL", wait_s=1, check_same_thread=False)
    connection.at_once().create_function("seen_by", 0, threading.get_ident)
    yield connection
    await connection.close()


async def test_a_brief_query_runs_where_it_is_asked(connection: OneTripConnection) -> None:
    assert await connection.rows(NUMBERS, [3]) == [(3, threading.get_ident())]


async def test_a_long_query_runs_in_the_thread_of_the_connection(connection: OneTripConnection) -> None:
    ((most, thread),) = await connection.rows(NUMBERS, [BRIEF_STEPS])
    assert most == BRIEF_STEPS
    assert thread != threading.get_ident()
    assert await connection.rows(NUMBERS, [3]) == [(3, threading.get_ident())]


async def test_what_is_wrong_with_a_query_is_told(connection: OneTripConnection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        await connection.rows("SELECT * FROM nowhere", [])

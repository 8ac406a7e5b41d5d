"""One contract, two databases: a test that asks for `store` runs on SQLite and on PostgreSQL.

The tables are made once a session. SQLite tests get a copy of the file; PostgreSQL tests share a database that
is emptied.
"""

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.flows.ports.clock import Clock
from bridge.localenv.process import run_async
from bridge.store import SqlStore, lender, upgrade
from bridge.store.engine import open_engine
from bridge.store.lender import Driver
from bridge.store.tables import metadata
from tests.integration.store.values import NOW, fresh
from tests.support_databases import execute, own_database

OpenStore = Callable[..., Awaitable[SqlStore]]
Execute = Callable[[str], Awaitable[list[tuple[Any, ...]]]]
Work = Callable[[Callable[[], Awaitable[object]]], Awaitable[int]]


def _now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables."""
    path = tmp_path_factory.mktemp("store") / "template.sqlite3"
    run_async(lambda: upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_tables(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database with tables, for this session's worker alone."""
    with own_database(postgres_url, "store") as url:
        run_async(lambda: upgrade(url))
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with empty tables, on each of the two databases."""
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "bridge.sqlite3")
        return f"sqlite:///{copy}"
    shared: str = request.getfixturevalue("postgres_tables")
    empty = [str(table.delete()) for table in reversed(metadata.sorted_tables)]
    execute(shared, *empty)
    return shared


@pytest.fixture
async def open_(url: str) -> AsyncIterator[OpenStore]:
    """Opens stores on the test's database, as several processes would, and closes them at the end."""
    async with AsyncExitStack() as opened:

        async def make(clock: Clock = _now) -> SqlStore:
            store = SqlStore(open_engine(url), new_id=lambda: fresh("ev"), clock=clock)
            opened.push_async_callback(store.close)
            return store

        yield make


@pytest.fixture
async def store(open_: OpenStore) -> SqlStore:
    """A store on empty tables. Its clock stands at NOW."""
    return await open_()


@pytest.fixture
def sql(store: SqlStore) -> Execute:
    """Runs a statement and gives its rows: to see what is really stored."""

    async def execute(statement: str) -> list[tuple[Any, ...]]:
        async with store._engine.connect() as connection:
            result = await connection.exec_driver_sql(statement)
            found = [tuple(row) for row in result] if result.returns_rows else []
            await connection.commit()
            return found

    return execute


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The statements that are run within transactions, as they are run."""
    run: list[str] = []
    with noting(lambda sql, _: run.append(sql)):
        yield run


Note = Callable[[str, Sequence[Any]], None]


class Noted:
    """A driver that tells what it runs."""

    def __init__(self, driver: Driver, note: Note) -> None:
        self._driver = driver
        self._note = note

    def __getattr__(self, name: str) -> Any:
        wanted = getattr(self._driver, name)
        if name not in ("fetch", "execute", "execute_each"):
            return wanted

        async def noted(sql: str, parameters: Sequence[Any]) -> Any:
            self._note(sql, parameters[0] if name == "execute_each" else parameters)
            return await wanted(sql, parameters)

        return noted


@contextmanager
def noting(note: Note) -> Iterator[None]:
    """Tell what is run within transactions."""
    made = lender._driver

    def noted(connection: Any, *, writes: bool, brief: bool) -> Any:
        return Noted(made(connection, writes=writes, brief=brief), note)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lender, "_driver", noted)
        yield


@pytest.fixture
def work(store: SqlStore) -> Work:
    """Measures how much a database does for a call of the store, and not how long it takes.

    SQLite counts the steps of its machine, PostgreSQL the rows that the plans of its queries touch.
    """
    return partial(_steps if store._engine.dialect.name == "sqlite" else _touched, store)


async def _steps(store: SqlStore, call: Callable[[], Awaitable[object]]) -> int:
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    async with store._database.read() as session:  # the store's one connection, if nobody else uses it meanwhile
        connection = session._driver._connection.at_once()
    connection.set_progress_handler(step, 1)
    await call()
    connection.set_progress_handler(None, 1)
    assert steps
    return steps


async def _touched(store: SqlStore, call: Callable[[], Awaitable[object]]) -> int:
    """Runs the queries of the call once more, to see their plans; they are locked and changed by nobody else."""
    queries: list[tuple[str, Any]] = []

    def note(sql: str, parameters: Sequence[Any]) -> None:
        if sql.startswith(("SELECT", "WITH")):
            queries.append((sql, parameters))

    with noting(note):
        await call()
    assert queries
    async with store._database.write() as session:
        plans = [
            await session._driver.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
            for sql, parameters in queries
        ]
    return sum(_rows(_json(plan[0][0])[0]["Plan"]) for plan in plans)


def _json(plan: Any) -> Any:
    return json.loads(plan) if isinstance(plan, str) else plan


def _rows(node: dict[str, Any]) -> int:
    seen = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    return int(seen * node["Actual Loops"]) + sum(map(_rows, node.get("Plans", [])))

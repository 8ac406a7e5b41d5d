"""The database itself: migrations, connections that break, and drivers' errors in our words."""

import asyncio
import multiprocessing
import re
import sqlite3
import traceback
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, select, text

from bridge.domain.model import CommandState, Job
from bridge.errors import ConflictError, StoreDefect, StoreUnavailable
from bridge.localenv.postgres import asyncpg_url
from bridge.store import SqlStore, open_store, upgrade
from bridge.store.engine import open_engine
from bridge.store.migration import _VERSION, CURRENT
from bridge.store.scripts import migrate, revisions
from bridge.store.tables import inbox, metadata, outbox
from tests.integration.store.conftest import Execute
from tests.integration.store.values import ask, booking, delivered, job, load, save, subscription, work_order
from tests.support import PATIENCE_S, eventually

BOTH = pytest.mark.parametrize(
    "empty_url", ["sqlite_url", pytest.param("database_url", marks=pytest.mark.integration)], indirect=True
)


@pytest.fixture
def empty_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without tables."""
    url: str = request.getfixturevalue(request.param)
    return url


async def _schema(url: str, make: Callable[[Connection], None] | None = None) -> object:
    engine = open_engine(url)
    try:
        async with engine.begin() as connection:
            if make is not None:
                await connection.run_sync(make)
            return await connection.run_sync(_read_schema)
    finally:
        await engine.dispose()


def _read_schema(connection: Connection) -> object:
    """Everything the database says about its tables, down to the predicates of partial indexes."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(text("SELECT name, sql FROM sqlite_master"))
        return {name: re.sub(r"\s*([(),])\s*", r"\1", " ".join(sql.split())) for name, sql in found if sql}
    queries = [
        """SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default
           FROM information_schema.columns WHERE table_schema = 'public'""",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
           FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    ]
    return sorted(map(str, (tuple(row) for query in queries for row in connection.execute(text(query)))))


@BOTH
async def test_the_migrations_make_exactly_the_tables_that_an_empty_database_gets(empty_url: str) -> None:
    migrated = await _schema(empty_url, migrate)
    await _schema(empty_url, metadata.drop_all)
    await _schema(empty_url, _VERSION.drop)
    assert await _schema(empty_url) != migrated
    await upgrade(empty_url)
    assert await _schema(empty_url) == migrated


@BOTH
async def test_an_empty_database_gets_the_newest_revision(empty_url: str) -> None:
    await upgrade(empty_url)
    engine = open_engine(empty_url)
    async with engine.connect() as connection:
        assert (await connection.execute(select(_VERSION.c.version_num))).scalars().all() == [CURRENT]
    await engine.dispose()
    assert revisions()[0] == CURRENT


@BOTH
async def test_alembic_finds_nothing_to_change_after_an_upgrade(empty_url: str) -> None:
    await _schema(empty_url, migrate)
    found: list[object] = []

    def compare(connection: Connection) -> None:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found.extend(compare_metadata(context, metadata))

    await _schema(empty_url, compare)
    assert found == []


@BOTH
async def test_an_upgrade_of_what_is_up_to_date_changes_nothing(empty_url: str) -> None:
    await upgrade(empty_url)
    store = await open_store(empty_url, new_id=lambda: "ev")
    saved = job()
    await save(store, saved)
    await store.close()
    await upgrade(empty_url)
    again = await open_store(empty_url, new_id=lambda: "ev")
    assert await load(again, saved.ref) == saved
    await again.close()


@BOTH
async def test_what_was_parked_before_migration_0004_may_be_sent_again_and_what_was_sent_has_an_age(
    empty_url: str,
) -> None:
    def fill(connection: Connection) -> None:
        migrate(connection, "0003")
        for message, outcome in (("E-1", "parked"), ("E-2", "applied")):
            connection.execute(text(_OLD_KEY), {"message": message})
            connection.execute(text(_OLD_ENTRY), {"message": message, "outcome": outcome, "body": b"{}"})
        for state in ("sent", "pending"):
            connection.execute(text(_OLD_OUTBOX), {"state": state, "body": b"{}", "no": False})

    await _schema(empty_url, fill)
    await upgrade(empty_url)
    engine = open_engine(empty_url)
    async with engine.connect() as connection:
        assert (await connection.execute(select(inbox.c.message_id))).scalars().all() == ["E-2"]
        found = (await connection.execute(select(outbox.c.state, outbox.c.attempted_at))).all()
    await engine.dispose()
    ages = {row.state: row.attempted_at for row in found}
    assert ages["pending"] is None
    assert abs(datetime.now(UTC) - ages["sent"]) < timedelta(minutes=5)


@BOTH
async def test_what_was_on_its_way_before_migration_0008_leaves_in_the_same_order(empty_url: str) -> None:
    """The column is renamed, with all that is in it and all indexes over it."""

    def fill(connection: Connection) -> None:
        migrate(connection, "0007")
        connection.execute(text(_OLD_LISTENER))
        for number, lane in enumerate(("sub wo-1", "sub wo-1", "sub wo-2"), 1):
            due = "NULL" if number == 2 else _OLD_MOMENT
            connection.execute(text(_OLD_EVENT), {"event": f"ev-{number}"})
            connection.execute(text(_OLD_DELIVERY + f"{due})"), {"event": f"ev-{number}", "lane": lane})
            connection.execute(text(_OLD_SENDING + f"{due})"), {"lane": lane, "body": b"{}", "no": False})

    await _schema(empty_url, fill)
    now = datetime(2026, 3, 5, 14, tzinfo=UTC)
    store = await open_store(empty_url, new_id=lambda: "ev", clock=lambda: now)
    arrived, sent = [], []
    while claimed := await store.deliveries.claim(now, now + timedelta(minutes=1), 10):
        arrived.append([each.event_id for each in claimed])
        for each in claimed:
            await store.deliveries.settle(delivered(each))
    while entries := await store.outbox.claim(now, now + timedelta(minutes=1), 10):
        sent.append([entry.number for entry in entries])
        for entry in entries:
            await store.outbox.settle(entry.number, sent=True, error=None, next_attempt_at=None)
    await store.close()
    assert arrived == [["ev-1", "ev-3"], ["ev-2"]]
    assert sent == [[1, 3], [2]]


_OLD_MOMENT = "'2026-03-05T13:00:00.000000Z'"
_OLD_LISTENER = (
    "INSERT INTO subscriptions (id, api, irp, buyer, callback, event_types, created_at) VALUES "
    "('sub', 'workOrder', 'sonata', 'b', 'https://b.test', '[]', '2026-03-05T13:00:00.000000Z')"
)
_OLD_EVENT = (
    "INSERT INTO notifications (event_id, event_type, resource_id, buyer, event_time, correlation_id, position) "
    "VALUES (:event, 'workOrderStateChangeEvent', 'wo', 'b', '2026-03-05T13:00:00.000000Z', '', 0)"
)
_OLD_DELIVERY = (
    "INSERT INTO deliveries (event_id, subscription_id, lane, state, attempts, next_attempt_at) "
    "VALUES (:event, 'sub', :lane, 'pending', 0, "
)
_OLD_SENDING = (
    "INSERT INTO outbox (lane, pack, exchange, routing_key, body, content_type, headers, message_id, correlation_id, "
    "reply_expected, state, attempts, next_attempt_at) "
    "VALUES (:lane, 'p', '', '', :body, '', '{}', 'm', '', :no, 'pending', 0, "
)
_OLD_KEY = "INSERT INTO inbox (pack, message_id, received_at) VALUES ('p', :message, '2026-03-05 13:00:00Z')"
_OLD_ENTRY = (
    "INSERT INTO journal (pack, message_id, body, routing_key, headers, correlation_id, received_at, outcome, reason, "
    "pack_version, transitions, flags, explanation) VALUES "
    "('p', :message, :body, '', '{}', '', '2026-03-05 13:00:00Z', :outcome, '', '', '[]', '[]', '{}')"
)
_OLD_OUTBOX = (
    "INSERT INTO outbox (pack, exchange, routing_key, body, content_type, headers, message_id, correlation_id, "
    "reply_expected, state, attempts) VALUES ('p', '', '', :body, '', '{}', 'm', '', :no, :state, 0)"
)


def _upgrade_in_a_process(url: str) -> None:
    asyncio.run(upgrade(url))


@BOTH
def test_processes_that_start_at_once_all_find_the_tables_made(empty_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as processes:
        processes.map(_upgrade_in_a_process, [empty_url] * 4)
    assert asyncio.run(_schema(empty_url))


# SQLite


async def test_a_sqlite_file_is_made_with_its_directory_and_loses_nothing_in_a_power_cut(tmp_path: Path) -> None:
    path = tmp_path / "var" / "lib" / "bridge.sqlite3"
    store = await open_store(f"sqlite:///{path}", new_id=lambda: "ev")
    async with store._engine.connect() as connection:
        pragmas = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    await store.close()
    assert path.exists()
    assert pragmas == ["wal", 2, 1]


async def test_many_writers_of_one_process_queue_up(store: SqlStore) -> None:
    jobs = [job() for _ in range(50)]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(save(store, saved) for saved in jobs))
    async with store.transaction() as tx:
        loaded = await tx.load_jobs([saved.ref for saved in jobs])
    assert list(loaded.values()) == sorted(jobs, key=lambda saved: saved.ref)


async def test_a_reader_does_not_wait_for_a_writer(store: SqlStore) -> None:
    order = work_order()
    await save(store, job(order))
    async with store.transaction() as tx:
        await tx.load_jobs([order.job])
        async with asyncio.timeout(PATIENCE_S):
            assert await store.reads.work_order(order.id) == order


async def test_a_sqlite_file_locked_by_another_program_is_a_database_that_does_not_answer(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.store.engine.BUSY_TIMEOUT_S", 0.001)
    store = await open_store(sqlite_url, new_id=lambda: "ev")
    await save(store, job())
    with sqlite3.connect(sqlite_url.partition("///")[2], isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await save(store, job())
        other.execute("ROLLBACK")
    other.close()
    await save(store, job())
    await store.close()


# PostgreSQL


TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid()"
)


@pytest.mark.integration
async def test_the_next_transaction_works_after_the_server_dropped_the_connections(database_url: str) -> None:
    store = await open_store(database_url, new_id=lambda: "ev")
    drivers: list[Any] = []
    # At checkout, since the first connection was made by the migration, before anybody could listen.
    event.listen(store._engine.sync_engine, "checkout", lambda made, *_: drivers.append(made.driver_connection))
    await asyncio.gather(*(store.journal.latest() for _ in range(5)))
    saved = job()
    await _terminate_all(database_url)
    await eventually(lambda: drivers and all(driver.is_closed() for driver in drivers))
    await save(store, saved)
    await asyncio.gather(*(store.journal.latest() for _ in range(5)))
    assert await load(store, saved.ref) == saved
    await store.close()


@pytest.mark.integration
async def test_a_transaction_whose_connection_is_dropped_is_unavailable_and_leaves_nothing(database_url: str) -> None:
    store = await open_store(database_url, new_id=lambda: "ev")
    saved = job()
    with pytest.raises(StoreUnavailable):
        await _save_while_dropped(store, database_url, saved)
    assert (await load(store, saved.ref)).work_order is None
    await store.close()


async def _save_while_dropped(store: SqlStore, url: str, saved: Job) -> None:
    async with store.transaction() as tx:
        await tx.save_jobs([saved])
        await tx.load_jobs([])
        await _terminate_all(url)


async def _terminate_all(url: str) -> None:
    engine = open_engine(url)
    async with engine.connect() as connection:
        await connection.execute(text(TERMINATE))
    await engine.dispose()


@pytest.mark.integration
async def test_a_deadlock_is_worth_another_try(database_url: str) -> None:
    """A transaction that loads jobs in two steps may meet another that does so the other way round."""
    store = await open_store(database_url, new_id=lambda: "ev")
    first, second = job(), job()
    both_hold = asyncio.Barrier(2)

    async def load_in_turn(one: Job, other: Job) -> None:
        async with store.transaction() as tx:
            await tx.load_jobs([one.ref])
            await both_hold.wait()
            await tx.load_jobs([other.ref])

    outcomes = await asyncio.gather(load_in_turn(first, second), load_in_turn(second, first), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "StoreBusy"]
    await store.close()


# Errors


async def test_what_is_not_proven_to_last_may_pass(store: SqlStore) -> None:
    """A table that is away may come back, with the schema that somebody renamed."""
    async with store.transaction() as tx:
        with pytest.raises(StoreUnavailable, match="no_such_table"):
            await tx._session.rows(text("SELECT * FROM no_such_table"))


async def test_a_driver_s_words_are_not_kept_where_a_value_of_ours_is_in_them(store: SqlStore) -> None:
    """It would quote it in its text, its parameters or its causes; a log prints all of these."""
    secret = text("INSERT INTO inbox (pack, message_id, received_at) VALUES (:secret, NULL, '2026-03-05 13:00:00Z')")
    value = uuid.uuid4().hex
    with pytest.raises(StoreDefect) as caught:
        async with store.transaction() as tx:
            await tx._session.run(secret, {"secret": value})
    assert value not in "".join(traceback.format_exception(caught.value))
    assert "inbox" in str(caught.value)
    assert "message_id" in str(caught.value)


async def test_an_error_of_the_callers_own_passes_unchanged(store: SqlStore) -> None:
    with pytest.raises(ConnectionResetError):
        async with store.transaction():
            raise ConnectionResetError


async def test_a_moment_without_a_zone_is_refused(store: SqlStore) -> None:
    with pytest.raises((StoreDefect, ValueError), match=r"cannot take a value|naive datetime"):
        await save(store, job(work_order(created_at=datetime(2026, 3, 5))))  # noqa: DTZ001


async def test_a_conflict_surfaces_within_the_transaction_where_a_read_follows(store: SqlStore) -> None:
    order = work_order()
    await save(store, job(order))
    went_on = False

    async def ask_twice() -> None:
        nonlocal went_on
        async with store.transaction() as tx:
            await ask(tx, booking(order), second := booking(order))
            await tx.command(second.id)
            went_on = True

    with pytest.raises(ConflictError):
        await ask_twice()
    assert not went_on


_OFFER = "INSERT INTO offered_slots (work_order_id, window_from, window_to, token, expires_at) VALUES "
_SEEN = "INSERT INTO inbox (pack, message_id, received_at) VALUES "
_MOMENT = "'2026-03-05 13:00:00Z'"


@pytest.mark.parametrize(
    "broken",
    [
        _OFFER + f"('nobody', {_MOMENT}, {_MOMENT}, '1', {_MOMENT})",
        _SEEN + f"('p', NULL, {_MOMENT})",
        _SEEN + f"('p', 'm', {_MOMENT}), ('p', 'm', {_MOMENT})",
    ],
    ids=["foreign key", "not null", "primary key that nobody races for"],
)
async def test_a_constraint_that_nobody_races_for_is_a_defect_and_no_conflict(store: SqlStore, broken: str) -> None:
    with pytest.raises(StoreDefect, match="refused") as caught:
        async with store.transaction() as tx:
            await tx._session.run(text(broken))
    assert not isinstance(caught.value, ConflictError)


async def test_a_command_and_a_listener_stored_twice_under_one_id_are_conflicts(store: SqlStore) -> None:
    order = work_order()
    command = booking(order)
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await tx.add_commands([replace(command, state=CommandState.EXPIRED)])
        await tx.load_jobs([])
    with pytest.raises(ConflictError):
        async with store.transaction() as tx:
            await ask(tx, replace(command, state=CommandState.EXPIRED))
    listener = subscription()
    await store.listeners.add(listener)
    with pytest.raises(ConflictError):
        await store.listeners.add(listener)


async def test_a_database_is_well_if_it_takes_what_any_message_changes(store: SqlStore, sql: Execute) -> None:
    """Not if it takes anything else, such as that a process lives. What is tried leaves nothing behind."""
    assert await store.is_well()
    await sql("ALTER TABLE journal RENAME TO away")
    await store.processes.beat()
    assert not await store.is_well()
    await sql("ALTER TABLE away RENAME TO journal")
    assert await store.is_well()
    assert await store.journal.latest() == []


@pytest.mark.integration
@pytest.mark.parametrize("table", ["journal", "deliveries"])
async def test_a_database_is_not_well_while_somebody_has_locked_a_table(database_url: str, table: str) -> None:
    await upgrade(database_url)
    connection = await asyncpg.connect(asyncpg_url(database_url))
    (name,) = await connection.fetchrow("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET lock_timeout = '100ms'")
    store = await open_store(database_url, new_id=lambda: "ev")
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")  # as one who makes an index
        assert not await store.is_well()
        await store.processes.beat()
    assert await store.is_well()
    await connection.close()
    await store.close()


@pytest.mark.integration
async def test_when_a_table_was_changed_only_the_first_statement_that_was_prepared_before_fails(
    database_url: str,
) -> None:
    """As in a migration beside a bridge that runs: the connections beside that one are made anew, too."""
    await upgrade(database_url)
    store = await open_store(database_url, new_id=lambda: "ev")
    all_there = asyncio.Barrier(3)

    async def look(*, together: bool) -> None:
        async with store.transaction() as tx:
            await tx.load_jobs([job().ref])
            if together:
                await all_there.wait()

    await asyncio.gather(*(look(together=True) for _ in range(3)))
    connection = await asyncpg.connect(asyncpg_url(database_url))
    await connection.execute("ALTER TABLE jobs ALTER COLUMN revision TYPE numeric")
    outcomes = [await asyncio.gather(look(together=False), return_exceptions=True) for _ in range(4)]
    assert [type(outcome).__name__ for (outcome,) in outcomes] == ["StoreUncertain", *["NoneType"] * 3]
    await connection.close()
    await store.close()


@BOTH
async def test_only_a_server_has_a_clock_of_its_own(empty_url: str) -> None:
    """The tests' server is this machine, give or take the time that it takes to answer."""
    store = await open_store(empty_url, new_id=lambda: str(uuid.uuid4()))
    try:
        before = datetime.now(UTC)
        told = await store.time()
        after = datetime.now(UTC)
    finally:
        await store.close()
    if empty_url.startswith("sqlite"):
        assert told is None
    else:
        assert told is not None
        assert before <= told <= after

"""How PostgreSQL carries out what every event and delivery runs, with 100,000 of each behind it: by indexes."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from bridge.domain.model import JobRef, MessageId
from bridge.localenv.process import run_async
from bridge.store import SqlStore, upgrade
from bridge.store.engine import open_engine
from bridge.store.session import Session
from tests.integration.store.conftest import noting
from tests.integration.store.values import (
    NOW,
    PACK,
    appointment,
    ask,
    at,
    booking,
    delivered,
    entry,
    event,
    fresh,
    job,
    message,
    save,
    subscription,
    work_order,
)
from tests.support_databases import execute, own_database

MANY = 100_000
SMALL = ("subscriptions", "processes")
"""Tables of which a whole one is a page or two."""

_EACH = f"FROM generate_series(1, {MANY}) AS n"
# What refers to something is not checked meanwhile, which takes most of the time.
FILL = f"""
SET session_replication_role = replica;
INSERT INTO work_orders SELECT 'w' || n, 'p', 'j' || n, 'b', 'completed', true, '{{}}', '[]', now(), now() {_EACH};
INSERT INTO work_order_entities SELECT 'w' || n, 'TT' || n, 'TroubleTicket' {_EACH};
INSERT INTO work_order_places SELECT 'w' || n, 'site', 'S' || n {_EACH};
INSERT INTO jobs (pack, key, work_order_id, versions, record)
    SELECT 'p', 'j' || n, 'w' || n, '{{}}', '{{}}' {_EACH};
INSERT INTO commands (id, kind, pack, job_key, work_order_id, buyer, state, created_at, expires_at, correlation_id)
    SELECT 'c' || n, 'book', 'p', 'j' || n, 'w' || n, 'b', 'refused', now(), now(), 'c' {_EACH};
INSERT INTO appointments (id, work_order_id, buyer, status, valid_from, valid_to, place, contacts, note, attachment,
    created_at, changed_at)
    SELECT 'a' || n, 'w' || n, 'b', 'completed', now(), now(), '{{}}', '[]', '[]', '[]', now(), now() {_EACH};
INSERT INTO refused_requests (at, requester, operation, status, reason, work_order_id, correlation_id)
    SELECT now(), 'r', 'o', 422, '', 'w' || n, 'c' {_EACH};
INSERT INTO inbox SELECT 'p', 'm' || n, now() {_EACH};
INSERT INTO journal (pack, message_id, job_key, body, routing_key, headers, correlation_id, received_at, outcome,
    reason, pack_version, transitions, flags, explanation)
    SELECT 'p', 'm' || n, 'j' || n, '', '', '{{}}', '', now(), 'applied', '', '', '[]', '[]', '{{}}' {_EACH};
INSERT INTO notifications SELECT 'e' || n, 't', 'w' || n, 'b', now(), 'c', 0 {_EACH};
INSERT INTO deliveries (event_id, subscription_id, ordering_key, state, attempts)
    SELECT 'e' || n, 's', 's w' || n, 'delivered', 1 {_EACH};
INSERT INTO attempts (delivery, at, status, elapsed) SELECT n, now(), 204, 0.1 {_EACH};
INSERT INTO outbox (ordering_key, pack, exchange, routing_key, body, content_type, headers, message_id, correlation_id,
    reply_expected, state, attempts, attempted_at)
    SELECT 'p' || n, 'p', '', '', '', '', '{{}}', 'm' || n, '', false, 'sent', 1, now() {_EACH};
ANALYZE;
"""


@pytest.fixture(scope="module")
def full(postgres_url: str) -> Iterator[str]:
    """The URL of a database that has seen 100,000 jobs through."""
    with own_database(postgres_url, "full") as url:
        run_async(lambda: upgrade(url))
        execute(url, FILL)
        yield url


@pytest.fixture
async def store(full: str) -> AsyncIterator[SqlStore]:
    opened = SqlStore(open_engine(full), new_id=lambda: fresh("ev"), clock=lambda: NOW)
    yield opened
    await opened.close()


async def plan_of(session: Session, sql: str, parameters: Sequence[Any]) -> list[str]:
    return [str(line[0]) for line in await session._driver.fetch(f"EXPLAIN {sql}", parameters)]


async def scans(store: SqlStore, run: Sequence[tuple[str, Sequence[Any]]]) -> list[str]:
    """Which of the statements go through a whole large table, and how."""
    found = []
    async with store._database.write() as session:
        for sql, parameters in run:
            plan = await plan_of(session, sql, parameters)
            whole = [
                line for line in plan if "Seq Scan on " in line and not any(f"on {name}" in line for name in SMALL)
            ]
            if whole:
                found.append("\n".join([sql, *plan]))
    return found


@pytest.mark.integration
async def test_nothing_that_an_event_or_its_effects_run_reads_a_whole_table(store: SqlStore) -> None:
    await store.listeners.add(subscription())
    run: list[tuple[str, Sequence[Any]]] = []
    with noting(lambda sql, parameters: run.append((sql, parameters))):
        await _one_event(store)
        claimed = await store.deliveries.claim(NOW, at(seconds=60), 100)
        for each in claimed:
            await store.deliveries.settle(delivered(each))
        await store.deliveries.next_at()
        for sent in await store.outbox.claim(NOW, NOW + timedelta(seconds=60), 100):
            await store.outbox.settle(sent.number, sent=True, error=None, next_attempt_at=None)
        await store.outbox.next_at()
    assert claimed
    assert await scans(store, run) == []


@pytest.mark.integration
async def test_whether_a_job_has_changed_is_told_by_indexes(store: SqlStore) -> None:
    """It is asked once a second for each story that somebody follows."""
    run: list[tuple[str, Sequence[Any]]] = []
    with noting(lambda sql, parameters: run.append((sql, parameters))):
        assert await store.traces.mark(JobRef("p", "j70000"))
    assert len(run) == 1
    assert await scans(store, run) == []


@pytest.mark.integration
async def test_what_is_settled_is_found_once_and_not_for_each_row(store: SqlStore) -> None:
    """Statistics that are older than a backlog must not lead PostgreSQL to join what may be looked up."""
    await store.listeners.add(subscription())
    run: list[tuple[str, Sequence[Any]]] = []
    await _one_event(store)
    (claimed, *_) = await store.deliveries.claim(NOW, at(seconds=60), 100)
    with noting(lambda sql, parameters: run.append((sql, parameters))):
        await store.deliveries.settle(delivered(claimed))
    ((sql, parameters),) = [each for each in run if "unnest" in each[0] and "FOR UPDATE" in each[0]]
    async with store._database.write() as session:
        plan = "\n".join(await plan_of(session, sql, parameters))
    assert plan.count("InitPlan") == 2, plan
    assert not any(word in plan for word in ("Join", "Nested Loop", "SubPlan")), plan


async def _one_event(store: SqlStore) -> None:
    order, id_ = work_order(), MessageId(fresh("m"))
    await save(store, job(order))
    async with store.transaction() as tx:
        loaded = (await tx.load_jobs([order.job]))[order.job]
        assert await tx.seen(PACK, [id_]) == set()
        await tx.waiting([order.job])
        await ask(tx, booking(order))
        await tx.save_jobs([job(order, appointment=appointment(order), versions={"job": 2}, commands=loaded.commands)])
        await tx.record([entry(message=id_, job=order.job)])
        await tx.notify([event(order.id), event(order.id)], NOW, "corr")
        await tx.send([message(order.job.key), message(order.job.key)])

"""How the Buyer's reads are carried out on 100,000 WorkOrders: by indexes, and no more work than on a few."""

import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.filled import BEGUN, BUYER, appointment_id, fill, work_order_id
from bridge.domain.model import AppointmentId, BuyerId, CommandKind, CommandState, JobRef, WorkOrderId
from bridge.flows.operator import CommandFilter
from bridge.flows.ports.buyer_views import AppointmentQuery, WorkOrderQuery
from bridge.flows.ports.work_order_search import WorkOrderSearch
from bridge.localenv.process import run_async
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.moments import parse_moment
from bridge.store import SqlStore
from bridge.store.engine import open_engine
from bridge.store.lender import Bound, Lender
from bridge.store.surveys import STEP
from tests.integration.store.conftest import noting
from tests.integration.store.values import fresh
from tests.support_databases import own_database

MANY = 100_000
BUYERS = frozenset({BuyerId(BUYER)})
SITE, TICKET = "SITE-00050000", "TT-00050000"
begun = parse_moment(BEGUN)
assert begun is not None
LATE, END = begun + timedelta(seconds=MANY - 500), begun + timedelta(seconds=MANY, days=30)

WORK_ORDERS: list[dict[str, Any]] = [
    {},
    {"state": WorkOrderState.PLANNED},
    {"state": WorkOrderState.COMPLETED},
    {"state": WorkOrderState.UNABLE_TO_COMPLETE},
    {"appointment_required": True},
    {"appointment_required": False},
    {"state": WorkOrderState.OPEN, "appointment_required": True},
    {"state": WorkOrderState.OPEN, "appointment_required": False},
    {"site": SITE},
    {"address": SITE},
    {"related_entity": TICKET},
    {"related_entity": TICKET, "related_entity_type": "TroubleTicket"},
    {"state": WorkOrderState.OPEN, "site": SITE},
    {"offset": 90_000},
    {"state": WorkOrderState.COMPLETED, "offset": 60_000},
    {"offset": 2**63 - 1},
]
APPOINTMENTS: list[dict[str, Any]] = [
    {},
    {"status": AppointmentStatus.CONFIRMED},
    {"status": AppointmentStatus.MISSED},
    {"work_order": WorkOrderId(work_order_id(50_000))},
    {"site": SITE},
    {"address": SITE},
    {"ends_after": LATE + timedelta(days=1)},
    {"ends_after": END},
    {"ends_after": LATE + timedelta(days=1), "status": AppointmentStatus.CONFIRMED},
    {"offset": 45_000},
]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with 100,000 WorkOrders and half as many Appointments."""
    if request.param == "sqlite":
        directory: Path = tmp_path_factory.mktemp("large")
        url = f"sqlite:///{directory / 'large.sqlite3'}"
        run_async(lambda: fill(url, MANY))
        yield url
        shutil.rmtree(directory)
        return
    server: str = request.getfixturevalue("postgres_url")
    with own_database(server, "large") as url:
        run_async(lambda: fill(url, MANY))
        yield url


@pytest.fixture
async def store(large: str) -> AsyncIterator[SqlStore]:
    opened = SqlStore(open_engine(large), new_id=lambda: fresh("ev"), clock=lambda: END)
    yield opened
    await opened.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Bound]]:
    """What is asked of the driver."""
    seen: list[Bound] = []
    fetch = Lender.fetch

    async def note(self: Lender, *queries: Bound) -> list[Sequence[Sequence[Any]]]:
        seen.extend(queries)
        return await fetch(self, *queries)

    with monkeypatch.context() as patched:
        patched.setattr(Lender, "fetch", note)
        yield seen


async def scans(store: SqlStore, asked: Sequence[Bound]) -> list[str]:
    """Which of the queries go through a whole table, and how."""
    is_postgres = store._engine is not None and store._engine.dialect.name == "postgresql"
    explain = "EXPLAIN " if is_postgres else "EXPLAIN QUERY PLAN "
    whole = "Seq Scan on (work_|app|comm)" if is_postgres else r"SCAN (work_|app|comm|one\b|each\b)"
    found: list[str] = []
    for query in list(asked):
        (plan,) = await store._database.fetch_each([Bound(explain + query.sql, query.parameters)])
        lines = [str(line[-1]) for line in plan]
        if any(re.search(whole, line) for line in lines):
            found.append("\n".join([query.sql, *lines]))
    return found


@pytest.mark.parametrize("filters", WORK_ORDERS, ids=str)
async def test_no_list_of_work_orders_reads_a_whole_table(
    store: SqlStore, asked: list[Bound], filters: dict[str, Any]
) -> None:
    page = await store.reads.work_orders(WorkOrderQuery(**{"buyers": BUYERS, "limit": 10, **filters}))
    assert len(page.items) <= 10
    assert await scans(store, asked) == []


@pytest.mark.parametrize("filters", APPOINTMENTS, ids=str)
async def test_no_list_of_appointments_reads_a_whole_table(
    store: SqlStore, asked: list[Bound], filters: dict[str, Any]
) -> None:
    page = await store.reads.appointments(AppointmentQuery(**{"buyers": BUYERS, "limit": 10, **filters}))
    assert len(page.items) <= 10
    assert await scans(store, asked) == []


RARE = ("site", "address", "related_entity")


@pytest.mark.parametrize("filters", [each for each in WORK_ORDERS if each.keys() & set(RARE)], ids=str)
async def test_a_list_by_what_few_have_looks_at_those_few(
    large: str, store: SqlStore, asked: list[Bound], filters: dict[str, Any]
) -> None:
    await store.reads.work_orders(WorkOrderQuery(**{"buyers": BUYERS, "limit": 10, **filters}))
    run = list(asked)
    assert await most_rows(store, run) <= 10
    if large.startswith("sqlite"):
        assert steps_of(large, run) <= 1_000


def steps_of(url: str, run: Sequence[Bound]) -> int:
    """How many instructions of SQLite's machine the queries take, in tens."""
    steps = 0

    def count() -> bool:
        nonlocal steps
        steps += 10
        return False

    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.set_progress_handler(count, 10)
        for query in run:
            connection.execute(query.sql, query.parameters).fetchall()
    return steps


async def test_an_object_is_found_by_an_index(store: SqlStore, asked: list[Bound]) -> None:
    assert await store.reads.work_order_view(WorkOrderId(work_order_id(70_000)), BUYERS) is not None
    assert await store.reads.appointment_view(AppointmentId(appointment_id(70_000)), BUYERS) is not None
    assert await scans(store, asked) == []


SEARCHES: list[dict[str, Any]] = [
    {},
    {"state": WorkOrderState.OPEN},
    {"state": WorkOrderState.IN_PROGRESS},
    {"buyer": BuyerId(BUYER)},
    {"buyer": BuyerId(BUYER), "state": WorkOrderState.COMPLETED},
    {"buyer": BuyerId("nobody")},
    {"before": WorkOrderId(work_order_id(50_000))},
    {"jobs": [JobRef("acme-wfm", "J-70000")]},
]
COMMANDS: list[dict[str, Any]] = [
    {},
    {"state": CommandState.REFUSED},
    {"state": CommandState.FAILED},
    {"kind": CommandKind.RESCHEDULE},
    {"kind": CommandKind.CANCEL},
    {"buyer": BuyerId(BUYER)},
    {"buyer": BuyerId("nobody"), "kind": CommandKind.BOOK},
    {"in_flight": True},
    {"jobs": [JobRef("acme-wfm", "J-70000")]},
]


@pytest.mark.parametrize("wanted", SEARCHES, ids=str)
async def test_no_search_of_operators_reads_a_whole_table(store: SqlStore, wanted: dict[str, Any]) -> None:
    with in_transactions() as run:
        found = await store.search.work_orders(WorkOrderSearch(**wanted), 100)
    assert len(found) <= 100
    assert await scans(store, run) == []
    assert await most_rows(store, run) <= 500


@pytest.mark.parametrize("wanted", COMMANDS, ids=str)
async def test_no_list_of_commands_reads_a_whole_table(store: SqlStore, wanted: dict[str, Any]) -> None:
    with in_transactions() as run:
        found = await store.commands.reports(CommandFilter(**wanted), 100)
    assert len(found) <= 100
    assert await scans(store, run) == []
    assert await most_rows(store, run) <= 2_000


@contextmanager
def in_transactions() -> Iterator[list[Bound]]:
    """What is asked within transactions."""
    run: list[Bound] = []
    with noting(lambda sql, parameters: run.append(Bound(sql, parameters))):
        yield run


async def most_rows(store: SqlStore, run: Sequence[Bound]) -> int:
    """How many rows any step of the plans gave; only PostgreSQL tells."""
    if store._database.dialect.name != "postgresql":
        return 0
    most = 0
    for query in run:
        (plan,) = await store._database.fetch_each([Bound(f"EXPLAIN (ANALYZE) {query.sql}", query.parameters)])
        for line in plan:
            found = re.search(r"actual time=\S+ rows=(\d+) loops=(\d+)", line[0])
            removed = re.search(r"Rows Removed by Filter: (\d+)", line[0])
            most = max(most, int(found[1]) * int(found[2]) if found else 0, int(removed[1]) if removed else 0)
    return most


@pytest.mark.parametrize(
    ("filters", "total"),
    [({}, MANY), ({"state": WorkOrderState.COMPLETED}, 70_000), ({"state": WorkOrderState.PLANNED}, 10_000)],
    ids=str,
)
async def test_a_long_list_has_the_pages_that_its_offsets_say(
    store: SqlStore, filters: dict[str, Any], total: int
) -> None:
    """Whether they are found by a survey or by counting."""
    whole = [
        number
        for number in range(1, MANY + 1)
        if not filters or {1: WorkOrderState.PLANNED}.get(number % 10, _other(number)) is filters["state"]
    ]
    assert len(whole) == total
    for offset in (0, 7, 99, 100, 101, 5_499, 5_500, total - 5, total - 1, total, total + 1, 2**63 - 1):
        query = WorkOrderQuery(**{"buyers": BUYERS, "limit": 3, "offset": offset, **filters})
        page = await store.reads.work_orders(query)
        wanted = [work_order_id(number) for number in whole[offset : offset + 3]]
        assert [item.id for item in page.items] == wanted, offset
        assert page.total == total, offset


def _other(number: int) -> WorkOrderState:
    return {0: WorkOrderState.OPEN, 2: WorkOrderState.CANCELLED}.get(number % 10, WorkOrderState.COMPLETED)


async def test_a_deep_page_costs_what_the_first_one_does(store: SqlStore, asked: list[Bound]) -> None:
    """It goes on from a key that is known, and skips fewer rows than lie between two keys."""
    for offset in (0, 50_000, 99_990):
        await store.reads.work_orders(WorkOrderQuery(buyers=BUYERS, limit=10, offset=offset))
    asked.clear()
    await store.reads.work_orders(WorkOrderQuery(buyers=BUYERS, limit=10, offset=99_990))
    (page,) = [query.parameters for query in asked if 10 in query.parameters]  # besides a survey perhaps
    assert sorted(page[-2:]) == [10, STEP - 10]

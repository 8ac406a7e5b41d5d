"""RabbitMQ or PostgreSQL goes away under the running bridge and comes back: nothing is lost, and everybody is told.

The wire between the bridge and the server is cut, not the server, which others use. The WFM keeps its own connection.
"""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import pytest
from yarl import URL

from bridge.domain.model import Outcome
from bridge.localenv.postgres import asyncpg_url
from bridge.mef.enums import Api
from bridge.simulator.buyer import BuyerError
from tests.support import PATIENCE_S, eventually
from tests.support_postgres import NO_PGBOUNCER, TurningAway, pgbouncer
from tests.system.conftest import MakeLaboratory, MakeWire
from tests.system.laboratory import CREATED, Laboratory
from tests.system.test_kill import HOPS, OF_THE_APPOINTMENT, OF_THE_WORK_ORDER

pytestmark = [pytest.mark.system, pytest.mark.integration]


async def not_ready_because_of(lab: Laboratory, part: str) -> bool:
    health = await lab.bridge.health()
    return health is not None and health["http"] == 503 and health["checks"][part] is False


async def refusal(request: Any) -> BuyerError:
    """What the Buyer is told at once: long before the WFM's time would be up."""
    with pytest.raises(BuyerError) as refused:
        async with asyncio.timeout(PATIENCE_S):
            await request
    return refused.value


async def until_all_is_told(lab: Laboratory, job: str) -> None:
    expected = sorted([OF_THE_WORK_ORDER, OF_THE_APPOINTMENT])
    await eventually(lambda: sorted(lab.told().values()) == expected)
    await lab.until_settled()
    assert await lab.hops(job) == HOPS
    assert lab.repeated() == []


async def test_without_rabbitmq_the_buyer_gets_503_and_the_wfms_messages_wait(
    make_laboratory: MakeLaboratory, make_wire: MakeWire, rabbitmq_url: str, sqlite_url: str
) -> None:
    """What the WFM says meanwhile is applied in order once the bridge is back, by itself and in the same process."""
    wire = await make_wire(rabbitmq_url)
    lab = await make_laboratory(sqlite_url, BROKER_URL=wire.url)
    await lab.bridge.start_ready()
    pid = lab.bridge.pid
    job, _ = await lab.planned()
    other, work_order = await unbooked_job(lab)
    window = (await lab.windows(work_order))[0]
    wire.cut()
    await eventually(lambda: not_ready_because_of(lab, "broker"))
    assert (await refusal(lab.buyer.book(work_order, window))).status == 503
    assert lab.wfm.visits(other) == []
    await lab.wfm.start_work(job)
    await lab.wfm.finish(job)
    assert (await lab.buyer.work_order(work_order)).state == "open"
    wire.mend()
    await lab.bridge.ready()
    lab.buyer.received[:] = [each for each in lab.buyer.received if each.event.event.id != work_order]
    await until_all_is_told(lab, job)
    assert (await lab.buyer.book(work_order, window)).valid_for == window
    assert lab.bridge.pid == pid
    await lab.stop_and_find_nothing_left()


async def unbooked_job(lab: Laboratory) -> tuple[str, str]:
    job, work_order = await lab.new_job()
    await lab.until_settled()
    return job, work_order


async def test_an_answer_that_comes_while_the_bridge_is_cut_off_still_reaches_the_buyer(
    make_laboratory: MakeLaboratory, make_wire: MakeWire, rabbitmq_url: str, sqlite_url: str
) -> None:
    """The answer waits in our reply queue; the Buyer's request waits for it until its deadline."""
    wire = await make_wire(rabbitmq_url)
    lab = await make_laboratory(sqlite_url, BROKER_URL=wire.url)
    await lab.bridge.start_ready()
    await lab.buyer.register()
    job, work_order = await unbooked_job(lab)
    window = (await lab.windows(work_order))[0]
    async with lab.unanswered(job, "BOOKVIS", silent=False):
        booking = asyncio.create_task(lab.buyer.book(work_order, window))
        await lab.until_commanded("BOOKVIS")
        wire.cut()
    await eventually(lambda: lab.wfm.active_visit(job))
    wire.mend()
    assert (await booking).valid_for == window
    assert await eventually(lambda: lab.parties_agree(job)) == "confirmed"
    await lab.stop_and_find_nothing_left()


async def test_without_postgresql_messages_wait_and_the_buyer_gets_a_standard_503(
    make_laboratory: MakeLaboratory, make_wire: MakeWire, database_url: str
) -> None:
    """No message is rejected, parked or lost: RabbitMQ keeps them unacknowledged until they are committed in order."""
    wire = await make_wire(database_url)
    lab = await make_laboratory(database_url, DATABASE_URL=wire.url)
    await lab.bridge.start_ready()
    pid = lab.bridge.pid
    job, _ = await lab.planned()
    wire.cut()
    await eventually(lambda: not_ready_because_of(lab, "database"))
    refused = await refusal(lab.buyer.send("GET", Api.WORK_ORDER, "/workOrder"))
    assert refused.status == 503
    assert isinstance(refused.body, dict)
    assert refused.body.keys() == {"code", "reason"}
    await lab.wfm.start_work(job)
    await lab.wfm.finish(job)
    await eventually(lambda: lab.bridge.said.count("commit.waiting") >= 2)
    assert len(lab.buyer.received) == 4
    wire.mend()
    await lab.bridge.ready()
    await until_all_is_told(lab, job)
    assert [recorded.entry.outcome for recorded in await lab.journal()] == [Outcome.APPLIED] * 4
    assert lab.bridge.pid == pid
    await lab.stop_and_find_nothing_left()


async def test_a_rabbitmq_that_is_not_there_at_the_start_is_waited_for(
    make_laboratory: MakeLaboratory, make_wire: MakeWire, rabbitmq_url: str, sqlite_url: str
) -> None:
    """It says so. Meanwhile a probe is answered and a Buyer can read, so nobody restarts it for nothing."""
    wire = await make_wire(rabbitmq_url)
    wire.cut()
    lab = await make_laboratory(sqlite_url, BROKER_URL=wire.url)
    lab.bridge.start()
    await eventually(lambda: "RabbitMQ cannot be used; trying again" in lab.bridge.said)
    await eventually(lambda: wire.refused >= 2)
    assert lab.bridge.pid is not None
    assert "broker.connecting" in lab.bridge.said
    health = await lab.bridge.health()
    assert health is not None
    assert health["http"] == 503
    seen = {"database": True, "broker": False, "publishing": False, "inbound": False, "replies": True}
    assert health["checks"].items() >= seen.items()
    assert await lab.buyer.work_orders() == ()
    wire.mend()
    await lab.bridge.ready()
    await lab.buyer.register()
    await lab.new_job()
    assert CREATED in [each.event.event_type for each in lab.buyer.received]


async def test_a_virtual_host_that_does_not_exist_is_named_in_the_log_and_in_readiness(
    make_laboratory: MakeLaboratory, rabbitmq_url: str, sqlite_url: str
) -> None:
    """It may be made while the bridge waits; meanwhile Buyers can read."""
    url = URL(rabbitmq_url).with_path("/no-such-vhost")
    lab = await make_laboratory(sqlite_url, BROKER_URL=str(url))
    lab.bridge.start()
    await eventually(lambda: not_ready_because_of(lab, "broker"))
    problem = f"RabbitMQ at {url.host}:{url.port} has no virtual host 'no-such-vhost' (broker.url)"
    await eventually(lambda: problem in lab.bridge.said)
    assert problem in (await lab.bridge.health() or {})["problems"]["broker"]
    assert await lab.buyer.work_orders() == ()
    assert "Traceback" not in lab.bridge.said


async def test_a_bridge_without_the_wfms_exchange_does_not_say_that_it_is_ready(
    make_laboratory: MakeLaboratory, sqlite_url: str
) -> None:
    lab = await make_laboratory(sqlite_url)
    exchange = lab.topology.exchange_name("acme.wfm.events")
    await lab.channel.exchange_delete(exchange)
    lab.bridge.start()
    await eventually(lambda: "bridge.started" in lab.bridge.said)
    health = await lab.bridge.health()
    assert health is not None
    problem = f"bind the inbound queue: exchange {exchange!r} does not exist yet; the WFM makes it"
    assert (health["http"], health["problems"]) == (503, {"inbound": problem})
    assert problem in lab.bridge.said
    assert "bridge.ready" not in lab.bridge.said
    await lab.channel.declare_exchange(exchange, "topic", durable=True)
    await lab.bridge.ready()


async def test_a_wrong_password_ends_the_bridge_with_one_clear_line_and_without_it(
    make_laboratory: MakeLaboratory, rabbitmq_url: str, sqlite_url: str
) -> None:
    url = URL(rabbitmq_url).with_password("hunter2")
    lab = await make_laboratory(sqlite_url, BROKER_URL=str(url))
    lab.bridge.start()
    assert await lab.bridge.ended() == 1
    last = lab.bridge.said.splitlines()[-1]
    assert last.startswith(f"RabbitMQ at {url.host}:{url.port} refuses the user 'guest' or its password (broker.url)")
    assert "Traceback" not in lab.bridge.said
    assert "hunter2" not in lab.bridge.said


async def test_a_postgresql_that_is_not_there_at_the_start_or_recovers_is_waited_for(
    make_laboratory: MakeLaboratory, make_wire: MakeWire, database_url: str
) -> None:
    """As RabbitMQ is: probes are answered meanwhile, so that nobody restarts the bridge for nothing."""
    wire = await make_wire(database_url, TurningAway)
    wire.cut()
    lab = await make_laboratory(database_url, DATABASE_URL=wire.url)
    lab.bridge.start()
    await eventually(lambda: wire.refused >= 2)
    assert "the database is starting, stopping or recovering: the database system is starting up" in lab.bridge.said
    assert "Traceback" not in lab.bridge.said
    assert await lab.bridge.is_live()
    health = await lab.bridge.health()
    assert health is not None
    assert health["http"] == 503
    assert health["checks"]["database"] is False
    assert "the database system is starting up" in health["problems"]["database"]
    refused = await refusal(lab.buyer.send("GET", Api.WORK_ORDER, "/workOrder"))
    assert refused.status == 503
    assert "starting up" not in str(refused.body)  # that is for the operator
    pid = lab.bridge.pid
    wire.mend()
    await lab.bridge.ready()
    await lab.buyer.register()
    await lab.new_job()
    assert lab.bridge.pid == pid


async def test_with_a_postgresql_that_takes_no_changes_buyers_read_and_messages_wait(
    make_laboratory: MakeLaboratory, database_url: str
) -> None:
    """So it is after a failover, for who is still connected to what is a standby now."""
    lab = await make_laboratory(database_url)
    await lab.bridge.start_ready()
    pid = lab.bridge.pid
    job, _ = await lab.planned()
    await change_database(database_url, "SET default_transaction_read_only = on")
    await lab.wfm.start_work(job)
    await lab.wfm.finish(job)
    await eventually(lambda: lab.bridge.said.count("commit.waiting") >= 2)
    await eventually(lambda: not_ready_because_of(lab, "database"))
    health = await lab.bridge.health()
    assert health is not None
    assert health["problems"]["database"].startswith("the database is read-only")
    assert await lab.bridge.is_live()
    (work_order,) = await lab.buyer.work_orders()
    assert work_order.state == "planned"
    refused = await refusal(lab.buyer.subscribe(Api.WORK_ORDER, lab.buyer.callback))
    assert refused.status == 503
    await change_database(database_url, "RESET default_transaction_read_only")
    await lab.bridge.ready()
    await until_all_is_told(lab, job)
    assert [recorded.entry.outcome for recorded in await lab.journal()] == [Outcome.APPLIED] * 4
    assert lab.bridge.pid == pid
    assert "Traceback" not in lab.bridge.said
    await lab.stop_and_find_nothing_left()


@asynccontextmanager
async def full_disk(lab: Laboratory) -> AsyncIterator[None]:
    """In the block, nothing that is stored has room: not in the database, and beside SQLite not in the log either."""
    if "sqlite" in lab.database_url:
        assert lab.bridge.pid is not None
        with no_room_for(lab.bridge.pid):
            yield
        return
    connection = await asyncpg.connect(asyncpg_url(lab.database_url))
    try:
        await connection.execute(NO_ROOM)
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            await connection.execute(
                f'CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON "{table}" EXECUTE FUNCTION no_room()'
            )
        yield
        await connection.execute("DROP FUNCTION no_room CASCADE")
    finally:
        await connection.close()


NO_ROOM = """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
END $$"""


@contextmanager
def no_room_for(pid: int) -> Iterator[None]:
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux can limit what another process writes")
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)


async def test_with_a_full_disk_buyers_read_messages_wait_and_all_goes_on_when_there_is_room(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    lab = await make_laboratory(either_database_url)
    await lab.bridge.start_ready()
    pid = lab.bridge.pid
    job, _ = await lab.planned()
    async with full_disk(lab):
        await lab.wfm.start_work(job)
        await lab.wfm.finish(job)
        await eventually(lambda: not_ready_because_of(lab, "database"))
        health = await lab.bridge.health()
        assert health is not None
        assert health["problems"]["database"].startswith("the disk ")
        assert await lab.bridge.is_live()
        (work_order,) = await lab.buyer.work_orders()
        assert work_order.state == "planned"
        refused = await refusal(lab.buyer.subscribe(Api.WORK_ORDER, lab.buyer.callback))
        assert refused.status == 503
    await lab.bridge.ready()
    await until_all_is_told(lab, job)
    assert [recorded.entry.outcome for recorded in await lab.journal()] == [Outcome.APPLIED] * 4
    assert lab.bridge.pid == pid
    await lab.stop_and_find_nothing_left()


@pytest.mark.parametrize("table", ["journal", "deliveries"])
async def test_sequences_that_are_used_up_or_behind_their_tables_park_no_message(
    make_laboratory: MakeLaboratory, database_url: str, table: str
) -> None:
    """Behind they are after a switch to a logical replica, or a restore of tables alone."""
    lab = await make_laboratory(database_url)
    await lab.bridge.start_ready()
    job, _ = await lab.planned()
    sequence = f"{table}_number_seq"
    connection = await asyncpg.connect(asyncpg_url(database_url))
    reached = await connection.fetchval("SELECT last_value FROM pg_sequences WHERE sequencename = $1", sequence)
    await connection.execute(f"ALTER SEQUENCE {sequence} MAXVALUE {reached}")
    await lab.wfm.start_work(job)
    await eventually(lambda: not_ready_because_of(lab, "database"))
    health = await lab.bridge.health()
    assert health is not None
    assert health["problems"]["database"].startswith("the database does not number rows of its own")
    await connection.execute(f"ALTER SEQUENCE {sequence} NO MAXVALUE RESTART WITH 1")
    await lab.wfm.finish(job)
    await until_all_is_told(lab, job)
    await lab.bridge.ready()
    assert [recorded.entry.outcome for recorded in await lab.journal()] == [Outcome.APPLIED] * 4
    await connection.close()
    await lab.stop_and_find_nothing_left()


async def change_database(url: str, change: str) -> None:
    """Change a setting of the database, and end all sessions that have the old one."""
    name = URL(url).path.strip("/")
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    await connection.execute("SET default_transaction_read_only = off")
    await connection.execute(f'ALTER DATABASE "{name}" {change}')
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", name
    )
    await connection.close()


@pytest.mark.skipif(NO_PGBOUNCER is not None, reason=str(NO_PGBOUNCER))
async def test_through_pgbouncer_in_transaction_mode_all_goes_as_usual(
    make_laboratory: MakeLaboratory, database_url: str
) -> None:
    with pgbouncer(database_url, "transaction") as url:
        lab = await make_laboratory(database_url, DATABASE_URL=url)
        await lab.bridge.start_ready()
        job, _ = await lab.planned()
        await lab.wfm.start_work(job)
        await lab.wfm.finish(job)
        await until_all_is_told(lab, job)
        assert "prepared statement" not in lab.bridge.said
        await lab.stop_and_find_nothing_left()


async def test_a_database_that_somebody_has_to_mend_ends_the_start_with_one_clear_line(
    make_laboratory: MakeLaboratory, database_url: str
) -> None:
    lab = await make_laboratory(database_url, DATABASE_URL=str(URL(database_url).with_path("/nosuch")))
    lab.bridge.start()
    assert await lab.bridge.ended() == 1
    last = lab.bridge.said.splitlines()[-1]
    assert last.startswith("PostgreSQL at ")
    assert last.endswith("or mend database.url")
    assert "Traceback" not in lab.bridge.said

"""What docs/deployment.md says of rights, backup and restore, played on a real PostgreSQL, RabbitMQ and SQLite.

The statements and commands are those of the page; only names and addresses are put in.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import orjson
import pytest
from pydantic import SecretStr
from yarl import URL

from bridge import box
from bridge.app.running import RunningBridge, running
from bridge.localenv.rabbitmq import Node
from bridge.mef.enums import Irp
from bridge.mef.models import TimePeriod
from bridge.settings import (
    AdminSettings,
    BrokerSettings,
    DatabaseSettings,
    DeliverySettings,
    HttpSettings,
    Mode,
    QueueType,
    Settings,
)
from bridge.simulator.buyer import SimulatedBuyer
from bridge.simulator.wfm import SimulatedWfm
from bridge.store import open_store
from bridge.wfm.link import IN_MEMORY_URL, RabbitLink
from tests.conftest import skip_or_fail
from tests.integration.wfm.test_rights import rights_of_the_page
from tests.support import eventually
from tests.support_databases import executed, own_database

pytestmark = pytest.mark.integration

PAGE = (Path(__file__).parents[2] / "docs" / "deployment.md").read_text(encoding="utf-8")
KEY = "acme-buyer-key"


def settings_of(database: str, broker: str = "amqp://in-memory/", namespace: str = "") -> Settings:
    return Settings.model_construct(
        mode=Mode.DEVELOPMENT,
        packs=(box.found(Path("acme-wfm")),),
        buyers=box.BUYERS,
        http=HttpSettings(port=0),
        admin=AdminSettings(enabled=False),
        broker=BrokerSettings(url=SecretStr(broker), namespace=namespace, queue_type=QueueType.CLASSIC),
        database=DatabaseSettings(url=SecretStr(database)),
        delivery=DeliverySettings(allow_private_callbacks=True),
    )


@asynccontextmanager
async def at_work(settings: Settings, wfm_url: str) -> AsyncIterator[tuple[RunningBridge, SimulatedWfm]]:
    """A WFM and a bridge that is ready."""
    link = RabbitLink(wfm_url, name="WFM of a test")
    await link.start()
    wfm = SimulatedWfm(link.broker, settings.broker.namespace, first_number=uuid4().int % 1_000_000_000)
    await wfm.start()
    try:
        async with running(settings, link if link.in_memory else None) as bridge:
            yield bridge, wfm
    finally:
        await wfm.stop()
        await link.stop()


async def known_work_orders(bridge: RunningBridge) -> list[str]:
    async with SimulatedBuyer(bridge.url, KEY, Irp.SONATA) as buyer:
        return [each.id for each in await buyer.work_orders()]


# Rights


def statements(heading: str) -> list[list[str]]:
    """The SQL under a heading of the page, block by block."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    return [[line for line in block.splitlines() if line] for block in blocks]


Roles = tuple[URL, URL]


@pytest.fixture
async def roles(postgres_url: str) -> AsyncIterator[Roles]:
    """The database of the page, for its owner and for the role that runs the bridge."""
    names = {name: f"{name}_{uuid4().hex[:12]}" for name in ("mef_owner", "mef_bridge", "mef")}

    def named(line: str) -> str:
        own = re.sub(r"\b(mef_owner|mef_bridge|mef)\b", lambda found: names[found[1]], line)
        return own.replace("…", "not asked for")

    server = URL(postgres_url.replace("+asyncpg", ""))
    database = server.with_path(f"/{names['mef']}")
    as_superuser, as_owner = statements("Rights")
    await executed(str(server), *map(named, as_superuser))
    owner = database.with_user(names["mef_owner"])
    await executed(str(owner), *map(named, as_owner))
    yield owner, database.with_user(names["mef_bridge"])
    await executed(str(server), f'DROP DATABASE "{names["mef"]}" WITH (FORCE)')
    await executed(str(server), f"DROP ROLE {names['mef_bridge']}", f"DROP ROLE {names['mef_owner']}")


@pytest.fixture
def rabbitmq_user(private_rabbitmq: Node) -> Iterator[str]:
    """The address of RabbitMQ for a user who has the rights of the page."""
    private_rabbitmq.control("add_user", "least", "least")
    private_rabbitmq.control("set_permissions", "--vhost", "/", "least", *rights_of_the_page())
    yield str(URL(private_rabbitmq.url).with_user("least").with_password("least"))
    private_rabbitmq.control("delete_user", "least")


async def test_a_bridge_runs_with_the_rights_of_the_page(
    roles: Roles, rabbitmq_user: str, private_rabbitmq: Node
) -> None:
    """It takes messages, is booked at, sends commands and notifications; and it cannot change its tables."""
    owner, least = roles
    await (await open_store(str(owner), new_id=lambda: str(uuid4()))).close()
    async with (
        at_work(settings_of(str(least), rabbitmq_user), private_rabbitmq.url) as (bridge, wfm),
        SimulatedBuyer(bridge.url, KEY, Irp.SONATA) as buyer,
    ):
        await buyer.register()
        job = await wfm.create_job()
        await eventually(lambda: buyer.received)
        (ordered,) = await buyer.work_orders()
        slot = (await buyer.search(ordered.id, next_days())).available_time_slot[0]
        booked = await buyer.book(ordered.id, slot.valid_for)
        assert wfm.active_visit(job) is not None
        await buyer.cancel(booked.id)
        assert wfm.active_visit(job) is None
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await executed(str(least), "ALTER TABLE jobs ADD COLUMN more text")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await executed(str(least), "CREATE TABLE more (number int)")


def next_days() -> TimePeriod:
    begin = datetime.now(UTC) + timedelta(hours=1)
    return TimePeriod(start_date_time=begin, end_date_time=begin + timedelta(days=10))


# Backup and restore


def commands(beginning: str) -> str:
    (line,) = re.findall(rf"^{beginning} .*?(?= {{2,}}#|$)", PAGE, re.MULTILINE)
    return str(line)


def shell(command: str, **environ: str) -> None:
    """Run a command as the page has it. Tools that are not there, or older than the server, are said and skipped."""
    if shutil.which(command.split()[0]) is None:
        skip_or_fail(f"there is no {command.split()[0]}")
    done = subprocess.run(["/bin/sh", "-c", command], env={**os.environ, **environ}, capture_output=True, text=True)  # noqa: S603
    if "server version mismatch" in done.stderr:
        skip_or_fail(done.stderr)
    assert done.returncode == 0, done.stderr


async def play(database: str, back_up: Callable[[], Awaitable[str]]) -> None:
    """Back a bridge up that runs; run another one on the backup. The WFM says all that it said once more."""
    said: list[tuple[str, bytes]] = []
    async with at_work(settings_of(database), IN_MEMORY_URL) as (bridge, wfm):
        wfm.observers.append(lambda _direction, key, body, _at: said.append((key, orjson.dumps(body))))
        for _ in range(3):
            await wfm.create_job()
        await eventually(lambda: _has(bridge, 3))
        before = await known_work_orders(bridge)
        restored = await back_up()
        await wfm.create_job()
        await eventually(lambda: _has(bridge, 4))
    async with at_work(settings_of(restored), IN_MEMORY_URL) as (bridge, wfm):
        assert await known_work_orders(bridge) == before
        for key, body in said:
            await wfm.raw_bytes(body, key)
        await eventually(lambda: _has(bridge, 4))
        assert (await known_work_orders(bridge))[:3] == before
        assert len(await bridge.store.journal.latest()) == 4  # what it had already is not taken twice


async def _has(bridge: RunningBridge, number: int) -> bool:
    return len(await known_work_orders(bridge)) == number


async def test_sqlite_is_backed_up_while_the_bridge_runs_and_restored(tmp_path: Path) -> None:
    file, copy = tmp_path / "state.sqlite3", tmp_path / "mef.sqlite3"
    (statement,) = re.findall(r"\"(VACUUM INTO .*)\"", PAGE)

    async def back_up() -> str:
        connection = sqlite3.connect(file)  # the command line of SQLite is not everywhere
        connection.execute(statement.replace("/backup/mef.sqlite3", str(copy)))
        connection.close()
        return f"sqlite:///{copy}"

    await play(f"sqlite:///{file}", back_up)


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[URL]:
    with own_database(postgres_url, "restored") as url:
        yield URL(url.replace("+asyncpg", ""))


async def test_postgresql_is_backed_up_while_the_bridge_runs_and_restored(
    database_url: str, empty_url: URL, tmp_path: Path
) -> None:
    dump = str(tmp_path / "mef.dump")
    source = database_url.replace("+asyncpg", "")

    async def back_up() -> str:
        shell(commands("pg_dump").replace("mef.dump", dump), DATABASE_URL=source)
        shell(commands("pg_restore").replace("mef.dump", dump), EMPTY_DATABASE_URL=str(empty_url))
        return str(empty_url)

    await play(database_url, back_up)

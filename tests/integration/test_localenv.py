"""Real servers as private children: they come up beside the system's own ones, do their work, and leave nothing."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import asyncpg
import pytest

from bridge.localenv.broker import amqp_trouble, find_broker
from bridge.localenv.postgres import asyncpg_url, find_postgres, postgres_trouble
from bridge.localenv.service import Service, Step, Unavailable
from tests.conftest import STARTED_WITH
from tests.support import PATIENCE_S

pytestmark = pytest.mark.integration


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that other users may enter, which pytest's own are not: PostgreSQL does not run as root."""
    directory = Path(tempfile.mkdtemp(prefix="mef-bridge-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def started(service: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Service[str]:
    """Start a private server below `directory`; skip (or fail in CI) where it is not installed."""
    monkeypatch.setattr("tempfile.tempdir", str(directory))
    environ = {"BRIDGE_LOCALENV": "child"}
    try:
        found = find_broker(allow_memory=False, environ=environ) if service == "rabbitmq" else find_postgres(environ)
    except Unavailable as absence:
        if STARTED_WITH.get("CI") == "true" or "installed" not in str(absence):
            raise
        pytest.skip(str(absence))
    assert found.url
    return Service(found.url, found.kind, found.why, found.stop)


def processes_in(directory: Path) -> list[str]:
    """Command lines of all processes, of whatever user, that name the directory."""
    lines = [command_line(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    return [line for line in lines if str(directory) in line]


def command_line(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def test_a_private_rabbitmq_carries_messages_and_ends_without_a_trace(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started("rabbitmq", open_directory, monkeypatch) as broker:
        assert broker.kind is Step.CHILD
        assert broker.why == (
            "RabbitMQ from the installed rabbitmq-server as a private process at "
            + broker.url.replace("guest:guest@", "")
        )
        assert await through_a_queue(broker.url, b"hello") == b"hello"
        assert processes_in(open_directory)
    assert amqp_trouble(broker.url) is not None
    assert processes_in(open_directory) == []
    assert names_in(open_directory) == []


async def test_a_private_postgresql_takes_databases_and_ends_without_a_trace(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started("postgres", open_directory, monkeypatch) as postgres:
        assert postgres.kind is Step.CHILD
        connection = await asyncpg.connect(asyncpg_url(postgres.url))
        await connection.execute("CREATE DATABASE mine")
        await connection.close()
        assert processes_in(open_directory)
    assert postgres_trouble(postgres.url) is not None
    assert processes_in(open_directory) == []
    assert names_in(open_directory) == []


async def test_a_database_of_the_tests_own_is_empty_and_its_user_may_create_tables(database_url: str) -> None:
    connection = await asyncpg.connect(asyncpg_url(database_url))
    try:
        assert await connection.fetch("SELECT * FROM pg_tables WHERE schemaname = 'public'") == []
        await connection.execute("CREATE TABLE visit (id int)")
    finally:
        await connection.close()


def test_the_wrapper_hands_both_addresses_to_the_command_and_its_exit_code_back(
    rabbitmq_url: str, postgres_url: str
) -> None:
    shell = shutil.which("sh")
    assert shell
    done = subprocess.run(  # noqa: S603  our own command
        [
            sys.executable,
            "-m",
            "bridge.localenv",
            "run",
            "--",
            shell,
            "-c",
            'echo "$BRIDGE_BROKER_URL $BRIDGE_TEST_DATABASE_URL"; exit 7',
        ],
        env=os.environ | {"BRIDGE_BROKER_URL": rabbitmq_url, "BRIDGE_TEST_DATABASE_URL": postgres_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{rabbitmq_url} {postgres_url}\n"
    assert done.returncode == 7


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def through_a_queue(url: str, body: bytes) -> bytes:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("mine", durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(body), "mine")
        message = await queue.get(timeout=PATIENCE_S)
        await message.ack()
        return message.body

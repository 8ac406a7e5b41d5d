"""What the supervisor of several workers gives to each of them, and what it refuses."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bridge.cli.workers import Worker, check, worker_command, worker_variables
from bridge.errors import PermanentError
from bridge.settings import Settings
from tests.support import eventually

POSTGRES = {"database": {"url": "postgresql://u:secret@db/bridge"}}


def test_each_worker_has_a_name_and_an_admin_port_of_its_own() -> None:
    settings = Settings.model_validate({"instance": "one", "admin": {"port": 8138}})
    assert [worker_variables(settings, number) for number in (1, 2)] == [
        {"BRIDGE_INSTANCE": "one.1", "BRIDGE_ADMIN_PORT": "8138"},
        {"BRIDGE_INSTANCE": "one.2", "BRIDGE_ADMIN_PORT": "8139"},
    ]


def test_each_takes_a_free_admin_port_where_the_settings_say_so() -> None:
    settings = Settings.model_validate({"admin": {"port": 0}})
    assert worker_variables(settings, 2)["BRIDGE_ADMIN_PORT"] == "0"


def test_a_worker_reads_the_same_settings_and_accepts_from_the_shared_port() -> None:
    assert worker_command(Path("a.yaml"), 7)[1:] == ["-m", "bridge", "serve", "--config", "a.yaml", "--worker", "7"]
    assert worker_command(None, 7)[1:] == ["-m", "bridge", "serve", "--worker", "7"]


def test_sqlite_is_refused_in_one_line() -> None:
    with pytest.raises(PermanentError, match="SQLite is for one process") as refused:
        check(Settings.model_validate({}), 2)
    assert "\n" not in str(refused.value)


def test_the_broker_in_memory_is_refused_in_one_line() -> None:
    settings = Settings.model_validate(POSTGRES)
    memory = settings.broker.model_copy(update={"url": SecretStr("memory://")})
    with pytest.raises(PermanentError, match="memory:// is for one process"):
        check(settings.model_copy(update={"broker": memory}), 2)


def test_postgresql_and_rabbitmq_are_well() -> None:
    settings = Settings.model_validate(POSTGRES)
    check(settings, 64)
    assert settings.wfm.partitions == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"instance": "i" * 49}, "instance: .* at most 50 characters, got 51"),
        ({"admin": {"port": 65534}}, "have 65534 to 65536, and there is none above 65535"),
        ({"admin": {"port": 8136}}, "have 8136 to 8138, and http.port is 8137"),
    ],
)
def test_what_not_all_workers_could_have_is_refused_in_one_line(given: dict[str, Any], said: str) -> None:
    settings = Settings.model_validate(POSTGRES | given)
    with pytest.raises(PermanentError, match=said) as refused:
        check(settings, 3)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("admin", [{"port": 8136, "enabled": False}, {"port": 0}])
def test_admin_ports_that_nobody_takes_are_in_nobodys_way(admin: dict[str, Any]) -> None:
    settings = Settings.model_validate(POSTGRES | {"admin": admin})
    check(settings, 3)
    assert settings.http.port == 8137


async def test_a_worker_that_is_being_started_when_all_are_to_stop_stops(tmp_path: Path) -> None:
    pauses = [sys.executable, "-c", "import signal; signal.pause()"]
    stopping = asyncio.Event()
    with (tmp_path / "passed").open("w") as passed:
        worker = Worker(1, pauses, {}, passed.fileno(), stopping)
        running = asyncio.create_task(worker.run())
        await asyncio.sleep(0)  # it is there, and its supervisor does not have it yet
        assert worker.process is None
        stopping.set()
        worker.hand_on(signal.SIGTERM)
        await eventually(running.done)
    assert worker.process is not None
    assert worker.process.returncode == -signal.SIGTERM

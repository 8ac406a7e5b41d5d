"""What the supervisor of several workers gives to each of them, and what it refuses."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge.cli.workers import check, worker_command, worker_variables
from bridge.errors import PermanentError
from bridge.settings import Settings

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
        check(Settings.model_validate({}))
    assert "\n" not in str(refused.value)


def test_the_broker_in_memory_is_refused_in_one_line() -> None:
    settings = Settings.model_validate(POSTGRES)
    memory = settings.broker.model_copy(update={"url": SecretStr("memory://")})
    with pytest.raises(PermanentError, match="memory:// is for one process"):
        check(settings.model_copy(update={"broker": memory}))


def test_postgresql_and_rabbitmq_are_well() -> None:
    settings = Settings.model_validate(POSTGRES)
    check(settings)
    assert settings.wfm.partitions == 1

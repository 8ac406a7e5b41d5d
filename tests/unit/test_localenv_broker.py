"""Which RabbitMQ is taken, and what is said when the one asked for does not answer."""

import socket
from collections.abc import Iterator

import pytest

from bridge.localenv import broker, postgres
from bridge.localenv.broker import find_broker
from bridge.localenv.postgres import find_postgres
from bridge.localenv.rabbitmq import Node
from bridge.localenv.service import NotHere, Step, Unavailable


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_the_environments_broker_that_does_not_answer_is_an_error_without_its_password() -> None:
    """BRIDGE_BROKER_URL is taken at its word: no other step is tried, though memory would be allowed."""
    with pytest.raises(Unavailable) as absence:
        find_broker(allow_memory=True, environ={"BRIDGE_BROKER_URL": "amqp://guest:hunter2@127.0.0.1:1/"})
    assert "BRIDGE_BROKER_URL points at amqp://127.0.0.1:1/, which failed" in str(absence.value)
    assert "hunter2" not in str(absence.value)


def test_the_environments_database_that_does_not_answer_is_an_error_without_its_password() -> None:
    url = "postgresql+asyncpg://someone:hunter2@127.0.0.1:1/x"
    with pytest.raises(Unavailable) as absence:
        find_postgres({"BRIDGE_TEST_DATABASE_URL": url})
    assert "BRIDGE_TEST_DATABASE_URL points at postgresql+asyncpg://127.0.0.1:1/x, which failed" in str(absence.value)
    assert "hunter2" not in str(absence.value)


@pytest.mark.parametrize("url", ["nonsense", "amqp://localhost:54x/", "http://localhost/"])
def test_a_malformed_broker_address_is_an_error_not_a_crash(url: str) -> None:
    with pytest.raises(Unavailable, match="BRIDGE_BROKER_URL points at"):
        find_broker(allow_memory=True, environ={"BRIDGE_BROKER_URL": url})


def test_an_open_port_that_does_not_speak_amqp_is_no_broker(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "LOCALHOST_URL", f"amqp://guest:guest@127.0.0.1:{silent_port}/")
    monkeypatch.setattr(broker, "LOCALHOST_TIMEOUT_S", 0.2)
    with find_broker(allow_memory=True, environ={"BRIDGE_LOCALENV": "localhost,memory"}) as taken:
        assert taken.kind is Step.MEMORY
        assert taken.url is None
        assert taken.why == "FastStream's in-memory broker (no RabbitMQ takes guest on localhost:5672)"


def test_without_memory_an_unreachable_broker_is_an_error_with_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_docker(*_: object) -> tuple[str, int]:
        raise NotHere("no Docker engine answers")

    monkeypatch.setattr(broker, "LOCALHOST_URL", "amqp://guest:guest@127.0.0.1:1/")
    monkeypatch.setattr(broker, "start_container", no_docker)
    with pytest.raises(Unavailable) as absence:
        find_broker(allow_memory=False, environ={"BRIDGE_LOCALENV": "env,localhost,container,memory"})
    assert absence.value.reasons == (
        "BRIDGE_BROKER_URL is not set",
        "no RabbitMQ takes guest on localhost:5672",
        "no Docker engine answers",
    )


def test_a_package_is_installed_only_after_every_other_step_and_then_run_privately(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed: list[str] = []

    def start(*_: object) -> Node:
        if not installed:
            raise NotHere("no rabbitmq-server is installed")
        return Node("amqp://guest:guest@127.0.0.1:4711/", {})

    monkeypatch.setattr(broker, "apt_install", installed.append)
    monkeypatch.setattr(broker, "start_rabbitmq", start)
    with find_broker(allow_memory=True, environ={"BRIDGE_LOCALENV": "child,apt,memory"}) as taken:
        assert (taken.kind, taken.url) == (Step.CHILD, "amqp://guest:guest@127.0.0.1:4711/")
        assert taken.why == (
            "RabbitMQ from rabbitmq-server, installed just now with apt-get, as a private process at "
            "amqp://127.0.0.1:4711/ (no rabbitmq-server is installed)"
        )
    assert installed == ["rabbitmq-server"]


def test_postgresql_on_localhost_is_taken_with_the_first_user_who_may_create_databases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres.getpass, "getuser", lambda: "jo")
    monkeypatch.setattr(postgres, "answers", lambda url: "//postgres@" in url)
    with find_postgres({"BRIDGE_LOCALENV": "localhost"}) as taken:
        assert taken.url == "postgresql+asyncpg://postgres@localhost:5432/postgres"
        assert taken.why == "PostgreSQL on localhost:5432, as postgres"

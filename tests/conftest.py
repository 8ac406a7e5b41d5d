"""Fixtures for every kind of test: real services found by bridge.localenv, and databases of one test's own.

`make test` finds or starts RabbitMQ and PostgreSQL once and hands their addresses to all workers; a bare `pytest` finds
them for itself. Where one cannot be had, the tests that need it are skipped with the reason; with CI=true they fail.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import pytest
import structlog
import uvloop
from hypothesis import settings

from bridge.localenv.__main__ import NO_BROKER, NO_DATABASE
from bridge.localenv.broker import answers, find_broker
from bridge.localenv.postgres import answers as postgres_answers
from bridge.localenv.postgres import find_postgres
from bridge.localenv.postgresql import start_postgresql
from bridge.localenv.process import LOOPBACK
from bridge.localenv.rabbitmq import Node, start_rabbitmq
from bridge.localenv.service import NotHere, Service, Unavailable
from tests.support_databases import own_database
from tests.support_standard import Judge, judging
from tests.support_tls import Tls
from tests.unit.examples import examples

# Here, because the process that collects the reports of all workers reads no conftest further down.
pytest_plugins = ("tests.conformance.plugin",)

# For those that say nothing of their own (tests/unit/examples.py).
settings.register_profile("no clock", examples(100))
settings.load_profile("no clock")

# What pytest was started with; tests themselves see no BRIDGE_* variable (see below).
STARTED_WITH: Mapping[str, str] = MappingProxyType(dict(os.environ))

HASHING = "rabbitmq_consistent_hash_exchange"

Loops = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]
ONE_LOOP: Loops = MappingProxyType({"asyncio": asyncio.new_event_loop})
BOTH_LOOPS: Loops = MappingProxyType({**ONE_LOOP, "uvloop": uvloop.new_event_loop})


def pytest_asyncio_loop_factories(item: pytest.Item) -> Loops:
    """The bridge runs on uvloop, whose transports are others: a module about sockets says `ON_BOTH_LOOPS = True`."""
    return BOTH_LOOPS if getattr(getattr(item, "module", None), "ON_BOTH_LOOPS", False) else ONE_LOOP


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core: a good half of the time tests wait for processes, and for what must time out."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 2 * cores


@pytest.fixture(autouse=True)
def no_bridge_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """No BRIDGE_* variable of the developer's shell, or of `make test`, changes what a test or its processes do."""
    for name in STARTED_WITH:
        if name.startswith("BRIDGE_"):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that is run in this process sets up the log for itself, and not for the tests after it."""
    before, levels = structlog.get_config(), {each: each.level for each in loggers()}
    yield
    structlog.configure(**before)
    for each in loggers():
        each.setLevel(levels.get(each, logging.NOTSET))


def loggers() -> list[logging.Logger]:
    """All that there are, the root first."""
    made = logging.Logger.manager.loggerDict.values()
    return [logging.getLogger(), *(each for each in made if isinstance(each, logging.Logger))]


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """The address of a real RabbitMQ (`amqp://…`). Shared: use names of your own, and remove what you declare."""
    yield from _url_of(lambda: find_broker(allow_memory=False, environ=STARTED_WITH), NO_BROKER)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """An authority of the tests' own, and what it vouches for at the private servers."""
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def private_rabbitmq(tls: Tls) -> Iterator[Node]:
    """A RabbitMQ for what others would suffer from, such as an alarm. It takes seconds to start, once for a process.

    It has the plugin with which an exchange divides messages, which few have.
    Beside the plain port it has one for TLS (`tls.rabbitmq_url`), which lets nobody in without a certificate.
    """
    with ExitStack() as stack:
        try:
            node = start_rabbitmq(stack, answers, tls.rabbitmq_settings, (HASHING,))
        except NotHere as absence:
            skip_or_fail(str(absence))
        yield node


@pytest.fixture(scope="session")
def tls_postgres_url(tls: Tls) -> Iterator[str]:
    """A PostgreSQL at `localhost` that knows TLS (`postgresql://…`, without a query); a second or two to start."""
    with ExitStack() as stack:
        try:
            server = start_postgresql(stack, postgres_answers, tls.postgresql_settings(stack))
        except NotHere as absence:
            skip_or_fail(str(absence))
        yield server.url.replace("+asyncpg", "").replace(LOOPBACK, "localhost")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a real PostgreSQL (`postgresql+asyncpg://…`) whose user may create databases. Shared."""
    yield from _url_of(lambda: find_postgres(STARTED_WITH), NO_DATABASE)


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database of the test's own (`postgresql+asyncpg://…`), dropped afterwards."""
    with own_database(postgres_url, "test") as url:
        yield url


@pytest.fixture
def judged_buyers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Judge]:
    """Hold every answer and notification that a simulated Buyer of this test sees against the standard's own files."""
    with judging(monkeypatch) as judge:
        yield judge


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite file of the test's own, not there yet (`sqlite+aiosqlite://…`)."""
    return f"sqlite+aiosqlite:///{tmp_path / 'bridge.sqlite3'}"


def _url_of(find: Callable[[], Service[str | None]], absence_variable: str) -> Iterator[str]:
    try:
        if reason := STARTED_WITH.get(absence_variable):
            skip_or_fail(reason)
        service = find()
    except Unavailable as absence:
        skip_or_fail(str(absence))
    with service:
        yield service.url or ""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    from tests.console.browser import NoChromium, find_chromium

    try:
        return find_chromium()
    except NoChromium as absence:
        skip_or_fail(str(absence))


def skip_or_fail(reason: str) -> NoReturn:
    """A developer's machine may lack a service; CI may not."""
    if STARTED_WITH.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)

"""Databases for the processes under test: every rule about durability holds on both."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from bridge.simulator import buyer_client
from bridge.simulator.answers import Answers
from bridge.simulator.wfm import AS_AMQP_HAS_IT
from tests.integration.wfm.conftest import Wire
from tests.support import PATIENCE_S
from tests.support_standard import Judge
from tests.system.laboratory import Laboratory, laboratory
from tests.system.processes import REPOSITORY

MakeLaboratory = Callable[..., Awaitable[Laboratory]]
MakeWire = Callable[..., Awaitable[Any]]


@pytest.fixture(autouse=True)
def _judged(judged_buyers: Judge) -> Judge:
    """Whatever a system test is about: what its Buyer is answered and told must be the standard's."""
    return judged_buyers


@pytest.fixture(autouse=True)
def _patient_buyers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Buyer gives the bridge as long as the test does."""
    monkeypatch.setattr(buyer_client, "PATIENCE", PATIENCE_S)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of the test's own: the test runs once on each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "database_url")
    return url


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the pack in the box, to be changed."""
    return Path(shutil.copytree(REPOSITORY / "mappings" / "acme-wfm", tmp_path / "acme-wfm"))


def rewrite(pack: Path, old: str, new: str) -> None:
    """Change the file of a pack in one step, as an editor does."""
    text = (pack / "pack.yaml").read_text()
    assert text.count(old) == 1
    (pack / "pack.new").write_text(text.replace(old, new))
    (pack / "pack.new").replace(pack / "pack.yaml")


@pytest.fixture
async def make_laboratory(rabbitmq_url: str, tmp_path: Path) -> AsyncIterator[MakeLaboratory]:
    """Makes laboratories with other variables than the usual ones, and takes them down."""
    async with AsyncExitStack() as stack:

        async def make(database_url: str, answers: Answers = AS_AMQP_HAS_IT, **variables: str) -> Laboratory:
            return await stack.enter_async_context(
                laboratory(rabbitmq_url, database_url, tmp_path, answers, **variables)
            )

        yield make


@pytest.fixture
async def make_wire() -> AsyncIterator[MakeWire]:
    """Makes wires to the server of a URL, which can be cut and mended; `wire.url` is the same URL through the wire."""
    async with AsyncExitStack() as stack:

        async def make(url: str, kind: type[Wire] = Wire) -> Wire:
            wire = kind(URL(url))
            server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
            stack.callback(wire.cut)
            stack.callback(server.close)
            port = server.sockets[0].getsockname()[1]
            wire.url = str(wire.target.with_host("127.0.0.1").with_port(port))
            return wire

        yield make

"""Worlds to run the flows in: each on a copy of a database with empty tables."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.localenv.process import run_async
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack
from bridge.store import upgrade
from tests.integration.flows.world import World, Worlds, worlds

ACME = Path(__file__).parents[3] / "mappings" / "acme-wfm"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables."""
    path = tmp_path_factory.mktemp("flows") / "template.sqlite3"
    run_async(lambda: upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def pack() -> Pack:
    """The real ACME pack."""
    return load_pack(ACME)


@pytest.fixture
async def make_world(template: Path, pack: Pack, tmp_path: Path) -> AsyncIterator[Worlds]:
    """Makes worlds on one database: a second one is the bridge after a restart, or with another time-out."""
    async with worlds(Path(shutil.copy(template, tmp_path / "bridge.sqlite3")), pack) as make:
        yield make


@pytest.fixture
async def world(make_world: Worlds) -> World:
    """A running bridge whose WFM answers every command with yes."""
    made: World = await make_world()
    return made

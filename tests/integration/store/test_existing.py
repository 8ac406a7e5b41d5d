"""Looking into the database of a bridge neither makes nor changes anything."""

from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.errors import BridgeError, PermanentError
from bridge.store import open_existing
from bridge.store.engine import open_engine
from bridge.store.schema_session import begin
from tests.integration.store.test_database import BOTH
from tests.integration.store.test_database import empty_url as empty_url
from tests.integration.store.values import entry


async def test_a_sqlite_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"there is no database .*b\.sqlite3 .*: mef-bridge serve makes it"):
        await open_existing(f"sqlite:///{tmp_path}/a/b.sqlite3", new_id=lambda: "ev", read_only=True)
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


@BOTH
@pytest.mark.parametrize("read_only", [True, False])
async def test_a_database_without_tables_stays_so(empty_url: str, read_only: bool) -> None:
    engine = open_engine(empty_url)
    async with begin(engine) as session:
        await session.rows(text("SELECT 1"))
    with pytest.raises(PermanentError, match="has no tables of mef-bridge"):
        await open_existing(empty_url, new_id=lambda: "ev", read_only=read_only)
    with pytest.raises(PermanentError, match="has no tables of mef-bridge"):
        await open_existing(empty_url, new_id=lambda: "ev", read_only=read_only)
    await engine.dispose()


@pytest.mark.parametrize(
    ("revision", "way"), [("0002", "start mef-bridge serve once"), ("9999", "use the newer mef-bridge")]
)
async def test_the_tables_of_another_version_are_refused_and_left(url: str, revision: str, way: str) -> None:
    async def stamp(version: str) -> None:
        async with begin(engine) as session:
            await session.run(text("UPDATE alembic_version SET version_num = :version"), {"version": version})

    engine = open_engine(url)
    async with begin(engine) as session:
        (row,) = await session.rows(text("SELECT version_num FROM alembic_version"))
    await stamp(revision)
    try:
        for _ in range(2):
            with pytest.raises(
                PermanentError, match=f"schema {revision}, this mef-bridge at {row['version_num']}: {way}"
            ):
                await open_existing(url, new_id=lambda: "ev")
    finally:
        await stamp(row["version_num"])
        await engine.dispose()


async def test_who_only_looks_can_change_nothing_and_needs_no_bridge_running(url: str) -> None:
    store = await open_existing(url, new_id=lambda: "ev")
    async with store.transaction() as tx:
        await tx.record([entry(reason="so")])
    await store.close()
    looking = await open_existing(url, new_id=lambda: "ev", read_only=True)
    assert [found.entry.reason for found in await looking.journal.latest()] == ["so"]
    found = (await looking.journal.latest())[0]
    assert await looking.journal.find(found.number) == found
    assert await looking.journal.find(found.number + 1) is None
    with pytest.raises((BridgeError, Exception), match=r"(?i)read-?only"):
        async with looking.transaction() as tx:
            await tx.record([entry()])
    await looking.close()

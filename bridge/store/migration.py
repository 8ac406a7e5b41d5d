"""Brings a database's tables up to date at start. Several processes may start at once: one works, the others wait."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.errors import PermanentError
from bridge.store.engine import WRITES, open_engine
from bridge.store.session import begin

# Any number that nobody else locks by: "mef-bri" in ASCII.
_MIGRATING = 0x6D65662D627269


async def upgrade(url: str) -> None:
    """Create the tables of an empty database, or change older ones; raises `StoreUnavailable`."""
    engine = open_engine(url)
    try:
        await upgrade_engine(engine)
    finally:
        await engine.dispose()


async def upgrade_engine(engine: AsyncEngine) -> None:
    """Do what `upgrade` does, in one transaction that excludes all others that migrate."""
    async with begin(engine.execution_options(**{WRITES: True})) as session:
        if session.is_postgres:
            await session.rows(text("SELECT pg_advisory_xact_lock(:number)").bindparams(number=_MIGRATING))
        await session.run_sync(_upgrade)


async def check_engine(engine: AsyncEngine) -> None:
    """Raise `PermanentError` unless the database has exactly the tables that this version knows."""
    found: list[str | None] = []
    async with begin(engine) as session:
        await session.run_sync(lambda connection: found.append(_revision(connection)))
    scripts = ScriptDirectory.from_config(_config())
    (has,), needs = found, scripts.get_current_head()
    if has is None:
        raise PermanentError("this database has no tables of mef-bridge: mef-bridge serve makes them")
    if has != needs:
        known = has in {script.revision for script in scripts.walk_revisions()}
        way = "start mef-bridge serve once, which brings it up to date" if known else "use the newer mef-bridge"
        raise PermanentError(f"the database is at schema {has}, this mef-bridge at {needs}: {way}")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config

"""Brings a database's tables up to date at start. Several processes may start at once: one works, the others wait."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

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


def _upgrade(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")

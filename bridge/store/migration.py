"""Brings a database's tables up to date at start. Several processes may start at once: one works, the others wait.

An empty database gets the tables as they are now, in one step; a test holds that the scripts lead to the same ones.
"""

from typing import Final

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.errors import PermanentError
from bridge.store.engine import open_engine
from bridge.store.session import begin
from bridge.store.sqlite import WRITES
from bridge.store.tables import metadata

CURRENT: Final = "0009"
"""The revision of the tables as they are now: that of the newest migration script."""

# Alembic's own table, as Alembic makes it.
_VERSION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

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
    [has] = found
    if has is None:
        raise PermanentError("this database has no tables of mef-bridge: mef-bridge serve makes them")
    if has != CURRENT:
        from bridge.store.scripts import revisions  # not before it is needed: Alembic is slow to import

        way = (
            "start mef-bridge serve once, which brings it up to date"
            if has in revisions()
            else "use the newer mef-bridge"
        )
        raise PermanentError(f"the database is at schema {has}, this mef-bridge at {CURRENT}: {way}")


def _revision(connection: Connection) -> str | None:
    return connection.scalar(select(_VERSION.c.version_num)) if _is_ours(connection) else None


def _is_ours(connection: Connection) -> bool:
    return inspect(connection).has_table(_VERSION.name)


def _upgrade(connection: Connection) -> None:
    if not _is_ours(connection):
        _create(connection)
    elif _revision(connection) != CURRENT:
        from bridge.store.scripts import migrate  # not before it is needed: Alembic is slow to import

        migrate(connection)


def _create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)
    _VERSION.create(connection)
    connection.execute(insert(_VERSION).values(version_num=CURRENT))

"""Brings a database's tables up to date at start. Several processes may start at once: one works, the others wait.

An empty database gets the tables as they are now, in one step; a test holds that the scripts lead to the same ones.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.errors import PermanentError
from bridge.store.engine import open_engine
from bridge.store.rights import READS, may_make_tables, may_read, may_use_tables
from bridge.store.schema_session import SchemaSession, begin
from bridge.store.sqlite import WRITES
from bridge.store.tables import metadata

CURRENT: Final = "0020"
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
    """Do what `upgrade` does, in one transaction that excludes all others that migrate.

    Raises `PermanentError` for what only a person can mend: a newer schema, somebody else's tables, a missing right.
    """
    async with begin(engine.execution_options(**{WRITES: True})) as session:
        if session.is_postgres:
            await session.rows(text("SELECT pg_advisory_xact_lock(:number)").bindparams(number=_MIGRATING))
        await _upgrade(session, await _revision_of(session))
        if session.is_postgres:
            await may_use_tables(session)


async def check_engine(engine: AsyncEngine, *, read_only: bool = False) -> None:
    """Raise `PermanentError` unless the database has the tables of this very version, and we may use them."""
    async with begin(engine) as session:
        has = await _revision_of(session)
        if has is None:
            raise PermanentError("this database has no tables of mef-bridge: mef-bridge serve makes them")
        if has != CURRENT:
            _refuse_newer(has)
            raise PermanentError(f"{_differ(has)}: start mef-bridge serve once, which brings it up to date")
        if session.is_postgres:
            await may_use_tables(session, READS) if read_only else await may_use_tables(session)


async def standing_of(session: SchemaSession) -> str | None:
    """Give the revision of the tables, which may be older than ours; None where there are none yet.

    Raises `PermanentError` for those of a newer bridge, and of somebody else.
    """
    has = await _revision_of(session)
    if has is None:
        await _refuse_others(session)
    elif has != CURRENT:
        _refuse_newer(has)
    return has


async def _upgrade(session: SchemaSession, has: str | None) -> None:
    if has == CURRENT:
        return
    if has is not None:
        _refuse_newer(has)
    else:
        await _refuse_others(session)
    if session.is_postgres:
        await may_make_tables(session)
    await session.run_sync(_create if has is None else _migrate)


async def _refuse_others(session: SchemaSession) -> None:
    """A database without our revision must not have tables by our names: they are somebody else's."""
    found = sorted(
        set(await _asked(session, lambda connection: inspect(connection).get_table_names())) & set(metadata.tables)
    )
    if found:
        raise PermanentError(
            f"the database has a table {found[0]!r} already, which mef-bridge has not made: give it a "
            "database, or a schema, of its own"
        )


def _refuse_newer(has: str) -> None:
    from bridge.store.scripts import revisions  # not before it is needed: Alembic is slow to import

    if has not in revisions():
        raise PermanentError(f"{_differ(has)}: use the newer mef-bridge that made it, or another database")


def _differ(has: str) -> str:
    return f"the database is at schema {has}, this mef-bridge at {CURRENT}"


async def _revision_of(session: SchemaSession) -> str | None:
    """Give the revision of the database's tables; None if it has none of ours."""
    if session.is_postgres:
        await may_read(session, _VERSION.name)
    return await _asked(session, _revision)


T = TypeVar("T")


async def _asked(session: SchemaSession, ask: Callable[[Connection], T]) -> T:
    answers: list[T] = []
    await session.run_sync(lambda connection: answers.append(ask(connection)))
    return answers[0]


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(select(_VERSION.c.version_num))


def _create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)
    _VERSION.create(connection)
    connection.execute(insert(_VERSION).values(version_num=CURRENT))


def _migrate(connection: Connection) -> None:
    from bridge.store.scripts import migrate  # not before it is needed: Alembic is slow to import

    migrate(connection)

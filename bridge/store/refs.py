"""Queries for many jobs at once, which are told apart by pack and key."""

from collections.abc import Collection

from sqlalchemy import Column, ColumnElement, Executable, RowMapping, and_, bindparam

from bridge.domain.model import JobRef
from bridge.store.session import KEYS, Session


def is_one_of(pack: Column[str], key: Column[str]) -> ColumnElement[bool]:
    """Ask by pack and by key: to compare pairs, SQLite reads a whole table. `rows_of` sorts out the rest."""
    return and_(pack.in_(bindparam("packs", expanding=True)), key.in_(KEYS))


async def rows_of(
    session: Session, statement: Executable, refs: Collection[JobRef], **parameters: object
) -> list[tuple[JobRef, RowMapping]]:
    """Run a query for jobs; it also finds a key of one pack in another, which is left out."""
    packs = sorted({ref.pack for ref in refs})
    found = await session.rows_in(statement, sorted({ref.key for ref in refs}), packs=packs, **parameters)
    named = ((JobRef(row["pack"], row["job_key"]), row) for row in found)
    wanted = frozenset(refs)
    return [(ref, row) for ref, row in named if ref in wanted]

"""Drafts of packs that were activated: the latest of each pack, for all processes on this database."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import bindparam, delete, or_, select, update

from bridge.flows.operator import Activation
from bridge.store.columns import Row
from bridge.store.session import Database, insert
from bridge.store.tables import activations

_COUNTS = activations.c.ended_at.is_(None)
_IDS = select(activations.c.id).where(_COUNTS)
_CURRENT = select(activations).where(_COUNTS).order_by(activations.c.pack)
_OF_PACK = select(activations).where(activations.c.pack == bindparam("of"))
_ADDED = insert(activations)
_ACTIVATE = _ADDED.on_conflict_do_update(
    index_elements=["pack"],
    set_={name: column for name, column in _ADDED.excluded.items() if name != "pack"},
    where=or_(activations.c.id == bindparam("instead_of"), activations.c.ended_at.is_not(None)),
).returning(activations.c.id)
_THIS = activations.c.id == bindparam("this")
_REMOVE = delete(activations).where(_THIS)
_END = update(activations).where(_THIS, _COUNTS).values(ended_at=bindparam("ended", type_=activations.c.ended_at.type))
_FIELDS = [field.name for field in fields(Activation)]


class Activations:
    """What was activated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ids(self) -> frozenset[str]:
        """Name those that have not ended: cheap enough to ask every second."""
        async with self._database.read() as session:
            return frozenset(row["id"] for row in await session.rows(_IDS))

    async def current(self) -> Sequence[Activation]:
        """Read those that have not ended."""
        async with self._database.read() as session:
            return [_activation(row) for row in await session.rows(_CURRENT)]

    async def latest(self, pack: str) -> Activation | None:
        """Read that of a pack, also one that has ended."""
        async with self._database.read() as session:
            row = await session.row(_OF_PACK, {"of": pack})
        return None if row is None else _activation(row)

    async def activate(self, activation: Activation, instead_of: str | None) -> bool:
        """Keep one, in place of the one with that id or of one that has ended; where there is another, return False."""
        row = {name: getattr(activation, name) for name in _FIELDS}
        async with self._database.write() as session:
            return bool(await session.rows(_ACTIVATE, {**row, "instead_of": instead_of or ""}))

    async def end(self, id_: str, at: datetime) -> bool:
        """Let one count no longer, and keep it to be looked at; tell whether it did until now."""
        async with self._database.write() as session:
            return bool(await session.run(_END, {"this": id_, "ended": at}))

    async def remove(self, id_: str) -> bool:
        """Remove one for good; tell whether it was there."""
        async with self._database.write() as session:
            return bool(await session.run(_REMOVE, {"this": id_}))


def _activation(row: Row) -> Activation:
    return Activation(**{name: row[name] for name in _FIELDS})

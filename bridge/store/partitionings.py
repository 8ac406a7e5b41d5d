"""How many partitions the inbound queue of each pack is divided into, for all processes on this database."""

from sqlalchemy import bindparam, select

from bridge.store.session import Database, upsert
from bridge.store.tables import partitionings

_FIND = select(partitionings.c.partitions).where(partitionings.c.pack == bindparam("of"))
_CHANGE = upsert(partitionings)


class Partitionings:
    """What is in force."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, pack: str) -> int:
        """Tell how many are in force; 1 where nobody ever said."""
        async with self._database.read() as session:
            row = await session.row(_FIND, {"of": pack})
        return 1 if row is None else int(row["partitions"])

    async def change(self, pack: str, count: int) -> None:
        """Put another number in force."""
        async with self._database.write() as session:
            await session.run(_CHANGE, {"pack": pack, "partitions": count})

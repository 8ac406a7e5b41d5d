"""How the messages of each pack are divided, for all processes on this database."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from bridge.errors import ConflictError
from bridge.flows.partitioning import InForce, Partitioning
from bridge.store.session import Database, Found, insert_new
from bridge.store.tables import partitionings

_COLUMNS: Final = ("partitions", "divided_by", "next_partitions", "next_divided_by")
_FIND = select(partitionings).where(partitionings.c.pack == bindparam("of"))
_ADD = insert_new(partitionings)
_CHANGE = (
    update(partitionings)
    .where(
        partitionings.c.pack == bindparam("of"),
        *(partitionings.c[name] == bindparam(f"was_{name}") for name in _COLUMNS),
    )
    .values({name: bindparam(f"will_{name}") for name in _COLUMNS})
)


class Partitionings:
    """What is in force."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, pack: str) -> InForce:
        """Tell what is in force; one partition where nobody ever said."""
        async with self._database.read() as session:
            row = await session.row(_FIND, {"of": pack})
        return InForce() if row is None else _in_force(row)

    async def change(self, pack: str, was: InForce, will: InForce) -> None:
        """Put something else in force. Raises `ConflictError` where it is not any more as it was."""
        asked = {f"was_{name}": value for name, value in _row(was).items()}
        wanted = {f"will_{name}": value for name, value in _row(will).items()}
        async with self._database.write() as session:
            await session.run(_ADD, {"pack": pack, **_row(InForce())})
            if not await session.run(_CHANGE, {"of": pack, **asked, **wanted}):
                raise ConflictError(f"the partitioning of {pack} was changed by another process")


def _row(in_force: InForce) -> Mapping[str, Any]:
    following = in_force.next or Partitioning(0, "")
    return dict(zip(_COLUMNS, (in_force.now.count, in_force.now.by, following.count, following.by), strict=True))


def _in_force(row: Found) -> InForce:
    now, count = Partitioning(int(row["partitions"]), row["divided_by"]), int(row["next_partitions"])
    return InForce(now, Partitioning(count, row["next_divided_by"]) if count else None)

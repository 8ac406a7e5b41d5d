"""The processes of the bridge that work on this database. Each of them writes every few seconds that it lives.

This one write shows three things. The database takes changes: it is large enough to need room on the disk
(`Health`). Its process lives: what it has claimed is its own, also where the database was away for longer than a
lease. And a process that is silent while the others go on has died: what it had claimed is taken over, long before its
leases end.

No clocks are compared. A process is silent if its count stands still while we see it again and again; what nobody could
read, because the database was away, is nobody's silence.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import and_, bindparam, delete, exists, select, update

from bridge.flows.operator import RunningPack
from bridge.flows.ports.clock import Clock
from bridge.store import ordering
from bridge.store.session import Database, Session, insert
from bridge.store.tables import BALLAST_BYTES, deliveries, outbox, processes, requests

BEAT_S: Final = 5.0
"""How often a process says that it lives."""
TROUBLE_S: Final = 1.0
"""How soon it tries again when it could not."""
SILENT_BEATS: Final = 4
"""So often in a row we see a count stand still before its process is dead: longer than a lost connection is away."""

_ADDED = insert(processes)
_BEAT = _ADDED.on_conflict_do_update(
    index_elements=["id"],
    set_={
        "beats": processes.c.beats + 1,
        "ballast": _ADDED.excluded.ballast,
        "packs": _ADDED.excluded.packs,
        "deployed": _ADDED.excluded.deployed,
    },
)
_PACKS = select(processes.c.instance, processes.c.packs, processes.c.deployed, processes.c.beats, processes.c.id)
_OTHERS = select(processes.c.id, processes.c.instance, processes.c.beats).where(processes.c.id != bindparam("own"))
_EARLIER = _OTHERS.where(processes.c.instance == bindparam("of_instance"))
_STRIKE = delete(processes).where(processes.c.id == bindparam("dead"), processes.c.beats == bindparam("seen"))
_LEAVE = delete(processes).where(processes.c.id == bindparam("dead"))
_RELEASE_REQUESTS = (
    update(requests)
    .where(and_(requests.c.instance == bindparam("of_instance"), requests.c.claim.is_not(None)))
    .where(~exists(select(processes.c.id).where(processes.c.instance == bindparam("of_instance"))))
    .values(claim=None)
)


class Process(NamedTuple):
    """A process as it was seen."""

    id: str
    instance: str
    beats: int


class Watch:
    """What was seen of the others, look by look."""

    def __init__(self, patience: int = SILENT_BEATS) -> None:
        self._patience = patience
        self._seen: Mapping[str, tuple[int, int]] = {}

    def silent(self, others: Iterable[Process]) -> list[Process]:
        """Look once more; return those that were silent so often by now."""
        seen: dict[str, tuple[int, int]] = {}
        for other in others:
            beats, times = self._seen.get(other.id, (other.beats, 0))
            seen[other.id] = (other.beats, times + 1 if beats == other.beats and other.id in self._seen else 0)
        self._seen = seen
        return [other for other in others if seen[other.id][1] >= self._patience]


class Processes:
    """This process among the others. `on_free` is called after a commit that made free what a dead one had claimed."""

    def __init__(self, database: Database, clock: Clock, id_: str, instance: str) -> None:
        self._database = database
        self._clock = clock
        self._id = id_
        self._instance = instance
        self._watch = Watch()
        self._is_known = False
        self._seen: Mapping[str, int] = {}
        self.instances: frozenset[str] = frozenset((instance,))
        """All that were there at the last beat, this one among them."""
        self.packs: Callable[[], Mapping[str, str]] = dict
        """The packs that this process goes by, with their versions."""
        self.deployed: Callable[[], Mapping[str, str]] = dict
        """The same packs, with the versions that their files come to: other ones where an activated draft runs."""
        self.on_free: Callable[[], None] = ordering.nobody

    async def beat(self) -> Sequence[Process]:
        """Say that this process lives, and look after the others; return those that it has taken over from.

        Raises `StoreUnavailable`; do so again after `BEAT_S`, or then after `TROUBLE_S`.
        """
        return [dead for dead in self._watch.silent(await self._write()) if await self._bury(dead)]

    async def going_by_others(self, packs: Mapping[str, str]) -> Sequence[tuple[str, str, str]]:
        """Tell which processes go by another version of a pack: instance, pack and version.

        Asked again, it leaves out those that have been silent since: they may have died.
        """
        async with self._database.read() as session:
            rows = await session.rows(_PACKS)
        living = [row for row in rows if self._seen.get(row["id"]) != row["beats"]]
        self._seen = {row["id"]: row["beats"] for row in rows}
        return [
            (row["instance"], name, version)
            for row in living
            for name, version in (row["packs"] or {}).items()
            if packs.get(name, version) != version
        ]

    async def going_by(self, pack: str) -> Sequence[RunningPack]:
        """Tell which processes go by a pack, this one as it is now, and others that have not been found dead."""
        async with self._database.read() as session:
            rows = await session.rows(_PACKS)
        told = [(row["instance"], row["packs"], row["deployed"]) for row in rows if row["id"] != self._id]
        told.append((self._instance, self.packs(), self.deployed()))
        found = [
            RunningPack(instance, packs[pack], (deployed or {}).get(pack))
            for instance, packs, deployed in told
            if packs and pack in packs
        ]
        return sorted(found, key=lambda each: each.instance)

    async def tell(self) -> None:
        """Let the others know at once by which packs this process goes."""
        await self._write()

    async def take_over(self) -> Sequence[Process]:
        """Take over from earlier processes of this instance, which are known to have ended; return them."""
        async with self._database.read() as session:
            found = await session.rows(_EARLIER, {"own": self._id, "of_instance": self._instance})
        return [dead for row in found if await self._bury(dead := Process(**row), certainly=True)]

    async def leave(self) -> None:
        """Say that this process ends; what it has claimed is free at once."""
        if not self._is_known or self._database.health.problem is not None:
            return
        async with self._database.write() as session:
            await session.run(_LEAVE, {"dead": self._id})
            await self._release(session, Process(self._id, self._instance, 0), certainly=True)

    async def _write(self) -> list[Process]:
        """Count on; return the others."""
        health = self._database.health
        health.asked()
        async with self._database.write(probe=True) as session:
            row = {
                "id": self._id,
                "instance": self._instance,
                "beats": 1,
                "ballast": os.urandom(BALLAST_BYTES),
                "packs": dict(self.packs()),
                "deployed": dict(self.deployed()),
            }
            await session.run(_BEAT, row)
            others = await session.rows(_OTHERS, {"own": self._id})
        self._is_known = True
        self.instances = frozenset((self._instance, *(row["instance"] for row in others)))
        return [Process(**row) for row in others]

    async def _bury(self, dead: Process, *, certainly: bool = False) -> bool:
        """Free what a process had claimed, unless it shows that it lives; tell whether it does not.

        One that is silent may have a notification on its way, cut off from the database: its leases end by themselves.
        """
        async with self._database.write() as session:
            if not await session.run(_STRIKE, {"dead": dead.id, "seen": dead.beats}):
                return False
            await self._release(session, dead, certainly=certainly)
        self.on_free()
        return True

    async def _release(self, session: Session, dead: Process, *, certainly: bool) -> None:
        now = self._clock()
        await ordering.release(session, outbox, dead.id, now)
        if certainly:
            await ordering.release(session, deliveries, dead.id, now)
        await session.run(_RELEASE_REQUESTS, {"of_instance": dead.instance})

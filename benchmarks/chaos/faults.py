"""What fails around the bridge, at random but seeded: it is killed or stopped, its connections are cut."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

import asyncpg  # type: ignore[import-untyped]

from bridge.localenv.postgres import asyncpg_url
from tests.integration.wfm.conftest import Wire
from tests.system.processes import BridgeProcess

REST_S: Final = (1.0, 4.0)
"""Between two faults."""
CUT_S: Final = 1.5
"""A cut lasts for so long at most."""

_TERMINATE: Final = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@dataclass(slots=True)
class Faults:
    """`kills` kills and stops of the bridge, and as many cuts of its connections, spread over what is to happen.

    `done` says how much has happened so far, as a part of all. `up` is set while the bridge is meant to be there.
    """

    bridge: BridgeProcess
    wire: Wire
    database_url: str
    random: Random
    kills: int
    done: Callable[[], float]
    up: asyncio.Event = field(default_factory=asyncio.Event)
    happened: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Let all of them happen, each when its moment has come; the bridge is ready at the end."""
        self.up.set()
        kinds = [self.random.choice(("kill", "kill", "stop")) for _ in range(self.kills)]
        kinds += [self.random.choice(("cut", "sessions")) for _ in range(self.kills)]
        self.random.shuffle(kinds)
        for number, kind in enumerate(kinds):
            moment = (number + self.random.random()) / len(kinds) * 0.9
            while self.done() < moment:  # noqa: ASYNC110 - what is waited for are jobs that are being lived
                await asyncio.sleep(0.05)
            self.happened[kind] += 1
            await self._let_happen(kind)
            await asyncio.sleep(self.random.uniform(*REST_S))
        await self.bridge.ready()

    async def _let_happen(self, kind: str) -> None:
        if kind == "cut":
            self.wire.cut()
            await asyncio.sleep(self.random.uniform(0, CUT_S))
            self.wire.mend()
        elif kind == "sessions":
            await self._cut_sessions()
        else:
            await self._end_bridge(kind)

    async def _end_bridge(self, kind: str) -> None:
        """End it, one way or the other, and start it again at once."""
        self.up.clear()
        if kind == "kill":
            self.bridge.kill()
        elif await self.bridge.stop() != 0:
            raise RuntimeError(f"the bridge was asked to end, and did not end well:\n{self.bridge.said[-4000:]}")
        await self.bridge.start_ready()
        self.up.set()

    async def _cut_sessions(self) -> None:
        connection = await asyncpg.connect(asyncpg_url(self.database_url))
        try:
            await connection.execute(_TERMINATE)
        finally:
            await connection.close()

"""What fails around the bridge, at random but seeded.

The bridge is killed or stopped; its connections are cut, or stay and say nothing more; RabbitMQ and PostgreSQL are
killed, stopped and frozen, where they are the run's own.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

import asyncpg  # type: ignore[import-untyped]

from benchmarks.chaos.servers import Servers
from bridge.localenv.postgres import asyncpg_url
from bridge.localenv.server import Server
from tests.integration.wfm.conftest import Wire
from tests.system.processes import BridgeProcess

REST_S: Final = (1.0, 4.0)
"""Between two faults."""
CUT_S: Final = 1.5
"""A cut, or a server that is away, lasts for so long at most."""
SILENT_S: Final = 4.0
"""The same for a connection that says nothing more, or a server that is frozen."""

OF_THE_BRIDGE: Final = ("bridge killed", "bridge killed", "bridge stopped")
OF_CONNECTIONS: Final = (
    "RabbitMQ cut off",
    "RabbitMQ silent",
    "PostgreSQL cut off",
    "PostgreSQL silent",
    "PostgreSQL's sessions ended",
)
OF_SERVERS: Final = ("killed", "killed", "stopped", "frozen")

_TERMINATE: Final = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@dataclass(slots=True)
class Faults:
    """`kills` kills and stops of the bridge, as many cuts of its connections, and half as many ends of the servers.

    They are spread over what is to happen: `done` says how much has happened so far, as a part of all. `up` is set
    while the bridge is meant to be there. `wires` are its ways to RabbitMQ and PostgreSQL.
    """

    bridge: BridgeProcess
    wires: dict[str, Wire]
    servers: Servers | None
    database_url: str
    random: Random
    kills: int
    done: Callable[[], float]
    up: asyncio.Event = field(default_factory=asyncio.Event)
    happened: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Let all of them happen, each when its moment has come; the bridge is ready at the end."""
        self.up.set()
        kinds = self._drawn()
        for number, kind in enumerate(kinds):
            moment = (number + self.random.random()) / len(kinds) * 0.9
            while self.done() < moment:  # noqa: ASYNC110 - what is waited for are jobs that are being lived
                await asyncio.sleep(0.05)
            self.happened[kind] += 1
            await self._let_happen(*kind.split(" ", 1))
            await asyncio.sleep(self.random.uniform(*REST_S))
        await self.bridge.ready()

    def _drawn(self) -> list[str]:
        kinds = [self.random.choice(OF_THE_BRIDGE) for _ in range(self.kills)]
        kinds += [self.random.choice(OF_CONNECTIONS) for _ in range(self.kills)]
        if self.servers is not None:
            for number in range(self.kills // 2):
                name = ("RabbitMQ", "PostgreSQL")[number % 2]
                kinds.append(f"{name} {self.random.choice(OF_SERVERS)}")
        self.random.shuffle(kinds)
        return kinds

    async def _let_happen(self, what: str, how: str) -> None:
        if what == "bridge":
            await self._end_bridge(how)
        elif what == "PostgreSQL's":
            await self._end_sessions()
        elif how == "cut off":
            await self._cut(self.wires[what])
        elif how == "silent":
            await self._silence(self.wires[what])
        elif self.servers is not None:
            await self._end_server(getattr(self.servers, what.lower()), how)

    async def _cut(self, wire: Wire) -> None:
        wire.cut()
        await asyncio.sleep(self.random.uniform(0, CUT_S))
        wire.mend()

    async def _silence(self, wire: Wire) -> None:
        """Nothing that the server says arrives, and all that it is told does; then it is cut, or goes on."""
        wire.hold()
        await asyncio.sleep(self.random.uniform(0, SILENT_S))
        if self.random.random() < 0.5:
            wire.cut()
        wire.release()
        wire.mend()

    async def _end_bridge(self, how: str) -> None:
        """End it, one way or the other, and start it again at once."""
        self.up.clear()
        if how == "killed":
            self.bridge.kill()
        elif await self.bridge.stop() != 0:
            raise RuntimeError(f"the bridge was asked to end, and did not end well:\n{self.bridge.said[-4000:]}")
        await self.bridge.start_ready()
        self.up.set()

    async def _end_server(self, server: Server, how: str) -> None:
        """End it, one way or the other, and start it again on what it has; or let it stand still for a while."""
        if how == "frozen":
            server.signal(signal.SIGSTOP)
            await asyncio.sleep(self.random.uniform(0, SILENT_S))
            server.signal(signal.SIGCONT)
            return
        polite = signal.SIGTERM if server is self._rabbitmq else signal.SIGINT
        await asyncio.to_thread(server.end, signal.SIGKILL if how == "killed" else polite)
        await asyncio.sleep(self.random.uniform(0, CUT_S))
        await asyncio.to_thread(server.start)

    @property
    def _rabbitmq(self) -> Server | None:
        return self.servers.rabbitmq if self.servers is not None else None

    async def _end_sessions(self) -> None:
        connection = await asyncpg.connect(asyncpg_url(self.database_url))
        try:
            await connection.execute(_TERMINATE)
        finally:
            await connection.close()

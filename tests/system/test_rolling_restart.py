"""Two processes are restarted one after the other behind a load balancer, and no Buyer's request fails."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from yarl import URL

from bridge.localenv.process import free_port
from bridge.mef.enums import Irp
from bridge.mef.models import TimePeriod
from bridge.simulator.buyer_client import BuyerClient
from tests.integration.wfm.conftest import Wire
from tests.support import NEVER_S, eventually
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import API_KEY, Laboratory
from tests.system.processes import BridgeProcess

pytestmark = [pytest.mark.system, pytest.mark.integration]

CLIENTS = 2
WFM_TAKES_S = 0.05
"""For each search: the clients ask without a pause, and leave the processors to the bridge meanwhile."""


@dataclass
class Balancer(Wire):
    """Leads each new connection to the next of the processes whose last probe said that it is ready."""

    processes: tuple[BridgeProcess, ...] = ()
    ready: frozenset[str] = frozenset()
    _turn: "count[int]" = field(default_factory=count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ready = [process.url for process in self.processes if process.url in self.ready]
        self.target = URL(ready[next(self._turn) % len(ready)])
        await super().serve(reader, writer)

    async def probe(self) -> frozenset[str]:
        """Ask all of them, and give the URLs of those that are ready."""
        found = [(process.url, await process.health()) for process in self.processes]
        self.ready = frozenset(url for url, health in found if health is not None and health["http"] == 200)
        return self.ready

    async def has_left_out(self, process: BridgeProcess) -> bool:
        return process.url not in await self.probe()

    async def has_all(self) -> bool:
        return len(await self.probe()) == len(self.processes)


@dataclass
class Client:
    """A Buyer who reads and searches without a pause; each answer counts, whatever is none is an error of the test."""

    url: str
    answers: int = 0

    async def go_on(self, work_order: str) -> None:
        async with BuyerClient(self.url, API_KEY, Irp.SONATA) as buyer:
            while True:
                assert await buyer.work_orders()
                assert (await buyer.search(work_order, next_days())).available_time_slot
                self.answers += 1


def next_days() -> TimePeriod:
    now = datetime.now(UTC)
    return TimePeriod(start_date_time=now, end_date_time=now + timedelta(days=10))


@asynccontextmanager
async def working(clients: list[Client], work_order: str) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.go_on(work_order)) for client in clients]
        yield
        for task in tasks:
            task.cancel()


async def until_all_were_answered_again(clients: list[Client]) -> None:
    """Until each client has had an answer to what it asked from now on."""
    before = [client.answers for client in clients]
    await eventually(lambda: all(client.answers >= had + 2 for client, had in zip(clients, before, strict=True)))


async def replaced(process: BridgeProcess, balancer: Balancer, clients: list[Client], lab: Laboratory) -> None:
    """Restart it as an operator does: it is asked to stop, noticed, left, and started again."""
    job, work_order = await lab.new_job()
    window = (await lab.windows(work_order))[0]
    async with BuyerClient(process.url, API_KEY, Irp.SONATA) as buyer:
        async with lab.unanswered(job, "BOOKVIS", silent=False):
            booking = asyncio.create_task(buyer.book(work_order, window))
            await eventually(lambda: job in [each["JOB_NO"] for each in lab.wfm.commands if each["CMD"] == "BOOKVIS"])
            send(process, signal.SIGTERM)
            await eventually(lambda: balancer.has_left_out(process))
            health = await process.health()
            assert health is not None
            assert health["problems"] == {"open": "the bridge is being stopped"}
            await until_all_were_answered_again(clients)
            send(process, signal.SIGTERM)  # the time to notice is over
            await eventually(lambda: refuses(process))
        assert (await booking).valid_for == window
    assert await process.ended() == 0
    await process.start_ready()
    await eventually(balancer.has_all)
    await until_all_were_answered_again(clients)


def send(process: BridgeProcess, number: signal.Signals) -> None:
    assert process._running is not None
    process._running.send_signal(number)


async def refuses(process: BridgeProcess) -> bool:
    return await process.health() is None


async def test_two_processes_are_restarted_one_by_one_and_no_request_fails(
    make_laboratory: MakeLaboratory, database_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        balancer = Balancer(URL("http://127.0.0.1"))
        port = free_port()
        server = await asyncio.start_server(balancer.serve, "127.0.0.1", port)
        stack.callback(balancer.cut)
        stack.callback(server.close)
        url = f"http://127.0.0.1:{port}"
        lab = await make_laboratory(database_url, HTTP_BASE_URL=url, HTTP_DRAIN_SECONDS=str(NEVER_S))
        second = BridgeProcess(
            tmp_path / "second.log", lab.bridge.environ | {"BRIDGE_INSTANCE": f"{lab.topology.instance}-2"}
        )
        stack.callback(lambda: print(second.said))  # noqa: T201 - pytest shows it beside a failure
        stack.callback(second.kill)
        for process in (lab.bridge, second):
            process.start()
        for process in (lab.bridge, second):
            await process.ready()
        balancer.processes = (lab.bridge, second)
        await eventually(balancer.has_all)
        lab.wfm.reply_delay = WFM_TAKES_S
        await lab.buyer.register()
        _, work_order = await lab.new_job()
        clients = [Client(url) for _ in range(CLIENTS)]
        async with working(clients, work_order):
            await until_all_were_answered_again(clients)
            for process in balancer.processes:
                await replaced(process, balancer, clients, lab)
        await lab.until_settled()
        assert sorted(each.status for each in await lab.buyer.appointments()) == ["confirmed", "confirmed"]
        for process in balancer.processes:
            process.kill()
        await lab.channel.queue_delete(f"{lab.namespace}mef-bridge.{lab.topology.instance}-2.replies")

"""A bridge with its console in this process, in memory but for its database, and the night on which somebody looks."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from bridge.app.running import RunningBridge, running
from bridge.domain.model import Outcome
from bridge.flows.ports.journal_entry import MessageFilter
from bridge.localenv.process import free_port
from bridge.mef.enums import Irp
from bridge.settings import (
    AdminSettings,
    BrokerSettings,
    DatabaseSettings,
    DeliverySettings,
    HttpSettings,
    Mode,
    OidcSettings,
    QueueType,
    Settings,
)
from bridge.simulator.buyer import SimulatedBuyer
from bridge.simulator.wfm import SimulatedWfm
from bridge.wfm.link import IN_MEMORY_URL, RabbitLink
from tests.support import eventually

ROOT = Path(__file__).parents[2]
PACK = "acme-wfm"
TICKET = "TT-4711"
"""The trouble ticket of the WorkOrder that is still open."""


@dataclass(frozen=True)
class Scene:
    """The parts. `console` is the address of the console."""

    bridge: RunningBridge
    wfm: SimulatedWfm
    buyer: SimulatedBuyer
    pack: Path
    console: str

    async def parked(self) -> int:
        """Count what is parked."""
        groups = await self.bridge.store.journal.groups(MessageFilter(outcome=Outcome.PARKED))
        return sum(group.number for group in groups)

    async def stuck_order(self) -> str:
        """Give the id of the WorkOrder that is still open."""
        (job,) = (await self.bridge.store.traces.find(TICKET)).jobs
        trace = await self.bridge.store.traces.read(job)
        return trace.work_orders[0].id


@asynccontextmanager
async def open_scene(
    directory: Path, oidc: OidcSettings | None = None, database: str | None = None
) -> AsyncIterator[Scene]:
    """Let a bridge with a simulated WFM and Buyer run, on a copy of a pack; nothing has happened yet.

    `database` is a URL, or else it is a file of its own.
    """
    pack = shutil.copytree(ROOT / "mappings" / PACK, directory / PACK)
    async with AsyncExitStack() as stack:
        link = RabbitLink(IN_MEMORY_URL, name="simulated WFM")
        await link.start()
        stack.push_async_callback(link.stop)
        wfm = SimulatedWfm(link.broker, "", reply_delay=0.005)
        await wfm.start()
        stack.push_async_callback(wfm.stop)
        port = free_port()
        settings = _settings(directory, pack, port, oidc, database)
        bridge = await stack.enter_async_context(running(settings, link))
        buyer = await stack.enter_async_context(SimulatedBuyer(bridge.url, "acme-buyer-key", Irp.SONATA))
        await buyer.register()
        yield Scene(bridge, wfm, buyer, pack, f"http://127.0.0.1:{port}")


def _settings(directory: Path, pack: Path, port: int, oidc: OidcSettings | None, database: str | None) -> Settings:
    return Settings.model_construct(
        mode=Mode.DEVELOPMENT,
        packs=(pack,),
        buyers=ROOT / "config" / "buyers.yaml",
        http=HttpSettings(port=0),
        admin=AdminSettings(port=port),
        broker=BrokerSettings(url=SecretStr("amqp://in-memory/"), queue_type=QueueType.CLASSIC),
        database=DatabaseSettings(url=SecretStr(database or f"sqlite:///{directory / 'bridge.sqlite3'}")),
        delivery=DeliverySettings(allow_private_callbacks=True),
        oidc=oidc or OidcSettings(),
    )


async def let_a_night_pass(scene: Scene) -> None:
    """Let jobs live, and have three technicians leave with a status that the pack does not know."""
    begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    window = (begun, begun + timedelta(hours=4))
    done = await scene.wfm.create_job(ticket="TT-1001", site="SITE-3")
    await scene.wfm.schedule(done, window, "T042")
    await scene.wfm.start_work(done)
    await scene.wfm.finish(done)
    planned = await scene.wfm.create_job(ticket="TT-1002", remark="Ring at the gate: +48 600 555 123")
    await scene.wfm.schedule(planned, window, "T043")
    missed = await scene.wfm.create_job("PL-00018", ticket="TT-1003")
    await scene.wfm.schedule(missed, window, "T044")
    await scene.wfm.start_work(missed)
    await scene.wfm.no_show(missed, "T02")
    for ticket, remark in ((TICKET, "Key with Mrs Nowak, +48 600 555 999"), ("TT-1004", ""), ("TT-1005", "")):
        job = await scene.wfm.create_job(ticket=ticket, visit_required=False, remark=remark)
        await scene.wfm.raw(job, status="LEFT")
    strange = await scene.wfm.create_job(ticket="TT-1006", visit_required=False)
    await scene.wfm.raw(strange, status="WIP", TECH="T099")
    await until(scene, 4)
    await eventually(lambda: all_delivered(scene))


async def until(scene: Scene, parked: int) -> None:
    """Wait until so many messages are parked."""

    async def are() -> bool:
        return await scene.parked() == parked

    await eventually(are)


async def all_delivered(scene: Scene) -> bool:
    """Tell whether Buyers have been told everything."""
    return not (await scene.bridge.store.counts.read()).backed

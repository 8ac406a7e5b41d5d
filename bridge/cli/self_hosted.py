"""Sets the system up that `mef-bridge conformance` tests when it is given no other: bridge, simulated WFM, callers.

Two bridges run, because one deployment has either one Seller or several (R7, R8); each has a WFM of its own. The checks
see none of this: they get addresses, keys and hooks, as for any other system.
"""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from bridge import box
from bridge.app.running import RunningBridge, running
from bridge.conformance.hooks import Hook, Hooks, Run
from bridge.conformance.listener import Listener
from bridge.conformance.target import Account, Accounts, Knobs, Target
from bridge.mef.enums import Irp
from bridge.settings import (
    AdminSettings,
    BrokerSettings,
    DatabaseSettings,
    DeliverySettings,
    HttpSettings,
    Mode,
    QueueType,
    SellerSettings,
    Settings,
)
from bridge.simulator.acme import TECHNICIANS, Window
from bridge.simulator.wfm import COMMANDS_EXCHANGE, COMMANDS_QUEUE, EVENTS_EXCHANGE, SimulatedWfm
from bridge.wfm.link import IN_MEMORY_URL, RabbitLink
from bridge.wfm.topology import Topology

INSTANCE: Final = "conformance"
PACKS: Final = box.BOX / "mappings"
PACK, OTHER_PACK = "acme-wfm", "acme-south"
BUYER, OTHER = "acme-buyer", "other-buyer"
SELLER: Final = "acme-north"
SELLERS: Final = (SellerSettings(id=SELLER, packs=(PACK,)), SellerSettings(id="acme-south", packs=(OTHER_PACK,)))
KEYS: Final = {"one": "one-buyer-key", "other": "another-buyer-key", "several": "several-buyers-key"}
NOTE: Final = "Ring twice; the dog is friendly."
REPLY_DELAY_S: Final = 0.01
RETRIES_S: Final = (0.0, 0.3, 0.5, 1.0, 2.0)
TICKETS: Final = {"PEND": "pending", "WORK": "inProgress", "RSLV": "resolved"}
KNOBS: Final = Knobs(patience=60.0, quiet=0.4, retry=60.0, poll=0.02, search_days=59, job_note=NOTE)


@asynccontextmanager
async def self_hosted(
    broker_url: str | None, irp: Irp = Irp.SONATA, knobs: Knobs = KNOBS, prefix: str = "conformance"
) -> AsyncIterator[Target]:
    """Start everything and give the open target. No URL means the in-memory broker."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"mef-bridge-{prefix}-")))
        namespace = f"{prefix}-{directory.name[-8:]}."
        link = await _link(broker_url, stack)
        one_wfm = await _wfm(link, f"{namespace}one.", stack)
        one = await _bridge(link, broker_url, f"{namespace}one.", directory, stack)
        several_wfm = await _wfm(link, f"{namespace}several.", stack)
        several = await _bridge(link, broker_url, f"{namespace}several.", directory, stack, SELLERS)
        listener = await stack.enter_async_context(Listener())
        target = Target(one.url, _accounts(several), hooks_on(one_wfm, several_wfm), listener, irp, knobs)
        yield await stack.enter_async_context(target)


def _accounts(several: RunningBridge) -> Accounts:
    one = Account(token=KEYS["one"])
    return Accounts(
        buyer=one,
        other=Account(token=KEYS["other"]),
        several_buyers=Account(token=KEYS["several"], buyer_id=BUYER),
        several_sellers=replace(one, url=several.url, seller_id=SELLER),
    )


def hooks_on(wfm: SimulatedWfm, several_sellers: SimulatedWfm) -> Hooks:
    """The simulated WFM's actions as hooks."""
    nights = count(2)

    async def create(_: str) -> str:
        return await wfm.create_job(remark=NOTE)

    async def create_plain(_: str) -> str:
        return await wfm.create_job(visit_required=False, remark=NOTE)

    async def create_sellers(_: str) -> str:
        return await several_sellers.create_job()

    async def move(job: str) -> str:
        visit = _visit(wfm, job)
        # The dispatcher may plan where no slot is, so no other check's window is taken.
        length = visit.window.end - visit.window.start
        await wfm.move(job, Window(visit.window.end, visit.window.end + length), visit.technician)
        return ""

    async def reassign(job: str) -> str:
        visit = _visit(wfm, job)
        others = [technician for technician in TECHNICIANS if technician != visit.technician]
        await wfm.move(job, visit.window, others[0])
        return ""

    async def agree(job: str) -> str:
        # At night, where no slot is: no other check's window is taken.
        night = datetime.now(UTC).replace(hour=20, minute=0, second=0, microsecond=0)
        start = night + timedelta(days=next(nights))
        await wfm.schedule(job, (start, start + timedelta(hours=2)))
        return ""

    async def ticket(job: str) -> str:
        words = wfm.tickets.get(wfm.acme.job(job).ticket, [])
        return TICKETS[words[-1]] if words else ""

    return Hooks(
        {
            Hook.CREATE_JOB: create,
            Hook.CREATE_PLAIN_JOB: create_plain,
            Hook.CREATE_SELLER_JOB: create_sellers,
            Hook.START: _silently(wfm.start_work),
            Hook.FINISH: _silently(wfm.finish),
            Hook.BUYER_NO_SHOW: _silently(wfm.no_show, "C01"),
            Hook.SELLER_NO_SHOW: _silently(wfm.no_show, "T01"),
            Hook.MOVE_VISIT: move,
            Hook.CANCEL_JOB: _silently(wfm.cancel_job),
            Hook.CHANGE_TECHNICIAN: reassign,
            Hook.AGREE_VISIT: agree,
            Hook.TICKET_STATUS: ticket,
        }
    )


def _silently(action: Callable[..., Coroutine[Any, Any, None]], *arguments: str) -> Run:
    async def run(job: str) -> str:
        await action(job, *arguments)
        return ""

    return run


def _visit(wfm: SimulatedWfm, job: str) -> Any:
    visit = wfm.active_visit(job)
    if visit is None:
        raise ValueError(f"job {job} has no visit")
    return visit


async def _link(broker_url: str | None, stack: AsyncExitStack) -> RabbitLink:
    link = RabbitLink(broker_url or IN_MEMORY_URL, name="simulated WFM")
    await link.start()
    stack.push_async_callback(link.stop)
    return link


async def _wfm(link: RabbitLink, namespace: str, stack: AsyncExitStack) -> SimulatedWfm:
    wfm = SimulatedWfm(link.broker, namespace, reply_delay=REPLY_DELAY_S)
    if not link.in_memory:
        stack.push_async_callback(_strike, link, namespace)
    await wfm.start()
    stack.push_async_callback(wfm.stop)
    return wfm


async def _bridge(
    link: RabbitLink,
    broker_url: str | None,
    namespace: str,
    directory: Path,
    stack: AsyncExitStack,
    sellers: tuple[SellerSettings, ...] = (),
) -> RunningBridge:
    settings = Settings.model_construct(
        instance=INSTANCE,
        mode=Mode.DEVELOPMENT,
        packs=(PACKS / PACK, *((_other_pack(directory),) if sellers else ())),
        buyers=_buyers_file(directory),
        sellers=sellers,
        http=HttpSettings(port=0),
        admin=AdminSettings(enabled=False),
        broker=BrokerSettings(
            url=SecretStr(broker_url or "amqp://in-memory/"), namespace=namespace, queue_type=QueueType.CLASSIC
        ),
        database=DatabaseSettings(url=SecretStr(f"sqlite:///{directory / namespace}sqlite3")),
        delivery=DeliverySettings(allow_private_callbacks=True, schedule_seconds=RETRIES_S),
    )
    return await stack.enter_async_context(running(settings, link if link.in_memory else None))


def _other_pack(directory: Path) -> Path:
    """The other Seller's pack: the same WFM read once more, under another name."""
    text = (PACKS / PACK / "pack.yaml").read_text()
    copy = directory / OTHER_PACK
    copy.mkdir()
    (copy / "pack.yaml").write_text(text.replace(f"pack: {PACK}\n", f"pack: {OTHER_PACK}\n"))
    return copy


def _buyers_file(directory: Path) -> Path:
    """Who may call: two entities with one Buyer each, and one for both."""
    rows = {"one": [BUYER], "other": [OTHER], "several": [BUYER, OTHER]}
    lines = ["requesting_entities:"]
    for name, buyers in rows.items():
        digest = hashlib.sha256(KEYS[name].encode()).hexdigest()
        lines.append(f"  - {{name: {name}, api_keys_sha256: [{digest}], buyers: [{', '.join(buyers)}]}}")
    file = directory / "buyers.yaml"
    file.write_text("\n".join(lines) + "\n")
    return file


async def _strike(link: RabbitLink, namespace: str) -> None:
    """Leave nothing behind on a RabbitMQ that is not ours."""
    topology = Topology(namespace=namespace, instance=INSTANCE)
    inbound = [topology.inbound_queue(pack).name for pack in (PACK, OTHER_PACK)]
    queues = (*inbound, topology.reply_queue.name, topology.dead_letter)
    async with link.scratch_channel() as channel:
        for queue in (*queues, namespace + COMMANDS_QUEUE):
            await channel.queue_delete(queue)
        for exchange in (*topology.exchanges, namespace + EVENTS_EXCHANGE, namespace + COMMANDS_EXCHANGE):
            await channel.exchange_delete(exchange)

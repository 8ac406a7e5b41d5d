"""The composition root: the only place that knows every part. `running` starts a bridge and stops it in order.

Order of start: state first, then what waits for answers, then what brings messages in, and last the door for Buyers.
Stopping goes the other way, so that nothing comes in that could not be finished.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from uuid import uuid4

import structlog
from aiohttp import web

from bridge.api.app import build_app
from bridge.api.config import ApiConfig
from bridge.api.identity import ApiKeyIdentity, RequestingEntity
from bridge.api.services import Services
from bridge.delivery.sender import callback_session
from bridge.delivery.worker import DeliveryWorker
from bridge.domain.model import BuyerId
from bridge.errors import PermanentError, StoreUnavailable
from bridge.flows.applier import Applier
from bridge.flows.appointments import Appointments
from bridge.flows.commands import Commands, WfmReply
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports import WfmMessage
from bridge.flows.subscriptions import Subscriptions
from bridge.flows.time_slots import TimeSlots
from bridge.flows.work_orders import WorkOrders
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack
from bridge.settings import Settings, load_buyers
from bridge.store import SqlStore, open_store
from bridge.wfm.consumer import InboundConsumer, RawReply, ReplyConsumer
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import RabbitLink
from bridge.wfm.outbox import OutboxSender
from bridge.wfm.topology import Inbound, QueueKind, Topology

log = structlog.get_logger(__name__)

Start = Callable[[Coroutine[None, None, None], str], None]


def now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)


def new_id() -> str:
    """The identifiers of the process."""
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class RunningBridge:
    """A bridge that is up. `url` is where its API is reached."""

    settings: Settings
    url: str
    store: SqlStore
    packs: Mapping[str, Pack]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is shared by the parts while they are put together."""

    settings: Settings
    packs: Mapping[str, Pack]
    store: SqlStore
    link: RabbitLink
    topology: Topology


@asynccontextmanager
async def running(settings: Settings, link: RabbitLink | None = None) -> AsyncIterator[RunningBridge]:
    """Run a bridge. `link` is given where somebody else shares the connection (the in-memory broker).

    Raises `InvalidDocument` for a wrong pack or buyers file before anything is started.
    """
    packs = load_packs(settings)
    entities = load_entities(settings)
    async with AsyncExitStack() as stack:
        store = await open_store(settings.database.url.get_secret_value(), new_id=new_id)
        stack.push_async_callback(store.close)
        if link is None:
            log.info("broker.connecting", url=settings.broker.safe_url)
            link = _link(settings)
            await link.start()
            stack.push_async_callback(link.stop)
        parts = _Parts(settings, packs, store, link, _topology(settings))
        start = await stack.enter_async_context(_background())
        services = await _start_wfm_side(parts, start, stack)
        url = await _start_http(settings, services, entities, stack)
        _start_delivery(parts, start, url)
        log.info("bridge.ready", url=url, instance=settings.instance, packs=[pack.version for pack in packs.values()])
        yield RunningBridge(settings, url, store, packs)


def load_packs(settings: Settings) -> dict[str, Pack]:
    """Load all packs by name."""
    packs = [load_pack(directory) for directory in settings.packs]
    return {pack.name: pack for pack in packs}


def load_entities(settings: Settings) -> list[RequestingEntity]:
    """Load who may call the API."""
    return [
        RequestingEntity(
            name=entity.name,
            api_key_sha256=entity.api_keys_sha256,
            buyers=tuple(BuyerId(buyer) for buyer in entity.buyers),
        )
        for entity in load_buyers(settings.buyers, settings.mode)
    ]


def _link(settings: Settings) -> RabbitLink:
    return RabbitLink(
        settings.broker.url.get_secret_value(),
        name=f"mef-bridge {settings.instance}",
        connect_timeout_s=settings.broker.connect_timeout_seconds,
    )


def _topology(settings: Settings) -> Topology:
    return Topology(
        namespace=settings.broker.namespace,
        instance=settings.instance,
        queue_kind=QueueKind(settings.broker.queue_type),
        declare_exchanges=settings.broker.declare_exchanges,
    )


@asynccontextmanager
async def _background() -> AsyncIterator[Start]:
    """Run loops beside the caller. One that ends by an error ends the bridge; a supervisor starts it anew.

    What the caller or a loop raises comes out as it is, not in an `ExceptionGroup`, so that it can be told in one line.
    """
    tasks: list[asyncio.Task[None]] = []
    try:
        async with asyncio.TaskGroup() as group:

            def start(loop: Coroutine[None, None, None], name: str) -> None:
                tasks.append(group.create_task(loop, name=name))

            yield start
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures


async def _start_wfm_side(parts: _Parts, start: Start, stack: AsyncExitStack) -> Services:
    bus = RabbitCommandBus(parts.link, parts.topology)
    applier = Applier(parts.packs, now, new_id)
    commands = Commands(parts.store, bus, parts.packs, applier, now, new_id)
    job_updates = JobUpdates(parts.store, applier)
    outbox = OutboxSender(parts.store, bus, now, random=Random())  # noqa: S311 - jitter, not a secret
    parts.store.on_outbox = outbox.wake
    start(commands.run(), "commands")
    start(job_updates.run(), "job updates")
    start(outbox.run(), "outbox")
    await _start_replies(parts, commands, stack)
    consumers = [await _start_inbound(parts, pack, job_updates, stack) for pack in parts.packs.values()]
    return _services(parts, commands, consumers)


async def _start_replies(parts: _Parts, commands: Commands, stack: AsyncExitStack) -> None:
    async def handle(reply: RawReply) -> None:
        raw = WfmMessage(
            pack="",
            body=reply.body,
            headers=reply.headers,
            correlation_id=reply.correlation_id,
            received_at=reply.received_at,
        )
        await commands.handle_reply(WfmReply(reply.correlation_id, raw))

    consumer = ReplyConsumer(parts.link, parts.topology, handle, clock=now)
    await consumer.start()
    stack.push_async_callback(consumer.stop)


async def _start_inbound(parts: _Parts, pack: Pack, job_updates: JobUpdates, stack: AsyncExitStack) -> InboundConsumer:
    consumer = InboundConsumer(
        parts.link,
        parts.topology,
        pack.name,
        Inbound(exchange=pack.inbound.exchange, bindings=pack.inbound.bindings),
        job_updates.handle,
        clock=now,
        new_id=new_id,
        prefetch=parts.settings.broker.prefetch,
    )
    await consumer.start()
    stack.push_async_callback(consumer.stop)
    return consumer


def _services(parts: _Parts, commands: Commands, consumers: Sequence[InboundConsumer]) -> Services:
    store, packs = parts.store, parts.packs
    timeout = timedelta(seconds=parts.settings.commands.timeout_seconds)
    memory = timedelta(minutes=parts.settings.commands.slot_memory_minutes)
    time_slots = TimeSlots(store, packs, commands, now, new_id, timeout=timeout, memory=memory)

    async def readiness() -> Mapping[str, bool]:
        return {
            "database": await _answers(store),
            "broker": parts.link.connected,
            "inbound": all(consumer.bound for consumer in consumers),
        }

    return Services(
        appointments=Appointments(store, packs, commands, time_slots, now, new_id, timeout=timeout),
        work_orders=WorkOrders(store),
        subscriptions=Subscriptions(store, now, new_id),
        readiness=readiness,
    )


async def _answers(store: SqlStore) -> bool:
    try:
        await store.ping()
    except StoreUnavailable:
        return False
    return True


async def _start_http(
    settings: Settings, services: Services, entities: Sequence[RequestingEntity], stack: AsyncExitStack
) -> str:
    """Open the door for Buyers and return its URL. The socket comes first: port 0 is only known once it is bound."""
    listening = _listen(settings.http.host, settings.http.port)
    stack.callback(listening.close)
    url = settings.http.model_copy(update={"port": listening.getsockname()[1]}).public_url
    config = ApiConfig(
        base_url=url,
        prefix=settings.http.seller_prefix,
        default_limit=settings.http.default_limit,
        max_limit=settings.http.max_limit,
        max_body_bytes=settings.http.max_body_bytes,
    )
    runner = web.AppRunner(build_app(services, ApiKeyIdentity(entities), config), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listening).start()
    return url


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=_family(host))
    except OSError as failure:
        raise PermanentError(f"can't listen on {host}:{port}: {failure.strerror or failure}") from failure


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _start_delivery(parts: _Parts, start: Start, url: str) -> None:
    settings = parts.settings.delivery
    worker = DeliveryWorker(
        parts.store,
        partial(callback_session, settings),
        settings,
        now,
        Random(),  # noqa: S311 - jitter, not a secret
        url + parts.settings.http.seller_prefix,
    )
    parts.store.on_deliveries = worker.wake
    start(worker.run(), "delivery")

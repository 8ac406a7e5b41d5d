"""The composition root: the only place that knows every part. `running` starts a bridge and stops it in order.

Order of start: state first, then the door for Buyers (they can read, and a probe is answered, while RabbitMQ is still
away), then what brings answers and messages in. Stopping begins with the door, so that nothing comes in that could not
be finished.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
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
from bridge.api.identity import (
    ApiKeyIdentity,
    CredentialsIdentity,
    Identity,
    KeySet,
    NoIdentity,
    Principal,
    RequestingEntity,
    TokenIdentity,
    TokenRules,
    reader,
)
from bridge.api.services import Readiness, Services
from bridge.delivery.sender import callback_session
from bridge.delivery.worker import DeliveryWorker
from bridge.domain.model import BuyerId
from bridge.errors import PermanentError, StoreUnavailable
from bridge.flows.applier import Applier
from bridge.flows.appointments import Appointments
from bridge.flows.commands import Commands, WfmReply
from bridge.flows.idempotency import Idempotency
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports import BuyersStore, WfmMessage
from bridge.flows.sellers import SellerStore
from bridge.flows.subscriptions import Subscriptions
from bridge.flows.time_slots import TimeSlots
from bridge.flows.work_orders import WorkOrders
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack
from bridge.mef.enums import Api
from bridge.settings import IdentityMode, Mode, Settings, load_buyers
from bridge.store import SqlStore, open_store
from bridge.wfm.consumer import InboundConsumer, RawReply, ReplyConsumer
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import RabbitLink
from bridge.wfm.outbox import OutboxSender
from bridge.wfm.topology import Inbound, QueueKind, Topology

log = structlog.get_logger(__name__)

FORGET_SECONDS = 600.0
"""How often idempotency keys whose time is up are deleted; they count no longer anyway."""

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


@dataclass(frozen=True, slots=True)
class _Served:
    """What the API stands on; `sellers` the same for each of several Sellers."""

    services: Services
    sellers: Mapping[str, Services]


@asynccontextmanager
async def running(settings: Settings, link: RabbitLink | None = None) -> AsyncIterator[RunningBridge]:
    """Run a bridge. `link` is given where somebody else shares the connection (the in-memory broker).

    Raises `InvalidDocument` for a wrong pack or buyers file before anything is started.
    """
    packs = load_packs(settings)
    check_sellers(settings, packs)
    entities = load_entities(settings)
    async with AsyncExitStack() as stack:
        identity = await open_identity(settings, entities, stack)
        store = await open_store(settings.database.url.get_secret_value(), new_id=new_id)
        stack.push_async_callback(store.close)
        parts = _Parts(settings, packs, store, link or _link(settings), topology_of(settings))
        start = await stack.enter_async_context(_background())
        wfm_side = _wfm_side(parts)
        _start_loops(wfm_side, start)
        url, close = await _start_http(settings, _served(parts, wfm_side), identity, stack)
        _start_delivery(parts, start, url)
        if link is None:
            await _connect(parts, stack)
        await _start_consumers(wfm_side, start, stack)
        stack.push_async_callback(close)
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
            client_id=entity.client_id,
            api_key_sha256=entity.api_keys_sha256,
            buyers=tuple(BuyerId(buyer) for buyer in entity.buyers),
        )
        for entity in load_buyers(settings.buyers, settings.mode)
    ]


def check_sellers(settings: Settings, packs: Mapping[str, Pack]) -> None:
    """Of several Sellers, each pack must belong to one; raises `PermanentError`."""
    listed = {pack for seller in settings.sellers for pack in seller.packs}
    wrong = sorted(listed - packs.keys()) + (sorted(packs.keys() - listed) if len(settings.sellers) > 1 else [])
    if wrong:
        raise PermanentError(
            f"sellers: {', '.join(wrong)}: each pack that runs must be listed with one Seller, and no others"
        )


async def open_identity(settings: Settings, entities: Sequence[RequestingEntity], stack: AsyncExitStack) -> Identity:
    """Say how callers are told apart. Raises `PermanentError` for a file of keys that cannot be read."""
    chosen = settings.identity
    if chosen.mode is IdentityMode.NONE:
        log.warning(
            "identity.none",
            warning=f"EVERYBODY on this machine is taken for the Buyer {chosen.buyer}; no credentials are asked for",
            host=settings.http.host,
        )
        return NoIdentity(Principal("anybody", (BuyerId(chosen.buyer),)))
    api_keys = ApiKeyIdentity(entities)
    if not chosen.jwks:
        return api_keys
    keys = KeySet(
        reader(chosen.jwks, production=settings.mode is Mode.PRODUCTION),
        refresh_s=chosen.jwks_refresh_minutes * 60,
        floor_s=chosen.jwks_floor_seconds,
    )
    stack.push_async_callback(keys.close)
    await keys.load()
    return CredentialsIdentity(api_keys, TokenIdentity(entities, keys, token_rules(settings)))


def token_rules(settings: Settings) -> TokenRules:
    """Say what a token must be."""
    chosen = settings.identity
    return TokenRules(
        issuer=chosen.issuer,
        audience=chosen.audience,
        algorithms=frozenset(algorithm.value for algorithm in chosen.algorithms),
        scopes={Api.APPOINTMENT: chosen.appointment_scope, Api.WORK_ORDER: chosen.work_order_scope},
        entity_claim=chosen.entity_claim,
        leeway=timedelta(seconds=chosen.leeway_seconds),
    )


def _link(settings: Settings) -> RabbitLink:
    return RabbitLink(
        settings.broker.url.get_secret_value(),
        name=f"mef-bridge {settings.instance}",
        connect_timeout_s=settings.broker.connect_timeout_seconds,
    )


def topology_of(settings: Settings) -> Topology:
    """What the bridge uses in RabbitMQ, by its settings."""
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


@dataclass(frozen=True, slots=True)
class _WfmSide:
    """What speaks with the WFM, not started yet."""

    commands: Commands
    job_updates: JobUpdates
    requests: Idempotency
    outbox: OutboxSender
    replies: ReplyConsumer
    inbound: Sequence[InboundConsumer]


def _wfm_side(parts: _Parts) -> _WfmSide:
    bus = RabbitCommandBus(parts.link, parts.topology)
    seller_of = {pack: seller.id for seller in parts.settings.sellers for pack in seller.packs}
    applier = Applier(parts.packs, now, new_id, sellers=seller_of)
    commands = Commands(parts.store, bus, parts.packs, applier, now, new_id)
    job_updates = JobUpdates(parts.store, applier)
    outbox = OutboxSender(parts.store, bus, now, random=Random())  # noqa: S311 - jitter, not a secret
    parts.store.on_outbox = outbox.wake
    return _WfmSide(
        commands,
        job_updates,
        _requests(parts),
        outbox,
        _replies(parts, commands),
        [_inbound(parts, pack, job_updates) for pack in parts.packs.values()],
    )


def _start_loops(wfm_side: _WfmSide, start: Start) -> None:
    start(wfm_side.commands.run(), "commands")
    start(wfm_side.job_updates.run(), "job updates")
    start(_forget_requests(wfm_side.requests), "idempotency keys")


async def _connect(parts: _Parts, stack: AsyncExitStack) -> None:
    log.info("broker.connecting", url=parts.settings.broker.safe_url)
    await parts.link.start()
    stack.push_async_callback(parts.link.stop)


async def _start_consumers(wfm_side: _WfmSide, start: Start, stack: AsyncExitStack) -> None:
    """Take the WFM's messages, answers first: a message may have a command follow."""
    consumers: list[ReplyConsumer | InboundConsumer] = [wfm_side.replies, *wfm_side.inbound]
    for consumer in consumers:
        await consumer.start()
        stack.push_async_callback(consumer.stop)
    start(wfm_side.outbox.run(), "outbox")


def _replies(parts: _Parts, commands: Commands) -> ReplyConsumer:
    async def handle(reply: RawReply) -> None:
        raw = WfmMessage(
            pack="",
            body=reply.body,
            headers=reply.headers,
            correlation_id=reply.correlation_id,
            received_at=reply.received_at,
        )
        await commands.handle_reply(WfmReply(reply.correlation_id, raw))

    return ReplyConsumer(parts.link, parts.topology, handle, clock=now)


def _inbound(parts: _Parts, pack: Pack, job_updates: JobUpdates) -> InboundConsumer:
    return InboundConsumer(
        parts.link,
        parts.topology,
        pack.name,
        Inbound(exchange=pack.inbound.exchange, bindings=pack.inbound.bindings),
        job_updates.handle,
        clock=now,
        new_id=new_id,
        prefetch=parts.settings.broker.prefetch,
    )


def _requests(parts: _Parts) -> Idempotency:
    timeout = timedelta(seconds=parts.settings.commands.timeout_seconds)
    return Idempotency(
        parts.store,
        now,
        new_id,
        instance=parts.settings.instance,
        lease=timeout * 3 + timedelta(seconds=30),  # a retry may wait for an old command, search, and then book
        keep=timedelta(hours=parts.settings.http.idempotency_hours),
    )


async def _forget_requests(requests: Idempotency) -> None:
    while True:
        try:
            await requests.forget_expired()
        except StoreUnavailable as trouble:
            log.warning("requests.not_forgotten", trouble=str(trouble))
        await asyncio.sleep(FORGET_SECONDS)


def _served(parts: _Parts, wfm_side: _WfmSide) -> _Served:
    commands, requests = wfm_side.commands, wfm_side.requests

    async def readiness() -> Mapping[str, bool]:
        return {
            "database": await _answers(parts.store),
            "broker": parts.link.connected,
            "inbound": all(consumer.bound for consumer in wfm_side.inbound),
        }

    sellers = parts.settings.sellers if len(parts.settings.sellers) > 1 else ()
    views = {each.id: SellerStore(parts.store, each.id, frozenset(each.packs)) for each in sellers}
    return _Served(
        _services(parts, parts.store, commands, requests, readiness),
        {seller: _services(parts, view, commands, requests, readiness) for seller, view in views.items()},
    )


def _services(
    parts: _Parts, store: BuyersStore, commands: Commands, requests: Idempotency, readiness: Readiness
) -> Services:
    packs = parts.packs
    timeout = timedelta(seconds=parts.settings.commands.timeout_seconds)
    memory = timedelta(minutes=parts.settings.commands.slot_memory_minutes)
    time_slots = TimeSlots(store, packs, commands, now, new_id, timeout=timeout, memory=memory)
    return Services(
        appointments=Appointments(store, packs, commands, time_slots, now, new_id, timeout=timeout),
        work_orders=WorkOrders(store),
        subscriptions=Subscriptions(store, now, new_id),
        requests=requests,
        readiness=readiness,
    )


async def _answers(store: SqlStore) -> bool:
    try:
        await store.ping()
    except StoreUnavailable:
        return False
    return True


async def _start_http(
    settings: Settings, served: _Served, identity: Identity, stack: AsyncExitStack
) -> tuple[str, Callable[[], Awaitable[None]]]:
    """Open the door for Buyers; return its URL and what closes it (harmless when done twice).

    The socket comes first: port 0 is only known once it is bound.
    """
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
    runner = web.AppRunner(build_app(served.services, identity, config, served.sellers), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listening).start()
    return url, runner.cleanup


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

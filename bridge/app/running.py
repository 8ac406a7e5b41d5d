"""A bridge that runs: `running` starts its parts and stops them in order.

Order of start: the door first (a probe is answered while the database or RabbitMQ is still away), then state (Buyers
can read), then what brings replies and messages in. Stopping begins with the door, so that nothing comes in that could
not be finished; and before it closes, readiness says that it will (`leaving.py`).
"""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from bridge.app.admin_side import build_admin_side, start_admin
from bridge.app.buyer_side import build_served, start_delivery, start_http
from bridge.app.callers import load_entities, open_identity, open_keys
from bridge.app.listener_access import load_access
from bridge.app.optional_tracing import around_deliveries, around_requests, open_tracing
from bridge.app.pack_activations import PackActivations
from bridge.app.pack_reload import start_reloading
from bridge.app.packs import check_reply_queues, check_sellers, load_packs
from bridge.app.parts import Parts
from bridge.app.process import background
from bridge.app.state import build_store, open_state, patiently, take_over
from bridge.app.wfm_side import (
    build_link,
    build_wfm_side,
    connect,
    start_consumers,
    start_loops,
    start_publishing,
    still_lacking,
    topology_of,
    warn_of_missing_packs,
)
from bridge.flows.live_packs import LivePacks
from bridge.flows.refused_requests import RefusedRequests
from bridge.mapping.pack import Pack
from bridge.settings import Settings
from bridge.store import SqlStore
from bridge.wfm.link import RabbitLink

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunningBridge:
    """A bridge that is up. `url` is where its API is reached. `reload` takes up changed packs, if they are good."""

    settings: Settings
    url: str
    store: SqlStore
    packs: Mapping[str, Pack]
    reload: Callable[[], Awaitable[bool]]


@asynccontextmanager
async def running(
    settings: Settings, link: RabbitLink | None = None, *, listening: socket.socket | None = None
) -> AsyncIterator[RunningBridge]:
    """Run a bridge. `link` is given where somebody else shares the connection (the in-memory broker), `listening` where
    somebody else has bound the Buyers' port.

    Raises `InvalidDocument` for a wrong pack or buyers file before anything is started.
    """
    packs = LivePacks(load_packs(settings))
    check_sellers(settings, packs)
    check_reply_queues(packs)
    entities = load_entities(settings)
    access = load_access(settings)
    async with AsyncExitStack() as ended, AsyncExitStack() as stack:
        ended.callback(log.info, "bridge.stopped", instance=settings.instance)  # also where it never became ready
        keys = await open_keys(settings, stack)
        identity = open_identity(settings, entities, keys)
        store = build_store(settings)
        stack.push_async_callback(store.close)
        store.processes.packs = lambda: {pack.name: pack.version for pack in packs.values()}
        store.processes.deployed = lambda: {pack.name: pack.version for pack in packs.deployed.values()}
        activations = PackActivations(settings, packs, store)
        admin = build_admin_side(settings.instance)
        tracing = open_tracing(settings, store, stack)
        own_link, topology = link or build_link(settings), topology_of(settings)
        parts = Parts(settings, packs, store, own_link, topology, watcher=admin.watcher, tracing=tracing)
        start = await stack.enter_async_context(background())
        start_reloading(settings, activations.reload, start)
        wfm_side = build_wfm_side(parts)
        served = build_served(parts, wfm_side, access)
        refused = RefusedRequests(store.refused)
        url, close = await start_http(
            settings,
            served,
            identity,
            parts.leaving,
            stack,
            admin.metrics.requested,
            refused.note,
            around_requests(tracing),
            listening,
        )
        await start_admin(admin, parts, wfm_side, keys, activations, start, stack)
        await open_state(store, settings, start)
        await patiently(activations.look)
        activations.start(start)
        await patiently(partial(warn_of_missing_packs, store, packs))
        start_loops(wfm_side, start)
        start(refused.run(), "refused requests")
        if tracing is not None:
            start(tracing.contexts.run(), "traces")
        start_delivery(parts, start, url, access, admin.attempted, around_deliveries(tracing))
        if link is None:
            await connect(parts, stack)
        await start_publishing(wfm_side, stack)
        await start_consumers(parts, wfm_side, start, stack)
        await patiently(partial(take_over, store))
        stack.push_async_callback(close)
        stack.push_async_callback(parts.leaving.leave, settings.http.drain_seconds)
        loaded = [f"{pack.name}@{pack.version}" for pack in packs.values()]
        about = {"url": url, "instance": settings.instance, "packs": loaded}
        admin.lacking.clear()
        if lacking := await still_lacking(wfm_side):
            log.warning("bridge.started", **about, not_ready=lacking)
        else:
            log.info("bridge.ready", **about)
        stack.callback(log.info, "bridge.stopping", instance=settings.instance)
        yield RunningBridge(settings, url, store, packs, activations.reload.reload)

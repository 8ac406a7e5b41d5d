"""Puts together what speaks with the Buyers: the services, the door, the deliveries."""

import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random

import structlog
from aiohttp.typedefs import Middleware

from bridge.api.app import build_app
from bridge.api.config import ApiConfig, Limits
from bridge.api.identity import Identity
from bridge.api.middleware import Count
from bridge.api.refused import Note
from bridge.api.server import open_server
from bridge.api.services import Readiness, Services
from bridge.app.leaving import Leaving
from bridge.app.parts import Parts
from bridge.app.process import Start, new_id, now
from bridge.app.wfm_side import WfmSide
from bridge.delivery.access import Access, keep_fresh
from bridge.delivery.sender import open_sender
from bridge.delivery.worker import Around, DeliveryWorker, plainly
from bridge.domain.model import BuyerId
from bridge.errors import PermanentError, StoreUnavailable
from bridge.flows.appointments import Appointments
from bridge.flows.ports.stores import BuyersStore
from bridge.flows.sellers import SellerStore
from bridge.flows.subscriptions import Subscriptions
from bridge.flows.time_slots import TimeSlots
from bridge.flows.work_orders import WorkOrders
from bridge.settings import HttpSettings, Settings
from bridge.store import SqlStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """What the API stands on; `sellers` the same for each of several Sellers."""

    services: Services
    sellers: Mapping[str, Services]


def build_served(parts: Parts, wfm_side: WfmSide, access: Mapping[BuyerId, Access]) -> Served:
    """Build the use cases the API calls."""
    ready = partial(readiness, parts, wfm_side)
    hosts = {buyer: each.hosts for buyer, each in access.items()}
    sellers = parts.settings.sellers if len(parts.settings.sellers) > 1 else ()
    views = {each.id: SellerStore(parts.store, each.id, frozenset(each.packs)) for each in sellers}
    return Served(
        _services(parts, wfm_side, parts.store, ready, hosts),
        {seller: _services(parts, wfm_side, view, ready, hosts) for seller, view in views.items()},
    )


def checks(parts: Parts, wfm_side: WfmSide) -> dict[str, bool | str]:
    """Tell for each needed thing if it is there, or what is wrong with it, as far as is known: nobody is asked."""
    oldest_s = wfm_side.oldest_uncommitted_s()
    return {
        "database": parts.store.problem or True,
        "messages": oldest_s <= parts.settings.database.commit_within_seconds or _too_old(oldest_s),
        "broker": parts.link.problem or True,
        "publishing": wfm_side.bus.problem or True,
        "inbound": _first(consumer.problem for consumer in wfm_side.inbound) or True,
        "open": parts.leaving.problem or True,
        "replies": _first(consumer.problem for consumer in wfm_side.replies) or True,
    }


async def readiness(parts: Parts, wfm_side: WfmSide) -> Mapping[str, bool | int | str]:
    """Tell of all checks, and some numbers worth a look."""
    return {
        **checks(parts, wfm_side),
        "deadLetters": wfm_side.dead_letters.depth,
        "standingBy": wfm_side.standing_by(),
        "oldestUncommittedSeconds": int(wfm_side.oldest_uncommitted_s()),
        "neitherAppliedNorParked": wfm_side.given_up(),
        "disabledListeners": await _disabled(parts.store),
    }


def _first(problems: Iterable[str | None]) -> str | None:
    return next((problem for problem in problems if problem is not None), None)


def _too_old(oldest_s: float) -> str:
    return f"the oldest message of the WFM waits for {oldest_s:.0f} s to be stored (see commit.waiting in the log)"


def _services(
    parts: Parts,
    wfm_side: WfmSide,
    store: BuyersStore,
    readiness: Readiness,
    hosts: Mapping[BuyerId, frozenset[str]],
) -> Services:
    workshop, commands = wfm_side.workshop, wfm_side.commands
    timeout = timedelta(seconds=parts.settings.commands.timeout_seconds)
    memory = timedelta(minutes=parts.settings.commands.slot_memory_minutes)
    time_slots = TimeSlots(
        store,
        workshop,
        commands,
        timeout=timeout,
        memory=memory,
        max_periods=parts.settings.commands.max_search_periods,
    )
    return Services(
        appointments=Appointments(store, workshop, commands, time_slots, timeout=timeout),
        work_orders=WorkOrders(store.reads),
        subscriptions=Subscriptions(
            store.listeners, now, new_id, max_listeners=parts.settings.http.max_listeners, hosts=hosts
        ),
        requests=wfm_side.requests,
        readiness=readiness,
    )


async def _disabled(store: SqlStore) -> int:
    """Count the listeners that are disabled, as far as can be told now."""
    try:
        return await store.listeners.count_disabled()
    except StoreUnavailable:
        return 0


async def start_http(
    settings: Settings,
    served: Served,
    identity: Identity,
    leaving: Leaving,
    stack: AsyncExitStack,
    count: Count,
    note: Note,
    around: Sequence[Middleware] = (),
    bound: socket.socket | None = None,
) -> tuple[str, Callable[[], Awaitable[None]]]:
    """Open the door for Buyers; return its URL and what closes it (harmless when done twice).

    The socket comes first: port 0 is only known once it is bound. `bound` is given where somebody else has done that.
    """
    listening = bound or listen(settings.http.host, settings.http.port, "http")
    stack.callback(listening.close)
    host, port = listening.getsockname()[:2]
    log.info("bridge.listening", host=host, port=port)
    url = settings.http.model_copy(update={"port": port}).public_url
    config = config_of(settings.http, url)
    app = build_app(served.services, identity, config, served.sellers, lambda: leaving.begun, count, note, around)
    close = await open_server(app, listening, config.limits)
    stack.push_async_callback(close)
    return url, close


def config_of(http: HttpSettings, url: str) -> ApiConfig:
    """Give what the settings tell the API; `url` is where Buyers reach it."""
    return ApiConfig(
        base_url=url,
        prefix=http.seller_prefix,
        default_limit=http.default_limit,
        max_limit=http.max_limit,
        max_body_bytes=http.max_body_bytes,
        limits=limits_of(http),
    )


def limits_of(http: HttpSettings) -> Limits:
    """Give what the settings let clients take."""
    return Limits(
        connections=http.max_connections,
        head_seconds=http.head_timeout_seconds,
        body_seconds=http.body_timeout_seconds,
        idle_seconds=http.idle_timeout_seconds,
        requests_per_second=http.requests_per_second,
        burst=http.requests_burst,
    )


def listen(host: str, port: int, section: str) -> socket.socket:
    """Bind a port; raises `PermanentError` that names the section of the settings."""
    try:
        host.encode("idna")  # the socket would do so, too, and be left open where no host can have such a name
        return socket.create_server((host, port), family=_family(host))
    except (OSError, UnicodeError) as failure:
        where = f"{host}:{port} ({section}.host, {section}.port)"
        raise PermanentError(f"can't listen on {where}: {getattr(failure, 'strerror', None) or failure}") from failure


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def start_delivery(
    parts: Parts,
    start: Start,
    url: str,
    access: Mapping[BuyerId, Access],
    count: Callable[[str, str], None],
    around: Around = plainly,
) -> None:
    """Begin to post notifications; `url` is where the API is reached, `access` how each Buyer's listeners are."""
    settings = parts.settings.delivery
    worker = DeliveryWorker(
        parts.store.deliveries,
        partial(open_sender, settings, now, access),
        settings,
        now,
        Random(),  # noqa: S311 - jitter, not a secret
        url + parts.settings.http.seller_prefix,
        count,
        around,
    )
    parts.store.deliveries.on_due = worker.wake
    parts.store.deliveries.taker = worker
    start(worker.run(), "delivery")
    start(keep_fresh(access), "secrets")

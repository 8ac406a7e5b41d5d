"""Puts together what operators reach: metrics and probes, on a port of their own."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from bridge import __version__
from bridge.admin.app import Watched, build_admin
from bridge.admin.loop_lag import EVERY_S, LoopLag
from bridge.admin.metrics import Metrics, Observed
from bridge.admin.silence import Silence
from bridge.admin.watchers import Watchers
from bridge.api.identity import KeySet
from bridge.api.server import open_server
from bridge.app.buyer_side import checks, limits_of, listen
from bridge.app.console_side import build_door, build_services, open_issuer
from bridge.app.pack_activations import PackActivations
from bridge.app.parts import Parts
from bridge.app.process import Start, now
from bridge.app.wfm_side import WfmSide
from bridge.console.pulse import EVERY_S as SAMPLE_S
from bridge.console.pulse import Pulse
from bridge.console.site import install
from bridge.errors import StoreUnavailable
from bridge.flows.partitioning import Partitioning
from bridge.flows.ports.database_figures import Figures
from bridge.loops import every
from bridge.settings import HttpSettings
from bridge.wfm.dead_letters import depth_of

FRESH_S: Final = 2.0
"""For so long what was seen in the database and in RabbitMQ is not looked at again, however often somebody asks."""
PATIENCE_S: Final = 2.0
"""So long the database, or RabbitMQ, has to tell its numbers; a page without them is better than none."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class AdminSide:
    """What is watched, and what the pages are made of."""

    metrics: Metrics
    pulse: Pulse
    silence: Silence = field(default_factory=Silence)
    lag: LoopLag = field(default_factory=LoopLag)
    lacking: list[str] = field(default_factory=lambda: ["the bridge is starting"])

    @property
    def watcher(self) -> Watchers:
        """Who is told of what happens."""
        return Watchers(self.metrics, self.silence, self.pulse)

    def attempted(self, buyer: str, result: str) -> None:
        """Tell them of an attempt at a delivery."""
        self.metrics.attempted(buyer, result)
        self.pulse.attempted(buyer, result)


def build_admin_side(instance: str) -> AdminSide:
    """Build it; nothing is served yet."""
    return AdminSide(Metrics(__version__, instance), Pulse())


async def start_admin(
    admin: AdminSide,
    parts: Parts,
    wfm_side: WfmSide,
    keys: KeySet | None,
    activations: PackActivations,
    start: Start,
    stack: AsyncExitStack,
) -> None:
    """Serve it, if the settings say so. `keys` verify the tokens of those who use the console."""
    settings = parts.settings.admin
    if not settings.enabled:
        return
    start(every(EVERY_S, admin.lag.look, "loop_lag"), "loop lag")
    observatory = Observatory(admin, parts, wfm_side)
    start(every(SAMPLE_S, partial(admin.pulse.look, observatory.observe), "pulse"), "pulse")
    listening = listen(settings.host, settings.port, "admin")
    stack.callback(listening.close)
    watched = Watched(
        admin.metrics,
        observatory.observe,
        observatory.checks,
        lambda: admin.lacking,
        lambda: [*admin.silence.problems, *activations.problems],
    )
    app = build_admin(watched)
    services = build_services(parts, wfm_side, keys, activations, admin.pulse, watched.warnings)
    issuer = open_issuer(parts.settings.oidc)
    if issuer is not None:
        stack.push_async_callback(issuer.close)
    install(app, services, build_door(parts.settings, keys, parts.store.ended_sessions, issuer))
    usual = limits_of(HttpSettings())  # whatever Buyers may take
    stack.push_async_callback(await open_server(app, listening, usual))
    host, port = listening.getsockname()[:2]
    log.info("admin.listening", url=f"http://{host}:{port}")


class Observatory:
    """Looks at everything at once, and not more often than is worth it."""

    def __init__(self, admin: AdminSide, parts: Parts, wfm_side: WfmSide) -> None:
        self._admin = admin
        self._parts = parts
        self._wfm_side = wfm_side
        self._lock = asyncio.Lock()
        self._figures: Figures | None = None
        self._depths: Mapping[str, int | None] = {}
        self._looked_at = -FRESH_S
        self._first_outbox: int | None = None
        self._outbox_since = 0.0

    def checks(self) -> Mapping[str, bool | str]:
        """Tell what readiness tells, without looking anywhere: a probe comes every few seconds."""
        return checks(self._parts, self._wfm_side)

    async def observe(self) -> Observed:
        """See how everything is now."""
        async with self._lock:
            if time.monotonic() - self._looked_at >= FRESH_S:
                self._figures, self._depths = await asyncio.gather(self._count(), self._measure())
                self._looked_at = time.monotonic()
        return Observed(
            now=now(),
            checks=self.checks(),
            figures=self._figures,
            outbox_age=self._age_of_outbox(self._figures),
            oldest_uncommitted=self._wfm_side.oldest_uncommitted_s(),
            depths=self._depths,
            dead_letters=self._wfm_side.dead_letters.depth,
            stands_by=self._wfm_side.standing_by(),
            given_up=self._wfm_side.given_up(),
            loop_lag=self._admin.lag.seconds,
            packs={pack.name: pack.version for pack in self._parts.packs.values()},
        )

    async def _count(self) -> Figures | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._parts.store.counts.read()
        except (StoreUnavailable, TimeoutError):
            return None

    async def _measure(self) -> Mapping[str, int | None]:
        """Ask how much waits in each pack's queue, and in its partitions."""
        packs: Sequence[str] = () if self._parts.link.in_memory else list(self._parts.packs)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return {pack: await self._depth_of(pack) for pack in packs}
        except TimeoutError:
            return {}

    async def _depth_of(self, pack: str) -> int | None:
        topology, count = self._parts.topology, self._parts.settings.wfm.partitions
        partitioning = Partitioning.of(self._parts.packs[pack].inbound, count)
        queues = [topology.inbound_queue(pack), *topology.queues_of(pack, partitioning)]
        depths = [await depth_of(self._parts.link, queue.name) for queue in queues]
        return None if None in depths else sum(depth for depth in depths if depth is not None)

    def _age_of_outbox(self, figures: Figures | None) -> float:
        """Tell for how long the same message has been the oldest one: the outbox has no moments of its own."""
        first = figures.first_outbox if figures is not None else None
        if first != self._first_outbox:
            self._first_outbox, self._outbox_since = first, time.monotonic()
        return 0.0 if first is None else time.monotonic() - self._outbox_since

"""Puts together what speaks with the WFM: packs, use cases, command bus, consumers, outbox."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import structlog
from faststream.rabbit import QueueType

from bridge.app.credentials import broker_url
from bridge.app.inbound_builder import InboundBuilder
from bridge.app.parts import Parts
from bridge.app.process import Start, new_id, now
from bridge.errors import TransientError
from bridge.flows.commands import Commands
from bridge.flows.idempotency import Idempotency
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports.command_bus import CommandBus
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.flows.ports.memory import Memory
from bridge.flows.retention import Retention
from bridge.flows.work import Workshop
from bridge.loops import every
from bridge.mapping.pack import Pack
from bridge.settings import RetentionSettings, Settings
from bridge.store import SqlStore
from bridge.wfm.balance import LOOK_EVERY_S, Balance
from bridge.wfm.consumer import ReplyConsumer
from bridge.wfm.dead_letters import DeadLetters
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.inbound import Inbound
from bridge.wfm.instance import InstanceMark
from bridge.wfm.link import RETRIES, RabbitLink
from bridge.wfm.outbox_sender import OutboxSender
from bridge.wfm.topology import OwnReplies, Topology
from bridge.wfm.trouble import GONE

if TYPE_CHECKING:
    from bridge.tracing import Tracing

log = structlog.get_logger(__name__)


BOUND_SOON_SECONDS = 2.0
"""So long a start waits for its queues to be bound, before it says that they are not: the WFM makes its exchange."""
FORGET_SECONDS = 600.0
"""How often idempotency keys whose time is up are deleted; they count no longer anyway."""


def topology_of(settings: Settings) -> Topology:
    """What the bridge uses in RabbitMQ, by its settings."""
    return Topology(
        namespace=settings.broker.namespace,
        instance=settings.instance,
        queue_type=QueueType(settings.broker.queue_type),
        declare_exchanges=settings.broker.declare_exchanges,
    )


def build_link(settings: Settings) -> RabbitLink:
    """Make the connection to RabbitMQ, not opened yet."""
    return RabbitLink(
        broker_url(settings.broker),
        name=f"mef-bridge {settings.instance}",
        connect_timeout_s=settings.broker.connect_timeout_seconds,
    )


@dataclass(frozen=True, slots=True)
class WfmSide:
    """What speaks with the WFM, not started yet."""

    bus: RabbitCommandBus
    workshop: Workshop
    commands: Commands
    job_updates: JobUpdates
    requests: Idempotency
    retention: Retention
    outbox: OutboxSender
    mark: InstanceMark
    dead_letters: DeadLetters
    replies: Sequence[ReplyConsumer]
    inbound: Sequence[Inbound]

    def oldest_uncommitted_s(self) -> float:
        """Tell for how many seconds the oldest message or reply waits to be stored."""
        return max(self.job_updates.oldest_s(), self.commands.oldest_s())

    def given_up(self) -> int:
        """Count the messages and replies that could be neither applied nor parked."""
        return self.job_updates.given_up + self.commands.given_up

    def standing_by(self) -> int:
        """Count the inbound queues that another process consumes."""
        return sum(consumer.stands_by for consumer in self.inbound)


async def warn_of_missing_packs(store: SqlStore, packs: Mapping[str, Pack]) -> None:
    """Name the packs that were removed or renamed though jobs depend on them: nobody speaks to their WFM."""
    missing = await store.reads.packs_in_use() - packs.keys()
    if missing:
        log.warning(
            "packs.missing", packs=sorted(missing), effect="their jobs and pending commands are left as they are"
        )


def build_wfm_side(parts: Parts) -> WfmSide:
    """Build all of it; nothing is started or connected."""
    packs = parts.packs.values()
    own_replies = [OwnReplies(pack.name, pack.replies.queue) for pack in packs if pack.replies is not None]
    bus = RabbitCommandBus(parts.link, parts.topology, own_replies, on_open=lambda: outbox.wake())
    seller_of = {pack: seller.id for seller in parts.settings.sellers for pack in seller.packs}
    workshop = Workshop(parts.store, parts.packs, now, new_id, sellers=seller_of, watcher=parts.watcher)
    sending = _traced(bus, parts.tracing)
    commands = Commands(parts.store, sending, workshop, instance=parts.settings.instance)
    job_updates = JobUpdates(parts.store, workshop)
    outbox = OutboxSender(
        parts.store.outbox,
        sending,
        now,
        random=Random(),  # noqa: S311 - jitter, not a secret
        may_send=lambda: bus.problem is None,
    )
    parts.store.outbox.on_due = outbox.wake
    parts.store.outbox.taker = outbox
    return WfmSide(
        bus,
        workshop,
        commands,
        job_updates,
        _requests(parts),
        Retention(parts.store.retention, parts.store.journal, now, _ages(parts.settings.retention)),
        outbox,
        InstanceMark(parts.link, parts.topology),
        DeadLetters(parts.link, parts.topology),
        [
            ReplyConsumer(parts.link, parts.topology, commands.handle_reply, own, clock=now, give_up=bus.give_up)
            for own in (None, *own_replies)
        ],
        [_inbound(parts, pack, job_updates, bus) for pack in packs],
    )


def start_loops(wfm_side: WfmSide, start: Start) -> None:
    """Start what needs no RabbitMQ."""
    start(wfm_side.commands.run(), "commands")
    start(wfm_side.job_updates.run(), "job updates")
    start(every(FORGET_SECONDS, wfm_side.requests.forget_expired, "requests"), "idempotency keys")
    start(wfm_side.retention.run(), "retention")


async def connect(parts: Parts, stack: AsyncExitStack) -> None:
    """Connect to RabbitMQ; waits until it answers."""
    log.info("broker.connecting", url=parts.settings.broker.safe_url)
    await parts.link.start()
    stack.push_async_callback(parts.link.stop)


async def start_publishing(wfm_side: WfmSide, stack: AsyncExitStack) -> None:
    """Connect to publish commands: on a connection of their own, so that an alarm in RabbitMQ blocks nothing else."""
    await wfm_side.bus.start()
    stack.push_async_callback(wfm_side.bus.stop)


async def start_consumers(parts: Parts, wfm_side: WfmSide, start: Start, stack: AsyncExitStack) -> None:
    """Take the WFM's messages, replies first: a message may have a command follow.

    Raises `PermanentError` where another process runs as the same instance.
    """
    link = parts.link
    await until_begun(link, wfm_side.mark.take)
    start(wfm_side.mark.keep(), "instance")
    consumers: list[ReplyConsumer | Inbound] = [*wfm_side.replies, *wfm_side.inbound]
    for consumer in consumers:
        await until_begun(link, consumer.start)
        stack.push_async_callback(consumer.stop)
    if partitions := [partition for inbound in wfm_side.inbound for partition in inbound.partitions]:
        processes = parts.store.processes
        balance = Balance(parts.settings.instance, partitions, lambda: processes.instances)
        start(every(LOOK_EVERY_S, balance.look, "balance"), "balance")
    start(wfm_side.outbox.run(), "outbox")
    start(wfm_side.dead_letters.watch(), "dead letters")


async def still_lacking(wfm_side: WfmSide) -> list[str]:
    """Say what keeps the bridge from being ready, after a moment in which its queues are bound."""
    bound = [asyncio.create_task(consumer.wait_bound()) for consumer in wfm_side.inbound]
    await asyncio.wait(bound, timeout=BOUND_SOON_SECONDS)
    for task in bound:
        task.cancel()
    consumers: list[ReplyConsumer | Inbound] = [*wfm_side.replies, *wfm_side.inbound]
    problems = [wfm_side.bus.problem, *(consumer.problem for consumer in consumers)]
    return [problem for problem in problems if problem is not None]


async def until_begun(link: RabbitLink, step: Callable[[], Awaitable[None]]) -> None:
    """Take a step. A right that is missing is waited for: an administrator gives it while we run; and so is a
    connection that is lost meanwhile.
    """
    for wait in RETRIES.waits():
        try:
            await step()
        except (TransientError, *GONE) as trouble:
            before, link.hindrance = link.hindrance, str(trouble) or repr(trouble)
            if link.hindrance != before:
                log.warning("broker.waiting", problem=link.hindrance)
            await asyncio.sleep(wait)
        else:
            link.hindrance = None
            return


def _inbound(parts: Parts, pack: Pack, job_updates: JobUpdates, bus: RabbitCommandBus) -> Inbound:
    return InboundBuilder(parts, _applying(job_updates, pack, parts.tracing), bus.give_up).build(pack)


def _traced(bus: RabbitCommandBus, tracing: "Tracing | None") -> CommandBus:
    if tracing is None:
        return bus
    from bridge.tracing import TracedBus  # not before it is needed: OpenTelemetry need not be installed

    return TracedBus(bus, tracing)


def _applying(
    job_updates: JobUpdates, pack: Pack, tracing: "Tracing | None"
) -> Callable[[WfmMessage], Awaitable[None]]:
    return job_updates.handle if tracing is None else tracing.applying(job_updates.handle, pack.inbound.exchange)


def _requests(parts: Parts) -> Idempotency:
    timeout = timedelta(seconds=parts.settings.commands.timeout_seconds)
    return Idempotency(
        parts.store,
        now,
        new_id,
        instance=parts.settings.instance,
        lease=timeout * 3 + timedelta(seconds=30),  # a retry may wait for an old command, search, and then book
        keep=timedelta(hours=parts.settings.http.idempotency_hours),
    )


def _ages(settings: RetentionSettings) -> dict[Memory, timedelta]:
    """Say how long each is kept. What is over at a moment of its own says so itself; 0 days are for ever."""
    days = {
        Memory.JOURNAL: settings.journal_days,
        Memory.INBOX: settings.inbox_days,
        Memory.DELIVERIES: settings.deliveries_days,
        Memory.OUTBOX: settings.deliveries_days,
        Memory.REFUSED: settings.deliveries_days,
        Memory.TRACES: settings.deliveries_days,
    }
    own = {Memory.SLOTS: timedelta(), Memory.SESSIONS: timedelta()}
    return own | {what: timedelta(days=kept) for what, kept in days.items() if kept}
